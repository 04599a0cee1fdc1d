//! The real binary, serving a folder.
//!
//! Owns the process: its environment is empty but for what the test says, it listens on ports that
//! the kernel chose, and it ends with its value. It is ready when its ready file says so.

use super::{
    database::Database,
    folder::Folder,
    http::{self, Reply},
    planted, reaper,
};
use std::{
    ffi::OsStr,
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// The binary under test: `HOWDAH_TEST_BINARY`, else the one that cargo built with the tests.
pub fn binary() -> PathBuf {
    let named = std::env::var_os("HOWDAH_TEST_BINARY").map(PathBuf::from);
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_howdah").into())
}

/// A path from the root of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `howdah` with a bare environment and these arguments.
pub fn howdah<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear().env("HOWDAH_ALLOW_ROOT", "true").stdin(Stdio::null());
    command
}

/// A service that is about to be served.
#[derive(Debug)]
pub struct Serve {
    command: Command,
    ready: Folder,
}

/// Serves the service in `folder`, a path from the root of the project or an absolute one.
pub fn serve(folder: impl AsRef<Path>) -> Serve {
    with("serve", folder)
}

/// Serves it on a private PostgreSQL, whose data is kept below `home`.
pub fn up(folder: impl AsRef<Path>, home: &Path) -> Serve {
    let serve = with("up", folder).env("HOWDAH_DATA_HOME", home);
    serve.env("PATH", std::env::var_os("PATH").unwrap_or_default())
}

fn with(command: &str, folder: impl AsRef<Path>) -> Serve {
    let mut command = howdah([command]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    command.env("HOWDAH_LISTEN_HTTP", "127.0.0.1:0").env("HOWDAH_LISTEN_ADMIN", "127.0.0.1:0");
    Serve { command, ready: Folder::new("ready") }
}

impl Serve {
    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Names the database in the environment, as the manifests read it.
    pub fn database(mut self, database: &Database) -> Self {
        self.command.envs(database.environment());
        self
    }

    /// Leaves the public listener to the manifest.
    pub fn own_listener(mut self) -> Self {
        self.command.env_remove("HOWDAH_LISTEN_HTTP");
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Has its ready file in `folder`.
    pub fn ready_in(mut self, folder: Folder) -> Self {
        self.ready = folder;
        self
    }

    /// Starts it on free ports and waits until it listens.
    pub fn start(mut self) -> Service {
        let ready = self.ready.path().join("ready");
        self.command.arg("--ready-file").arg(&ready).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the binary runs");
        reaper::watch(child.id());
        let output = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            collect(child.stdout.take().unwrap(), &output),
            collect(child.stderr.take().unwrap(), &output),
        ];
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut service =
            Service { http: nowhere, admin: nowhere, child, ended: None, output, readers };
        (service.http, service.admin) = service.wait_until_ready(&ready);
        service
    }

    /// Runs it to its end, which a service that is refused comes to by itself.
    pub fn refused(mut self) -> Output {
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if start.elapsed() > http::PATIENCE {
                child.kill().unwrap();
                panic!("it still serves: {:?}", child.wait_with_output());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.wait_with_output().unwrap()
    }
}

/// A new API key of this name in `file`, with what else `howdah key new` is to be told.
pub fn new_key(file: &Path, name: &str, more: &[&str]) -> String {
    let mut command = howdah(["key", "new", "--name", name, "--file"]);
    let output = command.arg(file).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    planted::plant(&key);
    key
}

/// A service that listens.
#[derive(Debug)]
pub struct Service {
    /// The public listener.
    pub http: SocketAddr,
    /// The admin listener.
    pub admin: SocketAddr,
    child: Child,
    ended: Option<ExitStatus>,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Service {
    /// GET on the public listener.
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// GET on the admin listener.
    pub fn get_admin(&self, path: &str) -> Reply {
        http::send(self.admin, "GET", path, &[], b"").expect("an answer")
    }

    /// Any request on the public listener.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let reply = http::send(self.http, method, path, headers, body);
        reply.unwrap_or_else(|why| panic!("{method} {path}: {why}"))
    }

    /// Any bytes on the public listener.
    pub fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        http::raw(self.http, bytes)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process's memory at its highest, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What it wrote to standard output and standard error so far.
    pub fn output(&self) -> String {
        let output = self.output.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&output).into_owned()
    }

    /// Kills it with SIGKILL, which it cannot prepare for.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.ended = self.child.wait().ok();
    }

    /// Sends SIGTERM and leaves it to drain.
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).expect("a process has a number");
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, signal);
    }

    /// Sends SIGTERM and waits for the end; gives how it ended and all that it wrote.
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.terminate();
        let status = self.wait(http::PATIENCE).expect("it ends after SIGTERM");
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status, self.output())
    }

    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        while self.ended.is_none() && start.elapsed() < limit {
            self.ended = self.child.try_wait().unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        self.ended
    }

    fn wait_until_ready(&mut self, file: &Path) -> (SocketAddr, SocketAddr) {
        let start = Instant::now();
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.ends_with('\n') {
                let line: serde_json::Value = serde_json::from_str(&text).expect("a line of JSON");
                let address = |name: &str| line[name].as_str().and_then(|it| it.parse().ok());
                let (http, admin) = (address("http"), address("admin"));
                return http.zip(admin).unwrap_or_else(|| panic!("the ready file says {text}"));
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                self.ended = Some(status);
                panic!("it ended at start: {status}");
            }
            assert!(start.elapsed() < http::PATIENCE, "it does not get ready");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        reaper::forget(self.child.id());
        if self.ended.is_none() {
            self.terminate();
            if self.wait(Duration::from_secs(5)).is_none() {
                drop(self.child.kill());
                drop(self.child.wait());
            }
        }
        if std::thread::panicking() {
            eprintln!("the service wrote:\n{}", self.output());
        }
    }
}

fn collect(mut from: impl Read + Send + 'static, to: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let to = Arc::clone(to);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut watch = planted::Watch::default();
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            watch.over(&buffer[..count]);
            to.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(&buffer[..count]);
        }
    })
}
