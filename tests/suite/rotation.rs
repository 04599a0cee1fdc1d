//! Rotation against a real PostgreSQL, a real keeper and a real service under load.

mod approval;
mod chaos;
mod clock;
pub(crate) mod faults;
mod own;
mod own_clock;
mod secrets;

use crate::support::{
    database::Database,
    eventually, http,
    keeper::{Home, Keeper},
    postgres::cluster,
    service::{self, Service},
};
use std::{
    path::PathBuf,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

const SOON: Duration = Duration::from_secs(20);

fn home(more: &str) -> Home {
    Home::rotating(Database::create(cluster()), more)
}

fn leading(home: &Home) -> Keeper {
    let keeper = home.keeper();
    eventually("it leads", SOON, || keeper.leads());
    if !keeper.token.exists() {
        home.operator();
    }
    keeper
}

fn serve(home: &Home) -> Service {
    let service = service::serve(home.folder.path()).arg("--threads").arg("2").start();
    eventually("it is ready", SOON, || service.get_admin("/ready").status == 200);
    service
}

/// Runs `word` and gives what it printed; it must succeed.
fn done(home: &Home, keeper: &Keeper, word: &str) -> String {
    let output = home.credentials(word, keeper);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{word}: {said}\n{}", keeper.log());
    String::from_utf8(output.stdout).unwrap()
}

/// Requests without a pause from several callers, until it is asked how many failed.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    callers: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn on(service: &Service) -> Self {
        Self::pausing(service, Duration::from_millis(2))
    }

    /// One whose callers wait so long after each answer.
    fn pausing(service: &Service, pause: Duration) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let at = service.http;
        let caller = |_| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || {
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match http::send(at, "GET", "/one", &[], b"") {
                        Ok(reply) if reply.status == 200 => {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(reply) => failures.push(reply.to_string()),
                        Err(why) => failures.push(why.to_string()),
                    }
                    std::thread::sleep(pause);
                }
                failures
            })
        };
        let callers = (0..3).map(caller).collect();
        Self { stop, answered, callers }
    }

    fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.callers.into_iter().flat_map(|it| it.join().unwrap()).collect();
        (self.answered.load(Ordering::Relaxed), failures)
    }
}

/// Whether the published credential signs in.
fn signs_in(home: &Home) -> bool {
    let published = home.published();
    let mut config = home.database.config();
    config
        .user(published["user"].as_str().unwrap())
        .password(published["password"].as_str().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { config.connect(tokio_postgres::NoTls).await.is_ok() })
}

/// Whether `login` may sign in.
fn may_sign_in(home: &Home, login: &str) -> bool {
    let sql = format!("SELECT rolcanlogin FROM pg_roles WHERE rolname = '{login}'");
    home.database.psql_as_superuser(&sql)[0][0].as_deref() == Some("t")
}

#[test]
fn an_application_is_taken_over_and_rotated_and_no_request_fails() {
    let home = home("");
    let owner = home.database.user.clone();
    let keeper = leading(&home);
    let service = serve(&home);
    assert_eq!(service.get_admin("/credential").json()["generation"], serde_json::Value::Null);
    let load = Load::on(&service);
    let printed = done(&home, &keeper, "adopt");
    for phase in ["applied", "verified", "published", "adopted", "overlap", "retired", "idle"] {
        let lines = printed.lines().filter(|line| line.split_whitespace().nth(2) == Some(phase));
        assert_eq!(lines.count(), 1, "{printed}");
    }
    assert_eq!(home.published()["user"], format!("{owner}_a"));
    assert!(!may_sign_in(&home, &owner) && may_sign_in(&home, &format!("{owner}_a")));
    for generation in 2..=4 {
        done(&home, &keeper, "rotate");
        assert_eq!(service.get_admin("/credential").json()["generation"], generation);
    }
    let (answered, failures) = load.end();
    assert!(failures.is_empty(), "{} of {answered}: {}", failures.len(), failures[0]);
    assert!(answered > 100, "{answered}");
    assert_eq!(home.published()["generation"], 4);
    assert!(
        may_sign_in(&home, &format!("{owner}_b")) && !may_sign_in(&home, &format!("{owner}_a"))
    );
    // Each transition has one entry, and no other is there.
    let entries = home.database.psql_as_superuser(
        "SELECT e #>> '{entry,action}', e #>> '{entry,detail,generation}', count(*)
         FROM (SELECT body::json AS e FROM howdah.audit_inbox WHERE writer = 'rotation') AS it
         GROUP BY 1, 2",
    );
    assert_eq!(entries.len(), 4 * 7, "{entries:?}");
    assert!(entries.iter().all(|row| row[2].as_deref() == Some("1")), "{entries:?}");
    // Nothing belongs to a login.
    let owned = home.database.psql_as_superuser(&format!(
        "SELECT count(*) FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
         WHERE d.deptype = 'o' AND r.rolname IN ('{owner}_a', '{owner}_b')"
    ));
    assert_eq!(owned[0][0].as_deref(), Some("0"));
    let status: serde_json::Value = {
        let mut command = home.howdah(&["credentials", "status", "--format", "json"]);
        command.args(["--set", &format!("keeper.listen={}", keeper.address)]);
        command.env("HOWDAH_TOKEN_FILE", &keeper.token);
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    };
    assert_eq!((&status["phase"], &status["current"]["generation"]), (&"idle".into(), &4.into()));
    assert!(status["sessions"].as_array().unwrap().iter().all(|it| it["generation"] == 4));
}

#[test]
fn keepers_that_are_asked_together_make_one_generation() {
    let home = home("");
    let service = serve(&home);
    let keepers: Vec<_> = (0..5).map(|_| home.keeper()).collect();
    eventually("one leads", SOON, || keepers.iter().any(Keeper::leads));
    home.operator();
    let asked: Vec<_> = std::thread::scope(|scope| {
        let ask =
            |keeper: &Keeper| keeper.post("/credentials/adopt", &serde_json::json!({})).status;
        let threads: Vec<_> =
            keepers.iter().chain(&keepers).map(|it| scope.spawn(move || ask(it))).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert_eq!(asked.iter().filter(|it| **it == 202).count(), 1, "{asked:?}");
    assert!(asked.iter().all(|it| matches!(it, 202 | 409 | 503)), "{asked:?}");
    let leader = keepers.iter().find(|it| it.leads()).unwrap();
    eventually("it ends", SOON, || leader.get("/credentials").json()["phase"] == "idle");
    assert_eq!(leader.get("/credentials").json()["highest"], 1);
    assert_eq!(service.get("/one").status, 200);
}

#[test]
fn a_rotation_takes_an_operator_and_the_trail_has_who_was_refused() {
    let home = home("");
    let keeper = leading(&home);
    let nobody = |method: &str, path: &str| {
        http::send(keeper.address, method, path, &[], b"").unwrap().problem()
    };
    for path in ["/credentials/rotate", "/credentials/adopt", "/credentials/back"] {
        assert_eq!(nobody("POST", path), "token-invalid");
    }
    assert_eq!(nobody("GET", "/credentials"), "token-invalid");
    let ask = |word: &str, token: &PathBuf| {
        let mut command = home.howdah(&["credentials", word]);
        command.args(["--set", &format!("keeper.listen={}", keeper.address)]);
        command.arg("--token-file").arg(token).output().unwrap()
    };
    let said_with = |output: &Output, code: i32| {
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = |output: &Output| said_with(output, 1);
    let reader = home.token("reader", "dba,leads");
    for word in ["rotate", "adopt", "back"] {
        assert!(said(&ask(word, &reader)).contains("(not-an-operator)"));
    }
    assert!(ask("status", &reader).status.success(), "whoever is known may look");
    // An operator's refusals are in the trail as well.
    assert!(said(&ask("rotate", &keeper.token)).contains("has not been taken over yet"));
    let output = home.howdah(&["access", "token", "reader", "--revoke"]).output().unwrap();
    assert!(output.status.success());
    assert!(said(&ask("status", &reader)).contains("(token-ended)"));
    let empty = home.folder.write("empty.token", "\n");
    assert!(said_with(&ask("status", &empty), 3).contains("holds no token"));
    let refusals = home.database.psql_as_superuser(
        "SELECT concat_ws(' ', e #>> '{entry,action}', e #>> '{entry,actor}', e #>> '{entry,detail,code}'), count(*)
         FROM (SELECT body::json AS e FROM howdah.audit_inbox WHERE writer = 'access') AS it
         WHERE e #>> '{entry,outcome}' = 'refused' GROUP BY 1 ORDER BY 1",
    );
    let refusals: Vec<_> = refusals
        .iter()
        .map(|row| format!("{} {}", row[0].as_deref().unwrap(), row[1].as_deref().unwrap()))
        .collect();
    let expected = [
        "rotation.adopt local:reader not-an-operator 1",
        "rotation.back local:reader not-an-operator 1",
        "rotation.rotate local:operator conflict 1",
        "rotation.rotate local:reader not-an-operator 1",
        "sign-in keeper token-invalid 4",
        "sign-in local:reader token-ended 1",
    ];
    assert_eq!(refusals, expected);
    assert_eq!(keeper.get("/credentials").json()["highest"], 0);
}

#[test]
fn a_service_whose_credential_is_refused_at_its_start_waits_for_what_mends_it() {
    let home = home("");
    let owner = home.database.user.clone();
    let keeper = leading(&home);
    done(&home, &keeper, "adopt");
    drop(keeper);
    let spoil = |login: &str| {
        home.database.psql_as_superuser(&format!("ALTER ROLE {login} PASSWORD 'spoiled'"));
        let service = service::serve(home.folder.path()).arg("--threads").arg("1").start();
        eventually("it says so", SOON, || {
            service.output().contains("the credential is refused: the service waits")
        });
        assert_eq!((service.get("/one").status, service.get_admin("/ready").status), (503, 503));
        service
    };
    let ready = |service: &Service| {
        eventually("it is ready", SOON, || service.get_admin("/ready").status == 200);
        assert_eq!(service.get("/one").status, 200);
    };
    // Another credential comes.
    let service = spoil(&format!("{owner}_a"));
    home.database.psql_as_superuser(&format!("ALTER ROLE {owner}_b LOGIN PASSWORD 'another'"));
    let other = serde_json::json!(
        { "generation": 2, "user": format!("{owner}_b"), "password": "another" });
    home.folder.write("draft", other.to_string());
    let path = |name: &str| home.folder.path().join(name);
    std::fs::rename(path("draft"), path("credential.json")).unwrap();
    ready(&service);
    drop(service);
    // A keeper comes, which publishes one.
    let service = spoil(&format!("{owner}_b"));
    let _keeper = leading(&home);
    ready(&service);
    assert!(service.get_admin("/credential").json()["generation"].as_u64() > Some(2));
}
