//! Whatever is called in whatever order, nothing is granted that was not approved: through the
//! functions, and by SQL as the role of requests and as the owner of the tables.

mod http;
mod walk;

use super::{House, asking};
use crate::support::shares::{Work, number};
use howdah::approval::store::{self, Ask};
use std::time::Duration;
use tokio_postgres::Client;

/// Grants whose request was not approved by enough people at the time, counted from the decisions
/// themselves and not by the function under test.
const UNAPPROVED: &str = "\
SELECT count(*) FROM howdah.access_grant g
JOIN howdah.access_request r ON r.id = g.request
JOIN howdah.access_policy p ON (p.id, p.version) = (r.policy, r.policy_version)
WHERE NOT r.break_glass AND p.approvals > (
    SELECT count(DISTINCT d.approver) FROM howdah.access_decision d
    JOIN howdah.access_principal a ON a.id = d.approver
    WHERE d.request = r.id AND d.verdict = 'approve' AND NOT d.is_void AND d.digest = r.digest
        AND d.approver <> r.requester AND a.subject IN ('bob', 'cyd', 'dan'))";

/// Temporary logins that no grant knows.
const STRAY: &str = "\
SELECT count(*) FROM pg_auth_members m JOIN pg_roles l ON l.oid = m.member
JOIN pg_roles p ON p.oid = m.roleid
WHERE p.rolname = $1 AND l.rolname LIKE 'howdah\\_%' AND NOT EXISTS (
    SELECT FROM howdah.access_grant g WHERE g.login = l.rolname AND g.state = 'active')";

const PEOPLE: [&str; 5] = ["ann", "bob", "cyd", "dan", "eve"];

/// A request, and its digest once that was looked up; an edit makes another.
struct Asked {
    id: String,
    digest: Option<Vec<u8>>,
}

/// One step that anybody might take; gives whether it was let through.
async fn step(house: &House, requests: &mut Vec<Asked>, random: &mut fastrand::Rng) -> bool {
    let name = PEOPLE[random.usize(..PEOPLE.len())];
    let who = house.who(name);
    let desk = &house.desk;
    if requests.is_empty() || random.u8(..) < 40 {
        let break_glass = random.u8(..) < 20;
        let ttl = Duration::from_mins(random.u64(1..30));
        let made = house.ask(name, &Ask { break_glass, ttl, ..asking() }).await;
        let is_made = made.is_ok();
        requests.extend(made.ok().map(|id| Asked { id, digest: None }));
        return is_made;
    }
    // Mostly the latest ones, so that they get somewhere.
    let from = requests.len().saturating_sub(3);
    let at = random.usize(from..requests.len());
    let Asked { id: request, digest } = &mut requests[at];
    match random.u8(0..12) {
        0..6 => {
            let approve = random.u8(..) < 230;
            if random.u8(..) < 30 {
                let forged = vec![random.u8(..); 32];
                return house.decide_on(name, request, approve, &forged).await.is_ok();
            }
            if digest.is_none() {
                *digest = Some(house.digest(request).await);
            }
            let known = digest.as_deref().unwrap_or_default();
            house.decide_on(name, request, approve, known).await.is_ok()
        }
        6..9 => {
            // A verifier that was made before: hashing a password each time would be all the work.
            const VERIFIER: &str = "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy";
            let sql = "SELECT howdah.access_activate($1, $2::text::uuid, $3)::text";
            let row = desk.query_one(sql, &[&who, &*request, &VERIFIER]).await.unwrap();
            !row.get::<_, &str>(0).contains("refusal")
        }
        9 => {
            let ttl = Duration::from_mins(random.u64(1..300));
            let is_edited = store::edit(desk, who, request, ttl, "changed").await.is_ok();
            *digest = digest.take().filter(|_| !is_edited);
            is_edited
        }
        10 => store::withdraw(desk, who, request).await.is_ok(),
        _ if random.bool() => store::revoke(desk, who, request).await.is_ok(),
        _ => store::review(desk, who, request).await.is_ok(),
    }
}

async fn count(
    client: &Client,
    sql: &str,
    arguments: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> i64 {
    client.query_one(sql, arguments).await.unwrap().get(0)
}

/// What a share of the steps came to.
#[derive(Default)]
struct Walked {
    let_through: u64,
    grants: u64,
    approved: u64,
}

/// Takes pieces of 200 steps, and looks after each.
async fn walk_at_random(work: &Work) -> Walked {
    let house = House::new().await;
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut requests = Vec::new();
    let (mut let_through, mut total) = (0, 0);
    while work.take().is_some() {
        for _ in 0..STEPS {
            let_through += u64::from(step(&house, &mut requests, &mut random).await);
        }
        total += STEPS;
        assert_eq!(count(&house.keeper, UNAPPROVED, &[]).await, 0, "seed {seed}");
        assert_eq!(count(&house.keeper, STRAY, &[&house.profile]).await, 0, "seed {seed}");
        work.done();
    }
    let grants = count(&house.keeper, "SELECT count(*) FROM howdah.access_grant", &[]).await;
    let plain = "SELECT count(*) FROM howdah.access_grant g JOIN howdah.access_request r \
                 ON r.id = g.request WHERE NOT r.break_glass";
    let approved = count(&house.keeper, plain, &[]).await;
    // Every grant has its entries, and every refusal has one, too.
    let entries = "SELECT count(*) FROM howdah.audit_inbox WHERE body LIKE '%\"grant.active\"%'";
    assert_eq!(count(&house.keeper, entries, &[]).await, grants, "seed {seed}");
    let refused = "SELECT count(*) FROM howdah.audit_inbox WHERE body LIKE '%\"refused\"%'";
    let refused = count(&house.keeper, refused, &[]).await;
    assert!(refused.unsigned_abs() + let_through >= total, "seed {seed}: {refused} refusals told");
    Walked { let_through, grants: grants.unsigned_abs(), approved: approved.unsigned_abs() }
}

/// Steps after which is looked.
const STEPS: u64 = 200;

#[test]
fn no_sequence_of_calls_grants_what_was_not_approved() {
    // Some of them, or as many as it says, each share in a database of its own.
    let total = number("HOWDAH_ACCESS_STEPS", 5000).next_multiple_of(STEPS);
    let work = Work::new("random steps, by 200", total / STEPS);
    let shares = work.share(|work| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(walk_at_random(work))
    });
    let of = |it: fn(&Walked) -> u64| shares.iter().map(it).sum::<u64>();
    let (let_through, grants, approved) =
        (of(|it| it.let_through), of(|it| it.grants), of(|it| it.approved));
    println!(
        "figure\trandom sequences of approvals, SQL\tno grant without\tnone in {total} steps, {let_through} let \
         through, {grants} grants\tmet"
    );
    assert!(approved > 0 && grants >= approved, "the steps lead somewhere");
}

#[tokio::test]
async fn sql_as_howdahs_own_roles_grants_nothing_either() {
    let house = House::new().await;
    let request = house.ask("ann", &asking()).await.unwrap();
    house.decide("bob", &request, true).await.unwrap();
    // The role of requests reads and calls, and writes nothing.
    for sql in [
        "UPDATE howdah.access_request SET state = 'approved'",
        "INSERT INTO howdah.access_decision (request, approver, verdict, digest) SELECT id, 3, 'approve', digest FROM howdah.access_request",
        "INSERT INTO howdah.access_grant SELECT id, 'howdah_000000000000', 1, 'x', now(), 'active', NULL FROM howdah.access_request",
        "UPDATE howdah.access_policy SET approvals = 1",
        "DELETE FROM howdah.audit_inbox",
        "SELECT howdah.access_policies('[]')",
        "SELECT howdah.access_end(1, gen_random_uuid(), 'revoked')",
        "SELECT howdah.access_token_make('ann', '{dba}', '\\x00', '1 hour')",
        "SELECT howdah.audit_write('access', '{}')",
        "CREATE ROLE mine LOGIN",
        "SELECT * FROM howdah.access_token",
    ] {
        let error = house.desk.batch_execute(sql).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{sql}");
    }
    // The owner of the tables cannot go on without the approvals by what it writes, step by step.
    let grant = format!(
        "INSERT INTO howdah.access_grant VALUES ('{request}', 'howdah_000000000000', 1, '{}', \
         clock_timestamp(), 'activating', NULL)",
        house.profile
    );
    for (sql, state) in [
        (grant.clone(), "HWA03"),
        (format!("UPDATE howdah.access_request SET state = 'approved' WHERE id = '{request}'; {grant}"), "HWA03"),
        (format!("UPDATE howdah.access_request SET state = 'denied' WHERE id = '{request}'; \
          UPDATE howdah.access_request SET state = 'approved' WHERE id = '{request}'"), "HWA02"),
        (format!("DELETE FROM howdah.access_request WHERE id = '{request}'"), "HWA02"),
        ("INSERT INTO howdah.access_decision (request, approver, verdict, digest) SELECT request, approver, \
          'approve', digest FROM howdah.access_decision".to_owned(), "23505"),
    ] {
        let error = house.keeper.batch_execute(&sql).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), state, "{sql}");
    }
    assert_eq!(count(&house.keeper, "SELECT count(*) FROM howdah.access_grant", &[]).await, 0);
}
