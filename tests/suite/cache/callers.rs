//! Nobody gets what was answered to somebody else.

use super::*;
use crate::support::{folder::Folder, service::project};

const AUTH: &str =
    "\n[auth]\nkeys_file = \"${KEYS_FILE}\"\nroles = [\"${FIRST}\", \"${SECOND}\"]\n";

#[test]
fn answers_do_not_cross_callers() {
    let database = database();
    let [first, second] = ["first", "second"].map(|it| format!("{it}_of_{}", database.name));
    for role in [&first, &second] {
        let user = &database.user;
        database.psql_as_superuser(&format!(
            "CREATE ROLE {role} NOLOGIN; GRANT {role} TO {user}; GRANT SELECT ON prices TO {role}"
        ));
    }
    let folder = Folder::new("cache");
    let manifest = std::fs::read_to_string(project(FOLDER).join("howdah.toml")).unwrap();
    folder.write("howdah.toml", manifest + AUTH);
    for (name, path, auth) in [("open", "/open", "public"), ("signed", "/signed", "caller")] {
        let text = format!(
            "/*\nget = \"{path}\"\nauth = \"{auth}\"\ncache = \"1h\"\nresult = \"row\"\n*/\n\
             SELECT price, current_user AS asker, \
             current_setting('request.jwt.claims', true)::json ->> 'tenant' AS tenant \
             FROM prices WHERE code = 'a'"
        );
        folder.write(&format!("endpoints/{name}.sql"), text);
    }
    let keys = folder.write("keys.toml", "");
    let key = |name: &str, role: &str, tenant: &str| {
        let mut command = howdah(["key", "new", "--name", name, "--role", role, "--file"]);
        let claim = format!("tenant={tenant}");
        let output = command.arg(&keys).args(["--claim", &claim]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        format!("Bearer {}", String::from_utf8(output.stdout).unwrap().trim())
    };
    let callers = [
        (key("ann", &first, "a"), first.as_str(), "a"),
        (key("bob", &second, "a"), second.as_str(), "a"),
        (key("cid", &second, "c"), second.as_str(), "c"),
    ];
    let serve = serve(folder.path()).database(&database).arg("--threads=1");
    let serve = serve.env("KEYS_FILE", &keys).env("FIRST", &first).env("SECOND", &second);
    let service = started(serve);
    for round in 0..2 {
        for path in ["/open", "/signed"] {
            for (bearer, role, tenant) in &callers {
                let reply = service.send("GET", path, &[("authorization", bearer)], b"");
                assert_eq!((reply.status, is_kept(&reply)), (200, round == 1), "{reply}");
                let json = reply.json();
                assert_eq!((&json["asker"], &json["tenant"]), (&(*role).into(), &(*tenant).into()));
                assert_eq!(reply.header("cache-control"), Some("private, max-age=3600"));
                // Nor does a browser give it to the next who signs in there.
                let varies = |on: &str| {
                    let mut fields = reply.headers.iter().filter(|(name, _)| name == "vary");
                    fields.any(|(_, value)| value.split(", ").any(|it| it == on))
                };
                assert!(varies("Authorization") && varies("X-API-Key") && varies("Accept"));
            }
        }
        let nobody = service.get("/open");
        assert_eq!(nobody.json()["tenant"], serde_json::Value::Null);
        assert_eq!((nobody.status, is_kept(&nobody)), (200, round == 1));
        // Who is not let in gets nothing of what is there.
        assert_eq!(service.get("/signed").problem(), "unauthenticated");
    }
}
