//! A real PgBouncer in transaction mode before a cluster.
//!
//! Owns the process and its folder. It knows the cluster's roles by asking the cluster (`auth_query`).

use super::{
    eventually,
    folder::Folder,
    ports,
    postgres::{Cluster, SUPERUSER, SUPERUSER_PASSWORD, cluster, unprivileged},
    reaper,
};
use std::{
    fs,
    net::TcpStream,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

/// Where Debian has it, which is on root's PATH alone.
const PROGRAMS: [&str; 2] = ["/usr/sbin/pgbouncer", "pgbouncer"];

/// A running PgBouncer.
#[derive(Debug)]
pub struct Pooler {
    /// Its port on 127.0.0.1.
    pub port: u16,
    child: Child,
    folder: Folder,
}

/// The one that the tests of this process share before the shared cluster; none where this machine has
/// no PgBouncer.
pub fn pooler() -> Option<&'static Pooler> {
    static POOLER: OnceLock<Option<Pooler>> = OnceLock::new();
    POOLER.get_or_init(|| Pooler::start(cluster(), 8, "")).as_ref()
}

/// Whether the databases of this process's tests are reached through [`pooler`].
pub fn is_asked_for() -> bool {
    std::env::var_os("HOWDAH_TEST_POOLER").is_some()
}

/// The program; the test that needs it is left out where there is none.
fn program() -> Option<&'static str> {
    let runs = |it: &&&str| {
        let known = Command::new(it).arg("--version").stdout(Stdio::null()).status();
        known.is_ok_and(|status| status.success())
    };
    let found = PROGRAMS.iter().find(runs).copied();
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
        command.arg("--quiet").arg(&configuration).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((uid, gid)) = unprivileged() {
            command.uid(uid).gid(gid);
        }
        let child = command.spawn().expect("pgbouncer runs");
        reaper::watch(child.id());
        let started = Self { port, child, folder };
        eventually("pgbouncer listens", Duration::from_secs(20), || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(started)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        reaper::forget(self.child.id());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
