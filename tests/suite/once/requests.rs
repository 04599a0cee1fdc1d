//! Keys, requests and answers.

use super::*;

#[test]
fn the_first_answer_is_given_again_and_says_so() {
    let database = database();
    let service = started(serving(&database));
    let first = order(&service, "\"k1\"", "tea");
    assert_eq!(first.status, 200, "{first}");
    assert!(!is_replayed(&first));
    for key in ["\"k1\"", "k1"] {
        let again = order(&service, key, "tea");
        assert_eq!((again.status, again.text()), (200, first.text()));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert!(is_replayed(&again), "{again}");
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    }
    assert_eq!((orders(&database, "tea"), kept(&database)), (1, 1));
    // Another spelling of the same arguments is the same request.
    let spelled =
        send(&service, "POST", "/orders", "k1", r#"{ "pause": 0.0, "item": "t\u0065a" }"#);
    assert!(is_replayed(&spelled), "{spelled}");
    // Without a key, and with another one, it is made anew.
    assert!(!is_replayed(&order(&service, "k2", "tea")));
    let fields = [("content-type", "application/json")];
    let bare = service.send("POST", "/orders", &fields, br#"{"item":"tea"}"#);
    assert_eq!((bare.status, is_replayed(&bare)), (200, false));
    assert_eq!(orders(&database, "tea"), 3);
}

#[test]
fn the_answer_is_kept_in_the_media_type_that_was_given() {
    let database = database();
    let service = started(serving(&database));
    let body = br#"{"item":"tea"}"#;
    let fields =
        [("content-type", "application/json"), ("idempotency-key", "k"), ("accept", "text/csv")];
    let first = service.send("POST", "/strict", &fields, body);
    let again = service.send("POST", "/strict", &fields[..2], body);
    assert_eq!((first.status, again.status), (200, 200), "{first}\n{again}");
    assert_eq!(again.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!((again.text(), is_replayed(&again)), (first.text(), true));
}

#[test]
fn a_key_goes_with_one_request() {
    let database = database();
    let service = started(serving(&database));
    assert_eq!(order(&service, "k", "tea").status, 200);
    let others = [
        order(&service, "k", "coffee"),
        send(&service, "POST", "/strict", "k", r#"{"item":"tea"}"#),
        send(&service, "PUT", "/orders/1", "k", r#"{"item":"tea"}"#),
        send(&service, "DELETE", "/orders/1", "k", ""),
    ];
    for other in others {
        assert_eq!((other.status, other.problem()), (422, "idempotency-key-reused".to_owned()));
        assert!(!is_replayed(&other));
    }
    assert_eq!((orders(&database, "tea"), orders(&database, "coffee")), (1, 0));
    // The path's own argument counts, too.
    assert_eq!(send(&service, "DELETE", "/orders/7", "d", "").status, 204);
    assert_eq!(send(&service, "DELETE", "/orders/8", "d", "").status, 422);
}

#[test]
fn answers_without_a_body_and_without_a_row_are_kept() {
    let database = database();
    let service = started(serving(&database));
    let none = [(); 2].map(|()| send(&service, "DELETE", "/orders/1", "d", ""));
    assert_eq!(none.each_ref().map(|it| (it.status, is_replayed(it))), [(204, false), (204, true)]);
    let missing = send(&service, "PUT", "/orders/1", "p", r#"{"item":"tea"}"#);
    assert_eq!((missing.status, missing.problem()), (404, "row-not-found".to_owned()));
    assert_eq!(order(&service, "o", "coffee").json()["id"], 1);
    // It is there by now; what was answered first stays the answer.
    let again = send(&service, "PUT", "/orders/1", "p", r#"{"item":"tea"}"#);
    assert_eq!((again.status, is_replayed(&again)), (404, true), "{again}");
    assert_eq!(send(&service, "PUT", "/orders/1", "q", r#"{"item":"tea"}"#).status, 200);
}

#[test]
fn a_key_that_is_none_or_is_missing_is_refused() {
    let database = database();
    let service = started(serving(&database));
    let long = "x".repeat(256);
    for key in ["", "\"\"", "a b", "\"a", "a,b", "\"a\";b", "\u{e9}", &long] {
        let reply = order(&service, key, "tea");
        let found = (reply.status, reply.problem());
        assert_eq!(found, (400, "idempotency-key-invalid".to_owned()), "{key}");
    }
    let twice =
        [("content-type", "application/json"), ("idempotency-key", "a"), ("idempotency-key", "a")];
    let reply = service.send("POST", "/orders", &twice, br#"{"item":"tea"}"#);
    assert_eq!(reply.problem(), "idempotency-key-invalid");
    let reply = service.send("POST", "/strict", &twice[..1], br#"{"item":"tea"}"#);
    assert_eq!((reply.status, reply.problem()), (400, "idempotency-key-missing".to_owned()));
    // Where nothing is kept, it is a field like any other.
    assert_eq!(send(&service, "POST", "/plain", "a b", r#"{"item":"water"}"#).status, 200);
    assert_eq!((orders(&database, "tea"), kept(&database)), (0, 0));
}

#[test]
fn what_was_not_made_is_not_kept() {
    let database = database();
    let service = started(serving(&database));
    // Refused before it ran, and then what should have been sent.
    let wrong = send(&service, "POST", "/orders", "a", r#"{"item":5}"#);
    assert_eq!(wrong.problem(), "invalid-arguments");
    assert_eq!(order(&service, "a", "tea").status, 200);
    // Refused by a rule of the table.
    for _ in 0..2 {
        let refused = order(&service, "b", "forbidden");
        assert_eq!((refused.status, is_replayed(&refused)), (422, false), "{refused}");
        assert_eq!(refused.problem(), "unprocessable");
    }
    // What stood in the way is gone, and the same request goes through.
    assert_eq!(order(&service, "c", "only one").status, 200);
    assert_eq!(order(&service, "d", "only one").problem(), "conflict");
    database.psql("DELETE FROM orders WHERE item = 'only one'");
    let made = order(&service, "d", "only one");
    assert_eq!((made.status, is_replayed(&made)), (200, false), "{made}");
    assert_eq!(kept(&database), 3);
}

#[test]
fn a_write_whose_answer_is_too_large_to_keep_is_not_made() {
    let database = database();
    let service = started(serving(&database).env("ANSWER", "64"));
    let long = "x".repeat(100);
    assert_eq!(order(&service, "a", &long).problem(), "too-many-rows");
    assert_eq!((orders(&database, &long), kept(&database)), (0, 0));
    assert_eq!(order(&service, "a", "t").status, 200);
}

#[test]
fn a_twin_waits_and_is_told_when_it_has_waited_enough() {
    let database = database();
    let service = started(serving(&database).env("WAIT", "300ms"));
    std::thread::scope(|scope| {
        let slow = || send(&service, "POST", "/orders", "k", r#"{"item":"slow","pause":1.5}"#);
        let first = scope.spawn(slow);
        eventually("the first one runs", PATIENCE, || {
            one(
                &database,
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
                AND datname = current_database()",
            ) == "1"
        });
        let twin = slow();
        assert_eq!((twin.status, twin.problem()), (409, "request-in-progress".to_owned()));
        assert_eq!(twin.header("retry-after"), Some("1"));
        assert_eq!(first.join().unwrap().status, 200);
        assert!(is_replayed(&slow()));
    });
    // With patience it gets the answer.
    let service = started(serving(&database).env("WAIT", "30s"));
    let replies = std::thread::scope(|scope| {
        let slow = || send(&service, "POST", "/orders", "l", r#"{"item":"twin","pause":0.3}"#);
        [scope.spawn(slow), scope.spawn(slow), scope.spawn(slow)].map(|it| it.join().unwrap())
    });
    assert!(replies.iter().all(|it| it.status == 200 && it.text() == replies[0].text()));
    assert_eq!(replies.iter().filter(|it| is_replayed(it)).count(), 2);
    assert_eq!((orders(&database, "slow"), orders(&database, "twin")), (1, 1));
}

#[test]
fn answers_go_when_they_are_old() {
    let database = database();
    let service = started(serving(&database).env("KEEP", "2s"));
    let first = order(&service, "k", "tea");
    assert!(is_replayed(&order(&service, "k", "tea")));
    // A key that is too old is as good as new, for another request too.
    database.psql("UPDATE howdah.idempotency SET created_at = now() - interval '3 seconds'");
    let anew = order(&service, "k", "coffee");
    assert_eq!((anew.status, is_replayed(&anew)), (200, false), "{anew}");
    assert_ne!(anew.text(), first.text());
    database.psql(
        "INSERT INTO howdah.idempotency SELECT sha256(i::text::bytea), '', 200, '', 0, '', \
        now() - interval '1 day' FROM generate_series(1, 2500) i",
    );
    eventually("everything is put away", PATIENCE, || kept(&database) == 0);
}
