//! Every check passes on good evidence, and fails on evidence that is weakened in its own way.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

use super::{
    Check, Evidence, Verdict,
    evidence::{Files, Kept, Kernel, Role, SecretFile, Surface, Thread},
    report::{Grade, Outcome, Report},
};
use crate::{
    config::{self, Address, Config, Level},
    diagnostic::SourceFile,
};
use std::{sync::Arc, time::Duration};

fn manifest() -> Config {
    let text = "[service]\nname = \"good\"\n[database]\nname = \"good\"\npassword_file = \"/run/p\"\n\
         [keeper]\ncredential = \"/run/k/c\"\nkey_file = \"/run/k/k\"\n[credentials]\nowner = \"good\"\n\
         sinks = [{ file = \"/run/c\" }]\n[audit]\nkey_file = \"/run/k/a\"\nfiles = [\"/srv/a\"]\n";
    let source = Arc::new(SourceFile::new("howdah.toml", text));
    config::read(&source, &|_| None, &[]).unwrap().0
}

fn good() -> Evidence {
    let thread = Thread {
        users: vec![1000; 4],
        groups: vec![1000; 4],
        held: 0,
        bounding: 0,
        no_new_privileges: true,
        seccomp: 2,
        tracer: 0,
    };
    let secret =
        SecretFile { key: "database.password_file", mode: Some(0o400), is_in_folder: false };
    Evidence {
        kernel: Kernel {
            threads: vec![thread.clone(), thread],
            core_limit: Some(0),
            is_dumpable: false,
            descriptors: Some(1 << 20),
            root_is_read_only: true,
            reads_outside: false,
            writes_outside: false,
            writes_itself: false,
            randomizes: Some(2),
            memory_limit: Some(1 << 28),
            task_limit: Some(100),
            is_contained: true,
        },
        kept: Some(Kept { readable: Vec::new(), answers: Some(401), unconfined: Some(Vec::new()) }),
        files: Files { secrets: vec![secret], ..Files::default() },
        config: manifest(),
        surface: Surface { public: 3, public_writes: 0, routes: 3 },
        database: Some(Ok(Role {
            name: "good".to_owned(),
            version: 150_018,
            tls: true,
            password_encryption: "scram-sha-256".to_owned(),
            connection_limit: 20,
            ..Role::default()
        })),
    }
}

fn with_role(change: impl FnOnce(&mut Role)) -> Evidence {
    let mut evidence = good();
    if let Some(Ok(role)) = &mut evidence.database {
        change(role);
    }
    evidence
}

fn with(change: impl FnOnce(&mut Evidence)) -> Evidence {
    let mut evidence = good();
    change(&mut evidence);
    evidence
}

/// Each way to be weak, with the check that must notice.
fn weak() -> Vec<(&'static str, Evidence)> {
    let minutes = Duration::from_mins;
    let attribute = |name: &'static str| with_role(|it| it.attributes.push(name.to_owned()));
    vec![
        ("not-root", with(|it| it.kernel.threads[1].users[3] = 0)),
        ("not-roots-group", with(|it| it.kernel.threads[0].groups.push(0))),
        ("no-new-privileges", with(|it| it.kernel.threads[1].no_new_privileges = false)),
        ("no-capabilities", with(|it| it.kernel.threads[1].held = 1 << 21)),
        (
            "empty-bounding-set",
            with(|it| {
                it.kernel.threads[0].bounding = 1;
                it.kernel.threads[0].users = vec![0];
            }),
        ),
        ("system-calls-filtered", with(|it| it.kernel.threads[1].seccomp = 0)),
        ("files-confined", with(|it| it.kernel.reads_outside = true)),
        ("writes-nothing", with(|it| it.kernel.writes_outside = true)),
        ("program-not-writable", with(|it| it.kernel.writes_itself = true)),
        ("no-core-dumps", with(|it| it.kernel.core_limit = None)),
        ("not-dumpable", with(|it| it.kernel.is_dumpable = true)),
        ("not-traced", with(|it| it.kernel.threads[0].tracer = 17)),
        ("addresses-randomized", with(|it| it.kernel.randomizes = Some(1))),
        ("descriptors-suffice", with(|it| it.kernel.descriptors = Some(1024))),
        ("root-file-system-read-only", with(|it| it.kernel.root_is_read_only = false)),
        ("memory-limited", with(|it| it.kernel.memory_limit = None)),
        ("tasks-limited", with(|it| it.kernel.task_limit = None)),
        ("service-not-writable", with(|it| it.files.writable = 1)),
        ("service-not-world-writable", with(|it| it.files.world_writable = 1)),
        ("no-secrets-in-folder", with(|it| it.files.secret_looking.push(".env".to_owned()))),
        ("no-secrets-in-folder", with(|it| it.files.secrets[0].is_in_folder = true)),
        ("secret-files-private", with(|it| it.files.secrets[0].mode = Some(0o644))),
        ("secret-files-private", with(|it| it.files.secrets[0].mode = None)),
        ("no-password-in-environment", with(|it| it.files.password_in_environment = true)),
        (
            "admin-listener-local",
            with(|it| it.config.listen.admin = Some(Address::Tcp("0.0.0.0".to_owned(), 9))),
        ),
        ("callers-limited", with(|it| it.config.limits.connections = 1_000_000)),
        ("bodies-limited", with(|it| it.config.limits.body = 1 << 40)),
        ("heads-limited", with(|it| it.config.limits.headers = 9000)),
        ("slow-callers-cut-off", with(|it| it.config.limits.header_timeout = minutes(2))),
        (
            "statements-limited",
            with(|it| it.config.lanes.values_mut().for_each(|lane| lane.deadline = minutes(9))),
        ),
        ("log-discreet", with(|it| it.config.log.level = Level::Debug)),
        ("requests-logged", with(|it| it.config.log.level = Level::Warn)),
        ("writes-not-public", with(|it| it.surface.public_writes = 1)),
        (
            "keeper-listener-local",
            with(|it| {
                it.config.keeper.as_mut().unwrap().listen = Address::Tcp("10.0.0.1".to_owned(), 9);
            }),
        ),
        ("keeper-wants-tokens", with(|it| it.kept.as_mut().unwrap().answers = Some(200))),
        (
            "keeper-secrets-out-of-reach",
            with(|it| it.kept.as_mut().unwrap().readable.push("keeper.key_file")),
        ),
        (
            "keeper-confined",
            with(|it| it.kept.as_mut().unwrap().unconfined = Some(vec!["its files"])),
        ),
        (
            "credential-rotated",
            with(|it| it.config.credentials.as_mut().unwrap().rotating.rotate_every = None),
        ),
        ("credential-rotated", with(|it| it.config.credentials = None)),
        ("trail-signed", with(|it| it.config.audit.key_file = None)),
        ("trail-signed", with(|it| it.config.audit.files.clear())),
        ("database-answers", with(|it| it.database = Some(Err("no".to_owned())))),
        ("role-no-superuser", attribute("SUPERUSER")),
        ("role-makes-no-roles", attribute("CREATEROLE")),
        ("role-makes-no-databases", attribute("CREATEDB")),
        ("role-does-not-replicate", attribute("REPLICATION")),
        ("role-obeys-row-security", attribute("BYPASSRLS")),
        ("role-no-server-power", with_role(|it| it.memberships.push("pg_monitor".to_owned()))),
        ("role-owns-nothing", with_role(|it| it.owned.push(("good".to_owned(), 1)))),
        ("role-not-databases-owner", with_role(|it| it.database_owner = Some("good".to_owned()))),
        ("role-creates-nothing", with_role(|it| it.creates_in.push("public".to_owned()))),
        ("role-reads-no-passwords", with_role(|it| it.reads_secrets = true)),
        ("role-runs-nothing-untrusted", with_role(|it| it.untrusted = 1)),
        ("role-connections-limited", with_role(|it| it.connection_limit = -1)),
        ("database-connection-private", with_role(|it| it.tls = false)),
        ("passwords-scram", with_role(|it| it.password_encryption = "md5".to_owned())),
    ]
}

fn failing(evidence: &Evidence) -> Vec<&'static str> {
    let fails = |check: &&Check| matches!(check.judge(evidence), Verdict::Fail(_));
    Check::all().filter(fails).map(|check| check.id).collect()
}

#[test]
fn good_evidence_passes_every_check() {
    assert_eq!(failing(&good()), [""; 0]);
    let report = Report::of(&good());
    assert_eq!((report.grade, report.score), (Grade::A, 100));
    assert_eq!(report.count(Outcome::Pass), Check::all().count());
}

#[test]
fn every_check_notices_its_own_weakness_and_the_grade_is_lost() {
    let weak = weak();
    for (id, evidence) in &weak {
        let failing = failing(evidence);
        assert!(failing.contains(id), "{id}: {failing:?}");
        assert!(Report::of(evidence).score < 100, "{id}");
    }
    for check in Check::all() {
        assert!(weak.iter().any(|(id, _)| *id == check.id), "{} cannot fail", check.id);
    }
}

#[test]
fn what_does_not_apply_neither_passes_nor_fails() {
    let bare = with(|it| {
        it.database = None;
        it.config.database = None;
        it.files.secrets.clear();
        it.kernel.is_contained = false;
        it.kernel.memory_limit = None;
        it.kernel.task_limit = None;
        it.kernel.root_is_read_only = false;
    });
    assert_eq!(failing(&bare), [""; 0]);
    let report = Report::of(&bare);
    assert!(report.count(Outcome::Skip) > 15);
    assert_eq!(
        report.to_sarif()["runs"][0]["results"].as_array().unwrap().len(),
        report.count(Outcome::Pass)
    );
}

#[test]
fn a_report_is_a_table_and_a_document() {
    let report = Report::of(&with_role(|it| it.attributes.push("SUPERUSER".to_owned())));
    assert_eq!(report.grade, Grade::F);
    let table = report.to_table(false, 100);
    assert!(table.contains("FAIL  The role is no superuser"), "{table}");
    assert!(table.contains("grade F") && !table.contains('\u{1b}'), "{table}");
    assert!(report.to_table(true, 100).contains("\u{1b}[1;31mFAIL"));
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    let sarif = report.to_sarif();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let failed: Vec<_> = results.iter().filter(|it| it["kind"] == "fail").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["ruleId"], "role-no-superuser");
    assert_eq!(failed[0]["level"], "error");
}
