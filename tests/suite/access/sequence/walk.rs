//! Every order of steps that one request can take, through the real functions: decisions, edits, changes of
//! policy and groups, time that passes, and the keepers' own steps, between any two of which one may die.
//!
//! Each step is a transaction of its own elsewhere; here it is a savepoint, so that the walk can go back.
//! What was let through is kept in a ledger that knows nothing of the tables.

use super::super::{House, asking};
use std::collections::{BTreeSet, HashSet};
use tokio_postgres::{Client, SimpleQueryMessage};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Approve(&'static str),
    /// As it was before an edit, or never.
    ApproveStale,
    Deny,
    Edit(&'static str),
    Withdraw(&'static str),
    Activate(&'static str),
    Revoke(&'static str),
    /// The policy takes three from now on.
    Policy,
    /// Somebody who may approve may not any more.
    Leave,
    /// The request's time is over, or the grant's.
    Lapse,
    Expire,
    /// What a keeper does, whichever it is and how often.
    Sweep,
    Clean,
    Close,
}

const ACTS: [Act; 21] = [
    Act::Approve("bob"),
    Act::Approve("cyd"),
    Act::Approve("dan"),
    Act::Approve("ann"),
    Act::Approve("eve"),
    Act::ApproveStale,
    Act::Deny,
    Act::Edit("ann"),
    Act::Edit("bob"),
    Act::Withdraw("ann"),
    Act::Withdraw("bob"),
    Act::Activate("ann"),
    Act::Activate("bob"),
    Act::Revoke("ann"),
    Act::Policy,
    Act::Leave,
    Act::Lapse,
    Act::Expire,
    Act::Sweep,
    Act::Clean,
    Act::Close,
];

/// What was let through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each happened or did not")]
struct Ledger {
    approved: BTreeSet<&'static str>,
    edits: u8,
    is_over: bool,
    has_left: bool,
    has_policy: bool,
    is_late: bool,
    is_granted: bool,
}

impl Ledger {
    /// After `act`, which was let through; what must never be panics.
    fn after(&self, act: Act) -> Self {
        let mut next = self.clone();
        match act {
            Act::Approve(who) => {
                let may = ["bob", "cyd", "dan"].contains(&who) && !(who == "cyd" && self.has_left);
                assert!(may && !self.is_over && !self.is_late, "{who}: {self:?}");
                assert!(next.approved.insert(who), "{who} twice: {self:?}");
            }
            Act::ApproveStale => panic!("of another request: {self:?}"),
            Act::Deny => {
                assert!(!self.is_over && !self.approved.contains("bob"), "{self:?}");
                next.is_over = true;
            }
            Act::Edit(who) => {
                assert!(who == "ann" && !self.is_over && !self.is_granted, "{who}: {self:?}");
                assert!(!self.is_late && !self.has_policy, "{self:?}");
                next.approved.clear();
                next.edits += 1;
            }
            Act::Withdraw(who) => {
                assert!(who == "ann" && !self.is_over && !self.is_granted, "{who}: {self:?}");
                next.is_over = true;
            }
            Act::Activate(who) => {
                let left = usize::from(self.has_left && self.approved.contains("cyd"));
                assert!(who == "ann" && self.approved.len() - left >= 2, "{who}: {self:?}");
                assert!(!self.is_over && !self.is_late && !self.is_granted, "{self:?}");
                assert!(!self.has_policy, "approved under another policy: {self:?}");
                next.is_granted = true;
            }
            Act::Revoke(who) => assert!(who == "ann" && self.is_granted, "{self:?}"),
            Act::Policy => next.has_policy = true,
            Act::Leave => next.has_left = true,
            Act::Lapse => next.is_late = true,
            Act::Expire | Act::Sweep | Act::Clean | Act::Close => {}
        }
        next
    }

    /// Whether it is worth another try: what happens once here has happened.
    fn allows(&self, act: Act, most_edits: u8) -> bool {
        match act {
            Act::Edit("ann") => self.edits < most_edits,
            Act::Policy => !self.has_policy,
            Act::Leave => !self.has_left,
            Act::Lapse => !self.is_late,
            _ => true,
        }
    }
}

/// The SQL of a step on the request `id`.
fn sql(house: &House, id: &str, act: Act) -> String {
    let digest = format!("(SELECT digest FROM howdah.access_request WHERE id = '{id}')");
    let stale = format!("decode('{}', 'hex')", "5a".repeat(32));
    let decide = |who: &str, verdict: &str, digest: &str| {
        format!("SELECT howdah.access_decide({}, '{id}', '{verdict}', {digest})", house.who(who))
    };
    let simple = |function: &str, who: &str| {
        format!("SELECT howdah.access_{function}({}, '{id}')", house.who(who))
    };
    match act {
        Act::Approve(who) => decide(who, "approve", &digest),
        Act::ApproveStale => decide("bob", "approve", &stale),
        Act::Deny => decide("bob", "deny", &digest),
        Act::Edit(who) => {
            format!("SELECT howdah.access_edit({}, '{id}', '2 hours', 'changed')", house.who(who))
        }
        Act::Withdraw(who) => simple("withdraw", who),
        Act::Activate(who) => format!(
            "SELECT howdah.access_activate({}, '{id}', 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy')",
            house.who(who)
        ),
        Act::Revoke(who) => simple("revoke", who),
        Act::Policy => {
            "SELECT howdah.access_policies(jsonb_build_array(to_jsonb(p) || '{\"approvals\": 3}')) \
                        FROM howdah.access_policy p WHERE p.is_current"
                .to_owned()
        }
        Act::Leave => "SELECT howdah.access_enter('local', 'cyd', '{intern}')".to_owned(),
        Act::Lapse => format!(
            "UPDATE howdah.access_request SET lapses_at = clock_timestamp() WHERE id = '{id}' RETURNING 1"
        ),
        Act::Expire => format!(
            "UPDATE howdah.access_grant SET not_after = clock_timestamp() WHERE request = '{id}' RETURNING 1"
        ),
        Act::Sweep => "SELECT count(*) FROM howdah.access_sweep()".to_owned(),
        Act::Clean => format!("SELECT howdah.access_clean('{id}')"),
        Act::Close => format!("SELECT howdah.access_close('{id}')"),
    }
}

/// Where everything stands, in one text: and whether a login is there, and may sign in.
fn stands(id: &str) -> String {
    format!(
        "SELECT concat_ws('|', r.state, r.ttl, r.lapses_at <= clock_timestamp(), coalesce((SELECT concat_ws(' ', g.state,
            g.not_after <= clock_timestamp(), (SELECT l.rolcanlogin FROM pg_roles l WHERE l.rolname = g.login))
            FROM howdah.access_grant g WHERE g.request = r.id), '-'),
         (SELECT string_agg(concat_ws(' ', d.approver, d.verdict, d.is_void, d.digest = r.digest), ','
            ORDER BY d.approver, d.verdict, d.is_void) FROM howdah.access_decision d WHERE d.request = r.id))
         FROM howdah.access_request r WHERE r.id = '{id}'"
    )
}

/// The texts of the last column of each row.
async fn texts(client: &Client, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    let rows = messages.into_iter().filter_map(|it| match it {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    });
    Ok(rows.collect())
}

struct Frame {
    next: usize,
    ledger: Ledger,
}

#[tokio::test]
async fn in_every_order_a_grant_has_its_approvals() {
    walk(&House::new().await).await;
}

/// A rule that counts wrong is found: the walk looks.
#[tokio::test]
#[should_panic(expected = "Ledger")]
async fn a_seeded_mistake_is_found() {
    let house = House::new().await;
    let wrong = "CREATE OR REPLACE FUNCTION howdah.access_approvals(of_request uuid) RETURNS bigint \
                 LANGUAGE sql STABLE AS 'SELECT 2::bigint'";
    house.keeper.batch_execute(wrong).await.unwrap();
    walk(&house).await;
}

async fn walk(house: &House) {
    // The long form has an edit as well, and five times as many states.
    let most_edits = u8::from(std::env::var_os("HOWDAH_ACCESS_STEPS").is_some());
    let id = house.ask("ann", &asking()).await.unwrap();
    let client = &house.keeper;
    let stands = stands(&id);
    client.batch_execute("BEGIN").await.unwrap();
    let first = texts(client, &stands).await.unwrap().pop().unwrap();
    let mut seen = HashSet::from([(first, Ledger::default())]);
    let mut stack = vec![Frame { next: 0, ledger: Ledger::default() }];
    let (mut steps, mut grants, mut closed) = (0_u64, 0_u64, 0_u64);
    while let Some(frame) = stack.last_mut() {
        let Some(act) = ACTS.get(frame.next).copied() else {
            stack.pop();
            if !stack.is_empty() {
                client.batch_execute("ROLLBACK TO s; RELEASE s").await.unwrap();
            }
            continue;
        };
        frame.next += 1;
        if !frame.ledger.allows(act, most_edits) {
            continue;
        }
        steps += 1;
        // The innermost of one name counts, so that each level has its own.
        let step = format!("SAVEPOINT s; {}; {stands}", sql(house, &id, act));
        let mut next = None;
        if let Ok(mut rows) = texts(client, &step).await {
            let state = rows.pop().unwrap();
            let is_through = !rows.is_empty() && !rows.iter().any(|it| it.contains("\"refusal\""));
            let ledger = if is_through { frame.ledger.after(act) } else { frame.ledger.clone() };
            let is_granted = is_through && matches!(act, Act::Activate(_));
            grants += u64::from(is_granted);
            let grant: Vec<&str> = state.split('|').nth(3).unwrap().split(' ').collect();
            closed += u64::from(grant[0] == "closed");
            assert_eq!(grant[0] != "-", ledger.is_granted, "{state}: {ledger:?}");
            let signs_in = grant.get(2) == Some(&"t");
            assert_eq!(signs_in, grant[0] == "active", "{state}: {ledger:?}");
            assert!(grant[0] != "closed" || grant.len() == 2, "its login is gone: {state}");
            if seen.insert((state, ledger.clone())) {
                next = Some(ledger);
            }
        }
        match next {
            Some(ledger) => stack.push(Frame { next: 0, ledger }),
            None => client.batch_execute("ROLLBACK TO s; RELEASE s").await.unwrap(),
        }
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    println!(
        "figure\tevery order of one request's steps\tno grant without\t{} states, {steps} steps, {grants} grants\tmet",
        seen.len()
    );
    assert!(grants > 3 && closed > 10, "the walk gets there: {grants} grants, {closed} closed");
}
