//! What breaks PostgreSQL, in short: the real service under load from callers who know which answers are
//! right, on a cluster of its own. Longer, with more load, and with what takes root (a network
//! of its own): `scripts/chaos`.

use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    http::{self, PATIENCE},
    postgres::{Cluster, SMALL_DISK},
    service::{Serve, Service, serve},
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};
use tokio_postgres::NoTls;

/// Callers who read, and callers who write.
const CALLERS: (u64, u64) = (6, 2);
/// How often each reader must be answered rightly before and after the fault.
const ENOUGH: u64 = 20;
/// Rows that the readers know.
const FACTS: u64 = 100;

/// What became of the requests.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    right: AtomicU64,
    refused: AtomicU64,
    /// Numbers that were sent, and those of them that were answered with a 2xx.
    sent: Mutex<BTreeSet<u64>>,
    made: Mutex<BTreeSet<u64>>,
    /// Answers that nobody promised.
    wrong: Mutex<Vec<String>>,
}

impl Load {
    fn reads(&self, service: &Service) {
        while !self.over.load(Relaxed) {
            let number = fastrand::u64(1..=FACTS);
            match http::send(service.http, "GET", &format!("/facts/{number}"), &[], b"") {
                Ok(it) if it.status == 200 && it.text() == format!("\"fact {number}\"") => {
                    self.right.fetch_add(1, Relaxed);
                }
                other => self.judge(other),
            }
        }
    }

    fn writes(&self, service: &Service, writer: u64) {
        let fields = [("content-type", "application/json")];
        for number in (writer * 1_000_000).. {
            if self.over.load(Relaxed) {
                break;
            }
            self.sent.lock().unwrap().insert(number);
            let body = json!({ "number": number }).to_string();
            match http::send(service.http, "POST", "/entries", &fields, body.as_bytes()) {
                Ok(it) if it.status == 200 && it.text() == number.to_string() => {
                    self.made.lock().unwrap().insert(number);
                }
                other => self.judge(other),
            }
        }
    }

    /// Counts a refusal as stated; what is none is kept for the end.
    fn judge(&self, answer: Result<http::Reply, ureq::Error>) {
        let wrong = match answer {
            // 403: the login has lost its rights, and is not gone yet.
            Ok(it) if [403, 503, 504].contains(&it.status) => {
                it.problem();
                let waits = it.status == 503 && it.header("retry-after").is_none();
                self.refused.fetch_add(1, Relaxed);
                waits.then(|| format!("503 without Retry-After: {it}"))
            }
            Ok(it) => Some(it.to_string()),
            Err(why) => Some(format!("lost: {why}")),
        };
        self.wrong.lock().unwrap().extend(wrong);
    }

    /// Waits until the readers have been answered rightly for a while, from now on.
    fn goes_on(&self, what: &str) {
        let before = self.right.load(Relaxed);
        let enough = before + ENOUGH * CALLERS.0;
        eventually(what, PATIENCE, || self.right.load(Relaxed) >= enough || self.is_wrong());
    }

    /// Waits until somebody was refused, which is when the service has noticed.
    fn is_noticed(&self) {
        let before = self.refused.load(Relaxed);
        let refused = || self.refused.load(Relaxed) > before || self.is_wrong();
        eventually("somebody is refused", PATIENCE, refused);
    }

    fn is_wrong(&self) -> bool {
        !self.wrong.lock().unwrap().is_empty()
    }
}

/// A cluster and a database with a login that owns nothing.
struct World {
    cluster: Cluster,
    /// As the service signs in.
    database: Database,
}

impl World {
    fn new() -> Self {
        Self::on(Cluster::start())
    }

    fn on(cluster: Cluster) -> Self {
        let owner = Database::create(&cluster);
        owner.psql(&format!(
            "CREATE TABLE facts (number bigint PRIMARY KEY, text text NOT NULL);
             INSERT INTO facts SELECT n, 'fact ' || n FROM generate_series(1, {FACTS}) AS n;
             CREATE TABLE entries (number bigint NOT NULL, filler text DEFAULT repeat('x', 1900))"
        ));
        let mut database = owner;
        "app".clone_into(&mut database.user);
        let world = Self { cluster, database };
        world.make_role();
        world
    }

    fn admin(&self, sql: &str) -> String {
        let rows = self.database.psql_as_superuser(sql);
        rows.first().and_then(|row| row[0].clone()).unwrap_or_default()
    }

    /// The service's login. What was answered must be there after a crash.
    fn make_role(&self) {
        let Database { user, password, .. } = &self.database;
        self.admin(&format!(
            "CREATE ROLE {user} LOGIN PASSWORD '{password}';
             ALTER ROLE {user} SET synchronous_commit = on;
             GRANT SELECT ON facts TO {user}; GRANT SELECT, INSERT ON entries TO {user}"
        ));
    }

    fn end_sessions(&self) {
        self.admin(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'",
        );
    }

    /// A service in `folder`, about to be served.
    fn serve(&self, folder: &Folder) -> Serve {
        folder.write(
            "howdah.toml",
            "[service]\nname = \"faults\"\n[database]\nhost = \"${DB_HOST}\"\nport = \"${DB_PORT}\"\n\
             name = \"${DB_NAME}\"\nuser = \"${DB_USER}\"\npassword = \"${DB_PASSWORD}\"\n\
             [lanes.read]\nconnections = 2\n[lanes.write]\nconnections = 2\n",
        );
        let front = |head: &str, sql: &str| {
            format!("/*\n{head}\nresult = \"value\"\n[parameters]\nnumber = {{}}\n*/\n{sql}\n")
        };
        let read = "SELECT text FROM facts WHERE number = :number";
        folder.write("endpoints/facts.sql", front("get = \"/facts/{number}\"", read));
        let write = "INSERT INTO entries (number) VALUES (:number) RETURNING number";
        folder.write("endpoints/entries.sql", front("post = \"/entries\"", write));
        serve(folder.path()).database(&self.database).arg("--threads=1")
    }

    /// Has `service` under load while `fault` comes and goes; then every answer was right or a refusal as
    /// stated, and no write was made twice or lost after its 2xx.
    fn survives(&self, service: &Service, fault: impl FnOnce(&Load)) {
        eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
        let load = Load::default();
        std::thread::scope(|scope| {
            let load = &load;
            for _ in 0..CALLERS.0 {
                scope.spawn(|| load.reads(service));
            }
            for writer in 1..=CALLERS.1 {
                scope.spawn(move || load.writes(service, writer));
            }
            // The callers end whatever fails here.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                load.goes_on("the load runs");
                fault(load);
                load.goes_on("it is served again");
                let made = load.made.lock().unwrap().len();
                eventually("it is written again", PATIENCE, || {
                    load.made.lock().unwrap().len() > made || load.is_wrong()
                });
            }));
            load.over.store(true, Relaxed);
            if let Err(why) = done {
                std::panic::resume_unwind(why);
            }
        });
        let wrong = load.wrong.into_inner().unwrap();
        assert!(wrong.is_empty(), "{} wrong: {}", wrong.len(), wrong[0]);
        let rows = self.database.psql_as_superuser("SELECT number::text FROM entries");
        let there: Vec<u64> =
            rows.iter().map(|it| it[0].as_ref().unwrap().parse().unwrap()).collect();
        let once: BTreeSet<u64> = there.iter().copied().collect();
        assert_eq!(there.len(), once.len(), "a write was made twice");
        let (sent, made) = (load.sent.into_inner().unwrap(), load.made.into_inner().unwrap());
        assert!(made.is_subset(&once), "a write was lost after its 2xx");
        assert!(once.is_subset(&sent), "a write that nobody sent");
    }

    fn run(&self, fault: impl FnOnce(&Load)) {
        let folder = Folder::new("faults");
        let service = self.serve(&folder).start();
        self.survives(&service, fault);
    }
}

#[test]
fn a_postmaster_killed_with_9_and_started_again() {
    let world = World::new();
    world.run(|load| {
        for _ in 0..2 {
            world.cluster.kill();
            world.cluster.restart();
            load.goes_on("it is served after the kill");
        }
    });
}

#[test]
fn no_connection_left() {
    let world = World::new();
    world.admin("ALTER SYSTEM SET max_connections = 24");
    world.cluster.stop();
    world.cluster.restart();
    world.run(|load| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let crowd = runtime.block_on(async {
            let admin = world.database.superuser().connect(NoTls).await.unwrap();
            tokio::spawn(admin.1);
            let mut crowd = Vec::new();
            loop {
                while let Ok((client, connection)) = world.database.superuser().connect(NoTls).await
                {
                    tokio::spawn(connection);
                    crowd.push(client);
                }
                let ended =
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'";
                if admin.0.query(ended, &[]).await.unwrap().is_empty() {
                    break;
                }
            }
            crowd.push(admin.0);
            crowd
        });
        load.is_noticed();
        drop(crowd);
    });
}

#[test]
fn the_disk_is_full_and_has_room_again() {
    let Some(cluster) = Cluster::start_with_small_disk() else {
        println!("NOT CHECKED: a small disk takes root and a mount namespace");
        return;
    };
    let world = World::on(cluster);
    world.admin(&format!("CREATE TABLESPACE small LOCATION '{SMALL_DISK}'"));
    world.admin("ALTER TABLE entries SET TABLESPACE small");
    // The server writes what fills it, for nobody else sees that disk.
    let filler = |rows: u32| {
        world.admin(&format!(
            "DO $$ BEGIN COPY (SELECT repeat('x', 8000) FROM generate_series(1, {rows})) TO '{SMALL_DISK}/filler';
             EXCEPTION WHEN disk_full THEN NULL; END $$"
        ));
    };
    world.run(|load| {
        filler(20_000);
        load.is_noticed();
        filler(0);
    });
}

#[test]
fn the_password_is_changed_and_changed_back() {
    let world = World::new();
    world.run(|load| {
        world.admin("ALTER ROLE app PASSWORD 'another'");
        world.end_sessions();
        load.is_noticed();
        world.admin(&format!("ALTER ROLE app PASSWORD '{}'", world.database.password));
    });
}

#[test]
fn the_role_is_dropped_and_made_again() {
    let world = World::new();
    world.run(|load| {
        world.admin("DROP OWNED BY app; DROP ROLE app");
        world.admin(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        load.is_noticed();
        world.make_role();
    });
}

/// Where Debian's package `libfaketime` puts what turns a process's clock.
const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
];

#[test]
fn the_services_clock_jumps_an_hour_on_and_an_hour_back() {
    let Some(library) = FAKETIME.into_iter().find(|it| Path::new(it).exists()) else {
        println!("NOT CHECKED: there is no libfaketime to turn the clock with");
        return;
    };
    let world = World::new();
    // The library looks into its file, which nobody may read but the service.
    let folder = Folder::new("clock");
    let clock = folder.write("clock", "+0\n");
    let service = world.serve(&folder).env("LD_PRELOAD", library);
    let service =
        service.env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_CACHE_DURATION", "1");
    let service = service.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let service = service.env("HOWDAH_RELOAD_WATCH", "off").start();
    // What the log says is what the service believes.
    let offset_s = || {
        let line = service.output().lines().rev().find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(line["timestamp"].as_str()?.to_owned())
        });
        let told = world.admin(&format!(
            "SELECT round(extract(epoch FROM '{}'::timestamptz - now()))::bigint::text",
            line.unwrap()
        ));
        told.parse::<i64>().unwrap()
    };
    world.survives(&service, |load| {
        for (jump, hours) in [("+3600\n", 1), ("-3600\n", -1), ("+0\n", 0)] {
            folder.write("clock", jump);
            eventually("the clock has jumped", PATIENCE, || {
                (offset_s() - hours * 3600).abs() < 900
            });
            load.goes_on("it is served at another time");
        }
        assert_eq!(load.refused.load(Relaxed), 0, "no clock of a lane is that one");
    });
}
