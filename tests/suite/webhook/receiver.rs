//! A receiver of messages on this machine, which may fail in every way that one does.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// What a receiver does with a message.
#[derive(Clone)]
pub(crate) enum Answer {
    /// It answers with this status.
    Status(u16),
    /// It sends it elsewhere.
    Redirect(String),
    /// It hangs up.
    Cut,
    /// It says nothing, and keeps the connection.
    Never,
    /// It begins an answer that has no end, a byte at a time.
    Trickle,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

#[derive(Default)]
struct State {
    next: VecDeque<Answer>,
    always: Option<Answer>,
    refuses: Option<String>,
    taken: Vec<Got>,
    refused: Vec<Got>,
    /// Connections that are open, and the most that there ever were.
    open: usize,
    most_open: usize,
}

pub(crate) struct Receiver {
    at: SocketAddr,
    state: Arc<Mutex<State>>,
    ended: Arc<AtomicBool>,
}

impl Receiver {
    /// A receiver that takes everything.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let (state, ended) = (Arc::new(Mutex::new(State::default())), Arc::default());
        let receiver = Self { at, state: Arc::clone(&state), ended: Arc::clone(&ended) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                let state = Arc::clone(&state);
                std::thread::spawn(move || {
                    {
                        let mut state = state.lock().unwrap();
                        state.open += 1;
                        state.most_open = state.most_open.max(state.open);
                    }
                    converse(stream, &state);
                    state.lock().unwrap().open -= 1;
                });
            }
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.at)
    }

    /// So it answers what comes next, and takes all after that.
    pub(crate) fn answers(&self, answers: &[Answer]) {
        self.state.lock().unwrap().next.extend(answers.iter().cloned());
    }

    /// So it answers from now on.
    pub(crate) fn always(&self, answer: Answer) {
        self.state.lock().unwrap().always = Some(answer);
    }

    /// It takes no message with this in it.
    pub(crate) fn refuses_bodies_with(&self, text: &str) {
        self.state.lock().unwrap().refuses = Some(text.to_owned());
    }

    /// What it took.
    pub(crate) fn taken(&self) -> Vec<Got> {
        self.state.lock().unwrap().taken.clone()
    }

    /// The most connections that it ever had at once.
    pub(crate) fn most_open(&self) -> usize {
        self.state.lock().unwrap().most_open
    }

    /// What it did not take.
    pub(crate) fn refused(&self) -> Vec<Got> {
        self.state.lock().unwrap().refused.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        drop(TcpStream::connect(self.at));
    }
}

fn converse(mut stream: TcpStream, state: &Mutex<State>) {
    let mut bytes = Vec::new();
    while let Some(got) = message(&mut stream, &mut bytes) {
        let answer = {
            let mut state = state.lock().unwrap();
            let refuses = state.refuses.as_ref().is_some_and(|it| got.body.contains(it));
            let next = state.next.pop_front().or_else(|| state.always.clone());
            let answer =
                if refuses { Answer::Status(500) } else { next.unwrap_or(Answer::Status(200)) };
            let is_taken = matches!(answer, Answer::Status(200..=299));
            if is_taken {
                state.taken.push(got);
            } else {
                state.refused.push(got);
            }
            answer
        };
        let head = match answer {
            Answer::Cut => return,
            Answer::Never => {
                // Until the other side has enough.
                drop(stream.read(&mut [0]));
                return;
            }
            Answer::Trickle => {
                drop(stream.write_all(b"HTTP/1.1 200 X\r\nx-a: "));
                while stream.write_all(b"a").is_ok() {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                return;
            }
            Answer::Status(204) => "HTTP/1.1 204 X\r\n\r\n".to_owned(),
            Answer::Status(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"),
            Answer::Redirect(to) => {
                format!("HTTP/1.1 307 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
            }
        };
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next message of the connection.
fn message(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Got> {
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
            let headers: BTreeMap<_, _> =
                lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
            let length: usize = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
            if rest.len() >= length {
                let body = rest[..length].to_owned();
                bytes.drain(..head.len() + 4 + length);
                return Some(Got { headers, body });
            }
        }
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}
