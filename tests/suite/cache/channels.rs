//! Notifications: what they end, and what becomes of answers while they cannot be heard.

use super::*;
use std::time::Duration;

/// The session that listens, if there is one.
fn listeners(database: &Database) -> Vec<String> {
    let rows = database.psql(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND query IN ('SELECT', 'LISTEN \"Prices changed\"') \
         AND application_name = 'howdah'",
    );
    rows.into_iter().filter_map(|row| row[0].clone()).collect()
}

#[test]
fn a_notification_ends_what_was_answered_before() {
    let database = database();
    let service = started(with_threads(&database, 2));
    until_kept(&service);
    assert_eq!(service.get("/heard?code=a").header("cache-control"), Some("public, no-cache"));
    // No thread goes on for the hour that the endpoint allows.
    for price in 2..6 {
        database.psql(&format!("UPDATE prices SET price = {price}; NOTIFY \"Prices changed\""));
        for _ in 0..6 {
            eventually("the new price", Duration::from_secs(10), || {
                super::price(&service.get("/heard?code=a")) == price
            });
        }
        until_kept(&service);
        assert_eq!(super::price(&service.get("/heard?code=a")), price);
    }
    assert!(counted(&service, "howdah_cache_invalidations_total") >= 4);
    // Others' notifications end nothing.
    let before = counted(&service, "howdah_cache_invalidations_total");
    database.psql("NOTIFY prices_changed");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(counted(&service, "howdah_cache_invalidations_total"), before);
}

#[test]
fn an_answer_that_was_under_way_is_not_kept() {
    let database = database();
    let service = started(serving(&database));
    until_kept(&service);
    let before = counted(&service, "howdah_cache_invalidations_total");
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| service.get("/slow?code=a"));
        eventually("it runs", PATIENCE, || {
            let sleeping = "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
                 AND datname = current_database()";
            database.psql(sleeping)[0][0].as_deref() == Some("1")
        });
        database.psql("UPDATE prices SET price = 2; NOTIFY \"Prices changed\"");
        eventually("it is heard", PATIENCE, || {
            counted(&service, "howdah_cache_invalidations_total") > before
        });
        assert_eq!(price(&slow.join().unwrap()), 1, "its snapshot was older");
    });
    let next = service.get("/slow?code=a");
    assert_eq!((price(&next), is_kept(&next)), (2, false));
    assert!(is_kept(&service.get("/slow?code=a")));
}

#[test]
fn while_nothing_can_be_heard_nothing_is_given_again() {
    let database = database();
    let service = started(serving(&database));
    until_kept(&service);
    let before = listeners(&database);
    assert_eq!(before.len(), 1);
    // Nobody may sign in any more: the session that listens ends, and there is no other one.
    database.psql_as_superuser(&format!("ALTER ROLE {} CONNECTION LIMIT 0", database.user));
    database.psql_as_superuser(&format!("SELECT pg_terminate_backend({})", before[0]));
    eventually("nothing is given again", PATIENCE, || !is_kept(&service.get("/heard?code=a")));
    database.psql_as_superuser("UPDATE prices SET price = 2");
    for _ in 0..10 {
        let reply = service.get("/heard?code=a");
        assert_eq!((price(&reply), is_kept(&reply)), (2, false));
    }
    assert!(
        is_kept(&{
            service.get("/large?code=a");
            service.get("/large?code=a")
        }),
        "what has no channel goes on"
    );
    database.psql_as_superuser(&format!("ALTER ROLE {} CONNECTION LIMIT -1", database.user));
    until_kept(&service);
    assert_eq!(price(&service.get("/heard?code=a")), 2);
}

#[test]
fn a_server_that_does_not_answer_is_noticed() {
    let database = database();
    let proxy = crate::support::proxy::Proxy::to(database.port);
    let service = started(serving(&database.through(proxy.port)));
    until_kept(&service);
    proxy.black_hole();
    // It is asked every two seconds, and given two to answer. Meanwhile what was kept is given.
    eventually("nothing is given again", Duration::from_secs(20), || {
        let reply = crate::support::http::send(service.http, "GET", "/heard?code=a", &[], b"");
        reply.is_ok_and(|it| !is_kept(&it))
    });
    database.psql("UPDATE prices SET price = 2; NOTIFY \"Prices changed\"");
    proxy.restore();
    until_kept(&service);
    assert_eq!(price(&service.get("/heard?code=a")), 2);
}
