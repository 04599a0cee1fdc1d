//! Where log lines go: into memory, and from there to standard error by a thread of their own.
//!
//! A request must not wait for whoever reads the log. Lines leave together, at most every 20 ms; a
//! reader that stands still costs lines, which are counted, and never an answer.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tracing_subscriber::fmt::MakeWriter;

/// How long the first of some lines waits for others.
const GATHER: Duration = Duration::from_millis(20);
/// Bytes that may wait; what comes on top is lost and counted.
const ROOM: usize = 1 << 20;
/// How long the end of the process waits until the last lines are written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes lines, from any thread.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    waiting: Vec<u8>,
    lost: u64,
    /// Whether bytes that were taken are being written.
    writing: bool,
    /// Whether somebody wants to see everything written now.
    hurry: bool,
}

impl Sink {
    /// A sink whose lines `out` gets, from a thread that lives as long as the process. Without the
    /// thread, which only a machine that is at its end refuses, lines are lost.
    pub(super) fn start(out: impl Write + Send + 'static) -> Self {
        let sink = Self::default();
        let shared = Arc::clone(&sink.0);
        let _ =
            std::thread::Builder::new().name("log".to_owned()).spawn(move || shared.pass_on(out));
        sink
    }

    /// Lets `write` append one whole line.
    pub(super) fn line(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = self.0.lock();
        if lines.waiting.len() >= ROOM {
            lines.lost += 1;
            return;
        }
        let first = lines.waiting.is_empty();
        write(&mut lines.waiting);
        drop(lines);
        if first {
            self.0.changed.notify_all();
        }
    }

    /// Waits, a second at most, until all lines are written.
    pub(super) fn flush(&self) {
        let end = Instant::now() + PATIENCE;
        let mut lines = self.0.lock();
        lines.hurry = true;
        self.0.changed.notify_all();
        while lines.writing || !lines.waiting.is_empty() {
            let Some(left) = end.checked_duration_since(Instant::now()) else { break };
            lines = self.0.wait(lines, left);
        }
        lines.hurry = false;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        // A thread that panicked while it wrote a line has left no more than half a line.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'l>(&self, lines: MutexGuard<'l, Lines>, longest: Duration) -> MutexGuard<'l, Lines> {
        self.changed.wait_timeout(lines, longest).unwrap_or_else(PoisonError::into_inner).0
    }

    /// The log thread's life.
    fn pass_on(&self, mut out: impl Write) {
        let mut taken = Vec::new();
        loop {
            let mut lines = self.lock();
            while lines.waiting.is_empty() {
                lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
            }
            let gathered = Instant::now() + GATHER;
            while !lines.hurry && lines.waiting.len() < ROOM / 2 {
                let Some(left) = gathered.checked_duration_since(Instant::now()) else { break };
                lines = self.wait(lines, left);
            }
            std::mem::swap(&mut taken, &mut lines.waiting);
            let lost = std::mem::take(&mut lines.lost);
            lines.writing = true;
            drop(lines);
            // A log that is closed is no reason to end, nor to write to it once more about itself.
            let _ = out.write_all(&taken);
            if lost > 0 {
                let _ = writeln!(
                    out,
                    "{{\"level\":\"WARN\",\"message\":\"lines lost\",\"lost\":{lost}}}"
                );
            }
            let _ = out.flush();
            taken.clear();
            self.lock().writing = false;
            self.changed.notify_all();
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line(|out| out.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The subscriber writes each event with one call of [`Write::write`].
impl<'w> MakeWriter<'w> for Sink {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Passes on what it is given, when it is told that it may.
    struct Gate(mpsc::Sender<Vec<u8>>, Option<mpsc::Receiver<()>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(open) = self.1.take() {
                let _ = open.recv();
            }
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_in_order_and_are_there_after_a_flush() {
        let (sender, receiver) = mpsc::channel();
        let sink = Sink::start(Gate(sender, None));
        for number in 0..1000 {
            sink.line(|out| out.extend_from_slice(format!("{number}\n").as_bytes()));
        }
        sink.flush();
        let written: Vec<u8> = receiver.try_iter().flatten().collect();
        let expected = (0..1000).fold(String::new(), |all, number| all + &format!("{number}\n"));
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn a_reader_that_stands_still_costs_lines_that_are_counted_and_no_memory() {
        let (sender, receiver) = mpsc::channel();
        let (open, closed) = mpsc::channel();
        let sink = Sink::start(Gate(sender, Some(closed)));
        let line = vec![b'x'; 1000];
        for _ in 0..5000 {
            sink.line(|out| out.extend_from_slice(&line));
        }
        assert!(sink.0.lock().waiting.len() <= ROOM + line.len());
        open.send(()).unwrap();
        sink.flush();
        let written: Vec<u8> = receiver.try_iter().flatten().collect();
        let text = String::from_utf8(written).unwrap();
        let lost: usize = text
            .split("\"lost\":")
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert!(lost > 0, "nothing was lost");
        assert_eq!(text.matches('x').count() / line.len() + lost, 5000);
    }
}
