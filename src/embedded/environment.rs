//! Where this process runs: whose files go where, and as whom its children run.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What of the environment decides about places. A value of its own, so that a test has its own.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Where data folders are kept.
    pub storage: PathBuf,
    /// Where downloads are kept.
    pub cache: PathBuf,
    /// `HOWDAH_POSTGRES_BIN`: the folder with the binaries to use, and no other.
    pub binaries: Option<PathBuf>,
    /// `PATH`.
    pub path: std::ffi::OsString,
    /// As whom children run, when that is not the user of this process.
    pub child: Option<Account>,
    /// Whether binaries may be downloaded when there are none.
    pub download: bool,
}

/// A user of the operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the primary group.
    pub gid: u32,
}

impl Environment {
    /// That of this process: data below `HOWDAH_DATA_HOME` if it is set; else below
    /// `/var/lib/howdah` as root, or where the XDG base directory specification (or macOS) puts a
    /// user's data.
    pub fn of_process() -> Self {
        let variable =
            |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let root = rustix::process::geteuid().is_root();
        let home = variable("HOME").unwrap_or_else(env::temp_dir);
        let (storage, cache) = match () {
            () if root => ("/var/lib/howdah".into(), "/var/cache/howdah".into()),
            () if cfg!(target_os = "macos") => (
                home.join("Library/Application Support/howdah"),
                home.join("Library/Caches/howdah"),
            ),
            () => (
                variable("XDG_DATA_HOME").unwrap_or(home.join(".local/share")).join("howdah"),
                variable("XDG_CACHE_HOME").unwrap_or(home.join(".cache")).join("howdah"),
            ),
        };
        Self {
            storage: variable("HOWDAH_DATA_HOME").unwrap_or(storage),
            cache,
            binaries: env::var_os("HOWDAH_POSTGRES_BIN")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            path: env::var_os("PATH").unwrap_or_default(),
            child: root.then(Account::unprivileged),
            download: true,
        }
    }

    /// A command that runs as the child's user and sees nothing of this process's environment but
    /// what finds programs and libraries. PostgreSQL's own variables (`PGDATA`, …) stay outside.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", &self.path).env("LC_ALL", "C");
        for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LOCALE_ARCHIVE"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        // The folder we were started in may be closed to the child's user. A process group of its
        // own keeps the terminal's Ctrl-C from it.
        command.current_dir("/").stdin(Stdio::null()).process_group(0);
        if let Some(account) = &self.child {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    /// Makes `path` the child's own, when that is another user.
    pub(super) fn give(&self, path: &Path, gid: Option<u32>) -> std::io::Result<()> {
        match &self.child {
            Some(account) => {
                let gid = gid.unwrap_or(account.gid);
                std::os::unix::fs::chown(path, Some(account.uid), Some(gid))
            }
            None => Ok(()),
        }
    }
}

impl Account {
    /// Whom root's children run as: `postgres` if there is one, else `nobody`.
    pub fn unprivileged() -> Self {
        let accounts = accounts();
        ["postgres", "_postgres", "nobody"]
            .iter()
            .find_map(|name| accounts.iter().find(|account| account.name == **name))
            .cloned()
            .unwrap_or(Self { name: "nobody".to_owned(), uid: 65534, gid: 65534 })
    }

    /// The name by which the operating system knows the user of this process.
    pub(super) fn own_name() -> Option<String> {
        let uid = rustix::process::geteuid().as_raw();
        let known = accounts().into_iter().find(|account| account.uid == uid);
        // A directory service's users are not in the file.
        known.map(|account| account.name).or_else(|| {
            let output = Command::new("id").arg("-un").stdin(Stdio::null()).output().ok()?;
            let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
            (output.status.success() && !name.is_empty()).then_some(name)
        })
    }
}

/// The accounts of `/etc/passwd` (passwd(5)); lines that cannot be read are passed over.
fn accounts() -> Vec<Account> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    text.lines().filter_map(account).collect()
}

fn account(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let (name, _password) = (fields.next()?, fields.next()?);
    // Written as -2 on macOS.
    let number =
        |text: &str| text.parse().ok().or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned));
    let (uid, gid) = (number(fields.next()?)?, number(fields.next()?)?);
    Some(Account { name: name.to_owned(), uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read() {
        let nobody = account("nobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false");
        assert_eq!(nobody.unwrap().uid, 4_294_967_294);
        assert_eq!(account("postgres:x:101:104::/:/bin/sh").unwrap().gid, 104);
        assert_eq!(account("# a comment"), None);
        assert_eq!(account("a:x:b:c"), None);
    }

    #[test]
    fn this_process_has_a_name() {
        assert!(!Account::own_name().unwrap().is_empty());
    }
}
