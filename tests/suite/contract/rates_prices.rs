//! `services/rates`: prices by the thousand.

use super::run_files;
use crate::support::{database::Database, postgres, service};
use serde_json::json;
use std::fmt::Write;

fn seeded() -> Database {
    let database = postgres::database();
    run_files(&database, "services/rates/migrations");
    run_files(&database, "services/rates/seed");
    database
}

fn count(database: &Database) -> u64 {
    database.psql("SELECT count(*) FROM prices")[0][0].as_ref().unwrap().parse().unwrap()
}

#[test]
fn a_batch_goes_in_whole_or_not_at_all() {
    let database = seeded();
    let service = service::serve("services/rates").database(&database).start();
    crate::support::eventually("ready", crate::support::http::PATIENCE, || {
        service.get_admin("/ready").status == 200
    });
    let before = count(&database);
    let post = |media_type: &str, body: &str| {
        service.send("POST", "/prices", &[("content-type", media_type)], body.as_bytes())
    };

    let mut lines = String::new();
    for index in 0..20_000 {
        let day = index % 28 + 1;
        let _ = writeln!(
            lines,
            r#"{{"orig_code":"CNGGZ","dest_code":"EETLL","day":"2030-02-{day:02}","price":{index}}}"#
        );
    }
    let reply = post("application/x-ndjson", &lines);
    assert_eq!(reply.json(), json!({ "rows": 20_000, "inserted": 20_000 }), "{reply}");
    assert_eq!(count(&database), before + 20_000);

    let path = "/rates?date_from=2030-02-01&date_to=2030-02-28&orig_code=CNGGZ&dest_code=EETLL";
    assert_eq!(service.get(path).json()["rates"][0]["count"], 714);

    let wrong = lines.replacen(r#""day":"2030-02-05""#, r#""day":"2030-02-30""#, 1);
    let reply = post("application/x-ndjson", &wrong);
    assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid-rows"), "{reply}");
    let error = &reply.json()["errors"][0];
    assert_eq!((&error["line"], &error["field"]), (&json!(5), &json!("day")), "{reply}");

    let csv = "day,price,orig_code,dest_code\n2030-03-01,1,CNGGZ,EETLL\n2030-03-01,2,CNGGZ,XXXXX\n";
    let reply = post("text/csv", csv);
    assert_eq!((reply.status, reply.problem().as_str()), (409, "conflict"), "{reply}");
    assert_eq!(count(&database), before + 20_000);

    let array = r#"[{"orig_code":"CNGGZ","dest_code":"EETLL","day":"2030-03-01","price":7}]"#;
    assert_eq!(post("application/json", array).json(), json!({ "rows": 1, "inserted": 1 }));
}
