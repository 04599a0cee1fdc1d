//! The database's clock, by which deadlines are judged, jumps.

use super::{Load, SOON, done, home, leading, may_sign_in, serve, signs_in};
use crate::support::{
    eventually,
    keeper::{Home, Keeper},
};
use serde_json::{Value, json};
use std::{fs, time::Duration};

/// Longer than a loaded machine takes; the jumps are longer still.
const PATIENCE: Duration = Duration::from_mins(1);

/// As if the database's clock had jumped: all that is stored lies so much later, or earlier.
fn shift(home: &Home, by: &str) {
    home.database.psql_as_superuser(&format!(
        "UPDATE howdah.rotation SET since = since + interval '{by}', issued_at = issued_at + interval '{by}',
            deadline = deadline + interval '{by}', due_at = due_at + interval '{by}';
         UPDATE howdah.rotation_step SET at = at + interval '{by}'"
    ));
}

fn status(keeper: &Keeper) -> Value {
    keeper.get("/credentials").json()
}

#[test]
fn the_databases_clock_may_jump_in_any_phase() {
    let home = home("");
    let (service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    let load = Load::on(&service);
    for (by, generation) in [("1 year", 2), ("-1 year", 3), ("1 hour", 4)] {
        let begun = keeper.post("/credentials/rotate", &json!({}));
        assert_eq!(begun.status, 202, "{begun}");
        let (mut seen, mut jumps) = (Value::Null, 0);
        eventually("it ends", PATIENCE, || {
            let now = status(&keeper);
            if now["phase"] != seen && now["phase"].is_string() {
                seen = now["phase"].clone();
                shift(&home, by);
                jumps += 1;
            }
            now["phase"] == "idle" && now["current"]["generation"] == generation
        });
        assert!(jumps > 2, "{jumps}");
        assert!(signs_in(&home));
        assert_eq!(home.published()["generation"], generation);
        let logins = ["_a", "_b"].map(|end| format!("{}{end}", home.database.user));
        assert_eq!(logins.iter().filter(|it| may_sign_in(&home, it)).count(), 1);
    }
    let (answered, failures) = load.end();
    assert!(failures.is_empty(), "{} of {answered}: {}", failures.len(), failures[0]);
}

#[test]
fn a_deadline_that_a_jump_has_passed_retires_nothing_that_is_needed() {
    let home = home("");
    let (service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    let old = home.published()["user"].as_str().unwrap().to_owned();
    // A service that does not see the new credential, for it follows another file.
    let path = home.folder.path().join("stale.json");
    fs::copy(home.folder.path().join("credential.json"), &path).unwrap();
    let set = ["--set".to_owned(), format!("database.credential={}", path.display())];
    let mut stale = crate::support::service::serve(home.folder.path());
    for word in set {
        stale = stale.arg(word);
    }
    let stale = stale.start();
    eventually("it is ready", SOON, || stale.get_admin("/ready").status == 200);
    assert_eq!(keeper.post("/credentials/rotate", &json!({})).status, 202);
    eventually("it waits for that", SOON, || {
        status(&keeper)["reason"].as_str().is_some_and(|it| it.contains("earlier generation"))
    });
    for _ in 0..5 {
        shift(&home, "-1 year");
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!((stale.get("/one").status, service.get("/one").status), (200, 200));
    assert!(may_sign_in(&home, &old));
    fs::copy(home.folder.path().join("credential.json"), &path).unwrap();
    eventually("it ends", PATIENCE, || status(&keeper)["phase"] == "idle");
    assert!(!may_sign_in(&home, &old));
    assert_eq!((stale.get("/one").status, service.get("/one").status), (200, 200));
}
