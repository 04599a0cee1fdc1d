//! Tokens, and issuers that come, go, turn their keys over and misbehave.

use super::{
    SECRET, Stage, get, internal,
    issuer::{Issuer, Signer, claims, now},
    outcome, wait_until_ready,
};
use crate::support::{eventually, http::PATIENCE, service::Service};
use serde_json::json;
use std::{net::TcpListener, time::Duration};

/// The service with the issuer `main` at `name`, found by discovery.
fn with_issuer(stage: &Stage, name: &str) -> Service {
    let service = stage.serve().env("ISSUER", name).start();
    wait_until_ready(&service);
    service
}

#[test]
fn an_issuer_is_discovered_and_its_tokens_believed() {
    let (stage, key) = (Stage::new(), Signer::elliptic("one"));
    let edwards = Signer::edwards("two");
    let issuer = Issuer::start(&[&key, &edwards]);
    let service = with_issuer(&stage, &issuer.name());
    for signer in [&key, &edwards] {
        let token = signer.sign(&claims(&issuer.name(), "acme"));
        assert_eq!(get(&service, "/scoped", &token).text(), "scoped");
    }
    assert_eq!(get(&service, "/scoped", &internal("acme", "notes:read")).status, 403);
    let me = get(&service, "/me", &key.sign(&claims(&issuer.name(), "acme")));
    assert_eq!(
        me.json(),
        json!({ "tenant": "acme", "level": null, "role": stage.role, "sub": "user of acme" })
    );
    assert_eq!(issuer.asked(), 1, "the keys are asked for once");
}

#[test]
fn claims_are_arguments_of_their_own_types() {
    let stage = Stage::new();
    let service = stage.start();
    let sign = |level: serde_json::Value| {
        let mut claims = claims("internal", "acme");
        claims["profile"] = json!({ "level": level });
        Signer::secret(SECRET).sign(&claims)
    };
    for level in [json!(7), json!("7")] {
        assert_eq!(get(&service, "/me", &sign(level)).json()["level"], 7);
    }
    assert_eq!(outcome(&get(&service, "/me", &sign(json!("high")))), (403, "forbidden".into()));
    let mut nobody = claims("internal", "acme");
    nobody.as_object_mut().unwrap().remove("tenant");
    let answer = get(&service, "/me", &Signer::secret(SECRET).sign(&nobody));
    assert_eq!(answer.problem(), "forbidden");
    assert!(answer.json()["detail"].as_str().unwrap().contains("`tenant`"), "{answer}");
    // A key has claims, too.
    let key = stage.key("k", &["--claim", "tenant=bolt", "--role", &stage.role]);
    eventually("the key counts", PATIENCE, || get(&service, "/me", &key).status == 200);
    let me = get(&service, "/me", &key).json();
    assert_eq!((&me["tenant"], &me["sub"]), (&json!("bolt"), &json!("k")));
}

#[test]
fn tokens_that_are_wrong_are_refused_and_not_explained() {
    let (stage, key) = (Stage::new(), Signer::elliptic("one"));
    let issuer = Issuer::start(&[&key]);
    let service = with_issuer(&stage, &issuer.name());
    let name = issuer.name();
    let changed = |member: &str, value: serde_json::Value| {
        let mut claims = claims(&name, "acme");
        claims[member] = value;
        key.sign(&claims)
    };
    let good = claims(&name, "acme");
    let es256 = |more: serde_json::Value| {
        let mut header = json!({ "alg": "ES256", "kid": "one" });
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key.sign_as(&header, &good)
    };
    let token = key.sign(&good);
    assert_eq!(get(&service, "/unsaid", &token).status, 200);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let public = key.public()["x"].as_str().unwrap().to_owned();
    let confused = Signer::secret(&public).sign_as(&json!({ "alg": "HS256", "kid": "one" }), &good);
    for (what, token, detail) in [
        ("expired", changed("exp", json!(now() - 60)), "expired"),
        ("not yet", changed("nbf", json!(now() + 60)), "not valid"),
        ("issued later", changed("iat", json!(now() + 60)), "not valid"),
        ("for others", changed("aud", json!("others")), "not valid"),
        ("of others", changed("iss", json!("https://evil.example")), "not valid"),
        ("unknown key", Signer::elliptic("none").sign(&good), "not valid"),
        ("known name, other key", Signer::elliptic("one").sign(&good), "not valid"),
        ("none", es256(json!({ "alg": "none" })), "malformed"),
        ("HS256 with the public key", confused, "not valid"),
        ("HS256 of another issuer", Signer::secret(SECRET).sign(&good), "not valid"),
        ("critical", es256(json!({ "crit": ["b64"], "b64": false })), "not valid"),
        ("its own key", es256(json!({ "kid": "x", "jwk": key.public() })), "not valid"),
        ("stripped", format!("{message}."), "not valid"),
        ("cut", format!("{message}.{}", &signature[1..]), "not valid"),
        ("long", format!("{message}.{}", "A".repeat(9000)), "malformed"),
    ] {
        let answer = get(&service, "/unsaid", &token);
        assert_eq!(outcome(&answer), (401, "invalid-credential".into()), "{what}");
        let said = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(said.contains(detail), "{what}: {said}");
    }
}

#[test]
fn new_keys_of_an_issuer_are_found_and_old_ones_forgotten() {
    let (stage, old, new) = (Stage::new(), Signer::elliptic("old"), Signer::edwards("new"));
    let issuer = Issuer::start(&[&old]);
    issuer.says_of_caching("max-age=3600");
    let service = with_issuer(&stage, &issuer.name());
    let sign = |signer: &Signer| signer.sign(&claims(&issuer.name(), "acme"));
    let (first, second) = (sign(&old), sign(&new));
    eventually("the first keys", PATIENCE, || get(&service, "/unsaid", &first).status == 200);
    issuer.has(&[&new]);
    std::thread::sleep(Duration::from_millis(250));
    let before = issuer.asked();
    assert_eq!(
        get(&service, "/unsaid", &second).status,
        200,
        "an unknown key is asked for at once"
    );
    assert_eq!(issuer.asked(), before + 1);
    assert_eq!(
        get(&service, "/unsaid", &first).status,
        401,
        "what it signed is not believed any more"
    );
    // Many tokens with keys that nobody has do not make a flood of questions.
    let strangers: Vec<_> = (0..40).map(|_| sign(&Signer::edwards("nobody"))).collect();
    let before = issuer.asked();
    let start = std::time::Instant::now();
    for token in &strangers {
        assert_eq!(get(&service, "/unsaid", token).status, 401);
    }
    let most = 2 + usize::try_from(start.elapsed().as_millis() / 200).unwrap();
    assert!(issuer.asked() - before <= most, "{} of {most}", issuer.asked() - before);
}

/// The keys of an issuer are asked for again after a while, whoever asks for what: here, nobody asks for
/// anything meanwhile.
#[test]
fn keys_are_asked_for_again_in_time_and_kept_while_the_issuer_is_away() {
    for is_discovered in [true, false] {
        let (stage, old, new) = (Stage::new(), Signer::elliptic("old"), Signer::edwards("new"));
        let issuer = Issuer::start(&[&old]);
        let keys = format!("{}/jwks", issuer.name());
        let keys = if is_discovered { "discovery" } else { &keys };
        let serve = stage.serve().env("ISSUER", issuer.name()).env("KEYS", keys);
        let service = serve.env("REFRESH", "250ms").start();
        wait_until_ready(&service);
        let [first, second] =
            [&old, &new].map(|signer| signer.sign(&claims(&issuer.name(), "acme")));
        eventually("the first keys", PATIENCE, || get(&service, "/unsaid", &first).status == 200);
        // The second question from now on is put when the answer to the first has been taken.
        let asked_again = || {
            let before = issuer.asked();
            eventually("it is asked", PATIENCE, || issuer.asked() >= before + 2);
        };
        let both = || [&first, &second].map(|token| get(&service, "/unsaid", token).status);
        issuer.has(&[&old, &new]);
        asked_again();
        // From now on it tells nobody anything: what is known was known before the first request.
        issuer.answers(500);
        eventually("it is told", PATIENCE, || {
            service.output().contains("the issuer did not tell its keys")
        });
        assert_eq!(both(), [200, 200], "{keys}: a new key is known, and the old one still");
        issuer.answers(200);
        issuer.has(&[&new]);
        asked_again();
        assert_eq!(both(), [401, 200], "{keys}: a key that is gone is forgotten");
    }
}

#[test]
fn an_issuer_that_is_away_stops_no_start_and_is_found_later() {
    let (stage, key) = (Stage::new(), Signer::elliptic("one"));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let name = format!("http://{free}");
    let service = with_issuer(&stage, &name);
    let token = key.sign(&claims(&name, "acme"));
    let answer = get(&service, "/unsaid", &token);
    assert_eq!(outcome(&answer), (503, "issuer-unavailable".into()));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(
        get(&service, "/unsaid", &internal("acme", "")).status,
        200,
        "others are not touched"
    );
    assert_eq!(service.get("/open").status, 200);
    let issuer = Issuer::start_at(free, &[&key]);
    eventually("it is found", PATIENCE, || get(&service, "/unsaid", &token).status == 200);
    // Away again: what is known goes on.
    issuer.answers(500);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        get(&service, "/unsaid", &Signer::edwards("x").sign(&claims(&name, "a"))).status,
        401
    );
    assert_eq!(get(&service, "/unsaid", &token).status, 200);
    eventually("it is told", PATIENCE, || {
        service.output().contains("the issuer did not tell its keys")
    });
}

#[test]
fn an_issuer_is_asked_over_tls_and_only_when_its_certificate_is_trusted() {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pair = || rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertifiedIssuer::self_signed(params, pair()).unwrap();
    let own = pair();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&own, &authority).unwrap();
    let (stage, key) = (Stage::new(), Signer::elliptic("one"));
    let issuer = Issuer::start_with_tls(&[&key], &certificate.pem(), &own.serialize_pem());
    let token = key.sign(&claims(&issuer.name(), "acme"));
    let trusted = stage.folder.write("authority.pem", authority.pem());
    let serve = stage.serve().env("ISSUER", issuer.name()).env("SSL_CERT_FILE", trusted);
    let service = serve.start();
    wait_until_ready(&service);
    eventually("its keys are known", PATIENCE, || get(&service, "/unsaid", &token).status == 200);
    let wary = with_issuer(&stage, &issuer.name());
    assert_eq!(get(&wary, "/unsaid", &token).problem(), "issuer-unavailable");
    eventually("it is told", PATIENCE, || {
        wary.output().contains("the issuer did not tell its keys")
    });
}

#[test]
fn an_issuer_that_misbehaves_is_not_believed_and_holds_nothing_up() {
    let (stage, key) = (Stage::new(), Signer::elliptic("one"));
    let issuer = Issuer::start(&[&key]);
    issuer.calls_itself("https://another.example");
    let service = with_issuer(&stage, &issuer.name());
    let token = key.sign(&claims(&issuer.name(), "acme"));
    let told = |what: &str| {
        eventually(what, PATIENCE, || {
            let _ = get(&service, "/unsaid", &token);
            service.output().contains(what)
        });
        assert_eq!(get(&service, "/unsaid", &token).problem(), "issuer-unavailable");
    };
    told("of another issuer");
    issuer.calls_itself(&issuer.name());
    issuer.pads(1 << 20);
    told("larger than 512 KiB");
    issuer.pads(0);
    issuer.has(&[&Signer::secret("0123456789abcdef0123456789abcdef")]);
    told("its keys cannot be used");
    issuer.answers(404);
    told("status 404");
    issuer.answers(200);
    issuer.has(&[&key]);
    issuer.takes(Duration::from_secs(30));
    let start = std::time::Instant::now();
    assert_eq!(service.get("/open").status, 200);
    assert!(start.elapsed() < Duration::from_secs(2), "what needs no issuer does not wait for it");
}
