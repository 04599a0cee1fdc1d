//! What the server's log, its tables and our own logs never hold: every secret that there is.

use super::{done, leading, own, serve};
use crate::{
    support::{
        database::Database,
        eventually,
        folder::Folder,
        http, planted,
        postgres::Cluster,
        service::{self, howdah},
    },
    webhook::{self, receiver::Receiver},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use std::path::Path;

/// From now on the server logs everything.
fn talks(database: &Database) {
    for setting in [
        "log_statement = 'all'",
        "log_min_error_statement = 'debug5'",
        "log_min_duration_statement = 0",
    ] {
        database.psql_as_superuser(&format!("ALTER SYSTEM SET {setting}"));
    }
    database.psql_as_superuser("SELECT pg_reload_conf()");
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap().trim().to_owned()
}

/// All rows of all tables of ours, as text, and those of views that remember statements.
fn tables(database: &Database) -> String {
    let names = database.psql_as_superuser(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON \
         n.oid = c.relnamespace WHERE n.nspname IN ('howdah', 'public') AND c.relkind IN ('r', 'v', 'p')",
    );
    let names = names.iter().map(|row| row[0].clone().unwrap());
    let all = names.chain(["pg_catalog.pg_stat_activity".to_owned()]).map(|name| {
        format!(
            "{name}: {:?}",
            database.psql_as_superuser(&format!("SELECT t::text FROM {name} t"))
        )
    });
    all.collect::<Vec<_>>().join("\n")
}

/// Fails when one of the secrets stands in one of the texts.
fn none_is_in(secrets: &[(&str, String)], texts: &[(&str, String)]) {
    for (what, secret) in secrets {
        assert!(secret.len() >= 10, "{what} may stand there by chance");
        for (whose, text) in texts {
            assert!(!text.is_empty(), "{whose} says something");
            assert!(!text.contains(secret.as_str()), "{what} is in {whose}");
        }
    }
}

#[test]
fn none_of_the_keepers_is_in_a_log_or_a_table() {
    // A server of its own, whose log is read whole. What a superuser sets up by hand has a verifier in it.
    let (cluster, receiver) = (Cluster::start(), Receiver::start());
    let home = webhook::rotating(Database::create(&cluster), &receiver.url(), "events = [\"*\"]");
    talks(&home.database);
    let file = |name: &str| home.folder.path().join(name);
    let service = serve(&home);
    let keeper = leading(&home);
    let mut secrets = Vec::new();
    let password = |of: &serde_json::Value| of["password"].as_str().unwrap().to_owned();
    for word in ["adopt", "rotate", "rotate"] {
        done(&home, &keeper, word);
        secrets.push(("the application's password", password(&home.published())));
        secrets.push(("the keeper's password", password(&own::credential(&home))));
        own::rotate(&home, &keeper);
    }
    secrets.push(("the keeper's password", password(&own::credential(&home))));
    // A statement of the function's that fails, with a verifier in it.
    home.database.psql_as_superuser(&format!("ALTER ROLE {}_logins NOCREATEROLE", home.role));
    assert_eq!(keeper.post("/credentials/keeper/rotate", &json!({})).status, 409);
    // A token that is used and revoked, and one that nobody knows.
    let used = read(&home.token("reader", "dba"));
    let asks = |token: &str| {
        let bearer = format!("Bearer {token}");
        let fields = [("authorization", bearer.as_str())];
        http::send(keeper.address, "GET", "/credentials", &fields, b"").unwrap().status
    };
    let unknown = format!("{}x{}", &used[..used.len() - 9], &used[used.len() - 8..]);
    assert_eq!((asks(&used), asks(&unknown)), (200, 401));
    let ended = home.howdah(&["access", "token", "reader", "--revoke"]).output().unwrap();
    assert!(ended.status.success());
    assert_eq!(asks(&used), 401);
    eventually("messages were signed", webhook::SOON, || !receiver.taken().is_empty());
    eventually("checkpoints were signed", webhook::SOON, || file("checkpoints").exists());
    let signing = read(&file("webhook.secret"));
    let audit = read(&file("audit.key"));
    // `PRIVATE+KEY+NAME+ID+KEY`, and base64 may have a plus as well.
    let seed = audit.splitn(5, '+').nth(4).unwrap();
    secrets.extend([
        ("the key that seals", read(&file("key"))),
        ("the operator's token", read(&keeper.token)),
        ("a token that was revoked", used),
        ("a token that nobody knows", unknown),
        ("the webhook's secret", signing.strip_prefix("whsec_").unwrap().to_owned()),
        ("the webhook's secret in hex", "07".repeat(32)),
        ("the key that signs the trail", seed.to_owned()),
        (
            "the key that signs the trail in hex",
            crate::audit::hex(&STANDARD.decode(seed).unwrap()[1..]),
        ),
    ]);
    let log = cluster.log();
    assert!(log.contains("howdah.rotation"), "the log has the keeper's other statements");
    if cluster.major >= 15 {
        let line = log.lines().find(|it| it.contains("SCRAM-SHA-256$"));
        assert!(line.is_none(), "a verifier is in the log: {line:?}");
    }
    let told: Vec<_> = receiver.taken().into_iter().map(|it| it.body).collect();
    let texts = [
        ("the server's log", log),
        ("the keeper's log", keeper.log() + "."),
        ("the service's log", service.output() + "."),
        ("the tables", tables(&home.database)),
        ("what the receiver was told", told.join("\n")),
    ];
    none_is_in(&secrets, &texts);
    // The harness itself made the application's first password, in a statement.
    none_is_in(&[("the first password", home.database.password.clone())], &texts[1..]);
    // It finds what is there.
    let planted = [("a word", "howdah.rotation".to_owned())];
    assert!(std::panic::catch_unwind(|| none_is_in(&planted, &texts)).is_err());
}

/// A service with pages, writes that are carried out once, and callers with keys.
fn shop(folder: &Folder, database: &Database) {
    let (path, Database { host, port, name, user, .. }) = (folder.path().display(), database);
    folder.write("password", &database.password);
    folder.write(
        "howdah.toml",
        format!(
            "[service]\nname = \"shop\"\n\n[database]\nhost = \"{host}\"\nport = {port}\nname = \"{name}\"\n\
             user = \"{user}\"\npassword_file = \"{path}/password\"\n\n[answers]\n\
             cursor_key_file = \"{path}/cursor.key\"\n\n[auth]\nkeys_file = \"{path}/keys.toml\"\n\
             roles = [\"{user}\"]\n\n[lanes.write]\nexclusive = 2\n"
        ),
    );
    folder.write(
        "endpoints/order.sql",
        "/*\npost = \"/orders\"\nidempotent = true\nresult = \"row\"\n\n[parameters]\n\
         item = { type = \"text\", max_length = 100 }\n*/\n\
         INSERT INTO orders (item) VALUES (:item) RETURNING id, item\n",
    );
    folder.write(
        "endpoints/orders.sql",
        "/*\nget = \"/orders\"\npage = { by = [\"id\"], size = 1, max_size = 10 }\n*/\n\
         SELECT id, item FROM orders\n",
    );
}

#[test]
fn none_of_a_service_and_its_callers_is_in_a_log_or_a_table() {
    let cluster = Cluster::start();
    let database = Database::create(&cluster);
    talks(&database);
    database.psql(
        "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text NOT NULL \
         CHECK (item <> 'forbidden'))",
    );
    let folder = Folder::new("shop");
    shop(&folder, &database);
    let random = || format!("{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..));
    let (cursor_key, once) = (random(), random());
    folder.write("cursor.key", &cursor_key);
    planted::plant(&cursor_key);
    let keys = folder.write("keys.toml", "");
    let mut command = howdah(["key", "new", "--name", "ann", "--role", &database.user, "--file"]);
    let key = command.arg(&keys).output().unwrap();
    assert!(key.status.success(), "{}", String::from_utf8_lossy(&key.stderr));
    let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
    let migrated = howdah(["migrate"]).arg(folder.path()).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let service = service::serve(folder.path()).arg("--threads=1").start();
    eventually("ready", http::PATIENCE, || service.get_admin("/ready").status == 200);
    let send = |method: &str, path: &str, key: &str, body: &str| {
        let bearer = format!("Bearer {key}");
        let fields = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", once.as_str()),
        ];
        service.send(method, path, &fields, body.as_bytes())
    };
    for _ in 0..2 {
        let reply = send("POST", "/orders", &key, r#"{"item":"tea"}"#);
        assert_eq!(reply.status, 200, "{reply}");
    }
    // What the database refuses, what came with another request, and who is not known.
    assert!(send("POST", "/orders", &key, r#"{"item":"forbidden"}"#).status >= 400);
    let unknown = format!("{}x", &key[..key.len() - 1]);
    assert_eq!(send("POST", "/orders", &unknown, r#"{"item":"tea"}"#).status, 401);
    database.psql("INSERT INTO orders (item) VALUES ('more')");
    let first = send("GET", "/orders", &key, "");
    let cursor = first.text().split("cursor=").nth(1).map(str::to_owned);
    let cursor = cursor.or_else(|| {
        let link = first.header("link")?;
        Some(link.split("cursor=").nth(1)?.split(['>', '&']).next()?.to_owned())
    });
    let cursor = cursor.unwrap_or_else(|| panic!("{first}"));
    assert_eq!(send("GET", &format!("/orders?cursor={cursor}"), &key, "").status, 200);
    let log = cluster.log();
    assert!(log.contains("INSERT INTO orders") && log.contains("howdah.idempotency"));
    let stored = tables(&database);
    assert!(stored.contains("howdah.idempotency: [[") && stored.contains("tea"), "{stored}");
    let secrets = [
        ("the key of cursors", cursor_key),
        ("a caller's key", key),
        ("a key that nobody knows", unknown),
        ("an idempotency key", once.clone()),
    ];
    let texts = [
        ("the server's log", log),
        ("the service's log", service.output()),
        ("the tables", stored),
    ];
    none_is_in(&secrets, &texts);
}
