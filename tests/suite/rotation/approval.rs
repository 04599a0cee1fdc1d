//! A rotation that takes an approved access request.

use super::{SOON, home, leading};
use crate::support::{eventually, service};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Output,
};

const POLICY: &str = "approval = \"change\"\n\n[access.policies.change]\naction = \"rotation\"\n\
    approvers = [\"dba\"]\nrequesters = [\"operators\"]\nmax_for = \"1h\"\n";

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn a_rotation_that_takes_approval_uses_up_one_request_of_its_own() {
    let home = home(POLICY);
    let keeper = leading(&home);
    let access = |words: &[&str], token: &Path| {
        let mut command = service::howdah(["access"]);
        command.args(words).arg("--keeper").arg(format!("http://{}", keeper.address));
        command.arg("--token-file").arg(token).args(["--format", "json"]);
        answer(&command.output().unwrap())
    };
    let begin = |word: &str, token: &PathBuf, request: &[&str]| {
        let mut command = service::howdah(["credentials", word]);
        command.arg("--keeper").arg(format!("http://{}", keeper.address));
        command.arg("--token-file").arg(token).args(request).output().unwrap()
    };
    let refused = |output: &Output, code: &str| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(&format!("({code})")), "{said}");
    };
    let (ann, bob, eve) =
        (keeper.token.clone(), home.token("bob", "dba"), home.token("eve", "operators"));
    let ask = || {
        let mut made = Value::Null;
        eventually("it is asked for", SOON, || {
            made = access(&["request", "change", "--for", "1h", "--reason", "monthly"], &ann);
            made["state"] == "pending"
        });
        made["id"].as_str().unwrap().to_owned()
    };

    refused(&begin("adopt", &ann, &[]), "not-approved");
    refused(&begin("adopt", &ann, &["--request", "4711"]), "request-number-invalid");
    let id = ask();
    let request = ["--request", id.as_str()];
    refused(&begin("adopt", &ann, &request), "not-approved");
    assert_eq!(access(&["approve", &id], &ann)["code"], "self-approval");
    assert_eq!(access(&["approve", &id], &bob)["state"], "approved");
    assert_eq!(access(&["login", &id], &ann)["code"], "wrong-action");
    refused(&begin("adopt", &eve, &request), "not-yours");
    let done = begin("adopt", &ann, &request);
    assert!(done.status.success(), "{done:?}\n{}", keeper.log());
    assert_eq!(access(&["show", &id], &ann)["state"], "used");
    refused(&begin("rotate", &ann, &request), "wrong-state");

    // Nor do the functions behind it make a login of such a request, or use one that is not approved.
    let (approved, pending) = (ask(), ask());
    access(&["approve", &approved], &bob);
    let refuses = |statement: &str| {
        home.database.psql_as_superuser(&format!(
            "DO $$ BEGIN {statement}; RAISE 'it was done'; \
             EXCEPTION WHEN SQLSTATE 'HWA03' OR SQLSTATE 'HWA02' THEN NULL; END $$"
        ));
    };
    refuses(&format!(
        "PERFORM howdah.access_activate_login((SELECT requester FROM howdah.access_request \
         WHERE id = '{approved}'), '{approved}', 'SCRAM-SHA-256$4096:eA==$eA==:eA==')"
    ));
    refuses(&format!("UPDATE howdah.access_request SET state = 'used' WHERE id = '{pending}'"));
    let done = begin("rotate", &ann, &["--request", &approved]);
    assert!(done.status.success(), "{done:?}\n{}", keeper.log());

    let entries = home.database.psql_as_superuser(
        "SELECT e #>> '{entry,action}', count(*) FROM (SELECT body::json AS e FROM howdah.audit_inbox) AS it
         WHERE e #>> '{entry,action}' = 'request.used'
         OR e #>> '{entry,action}' = 'rotation.applied' AND e #>> '{entry,detail,request}' IS NOT NULL
         GROUP BY 1 ORDER BY 1",
    );
    let entries: Vec<_> = entries.iter().map(|row| row[1].as_deref().unwrap()).collect();
    assert_eq!(entries, ["2", "2"]);
}

#[test]
fn a_policy_is_for_what_it_is_named_for() {
    let check = |more: &str| {
        let folder = crate::support::folder::Folder::new("approval");
        let manifest = format!(
            "[service]\nname = \"x\"\n[database]\nname = \"x\"\n[credentials]\nowner = \"x\"\n\
             sinks = [{{ file = \"/run/c\" }}]\n{more}"
        );
        folder.write("howdah.toml", manifest);
        let output = service::howdah(["check"]).arg(folder.path()).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (more, why) in [
        ("approval = \"change\"", "names no policy for rotations"),
        (
            "approval = \"change\"\n[access.policies.change]\nprofile = \"r\"\napprovers = [\"dba\"]",
            "names no policy for rotations",
        ),
        (
            "[access.policies.change]\naction = \"rotation\"\nprofile = \"r\"\napprovers = [\"dba\"]",
            "is for rotations, and names a `profile`",
        ),
        ("[access.policies.read]\napprovers = [\"dba\"]", "names no `profile`"),
    ] {
        let (is_good, said) = check(more);
        assert!(!is_good && said.contains(why), "{more}: {said}");
    }
    let (is_good, said) = check(POLICY);
    assert!(is_good, "{said}");
}
