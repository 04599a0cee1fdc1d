//! Round trips to the server: counted, not timed.

use super::{
    identity::{tenants, under},
    *,
};
use crate::support::relay::Relay;

const WHO: &str = "SELECT current_user::text, current_setting('request.jwt.claims', true)";

/// A lane of one connection that counts its round trips.
async fn counted(database: &Database, settings: Settings) -> (Rc<Lane<Rows>>, Relay) {
    let relay = Relay::before(database.port);
    let settings = Settings { connections: 1, exclusive: 1, ..settings };
    (lane(&database.through(relay.port), settings).await, relay)
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
        for (settings, first) in [(settings(), 1), (writing(), 2)] {
            // What is first on a connection is prepared there: before it runs, where it may write.
            let plain = counted(database, settings.clone()).await;
            let expected = [first, 1, 1];
            let mut told = Vec::new();
            for _ in 0..3 {
                told.push(trips(&plain, permit(), user, &who(0)).await);
            }
            assert_eq!(told, expected, "without an identity");
            let known = counted(database, settings).await;
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
