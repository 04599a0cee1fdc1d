//! That the OpenAPI document says who may call what, and how often.

use super::{FOLDER, Stage, get};
use crate::support::service::{howdah, project};
use serde_json::{Value, json};

fn document(stage: &Stage) -> Value {
    let mut command = howdah(["describe", "--openapi"]);
    command.arg(project(FOLDER)).envs(stage.database.environment()).env("ROLE", &stage.role);
    command.env("KEYS_FILE", stage.keys_file()).env("SECRET_FILE", "/nowhere");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_document_says_who_may_call_and_how_often() {
    let stage = Stage::new();
    let document = document(&stage);
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["bearer"]["scheme"], "bearer");
    assert_eq!(schemes["apiKey"]["name"], "X-API-Key");
    let discovery = "https://issuer.invalid/.well-known/openid-configuration";
    assert_eq!(schemes["oidc_main"]["openIdConnectUrl"], discovery);
    let of = |path: &str, method: &str| document["paths"][path][method].clone();
    assert_eq!(of("/open", "get")["security"], json!([]));
    let scopes = json!(["notes:read", "notes:list"]);
    let ways = of("/scoped", "get")["security"].as_array().unwrap().clone();
    assert!(ways.contains(&json!({ "bearer": scopes })), "{ways:?}");
    let has = |path: &str, method: &str, status: &str| {
        of(path, method)["responses"].as_object().unwrap().contains_key(status)
    };
    for (path, method, statuses) in [
        ("/open", "get", vec![]),
        ("/unsaid", "get", vec!["401", "503"]),
        ("/scoped", "get", vec!["401", "403", "503"]),
        ("/notes", "post", vec!["401", "403", "503"]),
        ("/tight", "get", vec!["429"]),
        ("/each", "get", vec!["401", "429", "503"]),
    ] {
        for status in ["401", "429"] {
            assert_eq!(has(path, method, status), statuses.contains(&status), "{path} {status}");
        }
        assert!(statuses.iter().all(|status| has(path, method, status)), "{path}");
    }
    let fields = &of("/tight", "get")["responses"]["200"]["headers"];
    assert!(fields["RateLimit"].is_object() && fields["RateLimit-Policy"].is_object());
    assert!(of("/scoped", "get")["responses"]["401"]["headers"]["WWW-Authenticate"].is_object());
    // A claim is no part of a request.
    let parameters = of("/me", "get")["parameters"].clone();
    assert_eq!(parameters, Value::Null);
}

#[test]
fn what_is_refused_is_in_the_document() {
    let stage = Stage::new();
    let key = stage.key("k", &[]);
    let document = document(&stage);
    let service = stage.start();
    for (path, credential) in [
        ("/unsaid", "hdk_"),
        ("/scoped", key.as_str()),
        ("/me", key.as_str()),
        ("/notes", "a.b.c"),
        (
            "/unsaid",
            &super::Signer::elliptic("x").sign(&super::claims("https://issuer.invalid", "a")),
        ),
    ] {
        let answer = get(&service, path, credential);
        let response = &document["paths"][path]["get"]["responses"][answer.status.to_string()];
        let codes = &response["content"]["application/problem+json"]["schema"]["properties"]["code"]
            ["enum"];
        let codes = codes.as_array().unwrap_or_else(|| panic!("{path}: no {answer}"));
        assert!(codes.contains(&answer.problem().into()), "{path}: {answer}");
    }
}
