//! Nothing secret and nobody's data in anything that the service prints.

use super::{
    SECRET, Stage, get, internal,
    issuer::{Signer, claims},
    outcome, planted,
};

#[test]
fn planted_secrets_and_rows_are_in_nothing_that_is_printed() {
    let stage = Stage::new();
    for value in ["planted-tenant", "planted-row", "planted-argument"] {
        planted::plant(value);
    }
    stage.database.psql("INSERT INTO notes VALUES ('planted-tenant', 'planted-row')");
    let key =
        stage.key("planted-name", &["--claim", "tenant=planted-tenant", "--role", &stage.role]);
    let service = stage.serve().env("HOWDAH_LOG_LEVEL", "trace").start();
    super::wait_until_ready(&service);
    let token = internal("planted-tenant", "notes:write");
    let mut expired = claims("internal", "planted-tenant");
    expired["exp"] = 1.into();
    let expired = Signer::secret(SECRET).sign(&expired);
    let strange = Signer::secret("planted-other-secret-0123456789-01")
        .sign(&claims("internal", "planted-tenant"));
    let mut answers = Vec::new();
    for credential in
        [&key, &token, &expired, &strange, &key[..30], "planted-garbage", "planted.garbage.x"]
    {
        for path in ["/notes", "/me", "/unsaid", "/scoped", "/each", "/tight", "/open"] {
            let answer = get(&service, path, credential);
            if answer.status >= 400 {
                outcome(&answer);
                answers.push(answer.text());
            }
        }
    }
    assert_eq!(super::rows(&get(&service, "/notes", &key)), ["planted-row"]);
    let bearer = format!("Bearer {token}");
    let fields = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(
        service.send("POST", "/notes", &fields, br#"{"text":"planted-argument"}"#).status,
        200
    );
    // A file of keys that breaks, with something in it that must not be shown.
    std::fs::write(
        stage.keys_file(),
        "[[key]]\nname = \"planted-name\"\nhash = \"planted-hash\"\n",
    )
    .unwrap();
    crate::support::eventually("it is told", crate::support::http::PATIENCE, || {
        service.output().contains("API keys cannot be read")
    });
    let metrics = service.get_admin("/metrics").text();
    let password = stage.database.password.clone();
    let (status, output) = service.stop();
    assert!(status.success());
    for (place, text) in
        [("output", &output), ("metrics", &metrics), ("problems", &answers.join("\n"))]
    {
        for secret in [SECRET, &password, &key, &key[..20], &token, &expired, &strange] {
            assert!(!text.contains(secret), "{secret} in {place}\n{text}");
        }
        assert!(!text.contains("planted"), "a planted value in {place}\n{text}");
        assert!(!text.contains("127.0.0.1:") || place == "output", "an address in {place}");
    }
    // Nor the address of a caller: it is personal data.
    let answered = output.lines().filter(|line| line.contains("answered"));
    assert!(answered.into_iter().all(|line| !line.contains("127.0.0.1")), "{output}");
}
