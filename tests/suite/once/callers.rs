//! A key is its caller's own, and a write runs as its caller.

use super::*;
use crate::support::folder::Folder;

/// A new key of this name and role in the file.
fn key_of(file: &Path, name: &str, role: &str) -> String {
    let mut command = howdah(["key", "new", "--name", name, "--role", role, "--file"]);
    let output = command.arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn callers_do_not_share_keys_and_write_as_their_role() {
    let database = database();
    let role = format!("maker_of_{}", database.name);
    // The caller's role may write orders, and knows nothing of Howdah's own table. What it has put off
    // is checked as itself: the trigger writes down who that is.
    database.psql_as_superuser(&format!(
        "CREATE ROLE {role} NOLOGIN; GRANT {role} TO {user}; GRANT SELECT, INSERT ON orders TO {role};
         CREATE TABLE seen (who name); ALTER TABLE seen OWNER TO {user};
         GRANT INSERT ON seen TO {role};
         CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN INSERT INTO seen VALUES (current_user); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION see()",
        user = database.user
    ));
    let folder = Folder::new("once");
    let file = folder.write("keys.toml", "");
    let [ann, bob] = ["ann", "bob"].map(|name| key_of(&file, name, &role));
    let service = started(serving(&database).env("KEYS_FILE", &file).env("ROLE", &role));
    let order = |bearer: Option<&str>| {
        let bearer = bearer.map(|key| format!("Bearer {key}"));
        let mut fields = vec![("content-type", "application/json"), ("idempotency-key", "k")];
        fields.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        service.send("POST", "/orders", &fields, br#"{"item":"tea"}"#)
    };
    let firsts = [Some(ann.as_str()), Some(bob.as_str()), None].map(|who| (who, order(who)));
    for (who, first) in &firsts {
        assert_eq!((first.status, is_replayed(first)), (200, false), "{first}");
        let maker = if who.is_some() { &role } else { &database.user };
        assert_eq!(first.json()["maker"], **maker);
        let again = order(*who);
        assert_eq!((again.text(), is_replayed(&again)), (first.text(), true));
    }
    assert_eq!((orders(&database, "tea"), kept(&database)), (3, 3));
    let seen = database.psql("SELECT who FROM seen WHERE who <> current_user");
    assert_eq!(seen, vec![vec![Some(role.clone())]; 2]);
    // Bodies of rows, too, go in as their caller.
    let bearer = format!("Bearer {ann}");
    let fields = [
        ("content-type", "text/csv"),
        ("idempotency-key", "l"),
        ("authorization", bearer.as_str()),
    ];
    for replayed in [false, true] {
        let reply = service.send("POST", "/load", &fields, b"item\nrow\n");
        assert_eq!((reply.status, is_replayed(&reply)), (200, replayed), "{reply}");
    }
    assert_eq!(one(&database, "SELECT maker FROM orders WHERE item = 'row'"), role);
}
