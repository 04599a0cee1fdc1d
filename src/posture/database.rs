//! Checks of the role that serves, by the word of its database.

use super::{Area, Check, Evidence, Severity, Verdict, evidence::Role};

/// Judges the role, when there is a database and it answers.
fn role(evidence: &Evidence, judge: impl FnOnce(&Role) -> Verdict) -> Verdict {
    match &evidence.database {
        None => Verdict::Skip("there is no database".to_owned()),
        Some(Err(_)) => Verdict::Skip("the database does not answer".to_owned()),
        Some(Ok(role)) => judge(role),
    }
}

fn has_not(evidence: &Evidence, attribute: &str) -> Verdict {
    role(evidence, |role| {
        let has = role.attributes.iter().any(|it| it == attribute);
        Verdict::unless_found(
            !has,
            "it has not",
            format!("`{}` has {attribute}, or may become a role that has", role.name),
        )
    })
}

fn none_of(names: &[String]) -> Verdict {
    Verdict::unless_found(names.is_empty(), "none", names.join(", "))
}

/// Owners that a finding names; a superuser may become each of many.
const NAMED: usize = 5;

/// What the role owns, and what those own that it may become: it has their power.
fn owned(role: &Role) -> String {
    let whose = |(owner, objects): &(String, i64)| {
        let objects =
            if *objects == 1 { "1 object".to_owned() } else { format!("{objects} objects") };
        if *owner == role.name {
            return objects;
        }
        format!("{objects} of `{owner}`, which it may become")
    };
    let mut told: Vec<_> = role.owned.iter().take(NAMED).map(whose).collect();
    if role.owned.len() > NAMED {
        told.push(format!("and {} more owners", role.owned.len() - NAMED));
    }
    told.join("; ")
}

macro_rules! database {
    ($id:literal, $title:literal, $severity:ident, $why:literal, $remedy:literal, $controls:expr, $judge:expr) => {
        Check {
            id: $id,
            title: $title,
            area: Area::Database,
            severity: Severity::$severity,
            why: $why,
            remedy: $remedy,
            controls: &$controls,
            judge: $judge,
        }
    };
}

pub(super) const CHECKS: &[Check] = &[
    database!(
        "database-answers",
        "The database answers",
        Medium,
        "What it says of the role cannot be checked without it.",
        "Look at the service's log.",
        ["NIST CA-7"],
        |evidence| match &evidence.database {
            None => Verdict::Skip("there is no database".to_owned()),
            Some(Ok(role)) => Verdict::Pass(format!("PostgreSQL {}", role.version / 10_000)),
            Some(Err(reason)) => Verdict::Fail(reason.clone()),
        }
    ),
    database!(
        "role-no-superuser",
        "The role is no superuser",
        Critical,
        "A superuser reads every table and runs programs on the database's host.",
        "ALTER ROLE … NOSUPERUSER, or serve with a role of its own.",
        ["NIST AC-6(1)", "CIS PostgreSQL: excessive administrative privileges are revoked"],
        |evidence| has_not(evidence, "SUPERUSER")
    ),
    database!(
        "role-makes-no-roles",
        "The role cannot make roles",
        High,
        "Who makes roles can make one with more rights than its own.",
        "ALTER ROLE … NOCREATEROLE.",
        ["NIST AC-6(1)", "CIS PostgreSQL: excessive administrative privileges are revoked"],
        |evidence| has_not(evidence, "CREATEROLE")
    ),
    database!(
        "role-makes-no-databases",
        "The role cannot make databases",
        Medium,
        "A database of one's own is a place to work unseen, and fills the disk.",
        "ALTER ROLE … NOCREATEDB.",
        ["NIST AC-6(1)", "CIS PostgreSQL: excessive administrative privileges are revoked"],
        |evidence| has_not(evidence, "CREATEDB")
    ),
    database!(
        "role-does-not-replicate",
        "The role cannot replicate",
        High,
        "Replication copies the whole cluster.",
        "ALTER ROLE … NOREPLICATION.",
        ["NIST AC-6(1)", "CIS PostgreSQL: a replication-only user is used for replication"],
        |evidence| has_not(evidence, "REPLICATION")
    ),
    database!(
        "role-obeys-row-security",
        "The role obeys row-level security",
        High,
        "BYPASSRLS makes every policy empty words.",
        "ALTER ROLE … NOBYPASSRLS.",
        ["NIST AC-3", "CIS PostgreSQL: row level security is configured correctly"],
        |evidence| has_not(evidence, "BYPASSRLS")
    ),
    database!(
        "role-no-server-power",
        "The role has no power over the server",
        High,
        "Such roles read the server's files, run its programs, or end others' sessions.",
        "REVOKE the membership.",
        ["NIST AC-6(1)"],
        |evidence| role(evidence, |role| none_of(&role.memberships))
    ),
    database!(
        "role-owns-nothing",
        "The role owns no object",
        Medium,
        "An owner can drop and change what it owns, whatever was granted; so can who may become the owner.",
        "Let another role own the schema, one that the role is no member of, and grant what the endpoints need.",
        ["NIST AC-6", "NIST CM-5"],
        |evidence| role(evidence, |role| Verdict::unless_found(
            role.owned.is_empty(),
            "nothing",
            owned(role)
        ))
    ),
    database!(
        "role-not-databases-owner",
        "The role does not own the database",
        Medium,
        "The owner can drop it.",
        "ALTER DATABASE … OWNER TO another role, one that the role is no member of.",
        ["NIST AC-6"],
        |evidence| role(evidence, |role| match &role.database_owner {
            None => Verdict::Pass("another does".to_owned()),
            Some(owner) if *owner == role.name => Verdict::Fail("it does".to_owned()),
            Some(owner) => Verdict::Fail(format!("`{owner}` does, which it may become")),
        })
    ),
    database!(
        "role-creates-nothing",
        "The role cannot create",
        Medium,
        "A function or table of an attacker's own can catch what others call by name.",
        "REVOKE CREATE ON SCHEMA … FROM PUBLIC, and from the role.",
        ["NIST CM-5", "CIS PostgreSQL: the public schema is protected"],
        |evidence| role(evidence, |role| none_of(&role.creates_in))
    ),
    database!(
        "role-reads-no-passwords",
        "The role cannot read password hashes",
        High,
        "A hash can be attacked at leisure.",
        "REVOKE SELECT ON pg_authid and pg_user_mapping.",
        ["NIST IA-5", "NIST AC-3"],
        |evidence| role(evidence, |role| Verdict::unless_found(
            !role.reads_secrets,
            "it cannot",
            "it can"
        ))
    ),
    database!(
        "role-runs-nothing-untrusted",
        "The role can run no function of an untrusted language",
        Medium,
        "Such functions do what the server's user can do.",
        "REVOKE EXECUTE on them FROM PUBLIC.",
        ["NIST CM-7", "NIST AC-6"],
        |evidence| role(evidence, |role| Verdict::unless_found(
            role.untrusted == 0,
            "none",
            format!("{} functions", role.untrusted)
        ))
    ),
    database!(
        "role-connections-limited",
        "The role's connections are limited",
        Low,
        "A service gone wild takes every connection that the others need.",
        "ALTER ROLE … CONNECTION LIMIT n.",
        ["NIST SC-5(2)"],
        |evidence| role(evidence, |role| Verdict::unless_found(
            role.connection_limit >= 0,
            "they are",
            "no limit"
        ))
    ),
    database!(
        "database-connection-private",
        "Nobody can listen to the database's connection",
        High,
        "Rows and the sign-in cross the network in the open.",
        "Use TLS, a unix socket, or a private network with TLS.",
        ["NIST SC-8", "CIS PostgreSQL: TLS is enabled and configured correctly"],
        |evidence| role(evidence, |role| match role {
            Role { tls: true, .. } => Verdict::Pass("TLS".to_owned()),
            Role { by_socket: true, .. } => Verdict::Pass("a unix socket".to_owned()),
            Role { by_loopback: true, .. } => Verdict::Pass("loopback".to_owned()),
            _ => Verdict::Fail("no TLS over a network".to_owned()),
        })
    ),
    database!(
        "passwords-scram",
        "The server keeps passwords as SCRAM verifiers",
        Medium,
        "An md5 hash is as good as the password.",
        "Set `password_encryption = 'scram-sha-256'` and set the passwords anew.",
        ["NIST IA-5(1)", "CIS PostgreSQL: SCRAM-SHA-256 is used"],
        |evidence| role(evidence, |role| Verdict::of(
            role.password_encryption == "scram-sha-256",
            format!("password_encryption is {}", role.password_encryption)
        ))
    ),
];
