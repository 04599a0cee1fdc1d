//! A real PgBouncer in transaction mode before a cluster.
//!
//! Owns the process and its folder. It knows the cluster's roles by asking the cluster (`auth_query`).
//!
//! `PgBouncer` 1.17 to 1.20 end themselves now and then when requests to cancel meet load (its issues 801, 822
//! and 904; mended in 1.19 to 1.21). That is told by its log and never taken for a failure of ours, nor ours
//! for its.

use super::{
    eventually,
    folder::Folder,
    ports,
    postgres::{Cluster, SUPERUSER, SUPERUSER_PASSWORD, cluster, unprivileged},
    reaper,
};
use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Child, Command, Stdio},
    sync::{Mutex, Once, OnceLock},
    thread,
    time::Duration,
};

/// Where Debian has it, which is on root's PATH alone. `HOWDAH_TEST_PGBOUNCER` names another.
const PROGRAMS: [&str; 2] = ["/usr/sbin/pgbouncer", "pgbouncer"];

/// What it writes, in its folder.
const LOG: &str = "pgbouncer.log";

/// A running PgBouncer.
#[derive(Debug)]
pub struct Pooler {
    /// Its port on 127.0.0.1.
    pub port: u16,
    child: Mutex<Child>,
    folder: Folder,
}

/// The exit code of a process of tests whose shared pooler has ended by its own fault.
pub const POOLER_ENDED: i32 = 86;

/// The one that the tests of this process share before the shared cluster; none where this machine has
/// no PgBouncer.
pub fn pooler() -> Option<&'static Pooler> {
    static POOLER: OnceLock<Option<Pooler>> = OnceLock::new();
    static WATCHED: Once = Once::new();
    let pooler = POOLER.get_or_init(|| Pooler::start(cluster(), 8, "")).as_ref();
    if let (Some(pooler), true) = (pooler, is_asked_for()) {
        WATCHED.call_once(|| drop(thread::spawn(|| pooler.end_with_it())));
    }
    pooler
}

/// Whether the databases of this process's tests are reached through [`pooler`].
pub fn is_asked_for() -> bool {
    std::env::var_os("HOWDAH_TEST_POOLER").is_some()
}

/// Its version, such as `(1, 18)`; none where this machine has none.
pub fn version() -> Option<(u32, u32)> {
    let said = Command::new(program()?).arg("--version").output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let numbers = said.strip_prefix("PgBouncer ").and_then(|it| it.split_whitespace().next());
    let mut numbers = numbers.expect("its name and version").split('.');
    let mut next = || numbers.next().unwrap().parse().unwrap();
    Some((next(), next()))
}

/// The program; the test that needs it is left out where there is none.
fn program() -> Option<String> {
    let runs = |it: &String| {
        let known = Command::new(it).arg("--version").stdout(Stdio::null()).status();
        known.is_ok_and(|status| status.success())
    };
    let named = std::env::var("HOWDAH_TEST_PGBOUNCER").ok();
    let found = named.into_iter().chain(PROGRAMS.map(str::to_owned)).find(runs);
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI has `pgbouncer`: scripts/setup test");
        eprintln!("skipped: this machine has no `pgbouncer`");
    }
    found
}

impl Pooler {
    /// One with so many server connections for each database and role, and further lines of settings.
    pub fn start(cluster: &Cluster, connections: u32, settings: &str) -> Option<Self> {
        let program = program()?;
        let folder = Folder::new("pooler");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let port = ports::free();
        let users = folder.write("users", format!("\"{SUPERUSER}\" \"{SUPERUSER_PASSWORD}\"\n"));
        let configuration = folder.write(
            "pgbouncer.ini",
            format!(
                "[databases]\n* = host=127.0.0.1 port={}\n\
                 [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 1000\n\
                 auth_type = scram-sha-256\nauth_file = {}\nauth_user = {SUPERUSER}\n\
                 server_login_retry = 1\nserver_idle_timeout = 2\n{settings}\n",
                cluster.port,
                users.display(),
            ),
        );
        let mut command = Command::new(program);
        command.arg(&configuration).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(folder.path().join(LOG)).unwrap());
        if let Some((uid, gid)) = unprivileged() {
            command.uid(uid).gid(gid);
        }
        let child = command.spawn().expect("pgbouncer runs");
        reaper::watch(child.id());
        let started = Self { port, child: Mutex::new(child), folder };
        eventually("pgbouncer listens", Duration::from_secs(20), || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(started)
    }

    /// What it wrote about its own end; none while it runs, or where that was not its own doing.
    pub fn ended(&self) -> Option<String> {
        self.child.lock().unwrap().try_wait().unwrap()?;
        let log = fs::read_to_string(self.folder.path().join(LOG)).unwrap();
        let fatal = log.lines().rfind(|line| line.contains("FATAL"))?;
        ["bad server state", "bad client state", "server in bad state", "put_in_order"]
            .iter()
            .any(|it| fatal.contains(it))
            .then(|| fatal.to_owned())
    }

    /// Ends this process when the pooler has ended by its own fault: whatever fails then says nothing.
    fn end_with_it(&self) {
        loop {
            thread::sleep(Duration::from_millis(50));
            if let Some(fatal) = self.ended() {
                // Not by `eprintln`, which the test that started this would keep to itself.
                drop(writeln!(std::io::stderr(), "pgbouncer has ended: {fatal}"));
                std::process::exit(POOLER_ENDED);
            }
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        reaper::forget(self.child.get_mut().unwrap().id());
        let child = self.child.get_mut().unwrap();
        drop(child.kill());
        drop(child.wait());
    }
}
