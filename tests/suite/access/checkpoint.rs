//! Checkpoints and leaves that a keeper does not believe: it says so in the trail.

use super::keeper::House;
use crate::support::{eventually, keeper::Home};
use howdah::audit::verify::read_place;
use serde_json::Value;
use std::{fs, time::Duration};

const SOON: Duration = Duration::from_secs(40);

/// The refusals of this action in the trail: code and reason.
fn refused(home: &Home, action: &str) -> Vec<(String, String)> {
    let rows = home.database.psql_as_superuser(&format!(
        "SELECT body::json #>> '{{entry,detail}}' FROM (SELECT body FROM howdah.audit_inbox UNION ALL \
         SELECT body FROM howdah.audit_leaf) AS it WHERE body::json #>> '{{entry,action}}' = '{action}' \
         AND body::json #>> '{{entry,outcome}}' = 'refused' ORDER BY 1"
    ));
    let detail = |row: &Vec<Option<String>>| -> Value {
        serde_json::from_str(row[0].as_deref().unwrap()).unwrap()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(detail).map(|it| (text(&it["code"]), text(&it["reason"]))).collect()
}

#[test]
fn what_a_keeper_does_not_believe_is_in_the_trail() {
    let (House { home, keeper, .. }, _) = House::with("requesters = [\"dev\"]");
    let file = home.folder.path().join("checkpoints");
    let notes = || read_place("", &fs::read_to_string(&file).unwrap_or_default()).notes;
    let size = |note: &str| note.lines().nth(1).unwrap().parse::<u64>().unwrap();
    eventually("there is one", SOON, || !notes().is_empty());
    home.token("ann", "dev");
    eventually("there is a larger one", SOON, || {
        let all = notes();
        size(&all[0]) < size(&all[all.len() - 1])
    });
    // A keeper reads what is there when it begins to lead.
    drop(keeper);
    let all = notes();
    let (first, last) = (&all[0], &all[all.len() - 1]);
    let larger = last.replacen(&size(last).to_string(), &(size(last) + 7).to_string(), 1);
    fs::write(&file, format!("{}\n{larger}\n{first}\n", all.join("\n"))).unwrap();
    assert_eq!(notes().len(), all.len() + 2);
    let keeper = home.keeper();
    eventually("both are told", SOON, || refused(&home, "audit.checkpoint").len() == 2);
    let told = refused(&home, "audit.checkpoint");
    assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("forged", "rollback"), "{told:?}");
    assert!(told.iter().all(|it| it.1.contains("checkpoints: ")), "{told:?}");
    // It signs on, for it believed neither.
    let before = notes().len();
    home.token("bob", "dba");
    eventually("it signs on", SOON, || notes().len() > before);
    assert!(refused(&home, "audit.trail").is_empty());
    // A leaf that is not what was signed.
    drop(keeper);
    home.database.psql_as_superuser(
        "UPDATE howdah.audit_leaf SET body = replace(body, 'keeper', 'keeqer') WHERE leaf = 0",
    );
    let _keeper = home.keeper();
    eventually("it is told", SOON, || refused(&home, "audit.trail").len() == 1);
    assert_eq!(refused(&home, "audit.trail")[0].0, "tampered");
}
