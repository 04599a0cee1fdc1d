//! What the kernel says of this process (proc(5)).
//!
//! The files are opened once, at the start: a process that shuts itself in may not open them later.

use super::text::Text;
use rustix::fs::{Dir, OFlags};
use std::{fs::File, os::unix::fs::FileExt, sync::Mutex};

/// The kernel counts processor time for its readers in hundredths of a second on every machine that
/// this program is built for (`USER_HZ`; time(7)).
const TICKS: f64 = 100.0;

/// Where it is read from.
pub(super) struct Process {
    stat: Option<File>,
    status: Option<File>,
    limits: Option<File>,
    descriptors: Mutex<Option<Dir>>,
    /// When it started, in seconds since 1970.
    started: Option<f64>,
}

impl Process {
    /// Opens what there is. What cannot be opened has no metric.
    pub(super) fn open() -> Self {
        let stat = File::open("/proc/self/stat").ok();
        let directory = rustix::fs::open(
            "/proc/self/fd",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        );
        let started = stat.as_ref().and_then(read).as_deref().and_then(started);
        Self {
            stat,
            status: File::open("/proc/self/status").ok(),
            limits: File::open("/proc/self/limits").ok(),
            descriptors: Mutex::new(directory.ok().and_then(|it| Dir::new(it).ok())),
            started,
        }
    }

    /// Writes what can be read now.
    pub(super) fn write(&self, text: &mut Text) {
        if let Some(cpu) = self.stat.as_ref().and_then(read).as_deref().and_then(cpu_seconds) {
            text.float("process_cpu_seconds_total", &[], cpu);
        }
        if let Some(started) = self.started {
            text.float("process_start_time_seconds", &[], started);
        }
        let status = self.status.as_ref().and_then(read).unwrap_or_default();
        let mut of_status = |name: &str, key: &str, factor: u64| {
            let value = status.lines().find_map(|line| line.strip_prefix(key)).and_then(|rest| {
                rest.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()
            });
            if let Some(value) = value {
                text.one(name, &[], value * factor);
            }
        };
        of_status("process_resident_memory_bytes", "VmRSS", 1024);
        of_status("process_virtual_memory_bytes", "VmSize", 1024);
        if let Some(open) = self.open_descriptors() {
            text.one("process_open_fds", &[], open);
        }
        let limits = self.limits.as_ref().and_then(read).unwrap_or_default();
        let most = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        if let Some(most) = most.and_then(|it| it.split_whitespace().next()?.parse().ok()) {
            text.one("process_max_fds", &[], most);
        }
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:"));
        if let Some(threads) = threads.and_then(|it| it.trim().parse().ok()) {
            text.one("process_threads", &[], threads);
        }
    }

    fn open_descriptors(&self) -> Option<u64> {
        let mut descriptors = self.descriptors.lock().ok()?;
        let directory = descriptors.as_mut()?;
        directory.rewind();
        let names = directory.filter(|entry| {
            entry.as_ref().is_ok_and(|it| it.file_name().to_bytes().first() != Some(&b'.'))
        });
        Some(names.count() as u64)
    }
}

/// The whole of a small file, from its beginning.
fn read(file: &File) -> Option<String> {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        match file.read_at(&mut part, text.len() as u64) {
            Ok(0) => return String::from_utf8(text).ok(),
            Ok(count) => text.extend_from_slice(&part[..count]),
            Err(_) => return None,
        }
    }
}

/// The fields of `stat` behind the program's name, which may hold anything: the first is the third.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace()
}

#[expect(clippy::cast_precision_loss, reason = "hundredths of seconds, of years at most")]
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut times = fields(stat).skip(11).map_while(|it| it.parse::<u64>().ok());
    Some((times.next()? + times.next()?) as f64 / TICKS)
}

/// When the process started: the field counts from the machine's start.
#[expect(clippy::cast_precision_loss, reason = "hundredths of seconds, of years at most")]
fn started(stat: &str) -> Option<f64> {
    let since_boot = fields(stat).nth(19)?.parse::<u64>().ok()? as f64 / TICKS;
    let machine = std::fs::read_to_string("/proc/stat").ok()?;
    let boot = machine.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<u64>().ok()? as f64 + since_boot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 3 0 6300 1000 10 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(fields(stat).nth(19), Some("6300"));
        assert_eq!(cpu_seconds("7 (a"), None);
        assert_eq!(cpu_seconds(""), None);
    }
}
