//! The part of the API of `HashiCorp` Vault and `OpenBao` that an engine KV version 2 is read and
//! written by: versions, check-and-set, deleted versions, and two ways to sign in.

use super::{
    conformance::Place,
    server::{Answer, Api, Asked, Kind, Server},
};
use crate::support::folder::Folder;
use howdah::{
    config::{self, Vault as Wanted, VaultLogin},
    rotation::sink::{self, Sink},
};
use serde_json::{Value, json};

const DATA: &str = "/v1/secret/data/rates/database";

#[derive(Clone, Default)]
pub(crate) struct Engine {
    /// Each version's data; none of one that was deleted.
    pub(crate) versions: Vec<Option<Value>>,
    pub(crate) tokens: Vec<String>,
}

fn errors(status: u16, what: &[&str]) -> Answer {
    Answer::json(status, &json!({ "errors": what }))
}

impl Engine {
    fn metadata(&self) -> Value {
        let deleted = self.versions.last().is_some_and(Option::is_none);
        json!({
            "created_time": "2026-01-01T00:00:00Z", "custom_metadata": null, "destroyed": false,
            "deletion_time": if deleted { "2026-01-02T00:00:00Z" } else { "" },
            "version": self.versions.len(),
        })
    }

    fn read(&self) -> Answer {
        let data = |data: &Value| {
            json!({
                "request_id": "1", "lease_id": "", "renewable": false, "lease_duration": 0,
                "data": { "data": data, "metadata": self.metadata() },
            })
        };
        match self.versions.last() {
            None => errors(404, &[]),
            Some(None) => Answer::json(404, &data(&Value::Null)),
            Some(Some(held)) => Answer::json(200, &data(held)),
        }
    }

    fn write(&mut self, asked: &Asked) -> Answer {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let cas = body["options"]["cas"].as_u64().expect("the mount wants check-and-set");
        if cas != self.versions.len() as u64 {
            let why = "check-and-set parameter did not match the current version";
            return errors(400, &[why]);
        }
        self.versions.push(Some(body["data"].clone()));
        Answer::json(200, &json!({ "data": self.metadata() }))
    }

    fn sign_in(&mut self, asked: &Asked) -> Answer {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let good = match asked.path.as_str() {
            "/v1/auth/kubernetes/login" => json!({ "role": "howdah", "jwt": "a-jwt" }),
            "/v1/auth/approle/login" => json!({ "role_id": "r-1", "secret_id": "s-1" }),
            _ => return errors(404, &[]),
        };
        if body != good {
            return errors(403, &["permission denied"]);
        }
        let token = format!("hvs.{}", fastrand::u64(..));
        let auth = json!({ "client_token": token, "lease_duration": 3600, "renewable": true });
        self.tokens.push(token);
        Answer::json(200, &json!({ "auth": auth }))
    }
}

impl Api for Engine {
    fn kind(asked: &Asked) -> Kind {
        match asked.method.as_str() {
            _ if asked.path.starts_with("/v1/auth/") => Kind::SignIn,
            "GET" => Kind::Read,
            _ => Kind::Write,
        }
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        assert_eq!(asked.header("x-vault-request"), "true");
        assert_eq!(asked.header("x-vault-namespace"), "team/one");
        if Self::kind(asked) == Kind::SignIn {
            return self.sign_in(asked);
        }
        if !self.tokens.iter().any(|it| it == asked.header("x-vault-token")) {
            return errors(403, &["permission denied"]);
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", DATA) => self.read(),
            ("POST", DATA) => self.write(asked),
            _ => errors(404, &[]),
        }
    }
}

pub(crate) struct Vault {
    pub(crate) server: Server<Engine>,
    folder: Folder,
    wanted: Wanted,
}

impl Vault {
    /// One that a token signs in to.
    pub(crate) fn new() -> Self {
        let engine = Engine { tokens: vec!["hvs.agent".to_owned()], ..Engine::default() };
        let folder = Folder::new("vault");
        let login = VaultLogin::Token(folder.write("token", "hvs.agent\n"));
        Self::of(engine, folder, login)
    }

    /// One that a service account, or else a role, signs in to.
    pub(crate) fn signing_in(kubernetes: bool) -> Self {
        let folder = Folder::new("vault");
        let login = if kubernetes {
            let token_file = folder.write("token", "a-jwt");
            let (mount, role) = ("kubernetes".to_owned(), "howdah".to_owned());
            VaultLogin::Kubernetes { mount, role, token_file }
        } else {
            let secret_id_file = folder.write("secret-id", "s-1");
            let (mount, role_id) = ("approle".to_owned(), "r-1".to_owned());
            VaultLogin::AppRole { mount, role_id, secret_id_file }
        };
        Self::of(Engine::default(), folder, login)
    }

    fn of(engine: Engine, folder: Folder, login: VaultLogin) -> Self {
        let server = Server::start(engine, None);
        let wanted = Wanted {
            server: server.url(),
            mount: "secret".to_owned(),
            path: "rates/database".to_owned(),
            namespace: Some("team/one".to_owned()),
            ca_file: None,
            login,
        };
        Self { server, folder, wanted }
    }
}

impl Vault {
    /// The sink as a manifest has it, for one that a token signs in to.
    pub(crate) fn manifest(&self) -> String {
        let token = self.folder.path().join("token");
        format!(
            "{{ vault = \"{}\", path = \"rates/database\", namespace = \"team/one\", token_file = \"{}\" }}",
            self.server.url(),
            token.display()
        )
    }
}

impl Place for Vault {
    type Api = Engine;

    fn sink(&self) -> Box<dyn Sink> {
        sink::open(&[config::Sink::Vault(self.wanted.clone())]).unwrap().remove(0)
    }

    fn holds(&self) -> Option<String> {
        self.server.api(|it| Some(it.versions.last()?.as_ref()?.to_string()))
    }

    fn put(&self, text: &str) {
        let value = serde_json::from_str(text).unwrap_or_else(|_| json!({ "text": text }));
        self.server.api(|it| it.versions.push(Some(value)));
    }

    fn server(&self) -> Option<&Server<Engine>> {
        Some(&self.server)
    }
}
