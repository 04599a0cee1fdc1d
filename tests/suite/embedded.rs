//! The private PostgreSQL of `howdah up`, with this machine's binaries. As root, its children run as
//! another user.

use crate::support::{eventually, folder::Folder, processes::postmasters};
use howdah::{
    diagnostic::{Code, Diagnostics},
    embedded::{self, Account, Environment, Options, Progress, Running},
    postgres::{Target, session},
};
use std::{
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    time::Duration,
};

fn options(folder: &Path) -> Options {
    let service_folder = folder.join("service");
    std::fs::create_dir_all(&service_folder).unwrap();
    // Closed to the user that root's children run as.
    std::fs::set_permissions(&service_folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut environment = Environment::of_process();
    environment.storage = folder.join("storage");
    environment.cache = folder.join("cache");
    environment.download = false;
    Options {
        service_folder,
        service: "rates".to_owned(),
        database: "rates db".to_owned(),
        user: "ra\"tes".to_owned(),
        fresh: false,
        keeps: false,
        environment,
    }
}

async fn start(options: &Options) -> Result<(Running, Vec<Progress>), Diagnostics> {
    let told = Mutex::new(Vec::new());
    let running = embedded::start(options, &|progress| told.lock().unwrap().push(progress)).await?;
    Ok((running, told.into_inner().unwrap()))
}

async fn run(target: &Target, sql: &str) -> Result<(), String> {
    let session = session::connect(target).await.unwrap();
    let result = session.batch_execute(sql).await;
    session.close().await;
    result
        .map_err(|error| error.code().map_or_else(|| error.to_string(), |it| it.code().to_owned()))
}

async fn value(target: &Target, sql: &str) -> String {
    let session = session::connect(target).await.unwrap();
    let row = session.query_one(sql, &[]).await.unwrap();
    session.close().await;
    row.get(0)
}

fn told_of_initialising(told: &[Progress]) -> bool {
    told.iter().any(|it| matches!(it, Progress::Initialised { .. }))
}

/// The folder of the one service below `folder`.
fn root(folder: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(folder.join("storage")).unwrap();
    entries.next().unwrap().unwrap().path()
}

#[tokio::test]
async fn data_is_kept_between_runs_and_thrown_away_when_asked() {
    let folder = Folder::new("up");
    let mut options = options(folder.path());
    let (running, told) = start(&options).await.unwrap();
    assert!(told_of_initialising(&told));
    assert!(matches!(told.last(), Some(Progress::Started { .. })));
    run(&running.owner, "CREATE TABLE kept (a int)").await.unwrap();
    run(&running.service, "INSERT INTO kept VALUES (7)").await.unwrap();
    running.stop().await;
    assert_eq!(postmasters(folder.path()).len(), 0);

    let (running, told) = start(&options).await.unwrap();
    assert!(!told_of_initialising(&told));
    assert_eq!(value(&running.service, "SELECT a::text FROM kept").await, "7");
    running.stop().await;

    options.fresh = true;
    let (running, told) = start(&options).await.unwrap();
    assert_eq!(told[0], Progress::Discarded);
    assert!(told_of_initialising(&told));
    assert_eq!(run(&running.service, "SELECT FROM kept").await, Err("42P01".to_owned()));
    // A service folder elsewhere has a server of its own, and that at the same time.
    let other = Folder::new("up");
    let (second, _) = start(&self::options(other.path())).await.unwrap();
    second.stop().await;
    running.stop().await;
    assert_eq!(postmasters(folder.path()).len(), 0);
}

#[tokio::test]
async fn the_service_reads_and_writes_rows_and_nothing_else() {
    let folder = Folder::new("up");
    let (running, _) = start(&options(folder.path())).await.unwrap();
    let (owner, service) = (&running.owner, &running.service);
    run(
        owner,
        "CREATE TABLE t (a serial); CREATE SCHEMA s; CREATE TABLE s.u (a int); CREATE ROLE reporting",
    )
    .await
    .unwrap();
    for allowed in [
        "INSERT INTO t DEFAULT VALUES",
        "UPDATE s.u SET a = 1",
        "DELETE FROM t",
        "SELECT gen_random_uuid()",
    ] {
        assert_eq!(run(service, allowed).await, Ok(()), "{allowed}");
    }
    for denied in [
        "CREATE TABLE x (a int)",
        "CREATE SCHEMA x",
        "CREATE TEMP TABLE x (a int)",
        "CREATE ROLE x",
        "CREATE DATABASE x",
        "DROP TABLE t",
        "TRUNCATE t",
        "SET ROLE howdah_owner",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY t TO PROGRAM 'id'",
    ] {
        assert_eq!(run(service, denied).await, Err("42501".to_owned()), "{denied}");
    }
    let owned = "SELECT count(*)::text FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid \
                 WHERE d.deptype = 'o' AND r.rolname = current_user";
    assert_eq!(value(service, owned).await, "0");
    assert_eq!(
        value(owner, "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user").await,
        "false"
    );
    assert_eq!(value(service, "SHOW listen_addresses").await, "");
    assert_eq!(value(service, "SHOW fsync").await, "on");
    assert_eq!(value(service, "SELECT upper('é')").await, "É");
    assert!(running.version.starts_with(|first: char| first.is_ascii_digit()));

    // What a migration revokes stays revoked; a role that is new gets what the first one had.
    run(owner, "REVOKE DELETE ON t FROM \"ra\"\"tes\"").await.unwrap();
    running.stop().await;
    let (running, _) = start(&options(folder.path())).await.unwrap();
    assert_eq!(run(&running.service, "DELETE FROM t").await, Err("42501".to_owned()));
    running.stop().await;
    let options = Options { user: "renamed".to_owned(), ..options(folder.path()) };
    let (running, _) = start(&options).await.unwrap();
    assert_eq!(run(&running.service, "DELETE FROM t; DELETE FROM s.u").await, Ok(()));
    running.stop().await;
}

#[tokio::test]
async fn two_at_once_are_told_apart() {
    let folder = Folder::new("up");
    let options = options(folder.path());
    let (running, _) = start(&options).await.unwrap();
    let Err(found) = start(&options).await else { panic!("both run") };
    let text = found.render(false);
    assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    run(&running.owner, "SELECT 1").await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn dropping_it_stops_it() {
    let folder = Folder::new("up");
    let (running, _) = start(&options(folder.path())).await.unwrap();
    assert_eq!(postmasters(folder.path()).len(), 1);
    tokio::task::spawn_blocking(|| drop(running)).await.unwrap();
    assert_eq!(postmasters(folder.path()).len(), 0);
}

#[tokio::test]
async fn the_end_of_the_server_is_heard() {
    let folder = Folder::new("up");
    let (running, _) = start(&options(folder.path())).await.unwrap();
    let pid = postmasters(folder.path())[0].to_string();
    Command::new("kill").args(["-QUIT", &pid]).status().unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), running.ended()).await.unwrap();
    assert!(ended.message().contains("the private PostgreSQL ended"), "{}", ended.message());
    running.stop().await;
    // A process that another test is just starting holds the lock until it runs its own program.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let (running, _) = loop {
        match start(&options(folder.path())).await {
            Ok(started) => break started,
            Err(found) if tokio::time::Instant::now() > deadline => panic!("{found:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    running.stop().await;
}

/// Run by the test below in a process of its own, which is killed.
#[tokio::test]
#[ignore = "the other half of a_killed_run_leaves_nothing_for_the_next"]
async fn hold_a_private_server() {
    let folder = std::env::var_os("HELD_FOLDER").unwrap();
    let (running, _) = start(&options(Path::new(&folder))).await.unwrap();
    run(&running.owner, "CREATE TABLE IF NOT EXISTS kept (a int)").await.unwrap();
    println!("held");
    tokio::time::sleep(Duration::from_mins(1)).await;
}

#[tokio::test]
async fn a_killed_run_leaves_nothing_for_the_next() {
    let folder = Folder::new("up");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded::hold_a_private_server", "--ignored", "--nocapture"])
        .env("HELD_FOLDER", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("held")));
    let left = postmasters(folder.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(postmasters(folder.path()), left, "kill -9 of the parent alone leaves it");

    let (running, told) = start(&options(folder.path())).await.unwrap();
    let stopped = told.iter().filter_map(|it| match it {
        Progress::StoppingOrphan { pid } => Some(i32::try_from(*pid).unwrap()),
        _ => None,
    });
    assert_eq!(stopped.collect::<Vec<_>>(), left);
    let now = postmasters(folder.path());
    assert_eq!(now.len(), 1);
    assert_ne!(now, left);
    run(&running.service, "SELECT FROM kept").await.unwrap();
    running.stop().await;
    eventually("all are gone", Duration::from_secs(5), || postmasters(folder.path()).is_empty());
}

#[tokio::test]
async fn a_process_number_that_was_used_again_is_left_alone() {
    let folder = Folder::new("up");
    start(&options(folder.path())).await.unwrap().0.stop().await;
    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    let data = root(folder.path()).join("data");
    let text = format!("{}\n{}\n1\n5432\n\n\n", other.id(), data.display());
    std::fs::write(data.join("postmaster.pid"), text).unwrap();
    let (running, told) = start(&options(folder.path())).await.unwrap();
    assert!(!told.iter().any(|it| matches!(it, Progress::StoppingOrphan { .. })));
    running.stop().await;
    assert!(other.try_wait().unwrap().is_none(), "it lives");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn a_half_made_folder_is_made_anew() {
    let folder = Folder::new("up");
    let options = options(folder.path());
    start(&options).await.unwrap().0.stop().await;
    let root = root(folder.path());
    std::fs::rename(root.join("data"), root.join("data.new")).unwrap();
    std::fs::remove_file(root.join("data.new/global/pg_control")).unwrap();
    let (running, told) = start(&options).await.unwrap();
    assert_eq!(told[0], Progress::Unfinished);
    assert!(told_of_initialising(&told));
    running.stop().await;
}

#[tokio::test]
async fn a_folder_of_another_version_or_owner_is_refused_in_words() {
    let folder = Folder::new("up");
    let options = options(folder.path());
    start(&options).await.unwrap().0.stop().await;
    let root = root(folder.path());
    let version = root.join("data/PG_VERSION");
    let real = std::fs::read_to_string(&version).unwrap();
    std::fs::write(&version, "11\n").unwrap();
    let Err(found) = start(&options).await else { panic!("it runs") };
    let refusal = found.iter().next().unwrap();
    assert_eq!(refusal.code(), Code::Machine);
    assert!(refusal.message().contains("made by PostgreSQL 11"), "{}", refusal.message());
    assert!(refusal.help_text().unwrap().contains("--fresh"));
    std::fs::write(&version, real).unwrap();

    std::fs::remove_file(root.join("howdah-folder")).unwrap();
    let fresh = Options { fresh: true, ..options };
    let Err(found) = start(&fresh).await else { panic!("it runs") };
    assert!(found.render(false).contains("is not a folder of `howdah up`"));
    assert!(root.join("data").exists(), "nothing of it was touched");
}

#[tokio::test]
async fn a_server_that_does_not_start_shows_its_own_words() {
    let folder = Folder::new("up");
    let options = options(folder.path());
    start(&options).await.unwrap().0.stop().await;
    let configuration = root(folder.path()).join("data/postgresql.conf");
    std::fs::write(&configuration, "shared_bufers = 1\n").unwrap();
    let Err(found) = start(&options).await else { panic!("it runs") };
    let text = found.render(false);
    assert!(text.contains("the private PostgreSQL does not start"), "{text}");
    assert!(text.contains("unrecognized configuration parameter \"shared_bufers\""), "{text}");
    assert_eq!(postmasters(folder.path()).len(), 0);
}

#[tokio::test]
async fn a_long_path_has_its_socket_elsewhere() {
    let folder = Folder::new("up");
    let mut options = options(folder.path());
    options.environment.storage = folder.path().join("x".repeat(120));
    let (running, _) = start(&options).await.unwrap();
    assert!(running.owner.host.len() < 80, "{}", running.owner.host);
    run(&running.service, "SELECT 1").await.unwrap();
    let socket = running.socket().to_owned();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "closed to others");
    running.stop().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn nobody_will_do_where_there_is_no_postgres() {
    let folder = Folder::new("up");
    let mut options = options(folder.path());
    if options.environment.child.is_none() {
        return; // Only root chooses whom its children run as.
    }
    let nobody = Account { name: "nobody".to_owned(), uid: 65534, gid: 65534 };
    options.environment.child = Some(nobody);
    let (running, _) = start(&options).await.unwrap();
    let process = format!("/proc/{}", postmasters(folder.path())[0]);
    assert_eq!(std::fs::metadata(process).unwrap().uid(), 65534);
    run(&running.service, "SELECT 1").await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_no_process() {
    let folder = Folder::new("up");
    let options = options(folder.path());
    let initialising = tokio::sync::Notify::new();
    let progress = |progress: Progress| {
        if matches!(progress, Progress::Initialising { .. }) {
            initialising.notify_one();
        }
    };
    tokio::select! {
        _ = embedded::start(&options, &progress) => panic!("it was too quick to give up"),
        () = async {
            initialising.notified().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        } => {}
    }
    // What it had started ends a moment after it.
    crate::support::eventually("nothing is left", crate::support::http::PATIENCE, || {
        running_in(folder.path()).is_empty()
    });
    start(&options).await.unwrap().0.stop().await;
    assert_eq!(running_in(folder.path()), [""; 0]);
}

/// The command lines and environments of all processes that name `folder`.
fn running_in(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let read = |path: PathBuf| {
        std::fs::read(path).map(|it| String::from_utf8_lossy(&it).into_owned()).unwrap_or_default()
    };
    let lines =
        processes.map(|it| read(it.path().join("cmdline")) + &read(it.path().join("environ")));
    lines.filter(|line| line.contains(&folder)).collect()
}
