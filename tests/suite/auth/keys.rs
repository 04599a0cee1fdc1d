//! API keys: who may what, and a file of them that changes while the service runs.

use super::{Stage, get, outcome};
use crate::support::{eventually, folder::Folder, http::PATIENCE, service::howdah};

#[test]
fn what_is_not_said_is_not_public_and_scopes_decide() {
    let stage = Stage::new();
    let bare = stage.key("bare", &[]);
    let one = stage.key("one", &["--scope", "notes:read"]);
    let both = stage.key("both", &["--scope", "notes:read", "--scope", "notes:list"]);
    let service = stage.start();
    assert_eq!(service.get("/open").text(), "open");
    for path in ["/unsaid", "/scoped", "/notes", "/me"] {
        let answer = service.get(path);
        assert_eq!(outcome(&answer), (401, "unauthenticated".into()), "{path}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer realm=\"api\""), "{challenge}");
        assert!(challenge.ends_with("ApiKey realm=\"api\", header=\"X-API-Key\""), "{challenge}");
        assert!(!challenge.contains("error"), "{challenge}");
    }
    let answer = service.get("/scoped");
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("scope=\"notes:read notes:list\""), "{challenge}");
    for (key, status) in [(&bare, 403), (&one, 403), (&both, 200)] {
        assert_eq!(get(&service, "/unsaid", key).text(), "signed in");
        assert_eq!(get(&service, "/scoped", key).status, status);
        let by_field = service.send("GET", "/scoped", &[("x-api-key", key)], b"");
        assert_eq!(by_field.status, status);
    }
    let lacking = get(&service, "/scoped", &one);
    assert_eq!(lacking.problem(), "insufficient-scope");
    assert!(lacking.header("www-authenticate").unwrap().contains("error=\"insufficient_scope\""));
    assert_eq!(get(&service, "/unsaid", &bare).header("cache-control"), Some("no-store"));
    assert_eq!(service.get("/open").header("cache-control"), None);
}

#[test]
fn credentials_that_are_wrong_or_too_many_are_refused() {
    let stage = Stage::new();
    let key = stage.key("k", &[]);
    let ended = stage.key("ended", &["--expires", "2020-01-01T00:00:00Z"]);
    let later = stage.key("later", &["--not-before", "1d"]);
    let service = stage.start();
    let mut mistyped = key.clone();
    mistyped.replace_range(10..11, if &key[10..11] == "0" { "1" } else { "0" });
    // Well made, and in no file.
    let strange = Stage::new().key("strange", &[]);
    for (credential, detail) in [
        (mistyped.as_str(), "malformed"),
        ("hdk_", "malformed"),
        ("not a token", "malformed"),
        ("a.b.c", "malformed"),
        (&ended, "expired"),
        (&later, "not valid"),
        (&strange, "not valid"),
    ] {
        let answer = get(&service, "/unsaid", credential);
        assert_eq!(outcome(&answer), (401, "invalid-credential".into()), "{credential}");
        let said = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(said.contains(detail), "{credential}: {said}");
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    }
    let bearer = format!("Bearer {key}");
    for fields in [
        [("authorization", bearer.as_str()), ("x-api-key", &key)],
        [("authorization", &bearer), ("authorization", &bearer)],
        [("x-api-key", &key), ("x-api-key", &key)],
    ] {
        let answer = service.send("GET", "/unsaid", &fields, b"");
        assert_eq!(outcome(&answer), (400, "several-credentials".into()));
    }
    let basic = service.send("GET", "/unsaid", &[("authorization", "Basic YTpi")], b"");
    assert_eq!(basic.problem(), "unauthenticated");
    // What needs no caller and no database does not look at what it is sent.
    assert_eq!(get(&service, "/open", &mistyped).text(), "open");
}

#[test]
fn who_is_not_let_in_sends_no_body() {
    let stage = Stage::new();
    let service = stage.start();
    // The body is announced and never sent: the answer comes all the same.
    let head = b"POST /notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                 Content-Length: 100000\r\nConnection: close\r\n\r\n";
    let reply = crate::support::http::exchange_reply(service.http, head).unwrap();
    assert_eq!(reply.problem(), "unauthenticated");
}

#[test]
fn a_file_of_keys_is_followed_and_a_broken_one_changes_nothing() {
    let stage = Stage::new();
    let old = stage.key("rolled", &[]);
    let service = stage.start();
    assert_eq!(get(&service, "/unsaid", &old).status, 200);
    // Rolling: both are valid, then the old one goes.
    let new = stage.key("rolled", &[]);
    eventually("the new key counts", PATIENCE, || get(&service, "/unsaid", &new).status == 200);
    assert_eq!(get(&service, "/unsaid", &old).status, 200);
    let file = stage.keys_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let second = text.rfind("[[key]]").unwrap();
    std::fs::write(&file, "[[key]]\nname = \"planted-broken\"\nhash = 1\n").unwrap();
    eventually("the mistake is told", PATIENCE, || {
        service.output().contains("API keys cannot be read")
    });
    assert_eq!(get(&service, "/unsaid", &old).status, 200, "the last good file goes on");
    std::fs::write(&file, &text[second..]).unwrap();
    eventually("the old key is gone", PATIENCE, || get(&service, "/unsaid", &old).status == 401);
    assert_eq!(get(&service, "/unsaid", &new).status, 200);
    std::fs::remove_file(&file).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(get(&service, "/unsaid", &new).status, 200, "a file that is gone changes nothing");
}

#[test]
fn a_mounted_secret_is_renewed_as_kubernetes_renews_it() {
    let stage = Stage::new();
    let key = stage.key("k", &[]);
    let folder = stage.folder.path();
    let text = std::fs::read_to_string(stage.keys_file()).unwrap();
    for (version, text) in [("..1", text.as_str()), ("..2", "")] {
        std::fs::create_dir(folder.join(version)).unwrap();
        std::fs::write(folder.join(version).join("keys.toml"), text).unwrap();
    }
    let link =
        |target: &str, name: &str| std::os::unix::fs::symlink(target, folder.join(name)).unwrap();
    std::fs::remove_file(stage.keys_file()).unwrap();
    link("..1", "..data");
    link("..data/keys.toml", "keys.toml");
    let service = stage.start();
    assert_eq!(get(&service, "/unsaid", &key).status, 200);
    link("..2", "..next");
    std::fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
    eventually("the key is gone", PATIENCE, || get(&service, "/unsaid", &key).status == 401);
}

#[test]
fn a_service_without_its_keys_does_not_start() {
    let stage = Stage::new();
    let output = stage.serve().env("KEYS_FILE", "/nowhere/keys.toml").refused();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("/nowhere/keys.toml cannot be read"), "{text}");
    std::fs::write(stage.keys_file(), "[[key]]\nname = \"x\"\nhash = \"planted\"\n").unwrap();
    let output = stage.serve().refused();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("keys.toml:3:8") && text.contains("64 hexadecimal digits"), "{text}");
}

#[test]
fn a_made_key_is_shown_once_and_kept_as_a_hash() {
    let stage = Stage::new();
    let key = stage.key("import", &["--scope", "a", "--claim", "tenant=acme", "--expires", "90d"]);
    assert!(key.starts_with("hdk_") && key.len() == 53, "{key}");
    let text = std::fs::read_to_string(stage.keys_file()).unwrap();
    assert!(!text.contains(&key) && text.contains("hash = \"sha256:"), "{text}");
    let list = howdah(["key", "list"]).arg(stage.keys_file()).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.contains("import") && list.contains("until 2"), "{list}");
    for wrong in [&["--scope", "a b"][..], &["--expires", "soon"], &["--name", ""]] {
        let mut command = howdah(["key", "new", "--name", "x"]);
        if wrong[0] == "--name" {
            command = howdah(["key", "new"]);
        }
        assert!(!command.args(wrong).output().unwrap().status.success(), "{wrong:?}");
    }
}

#[test]
fn mistakes_of_authentication_are_told_with_their_place() {
    let folder = Folder::new("auth-check");
    let check = |manifest: &str, endpoint: &str| {
        folder.write(
            "howdah.toml",
            format!("[service]\nname = \"a\"\n[database]\nname = \"a\"\n{manifest}"),
        );
        folder.write("endpoints/a.sql", endpoint);
        let output = howdah(["check"]).arg(folder.path()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let plain = "/*\nget = \"/a\"\n*/\nSELECT 1 AS a";
    let keys = "[auth]\nkeys_file = \"/nowhere\"\n";
    let issuer = |more: &str| {
        format!("[auth.issuers.main]\nissuer = \"https://a.example\"\naudience = [\"a\"]\n{more}")
    };
    for (manifest, endpoint, told) in [
        ("", "/*\nget = \"/a\"\nauth = { scopes = [\"x\"] }\n*/\nSELECT 1 AS a", "a.sql:3:8"),
        ("", "/*\nget = \"/a\"\nauth = \"caller\"\n*/\nSELECT 1 AS a", "nobody can sign in"),
        (keys, "/*\nget = \"/a\"\nauth = \"publik\"\n*/\nSELECT 1 AS a", "a.sql:3:8"),
        (
            keys,
            "/*\nget = \"/a\"\nauth = \"public\"\n[parameters]\nme = { from = \"claim:sub\" }\n*/\nSELECT :me::text AS a",
            "of everybody, and `auth` is public",
        ),
        (
            "",
            "/*\nget = \"/a\"\nrate_limit = \"slow\"\n*/\nSELECT 1 AS a",
            "there is no rate limit `slow`",
        ),
        (&issuer("algorithms = [\"HS256\"]"), plain, "never for `HS256`"),
        (&issuer("keys = \"http://a.example/jwks\""), plain, "write `https`"),
        (&issuer("role = \"app\""), plain, "`auth.roles` does not name"),
        (&issuer("role_claim = \"role\""), plain, "`auth.roles` names no role"),
        (
            "[auth.issuers.main]\nissuer = \"a\"\naudience = [\"a\"]",
            plain,
            "cannot be asked for its keys",
        ),
        (
            "[auth.issuers.main]\nissuer = \"https://a\"\naudience = []",
            plain,
            "`audience` names nobody",
        ),
        ("[auth]\nroles = [\"none\"]", plain, "no role at all"),
        ("[auth]\nkeys_fil = \"a\"", plain, "did you mean `keys_file`"),
        ("[cors]\norigins = [\"*\"]\ncredentials = true", plain, "exclude each other"),
        (
            "[cors]\norigins = [\"https://a.example/\"]",
            plain,
            "a browser would send `https://a.example`",
        ),
        (
            "[rate_limits.a]\nrequests = 1\nby = \"name\"",
            plain,
            "takes `address`, `caller` or `claim:NAME`",
        ),
        ("[proxies]\nnetworks = [\"10.0.0.1/8\"]", plain, "howdah.toml:6:13"),
    ] {
        let text = check(manifest, endpoint);
        assert!(text.contains(told), "{manifest}\n{endpoint}\n{text}");
    }
}
