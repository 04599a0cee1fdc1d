//! The real binary, hardened, with TLS to its database.

use super::*;
use crate::support::service;

const MANIFEST: &str = r#"
[service]
name = "sealed"

[database]
host = "localhost"
port = "${DB_PORT}"
name = "${DB_NAME}"
user = "${DB_USER}"
password_file = "password"
sslmode = "verify-full"
sslrootcert = "${ROOT}"
"#;

#[test]
fn a_hardened_service_connects_anew_and_says_that_nobody_listens() {
    let sealed = Sealed::start();
    let folder = Folder::new("sealed");
    folder.write("howdah.toml", MANIFEST.replace("\"password\"", "\"${PASSWORD}\""));
    folder
        .write("endpoints/one.sql", "/*\nget = \"/one\"\nresult = \"value\"\n*/\nSELECT 1 AS one");
    let kept = "/*\nget = \"/kept\"\nresult = \"value\"\ncache = { ttl = \"1h\", channel = \"news\" }\n*/\n\
                SELECT 1 AS one";
    folder.write("endpoints/kept.sql", kept);
    let password = sealed.files.write("password", &sealed.database.password);
    let served = service::serve(folder.path())
        .database(&sealed.database)
        .env("PASSWORD", &password)
        .env("ROOT", sealed.root())
        .start();
    let works = || served.get("/one").status == 200;
    crate::support::eventually("it serves", Duration::from_secs(20), works);
    // What has a channel is kept while the service listens.
    let listens = || served.get("/kept").header("age").is_some();
    crate::support::eventually("it listens", Duration::from_secs(20), listens);
    // The files are read again from behind the sandbox.
    std::thread::sleep(Duration::from_millis(1100));
    sealed.files.write("root.crt", sealed.authority.pem());
    let (user, end) =
        (&sealed.database.user, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity");
    sealed.set(&format!("{end} WHERE usename = '{user}'"));
    crate::support::eventually("it connects anew", Duration::from_secs(20), works);
    crate::support::eventually("it listens anew", Duration::from_secs(20), listens);
    let report: serde_json::Value =
        serde_json::from_str(&served.get_admin("/posture").text()).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|it| it["id"] == "database-connection-private").unwrap();
    assert_eq!(finding["outcome"], "pass", "{finding}");
    assert!(finding.to_string().contains("TLS"), "{finding}");
}
