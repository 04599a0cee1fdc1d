//! The part of the API of Azure Key Vault that secrets are read and set by, and the endpoint that
//! gives tokens. A set makes a new version, whatever was there.

use super::{
    conformance::Place,
    server::{Answer, Api, Asked, Kind, Server},
};
use crate::support::folder::Folder;
use howdah::{
    config::{self, AzureLogin, AzureProof, KeyVault as Wanted},
    rotation::sink::{self, Sink},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Versions on one page; the real one has up to 25.
const PAGE: usize = 2;

#[derive(Clone)]
pub(crate) struct Version {
    id: String,
    value: String,
    tags: Value,
}

#[derive(Clone, Default)]
pub(crate) struct Keys {
    pub(crate) versions: Vec<Version>,
    pub(crate) tokens: Vec<String>,
    /// Where the vault thinks that it is.
    pub(crate) base: String,
    /// Whether it is deleted, and could be recovered.
    pub(crate) deleted: bool,
}

fn error(status: u16, code: &str, inner: Option<&str>) -> Answer {
    let inner = inner.map(|code| json!({ "code": code }));
    let error = json!({ "code": code, "message": "what a person reads", "innererror": inner });
    Answer::json(status, &json!({ "error": error }))
}

impl Keys {
    pub(crate) fn set(&mut self, value: &str, tags: Value) -> &Version {
        let id = format!("{}/secrets/rates-db/{:032x}", self.base, fastrand::u128(..));
        self.versions.push(Version { id, value: value.to_owned(), tags });
        self.versions.last().unwrap()
    }

    fn bundle(version: &Version) -> Answer {
        let attributes =
            json!({ "enabled": true, "created": 1_767_225_600, "updated": 1_767_225_600 });
        Answer::json(
            200,
            &json!({
                "value": version.value, "contentType": "application/json", "id": version.id,
                "attributes": attributes, "tags": version.tags,
            }),
        )
    }

    fn page(&self, asked: &Asked) -> Answer {
        let from: usize = asked.query.get("$skiptoken").map_or(0, |it| it.parse().unwrap());
        // In no order that means anything.
        let mut all: BTreeMap<&str, &Version> = BTreeMap::new();
        all.extend(self.versions.iter().map(|it| (it.id.as_str(), it)));
        let some: Vec<_> = all.values().skip(from).take(PAGE).collect();
        let next = from + some.len();
        let link = (next < all.len()).then(|| {
            format!("{}/secrets/rates-db/versions?api-version=7.4&$skiptoken={next}", self.base)
        });
        let value: Vec<_> = some.iter().map(|it| json!({ "id": it.id, "tags": it.tags })).collect();
        Answer::json(200, &json!({ "value": value, "nextLink": link }))
    }

    fn token(&mut self, asked: &Asked) -> Answer {
        let form = reqwest::Url::parse(&format!("http://a/?{}", asked.body)).unwrap();
        let form: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
        assert_eq!(form["scope"], "https://vault.azure.net/.default");
        assert_eq!(form["grant_type"], "client_credentials");
        let by_secret = form.get("client_secret").is_some_and(|it| it == "a client+secret&");
        let by_assertion = form.get("client_assertion").is_some_and(|it| it == "an.assertion")
            && form["client_assertion_type"]
                == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        if form["client_id"] != "c-1" || !(by_secret || by_assertion) {
            return Answer::json(401, &json!({ "error": "invalid_client" }));
        }
        let token = format!("t{}", fastrand::u64(..));
        let body = json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": token });
        self.tokens.push(token);
        Answer::json(200, &body)
    }
}

impl Api for Keys {
    fn kind(asked: &Asked) -> Kind {
        match asked.method.as_str() {
            "GET" => Kind::Read,
            "PUT" => Kind::Write,
            _ => Kind::SignIn,
        }
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.path == "/t-1/oauth2/v2.0/token" {
            return self.token(asked);
        }
        let token = asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        if !self.tokens.iter().any(|it| it == token) {
            return error(401, "Unauthorized", None);
        }
        assert_eq!(asked.query["api-version"], "7.4");
        let below = asked.path.strip_prefix("/secrets/rates-db").expect("the secret's path");
        match (asked.method.as_str(), below) {
            ("PUT", "") if self.deleted => {
                error(409, "Conflict", Some("ObjectIsDeletedButRecoverable"))
            }
            ("PUT", "") => {
                let body: Value = serde_json::from_str(&asked.body).unwrap();
                let value = body["value"].as_str().unwrap().to_owned();
                Self::bundle(self.set(&value, body["tags"].clone()))
            }
            ("GET", "/versions") => self.page(asked),
            ("GET", below) => {
                let is_it = |it: &&Version| below.is_empty() || it.id.ends_with(below);
                let found = self.versions.iter().rev().filter(|_| !self.deleted).find(is_it);
                found.map_or_else(|| error(404, "SecretNotFound", None), Self::bundle)
            }
            _ => error(405, "MethodNotAllowed", None),
        }
    }
}

pub(crate) struct KeyVault {
    pub(crate) server: Server<Keys>,
    pub(crate) folder: Folder,
    pub(crate) wanted: Wanted,
}

impl KeyVault {
    pub(crate) fn new() -> Self {
        let server = Server::start(Keys::default(), None);
        server.api(|it| it.base = server.url());
        let folder = Folder::new("key-vault");
        let login = AzureLogin::Application {
            authority: server.url(),
            tenant: "t-1".to_owned(),
            client_id: "c-1".to_owned(),
            proof: AzureProof::Secret(folder.write("client-secret", "a client+secret&\n")),
        };
        let wanted = Wanted { vault: server.url(), name: "rates-db".to_owned(), login };
        Self { server, folder, wanted }
    }
}

impl Place for KeyVault {
    type Api = Keys;

    fn sink(&self) -> Box<dyn Sink> {
        sink::open(&[config::Sink::KeyVault(self.wanted.clone())]).unwrap().remove(0)
    }

    fn holds(&self) -> Option<String> {
        self.server.api(|it| Some(it.versions.last()?.value.clone()))
    }

    fn put(&self, text: &str) {
        let tags = serde_json::from_str::<Value>(text).ok().map(|it| it["generation"].to_string());
        let tags = tags.map(|it| json!({ "howdah-generation": it }));
        self.server.api(|it| {
            it.set(text, json!(tags));
        });
    }

    fn server(&self) -> Option<&Server<Keys>> {
        Some(&self.server)
    }
}
