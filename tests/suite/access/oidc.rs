//! People who sign in to the keeper with a token of their identity provider.

use crate::{
    auth::issuer::{Issuer, Signer, now},
    support::{
        database::Database,
        eventually,
        http::{self, Reply},
        keeper::{Home, Keeper},
        postgres::cluster,
    },
};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(40);
const LIST: &str = "/access/requests";

struct House {
    home: Home,
    keeper: Keeper,
    issuer: Issuer,
}

impl House {
    fn new(signer: &Signer) -> Self {
        let issuer = Issuer::start(&[signer]);
        let (home, policy) = Home::lending(Database::create(cluster()), Home::ONE_OF_TWO);
        home.write_manifest(&format!(
            "{policy}\n[access.issuers.main]\nissuer = \"{}\"\naudience = [\"howdah-keeper\"]\n\
             groups_claim = \"realm.groups\"\npause = \"100ms\"\n",
            issuer.name()
        ));
        let keeper = home.keeper();
        eventually("it leads", SOON, || keeper.leads());
        Self { home, keeper, issuer }
    }

    fn claims(&self, subject: &str, groups: &Value) -> Value {
        json!({ "iss": self.issuer.name(), "aud": "howdah-keeper", "sub": subject,
            "exp": now() + 300, "realm": { "groups": groups } })
    }

    fn send(&self, method: &str, path: &str, token: &str, body: &Value) -> Reply {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        http::send(self.keeper.address, method, path, &headers, body.as_bytes()).unwrap()
    }

    fn get(&self, token: &str) -> Reply {
        self.send("GET", LIST, token, &Value::Null)
    }

    /// The sign-ins of the trail: actor, outcome and code.
    fn sign_ins(&self) -> Vec<String> {
        let rows = self.home.database.psql_as_superuser(
            "SELECT concat_ws(' ', e #>> '{entry,actor}', e #>> '{entry,outcome}', e #>> '{entry,detail,code}')
             FROM (SELECT id, body::json AS e FROM howdah.audit_inbox) AS it
             WHERE e #>> '{entry,action}' = 'sign-in' ORDER BY id",
        );
        rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
    }
}

#[test]
fn people_of_a_provider_ask_and_approve_by_their_groups() {
    let signer = Signer::elliptic("one");
    let house = House::new(&signer);
    let ann = signer.sign(&house.claims("ann", &json!(["dev", "staff"])));
    let bob = signer.sign(&house.claims("bob", &json!(["dba"])));
    let eve = signer.sign(&house.claims("eve", &json!(["guest"])));
    eventually("the policies are set", SOON, || house.get(&ann).status == 200);
    let ask = json!({ "policy": "read", "for": "10m", "reason": "ticket 4711" });
    assert_eq!(house.send("POST", LIST, &eve, &ask).problem(), "not-eligible");
    let made = house.send("POST", LIST, &ann, &ask);
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let digest = json!({ "digest": made["digest"] });
    let path = format!("{LIST}/{}/approve", made["id"].as_str().unwrap());
    assert_eq!(house.send("POST", &path, &ann, &digest).problem(), "self-approval");
    assert_eq!(house.send("POST", &path, &eve, &digest).problem(), "not-an-approver");
    let approved = house.send("POST", &path, &bob, &digest);
    assert_eq!(approved.json()["state"], "approved", "{}", approved.text());
    // One token signs in once; another one of the same person does again.
    for _ in 0..3 {
        assert_eq!(house.get(&bob).status, 200);
    }
    let name = house.issuer.name();
    let expected = |who: &str| format!("{name}:{who} done");
    let mut told = house.sign_ins();
    told.sort();
    assert_eq!(told, [expected("ann"), expected("bob"), expected("eve")]);
    let mut claims = house.claims("ann", &json!(["guest"]));
    claims["exp"] = json!(now() + 301);
    let moved = signer.sign(&claims);
    let activate = format!("{LIST}/{}/activate", made["id"].as_str().unwrap());
    // Who has left the group since is not given what was approved.
    assert_eq!(house.send("POST", &activate, &moved, &json!({})).problem(), "not-eligible");
    assert_eq!(house.sign_ins().len(), 4);
    // A person of the keeper's own of the same name is another one.
    let token = house.home.token("ann", "dev");
    let own = std::fs::read_to_string(token).unwrap();
    assert_eq!(house.get(own.trim()).status, 200);
    let people = "SELECT count(*) FROM howdah.access_principal WHERE subject = 'ann'";
    assert_eq!(house.home.database.psql_as_superuser(people)[0][0].as_deref(), Some("2"));
    // Who is disabled is out, whatever the token says.
    house.home.database.psql_as_superuser(
        "UPDATE howdah.access_principal SET disabled_at = now() WHERE subject = 'bob'",
    );
    assert_eq!(house.get(&bob).problem(), "token-ended");
}

#[test]
fn what_proves_nothing_is_refused_and_told() {
    let signer = Signer::edwards("one");
    let house = House::new(&signer);
    let good = house.claims("ann", &json!(["dev"]));
    eventually("ready", SOON, || house.get(&signer.sign(&good)).status == 200);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let before = house.sign_ins().len();
    let stranger = Signer::edwards("one");
    let none = signer.sign_as(&json!({ "alg": "none" }), &good);
    let refused = [
        (signer.sign(&with("aud", json!("rates"))), "token-invalid"),
        (signer.sign(&with("iss", json!("https://other.example"))), "token-invalid"),
        (signer.sign(&with("sub", Value::Null)), "token-invalid"),
        (signer.sign(&with("exp", json!(now() - 3600))), "token-ended"),
        (signer.sign(&with("nbf", json!(now() + 3600))), "token-invalid"),
        (stranger.sign(&good), "token-invalid"),
        (none, "token-invalid"),
        ("a.b.c".to_owned(), "token-invalid"),
        ("x".repeat(9000), "token-invalid"),
        ("howdah_token_forged".to_owned(), "token-invalid"),
    ];
    for (token, code) in &refused {
        let reply = house.get(token);
        assert_eq!((reply.status, reply.problem().as_str()), (401, *code), "{token:.40}");
    }
    let told = house.sign_ins();
    assert_eq!(told.len(), before + refused.len());
    for (told, (_, code)) in told[before..].iter().zip(&refused) {
        assert!(told.ends_with(&format!("refused {code}")), "{told}");
    }
    // An issuer that turns its keys over is asked again.
    let next = Signer::elliptic("two");
    house.issuer.has(&[&next]);
    eventually("the new key is believed", SOON, || house.get(&next.sign(&good)).status == 200);
    // No token of a service's caller signs in here, and no group is taken from elsewhere.
    let mut claims = with("groups", json!(["dba"]));
    claims["realm"] = json!({});
    let nobody = next.sign(&claims);
    let ask = json!({ "policy": "read", "for": "10m", "reason": "ticket" });
    eventually("the policies are set", SOON, || {
        house.send("POST", LIST, &nobody, &ask).problem() == "not-eligible"
    });
}

#[test]
fn a_provider_that_is_away_is_waited_for() {
    let signer = Signer::elliptic("one");
    let house = House::new(&signer);
    house.issuer.answers(500);
    let token = signer.sign(&house.claims("ann", &json!(["dev"])));
    drop(house.keeper);
    let keeper = house.home.keeper();
    eventually("it leads", SOON, || keeper.leads());
    let bearer = format!("Bearer {token}");
    let get =
        || http::send(keeper.address, "GET", LIST, &[("authorization", &bearer)], b"").unwrap();
    assert_eq!((get().status, get().problem().as_str()), (503, "issuer-unavailable"));
    house.issuer.answers(200);
    eventually("it is asked again", SOON, || get().status == 200);
}

#[test]
fn what_would_let_others_sign_is_refused() {
    let home = Home::new(Database::create(cluster()), "");
    for (more, expected) in [
        ("issuer = \"https://a.example\"\naudience = []", "`audience` names nobody"),
        (
            "issuer = \"https://a.example\"\naudience = [\"k\"]\nkeys = \"secret:/s\"",
            "whoever checks with it could sign",
        ),
        ("issuer = \"local\"\naudience = [\"k\"]\nkeys = \"/jwks\"", "the keeper's own tokens"),
        ("issuer = \"http://a.example\"\naudience = [\"k\"]", "cannot be asked for its keys"),
        ("audience = [\"k\"]", "`access.issuers.main.issuer` is missing"),
    ] {
        home.write_manifest(&format!("[access.issuers.main]\n{more}\n"));
        let output = home.howdah(&["keeper"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{more}: {said}");
    }
}
