//! The folder that one service's private PostgreSQL has, and who may be in it.
//!
//! ```text
//! <storage>/<service>-<hash>/
//! ├── howdah-folder     the marker: nothing is thrown away in a folder that has none
//! ├── lock              held by the `howdah up` that uses the folder; its process number
//! ├── data/             PostgreSQL's; renamed from data.new/ when it was made, so it is whole
//! ├── socket/           the server's socket, unless the path would be too long for one
//! ├── keeper/          the keeper's key and credential, and the one that it publishes
//! ├── pg_hba.conf, pg_ident.conf
//! └── postgres.log      the server's own words
//! ```

use super::environment::Environment;
use crate::diagnostic::{Code, Diagnostic};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// How often the folder's lock is tried, and how long between.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

const MARKER: &str = "howdah-folder";

/// The longest path of a socket: macOS has room for 104 bytes with the final NUL, Linux for 108.
const MAX_SOCKET_BYTES: usize = 103;
const SOCKET: &str = ".s.PGSQL.5432";

/// The log is begun anew when it has grown past this.
const MAX_LOG_BYTES: u64 = 1 << 20;

/// The folder, locked for this process until it is dropped.
pub(super) struct Folder {
    root: PathBuf,
    socket: PathBuf,
    _lock: File,
}

type Failure = Box<Diagnostic>;

impl Folder {
    /// Opens the folder of the service in `service_folder`, and makes it at need.
    ///
    /// # Errors
    /// Another process has it, it is not ours, or the operating system says no.
    pub(super) fn open(
        environment: &Environment,
        service: &str,
        service_folder: &Path,
    ) -> Result<Self, Failure> {
        let canonical = service_folder
            .canonicalize()
            .map_err(|error| failed("find the service folder", service_folder, &error))?;
        let hash = hash(canonical.as_os_str().as_encoded_bytes());
        let name: String = service
            .chars()
            .map(|it| if it.is_ascii_alphanumeric() { it } else { '-' })
            .take(40)
            .collect();
        let root = environment.storage.join(format!("{name}-{hash:016x}"));
        let closed = environment.child.is_none();
        make(&environment.storage, closed)?;
        make(&root, closed)?;
        let lock = lock(&root)?;
        mark(&root, &canonical)?;
        let socket = socket_folder(environment, &root, hash)?;
        Ok(Self { root, socket, _lock: lock })
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the socket.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// PostgreSQL's own folder; whole when it is there.
    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The folder that is being made.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.root.join("data.new")
    }

    /// The major version that made the data folder, when there is one.
    pub(super) fn major(&self) -> Result<Option<u32>, Failure> {
        let file = self.data().join("PG_VERSION");
        match fs::read_to_string(&file) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.data().exists() => {
                Ok(None)
            }
            Err(error) => Err(failed("read", &file, &error)),
        }
    }

    /// The keeper's files, which belong to the data.
    pub(super) fn keeper(&self) -> PathBuf {
        self.root.join("keeper")
    }

    /// Throws away the data folder, whole or half-made, and what the keeper knows of it; gives whether
    /// there was one.
    pub(super) fn discard(&self) -> Result<bool, Failure> {
        remove(&self.keeper())?;
        let whole = remove(&self.data())?;
        Ok(remove(&self.unfinished())? || whole)
    }

    /// Throws away what a killed first start left; gives whether there was anything.
    pub(super) fn discard_unfinished(&self) -> Result<bool, Failure> {
        remove(&self.unfinished())
    }

    /// An empty folder for `initdb`, the child's own.
    pub(super) fn begin(&self, environment: &Environment) -> Result<PathBuf, Failure> {
        let path = self.unfinished();
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .and_then(|()| environment.give(&path, None))
            .map_err(|error| failed("make", &path, &error))?;
        Ok(path)
    }

    /// The folder that `initdb` made becomes the data folder, at once or not at all.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        fs::rename(self.unfinished(), self.data())
            .map_err(|error| failed("rename", &self.unfinished(), &error))
    }

    /// Writes a configuration file beside the data folder and gives its path.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.root.join(name);
        let write = || {
            fs::write(&path, text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644))
        };
        write().map_err(|error| failed("write", &path, &error))?;
        Ok(path)
    }

    /// The path of the server's log.
    pub(super) fn log_path(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    /// The server's log, for it to write to, begun anew when it is long.
    pub(super) fn log(&self) -> Result<File, Failure> {
        let path = self.log_path();
        let long = fs::metadata(&path).is_ok_and(|it| it.len() > MAX_LOG_BYTES);
        if long {
            let _ = fs::remove_file(&path);
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| failed("open", &path, &error))
    }

    /// What the server wrote to its log after its first `from` bytes: the last lines of it.
    pub(super) fn log_tail(&self, from: u64) -> Vec<String> {
        let text = File::open(self.log_path()).and_then(|mut file| {
            file.seek(io::SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        });
        let text = text.unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].iter().map(|line| (*line).to_owned()).collect()
    }
}

/// What could not be done with `path`.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Diagnostic::error(Code::Machine, format!("cannot {what} {}: {error}", path.display())).boxed()
}

/// Makes a folder that others may pass through only where they must: root's child has to.
fn make(path: &Path, closed: bool) -> Result<(), Failure> {
    let exists = path.is_dir();
    let make = || {
        fs::create_dir_all(path)?;
        if !exists {
            let mode = if closed { 0o700 } else { 0o755 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    };
    make().map_err(|error| {
        let help = "HOWDAH_DATA_HOME names another place for the private PostgreSQL's data";
        failed("make", path, &error).help(help).boxed()
    })
}

/// Takes a lock that may be held for a moment still: by a process that is ending, or by one that the
/// last holder was just starting and that has its descriptor until it runs its own program.
fn patiently(take: impl Fn() -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    for _ in 0..LOCK_TRIES {
        match take() {
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
            taken => return taken,
        }
    }
    take()
}

fn lock(root: &Path) -> Result<File, Failure> {
    let path = root.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| failed("open", &path, &error))?;
    match patiently(|| flock(&file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => {
            let own = std::process::id().to_string();
            file.set_len(0)
                .and_then(|()| file.write_all(own.as_bytes()))
                .map_err(|error| failed("write", &path, &error))?;
            Ok(file)
        }
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let who = match holder.parse::<u32>() {
                Ok(pid) => format!("process {pid}"),
                Err(_) => "another process".to_owned(),
            };
            Err(Diagnostic::error(
                Code::Machine,
                format!("this service's private PostgreSQL is in use by {who}"),
            )
            .note(format!("its folder is {}", root.display()))
            .help("end the other `howdah up` of this service folder first")
            .boxed())
        }
        Err(error) => Err(failed("lock", &path, &error.into())),
    }
}

/// Marks the folder as ours; one that has other things in it and no marker is somebody else's.
fn mark(root: &Path, service: &Path) -> Result<(), Failure> {
    let marker = root.join(MARKER);
    if marker.is_file() {
        return Ok(());
    }
    let strange = fs::read_dir(root)
        .map_err(|error| failed("read", root, &error))?
        .filter_map(Result::ok)
        .find(|entry| entry.file_name() != "lock" && entry.file_name() != MARKER);
    if let Some(strange) = strange {
        return Err(Diagnostic::error(
            Code::Machine,
            format!("{} is not a folder of `howdah up`", root.display()),
        )
        .note(format!(
            "it has no file `{MARKER}` but has `{}`",
            strange.file_name().to_string_lossy()
        ))
        .help("move it away")
        .boxed());
    }
    let text = format!(
        "This folder holds the private PostgreSQL of `howdah up` for the service in\n{}\n\
         `howdah up --fresh` throws its data away.\n",
        service.display()
    );
    fs::write(&marker, text).map_err(|error| failed("write", &marker, &error))
}

/// The folder for the socket: in `root` when the socket's path is short enough there, else in
/// `/tmp`, and then only one that nobody else can have put there.
fn socket_folder(environment: &Environment, root: &Path, hash: u64) -> Result<PathBuf, Failure> {
    let inside = root.join("socket");
    let short = inside.join(SOCKET).as_os_str().len() <= MAX_SOCKET_BYTES;
    let own = rustix::process::geteuid().as_raw();
    let path = if short { inside } else { PathBuf::from(format!("/tmp/howdah-{own}-{hash:016x}")) };
    match fs::DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed("make", &path, &error)),
    }
    let found = fs::symlink_metadata(&path).map_err(|error| failed("look at", &path, &error))?;
    let child = environment.child.as_ref().map_or(own, |account| account.uid);
    if !found.is_dir() || ![own, child].contains(&found.uid()) {
        return Err(Diagnostic::error(
            Code::Machine,
            format!("{} belongs to somebody else", path.display()),
        )
        .help("remove it")
        .boxed());
    }
    // The server's user writes the socket; our group may pass, so that we need no privilege to.
    let group = rustix::process::getegid().as_raw();
    let mode = if environment.child.is_some() { 0o750 } else { 0o700 };
    environment
        .give(&path, Some(group))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
        .map_err(|error| failed("open to the server", &path, &error))?;
    Ok(path)
}

fn remove(path: &Path) -> Result<bool, Failure> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("throw away", path, &error)),
    }
}

/// FNV-1a, 64 bits (draft-eastlake-fnv): the same in every release, as a folder's name must be.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn the_hash_is_fnv_1a() {
        // From the draft's test vectors.
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
