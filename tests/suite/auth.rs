//! Signing in: keys, tokens, an issuer that misbehaves, rows that are somebody's, limits, and what
//! browsers are told. The service stands in `tests/suite/auth/service`.

mod browsers;
pub(crate) mod issuer;
mod keys;
mod leaks;
mod limits;
mod log;
mod openapi;
mod rows;
mod tokens;

use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    http::{PATIENCE, Reply},
    planted, postgres,
    service::{self, Serve, Service, serve},
};
use issuer::{Signer, claims};
use serde_json::Value;
use std::path::PathBuf;

const FOLDER: &str = "tests/suite/auth/service";

/// A folder with a secret and an empty file of keys, and a database with notes of two tenants.
struct Stage {
    folder: Folder,
    database: Database,
    role: String,
}

impl Stage {
    fn new() -> Self {
        let folder = Folder::new("auth");
        folder.write("secret", SECRET);
        planted::plant(SECRET);
        folder.write("keys.toml", "");
        let database = postgres::database();
        let role = format!("user_of_{}", database.name);
        let user = &database.user;
        database.psql_as_superuser(&format!(
            "CREATE ROLE {role} NOLOGIN; GRANT {role} TO {user};
             CREATE TABLE notes (tenant text NOT NULL, text text NOT NULL);
             ALTER TABLE notes OWNER TO {user}; ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
             CREATE POLICY own ON notes TO {role} USING
               (tenant = current_setting('request.jwt.claims', true)::json ->> 'tenant');
             GRANT SELECT, INSERT ON notes TO {role};
             INSERT INTO notes VALUES ('acme', 'a1'), ('acme', 'a2'), ('bolt', 'b1')"
        ));
        Self { folder, database, role }
    }

    fn keys_file(&self) -> PathBuf {
        self.folder.path().join("keys.toml")
    }

    /// The service, about to be served on one thread.
    fn serve(&self) -> Serve {
        self.serve_on(1)
    }

    /// The service, about to be served on so many threads.
    fn serve_on(&self, threads: u16) -> Serve {
        let serve = serve(FOLDER).database(&self.database).arg(format!("--threads={threads}"));
        let serve = serve.env("ROLE", &self.role).env("KEYS_FILE", self.keys_file());
        serve.env("SECRET_FILE", self.folder.path().join("secret"))
    }

    fn start(&self) -> Service {
        let service = self.serve().start();
        wait_until_ready(&service);
        service
    }

    /// A new key in the file; what `howdah key new` prints.
    fn key(&self, name: &str, more: &[&str]) -> String {
        service::new_key(&self.keys_file(), name, more)
    }
}

const SECRET: &str = "planted-secret-0123456789-0123456789";

fn wait_until_ready(service: &Service) {
    eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
}

/// GET with this credential as the value of `Authorization`.
fn get(service: &Service, path: &str, credential: &str) -> Reply {
    service.send("GET", path, &[("authorization", &format!("Bearer {credential}"))], b"")
}

/// A token of the issuer `internal` for the tenant.
fn internal(tenant: &str, scope: &str) -> String {
    let mut claims = claims("internal", tenant);
    claims["scope"] = scope.into();
    Signer::secret(SECRET).sign(&claims)
}

fn outcome(reply: &Reply) -> (u16, String) {
    let code = if reply.status < 400 { "fine".to_owned() } else { reply.problem() };
    (reply.status, code)
}

fn rows(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{reply}");
    let rows = reply.json();
    let text = |row: &Value| row["text"].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(text).collect()
}
