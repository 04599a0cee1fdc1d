//! Round trips to the server: counted, not timed.

use super::{
    identity::{tenants, under},
    *,
};
use crate::support::relay::Relay;

const WHO: &str = "SELECT current_user::text, current_setting('request.jwt.claims', true)";

/// A lane of one connection that counts its round trips. One that is pooled says all with each, as behind a pooler in
/// transaction mode.
async fn counted(database: &Database, pooled: bool, settings: Settings) -> (Rc<Lane<Rows>>, Relay) {
    let relay = Relay::before(database.port);
    let settings = Settings { connections: 1, exclusive: 1, ..settings };
    let database = if pooled { database.behind(relay.port) } else { database.through(relay.port) };
    (lane(&database, settings).await, relay)
}

/// The round trips of a call under `permit`, which runs as `user`.
async fn trips(
    (lane, relay): &(Rc<Lane<Rows>>, Relay),
    permit: Permit,
    user: &str,
    statement: &Arc<Prepared>,
) -> usize {
    let before = relay.trips();
    let asked = call(statement, &[], Duration::from_secs(30));
    let done = lane.run(permit, asked).await.unwrap();
    assert_eq!(done.sink.taken[0][0].as_deref(), Some(user));
    relay.trips() - before
}

#[test]
fn role_and_claims_take_no_round_trip_of_their_own() {
    let (database, role) = tenants();
    local(async {
        let user = database.user.as_str();
        let who = |index| statement(index, WHO, 0, &[TEXT, TEXT]);
        // What is first on a connection is prepared there: before it runs, where it may write.
        for (settings, pooled, first) in [
            (settings(), false, 1),
            (writing(), false, 2),
            (settings(), true, 1),
            (writing(), true, 1),
        ] {
            let plain = counted(database, pooled, settings.clone()).await;
            let expected = [first, 1, 1];
            let mut told = Vec::new();
            for _ in 0..3 {
                told.push(trips(&plain, permit(), user, &who(0)).await);
            }
            assert_eq!(told, expected, "without an identity");
            let known = counted(database, pooled, settings).await;
            told.clear();
            for sub in ["a", "a", "b"] {
                told.push(trips(&known, under(&role, sub), &role, &who(0)).await);
            }
            assert_eq!(told, expected, "under an identity");
            // The first identity on a connection that knows the statement, and the other way round.
            assert_eq!(trips(&plain, under(&role, "a"), &role, &who(0)).await, 1);
            assert_eq!(trips(&known, permit(), user, &who(0)).await, 1);
            assert_eq!(trips(&known, under(&role, "c"), &role, &who(1)).await, first);
        }
    });
}

#[test]
fn nor_do_they_on_a_connection_of_its_own() {
    let (database, role) = tenants();
    local(async {
        for pooled in [false, true] {
            let counted = counted(database, pooled, writing()).await;
            assert_eq!(
                job(&counted, permit(), &database.user).await,
                [1; 7],
                "without an identity"
            );
            assert_eq!(job(&counted, under(&role, "a"), &role).await, [1; 7], "under an identity");
        }
    });
}

/// The round trips of each step of a job under `permit`, whose statements run as `user`.
async fn job((lane, relay): &(Rc<Lane<Rows>>, Relay), permit: Permit, user: &str) -> Vec<usize> {
    let who = statement(0, WHO, 0, &[TEXT, TEXT]);
    let until = Instant::now() + Duration::from_mins(1);
    let mut job = lane.exclusive(permit, until).await.unwrap();
    let mut rows = Rows::default();
    let mut marks = vec![relay.trips()];
    job.run(&who, &[], &mut rows).await.unwrap();
    marks.push(relay.trips());
    // A transaction that runs as the caller, and one that does so after work of Howdah's own.
    for is_apart in [false, true] {
        if is_apart {
            job.begin_apart("SELECT").await.unwrap();
            job.assume().unwrap();
        } else {
            job.begin().await.unwrap();
        }
        marks.push(relay.trips());
        job.run(&who, &[], &mut rows).await.unwrap();
        marks.push(relay.trips());
        job.commit().await.unwrap();
        marks.push(relay.trips());
    }
    assert_eq!(rows.taken.len(), 3);
    assert!(rows.taken.iter().all(|row| row[0].as_deref() == Some(user)), "{rows:?}");
    marks.windows(2).map(|it| it[1] - it[0]).collect()
}
