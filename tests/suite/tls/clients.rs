//! Callers who are known by their certificates: the right one, and all the others.

use super::*;
use crate::support::service::Serve;
use rcgen::{SanType, date_time_ymd};
use reqwest::Identity;
use serde_json::Value;

const KNOWN: &str = r#"
[service]
name = "known"

[tls]
certificate = "${CERTIFICATE}"
key = "${KEY}"
client_authority = "${CLIENTS}"

[auth]
keys_file = "${KEYS}"

[auth.clients.importer]
certificate = "dns:Importer.example"
scopes = ["read", "write"]

[auth.clients.reader]
certificate = "uri:spiffe://example/reader"
scopes = ["read"]

[rate_limits.few]
requests = 2
per = "1h"
by = "caller"

[[route]]
get = "/who"
reply = "{who} by {issuer}"
parameters = { who = { from = "claim:sub" }, issuer = { from = "claim:iss" } }

[[route]]
post = "/written"
auth = { scopes = ["write"] }
reply = "written"

[[route]]
get = "/few"
rate_limit = "few"
reply = "one of few"

[[route]]
get = "/open"
auth = "public"
reply = "open"
"#;

/// A service, who signs its callers' certificates, and what it is served with.
fn stage() -> (Sealed, Authority, impl Fn() -> Serve) {
    let (sealed, clients) = (Sealed::new(), Authority::new());
    sealed.folder.write("howdah.toml", KNOWN);
    let signers = sealed.folder.write("clients.crt", clients.pem());
    let keys = sealed.folder.write("keys.toml", "");
    let folder = sealed.folder.path().to_owned();
    let serve = move || {
        let serve = service::serve(&folder).env("CLIENTS", &signers).env("KEYS", &keys);
        serve.env("CERTIFICATE", folder.join("tls.crt")).env("KEY", folder.join("tls.key"))
    };
    (sealed, clients, serve)
}

fn identity((certificate, key): (String, String)) -> Identity {
    Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap()
}

fn with_uri(authority: &Authority, uri: &str) -> Identity {
    identity(authority.sign_with(&[], |params| {
        params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
    }))
}

async fn ask(client: &Client, service: &Service, path: &str) -> (u16, String) {
    let method = if path == "/written" { reqwest::Method::POST } else { reqwest::Method::GET };
    let reply = client.request(method, url(service, path)).send().await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

#[test]
fn a_certificate_says_who_asks_by_both_protocols() {
    let (sealed, clients, serve) = stage();
    let service = serve().start();
    let importer = || identity(clients.sign(&["other.example", "importer.example"]));
    let reader = || with_uri(&clients, "spiffe://example/reader");
    run(async {
        for old in [false, true] {
            let client = |identity: Identity| {
                let builder = sealed.client().identity(identity);
                if old { builder.http1_only() } else { builder }.build().unwrap()
            };
            let (importer, reader) = (client(importer()), client(reader()));
            for (known, name) in [(&importer, "importer"), (&reader, "reader")] {
                let who = format!("{name} by urn:howdah:certificates");
                assert_eq!(ask(known, &service, "/who").await, (200, who));
                assert_eq!(ask(known, &service, "/open").await.0, 200);
            }
            assert_eq!(ask(&importer, &service, "/written").await, (200, "written".to_owned()));
            let (status, problem) = ask(&reader, &service, "/written").await;
            assert_eq!(status, 403, "{problem}");
            assert!(problem.contains("insufficient-scope"), "{problem}");
        }
        // They are counted by their names, whatever connection they have.
        let fresh = |identity: Identity| sealed.client().identity(identity).build().unwrap();
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(ask(&fresh(importer()), &service, "/few").await.0);
        }
        assert_eq!(statuses, [200, 200, 429]);
        assert_eq!(ask(&fresh(reader()), &service, "/few").await.0, 200);
    });
    let (_, log) = service.stop();
    assert!(!log.contains("PRIVATE"));
}

#[test]
fn the_log_names_who_showed_a_certificate_where_callers_are_logged() {
    let (sealed, clients, serve) = stage();
    let said = |setting: &str| {
        let service = serve().env("HOWDAH_LOG_CALLERS", setting).start();
        run(async {
            for who in [
                identity(clients.sign(&["importer.example"])),
                with_uri(&clients, "spiffe://example/reader"),
                identity(clients.sign(&["stranger.example"])),
            ] {
                let client = sealed.client().identity(who).build().unwrap();
                assert!([200, 401].contains(&ask(&client, &service, "/who").await.0));
            }
        });
        let (_, log) = service.stop();
        // What the manifest calls them is said, and nothing else of what they showed.
        for shown in ["importer.example", "spiffe:", "stranger", "BEGIN"] {
            assert!(!log.contains(shown), "{shown} in\n{log}");
        }
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let lines = lines.filter(|line| line["message"] == "answered" && line["route"] == "/who");
        lines.map(|line| line["caller"].clone()).collect::<Vec<_>>()
    };
    let known = |name: &str| Value::from(format!("certificate {name}"));
    assert_eq!(said("on"), [known("importer"), known("reader"), Value::Null]);
    assert_eq!(said("off"), [Value::Null, Value::Null, Value::Null]);
}

#[test]
fn every_other_certificate_says_nothing() {
    let (sealed, clients, serve) = stage();
    let service = serve().start();
    let name = &["importer.example"];
    let expired = clients.sign_with(name, |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = clients.sign_with(name, |params| params.not_before = date_time_ymd(2090, 1, 1));
    let common = clients.sign_with(&["nobody.example"], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "importer.example");
    });
    run(async {
        let client = |identity: Identity| sealed.client().identity(identity).build().unwrap();
        let nobody = sealed.client().build().unwrap();
        nobody.get(url(&service, "/open")).send().await.unwrap_err();
        for turned_away in [Authority::new().sign(name), expired, early] {
            let client = client(identity(turned_away));
            client.get(url(&service, "/open")).send().await.unwrap_err();
        }
        // Whom the authority vouches for, and nobody here knows.
        for unknown in [
            identity(clients.sign(&["x.importer.example", "*.example"])),
            identity(common),
            with_uri(&clients, "spiffe://example/Reader"),
            with_uri(&clients, "dns:importer.example"),
        ] {
            let client = client(unknown);
            let (status, problem) = ask(&client, &service, "/who").await;
            assert_eq!(status, 401, "{problem}");
            assert_eq!(ask(&client, &service, "/open").await.0, 200);
        }
        // Who brings a key is judged by it, and not let in for the certificate's sake.
        let known = client(identity(clients.sign(name)));
        let with_key = known.get(url(&service, "/who")).header("authorization", "Bearer none");
        assert_eq!(with_key.send().await.unwrap().status(), 401);
    });
}

#[test]
fn what_a_manifest_says_of_clients_is_checked() {
    let (sealed, _, _) = stage();
    let check = |from: &str, to: &str| {
        assert!(KNOWN.contains(from), "{from}");
        sealed.folder.write("howdah.toml", KNOWN.replacen(from, to, 1));
        let mut command = howdah(["check"]);
        for name in ["CERTIFICATE", "KEY", "CLIENTS", "KEYS"] {
            command.env(name, "/dev/null");
        }
        let output = command.arg(sealed.folder.path()).output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (from, to, expected) in [
        ("client_authority = \"${CLIENTS}\"", "", "nobody is asked for a certificate"),
        ("dns:Importer", "cn:Importer", "a common name does not count"),
        ("dns:Importer.example", "Importer.example", "takes a name such as"),
        ("uri:spiffe://example/reader", "dns:importer.example", "have the same certificate"),
        ("scopes = [\"read\"]", "scopes = [\"read\"]\nrole = \"r\"", "`auth.roles` does not name"),
        ("scopes = [\"read\"]", "scope = [\"read\"]", "scopes"),
    ] {
        let said = check(from, to);
        assert!(said.contains(expected), "{to}: {said}");
    }
}
