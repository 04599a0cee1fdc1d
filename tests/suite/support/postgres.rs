//! A real PostgreSQL cluster that dies with the test process, whatever kills it.
//!
//! Owns the server process and its folder. Does not own databases (`database`). The server is a
//! child of a small shell script that waits on a pipe from the test process: when the pipe closes,
//! by exit, panic or SIGKILL alike, it stops the server and removes the folder.

use super::{database::Database, folder, pooler, ports};
use rustix::process::Pid;
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

/// The superuser of every test cluster.
pub const SUPERUSER: &str = "postgres";
/// The superuser's password, for TCP.
pub const SUPERUSER_PASSWORD: &str = "only for tests";

/// Where a cluster that has one sees its small disk.
pub const SMALL_DISK: &str = "/mnt";

const PATIENCE: Duration = Duration::from_mins(1);

/// `$1` postgres, `$2` the folder. Reads a word a line; an end of input is the end of the server.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP PIPE
pid=
stop() { if [ -n "$pid" ]; then kill -"$1" "$pid" 2>/dev/null; wait "$pid"; pid=; fi; }
while read -r word port; do
    case $word in
    start) "$1" -D "$2/data" -p "$port" -k "$2" </dev/null >>"$2/log" 2>&1 & pid=$!; echo started ;;
    stop) stop INT; echo stopped ;;
    crash) stop QUIT; echo stopped ;;
    kill) stop KILL; echo stopped ;;
    esac
done
stop QUIT
rm -rf "$2"
"#;

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Where the server's programs are.
    pub binaries: PathBuf,
    /// PostgreSQL's major version: 15.
    pub major: u32,
    /// Holds the unix socket, `data` and `log`.
    pub folder: PathBuf,
    /// The port on 127.0.0.1, and in the socket's name.
    pub port: u16,
    watchdog: Mutex<Watchdog>,
}

#[derive(Debug)]
struct Watchdog {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The cluster that the tests of this process share, started when first asked for.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// A fresh database in the shared cluster, behind a pooler where that is asked for.
pub fn database() -> Database {
    let database = Database::create(cluster());
    if !pooler::is_asked_for() {
        return database;
    }
    database.behind(pooler::pooler().expect("a pooler is asked for").port)
}

impl Cluster {
    /// A new cluster, for a test that stops it; others share [`cluster`].
    pub fn start() -> Self {
        Self::of(None, initialise)
    }

    /// The same with a disk of 64 MiB at [`SMALL_DISK`], which nobody else sees. Nothing where this process
    /// cannot have one: it takes root and a mount namespace.
    pub fn start_with_small_disk() -> Option<Self> {
        let user = unprivileged()?;
        let mut mount = Command::new("unshare");
        mount.args(["--mount", "mount", "-t", "tmpfs", "none", SMALL_DISK]);
        let tried = mount.stderr(Stdio::null()).status().is_ok_and(|it| it.success());
        tried.then(|| Self::of(Some(user), initialise))
    }

    /// A new cluster whose data `fill` makes, with a small disk of this user's where there is one.
    fn of(disk: Option<(u32, u32)>, fill: impl FnOnce(&Path, &Path, Option<(u32, u32)>)) -> Self {
        let binaries = binaries();
        let major = major(&binaries);
        let folder = folder::unused("pg");
        let user = unprivileged();
        fs::create_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let mut watchdog = Watchdog::start(&binaries, &folder, user, disk);
        fill(&binaries, &folder, user);
        for _ in 0..10 {
            let port = ports::free();
            watchdog.order(&format!("start {port}"));
            match wait_until_ready(&folder) {
                Ok(()) => {
                    let watchdog = Mutex::new(watchdog);
                    return Self { binaries, major, folder, port, watchdog };
                }
                Err(log) if log.contains("Address already in use") => watchdog.order("crash"),
                Err(log) => panic!("PostgreSQL does not start:\n{log}"),
            }
        }
        panic!("no free port for PostgreSQL");
    }

    /// A new cluster that a [`Cluster::replica`] can follow.
    pub fn start_replicated() -> Self {
        Self::of(None, |binaries, folder, user| {
            initialise(binaries, folder, user);
            append(folder, "wal_level = replica\nmax_wal_senders = 4\nwal_sender_timeout = '5s'\n");
        })
    }

    /// A streaming replica of this cluster, which [`Cluster::start_replicated`] made. A copy of the
    /// stopped primary: not every distribution has `pg_basebackup`.
    pub fn replica(&self) -> Self {
        self.stop();
        let replica = Self::of(None, |_, folder, user| {
            let output = command(OsStr::new("cp"), user)
                .arg("-R")
                .args([self.folder.join("data"), folder.join("data")])
                .output()
                .expect("cp runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "cp: {}\n{said}", output.status);
            fs::set_permissions(folder.join("data"), fs::Permissions::from_mode(0o700)).unwrap();
            append(
                folder,
                &format!(
                    "hot_standby = on\nprimary_conninfo = 'host=127.0.0.1 port={} user={SUPERUSER} \
                     password=''{SUPERUSER_PASSWORD}'''\n",
                    self.port
                ),
            );
            fs::write(folder.join("data/standby.signal"), "").unwrap();
        });
        self.restart();
        replica
    }

    /// Has a replica take writes from now on; waits until it does.
    pub fn promote(&self) {
        super::database::run(&self.superuser("postgres"), "SELECT pg_promote(true, 60)");
    }

    /// Stops the server in an orderly way, as an administrator does; its sessions are told so
    /// (SQLSTATE 57P01).
    pub fn stop(&self) {
        self.watchdog.lock().unwrap().order("stop");
    }

    /// Stops the server at once, as a crash does.
    pub fn crash(&self) {
        self.watchdog.lock().unwrap().order("crash");
    }

    /// The postmaster's process.
    pub fn postmaster(&self) -> Pid {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        Pid::from_raw(file.lines().next().unwrap().parse().unwrap()).unwrap()
    }

    /// The processes that the postmaster has made, which are there now.
    pub fn children(&self) -> Vec<Pid> {
        let postmaster = self.postmaster().as_raw_nonzero().get();
        let children = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let number: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let (_, parent) = state_and_parent(number)?;
            Pid::from_raw(number).filter(|_| parent == postmaster)
        });
        children.collect()
    }

    /// Kills the postmaster with -9; its children end when they see it, which is waited for.
    pub fn kill(&self) {
        let children = self.children();
        self.watchdog.lock().unwrap().order("kill");
        super::eventually("its children end", PATIENCE, || {
            let lives = |it: &Pid| {
                state_and_parent(it.as_raw_nonzero().get()).is_some_and(|it| it.0 != 'Z')
            };
            !children.iter().any(lives)
        });
        // Says still that the server is ready.
        fs::remove_file(self.folder.join("data/postmaster.pid")).unwrap();
    }

    /// Starts the stopped server again, on the same port with the same data.
    pub fn restart(&self) {
        self.watchdog.lock().unwrap().order(&format!("start {}", self.port));
        wait_until_ready(&self.folder).unwrap_or_else(|log| panic!("no restart:\n{log}"));
    }

    /// How a client of tokio-postgres reaches `database` as the superuser, over TCP.
    pub fn superuser(&self, database: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).dbname(database);
        config.user(SUPERUSER).password(SUPERUSER_PASSWORD);
        config
    }

    /// What the server wrote to its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// The state of a process, as a letter, and its parent; nothing when there is no such process.
fn state_and_parent(number: i32) -> Option<(char, i32)> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let watchdog = self.watchdog.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(watchdog.orders.take());
        drop(watchdog.child.wait());
    }
}

impl Watchdog {
    fn start(
        binaries: &Path,
        folder: &Path,
        user: Option<(u32, u32)>,
        disk: Option<(u32, u32)>,
    ) -> Self {
        let mut command = match disk {
            None => command(OsStr::new("/bin/sh"), user),
            Some((uid, gid)) => {
                let mut command = command(OsStr::new("unshare"), None);
                let mount = format!(
                    "mount -t tmpfs -o size=64m,mode=0700,uid={uid},gid={gid} none {SMALL_DISK} && \
                     exec setpriv --reuid={uid} --regid={gid} --clear-groups /bin/sh \"$@\""
                );
                command.args(["--mount", "/bin/sh", "-c", &mount, "disk"]);
                command
            }
        };
        command.args(["-c", WATCHDOG, "watchdog"]).arg(binaries.join("postgres")).arg(folder);
        // In a process group of its own, what kills the test's group lets it clean up.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().expect("/bin/sh runs");
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, orders, answers }
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{order}").expect("the watchdog listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the watchdog answers");
        assert!(!answer.is_empty(), "the watchdog is gone");
    }
}

/// A command in `/` with a bare environment, as `user` when there is one.
fn command(program: &OsStr, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

fn initialise(binaries: &Path, folder: &Path, user: Option<(u32, u32)>) {
    let password = folder.join("password");
    fs::write(&password, SUPERUSER_PASSWORD).unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
    let output = command(binaries.join("initdb").as_os_str(), user)
        .arg("--pgdata")
        .arg(folder.join("data"))
        .args(["--username", SUPERUSER, "--pwfile"])
        .arg(&password)
        .args(["--auth-host=scram-sha-256", "--auth-local=trust"])
        .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
        .output()
        .expect("initdb runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "initdb: {}\n{said}", output.status);
    append(folder, SETTINGS);
}

/// Appends settings to those of the cluster in `folder`; the last one of a name counts.
fn append(folder: &Path, text: &str) {
    let settings = fs::OpenOptions::new().append(true).open(folder.join("data/postgresql.conf"));
    settings.unwrap().write_all(text.as_bytes()).unwrap();
}

/// Durability is given up for speed: the folder does not outlive the test.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
password_encryption = 'scram-sha-256'
max_connections = 300
shared_buffers = '32MB'
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
timezone = 'UTC'
log_timezone = 'UTC'
";

/// Waits until the server takes connections; gives its log when it does not come to that. The last
/// line of `postmaster.pid` says so (PostgreSQL's `pg_ctl` waits for the same).
fn wait_until_ready(folder: &Path) -> Result<(), String> {
    let log = folder.join("log");
    let start = Instant::now();
    let mut seen = false;
    loop {
        let state = fs::read_to_string(folder.join("data/postmaster.pid"));
        if state.as_ref().is_ok_and(|text| text.lines().nth(7).is_some_and(|l| l.trim() == "ready"))
        {
            return Ok(());
        }
        // The file comes before the first that can go wrong, and goes with the process.
        let gone = seen && state.is_err();
        seen |= state.is_ok();
        if gone || start.elapsed() > PATIENCE {
            return Err(fs::read_to_string(log).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Where PostgreSQL's server programs are: `HOWDAH_TEST_POSTGRES_BIN`, else the newest below
/// `/usr/lib/postgresql` (Debian), else on PATH.
pub fn binaries() -> PathBuf {
    if let Some(path) = std::env::var_os("HOWDAH_TEST_POSTGRES_BIN") {
        let path = PathBuf::from(path);
        assert!(path.join("postgres").exists(), "no postgres in {}", path.display());
        return path;
    }
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .map(|(major, path)| (major, path.join("bin")))
        .filter(|(_, path)| path.join("postgres").exists() && path.join("initdb").exists())
        .max();
    let on_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).find(|path| path.join("postgres").exists())
    };
    let found = newest.map(|(_, path)| path).or_else(on_path);
    found.expect("PostgreSQL's server programs; `make setup` installs them")
}

fn major(binaries: &Path) -> u32 {
    let output = Command::new(binaries.join("postgres")).arg("--version").output();
    let said = String::from_utf8(output.expect("postgres runs").stdout).unwrap();
    let digits =
        said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let digits = digits.and_then(|word| word.split(|c: char| !c.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("version of {said}"))
}

/// The user and group to run the server as, when this process is root: initdb refuses root.
pub(super) fn unprivileged() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").map_or(1, |process| process.uid()) != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    find("postgres").or_else(|| find("nobody")).or(Some((65_534, 65_534)))
}
