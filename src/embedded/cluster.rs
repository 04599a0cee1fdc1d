//! Making a cluster with `initdb`, and how the server is started on it.

use super::{
    environment::{Account, Environment},
    folder::Folder,
    locate::Binaries,
    process::Process,
};
use crate::diagnostic::{Code, Diagnostic};
use std::{
    fs::File,
    io::{Read, Seek},
    path::Path,
    process::{Command, Stdio},
};

/// The superuser of a private cluster.
pub(super) const ADMIN: &str = "howdah_admin";
/// The role that owns the service's database and all that migrations make.
pub(super) const OWNER: &str = "howdah_owner";
/// The port in the socket's name; nothing listens on TCP.
pub(super) const PORT: u16 = 5432;

/// The keeper's role in a private cluster.
pub const KEEPER: &str = "howdah_keeper";

type Failure = Box<Diagnostic>;

/// Makes the data folder. Killed half-way, it leaves `data.new`, which the next start removes.
pub(super) async fn initialise(
    environment: &Environment,
    folder: &Folder,
    binaries: &Binaries,
) -> Result<(), Failure> {
    let preferred = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };
    let mut said = String::new();
    // Every system has the locale C, in which only the case of ASCII letters is known.
    for locale in [preferred, "C"] {
        folder.discard_unfinished()?;
        let data = folder.begin(environment)?;
        match initdb(environment, folder, binaries, &data, locale).await? {
            Ok(()) => return folder.finish(),
            Err(words) if words.contains("locale") => said = words,
            Err(words) => {
                said = words;
                break;
            }
        }
    }
    let mut diagnostic = Diagnostic::error(
        Code::Machine,
        format!("{} could not make a data folder", binaries.initdb().display()),
    );
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        diagnostic = diagnostic.note(line);
    }
    Err(diagnostic.boxed())
}

async fn initdb(
    environment: &Environment,
    folder: &Folder,
    binaries: &Binaries,
    data: &Path,
    locale: &str,
) -> Result<Result<(), String>, Failure> {
    let words_path = folder.root().join("initdb.log");
    let failed = |error| super::folder::failed("run", &binaries.initdb(), &error);
    let words = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&words_path)
        .map_err(failed)?;
    let mut command = environment.command(&binaries.initdb());
    command
        .arg("-D")
        .arg(data)
        .args(["-U", ADMIN, "--auth=peer", "--encoding=UTF8", "--lc-messages=C"])
        .arg(format!("--locale={locale}"))
        .stdout(Stdio::null())
        .stderr(words.try_clone().map_err(failed)?);
    let process = Process::spawn(command).map_err(failed)?;
    let status = process.ended().await;
    let mut text = String::new();
    let mut words = words;
    let _ = words.rewind().and_then(|()| words.read_to_string(&mut text));
    let _ = std::fs::remove_file(&words_path);
    if status.success() { Ok(Ok(())) } else { Ok(Err(format!("{text}\n{status}"))) }
}

/// The server's command. All that matters stands in it, so that each start sets it anew and an
/// edited `postgresql.conf` cannot open the server to others.
pub(super) fn server(
    environment: &Environment,
    folder: &Folder,
    binaries: &Binaries,
    service: &str,
    user: &str,
    keeps: bool,
) -> Result<Command, Failure> {
    let account = Account::own_name().ok_or_else(|| {
        Diagnostic::error(Code::Machine, "the user of this process has no name")
            .help("give it an entry in /etc/passwd: PostgreSQL knows its callers by name")
            .boxed()
    })?;
    // What the keeper makes signs in with a password, as it does elsewhere.
    let rules = if keeps {
        let known = [ADMIN, OWNER, user].map(quote_conf).join(",");
        format!("local all {known} peer map=howdah\nlocal all all scram-sha-256\n")
    } else {
        "local all all peer map=howdah\n".to_owned()
    };
    let rules = folder.write("pg_hba.conf", &rules)?;
    let names = [ADMIN, OWNER, user]
        .map(|role| format!("howdah {} {}\n", quote_conf(&account), quote_conf(role)));
    let names = folder.write("pg_ident.conf", &names.concat())?;
    let log = folder.log()?;
    let mut command = environment.command(&binaries.postgres());
    command.arg("-D").arg(folder.data());
    let mut set = |name: &str, value: &str| {
        command.arg("-c").arg(format!("{name}={value}"));
    };
    let text = |path: &Path| path.display().to_string();
    set("listen_addresses", "");
    set("unix_socket_directories", &quote_conf(&text(folder.socket())));
    set("port", &PORT.to_string());
    set("hba_file", &text(&rules));
    set("ident_file", &text(&names));
    set("cluster_name", &format!("howdah {service}"));
    set("logging_collector", "off");
    set("log_destination", "stderr");
    set("lc_messages", "C");
    set("timezone", "UTC");
    set("log_timezone", "UTC");
    // A crash of the machine may lose the last half second, and never breaks the data.
    set("synchronous_commit", "off");
    // Nothing replicates a private server.
    set("wal_level", "minimal");
    set("max_wal_senders", "0");
    set("max_logical_replication_workers", "0");
    command.stdout(
        log.try_clone()
            .map_err(|error| super::folder::failed("open", &folder.log_path(), &error))?,
    );
    command.stderr(log);
    Ok(command)
}

/// A word of `pg_ident.conf` or of a list of folders, in double quotes.
fn quote_conf(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}
