//! The part of the Kubernetes API that Secrets are read, made and applied by: versions, field
//! managers, and the two conflicts that there are.

use super::{
    conformance::Place,
    server::{Answer, Api, Asked, Kind, Server},
};
use crate::support::folder::Folder;
use base64::{Engine, engine::general_purpose::STANDARD};
use howdah::{
    config::{self, KubernetesSecret},
    rotation::sink::{self, Sink},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TOKEN: &str = "a-service-account-token";
const ONE: &str = "/api/v1/namespaces/rates/secrets/database";
const ALL: &str = "/api/v1/namespaces/rates/secrets";

/// A Secret: its version, its data, and which manager owns each key.
#[derive(Clone, Default)]
pub(crate) struct Object {
    version: u64,
    data: BTreeMap<String, String>,
    owners: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
pub(crate) struct Cluster {
    object: Option<Object>,
    next: u64,
}

fn status(code: u16, reason: &str, causes: &[Value]) -> Answer {
    let details = json!({ "name": "database", "kind": "secrets", "causes": causes });
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
        "message": "what a person reads", "details": details, "code": code,
    });
    Answer::json(code, &body)
}

impl Cluster {
    /// Another manager updates the key, as an edit by hand does.
    pub(crate) fn edit(&mut self, manager: &str, text: &str) {
        self.next += 1;
        let object = self.object.get_or_insert_default();
        object.version = self.next;
        object.data.insert("credential.json".to_owned(), STANDARD.encode(text));
        object.owners.insert("credential.json".to_owned(), format!("{manager} Update"));
    }

    fn show(&self, code: u16) -> Answer {
        let Some(object) = &self.object else { return status(404, "NotFound", &[]) };
        let metadata = json!({
            "name": "database", "namespace": "rates", "uid": "7d1c",
            "resourceVersion": object.version.to_string(),
        });
        let mut body = json!({
            "kind": "Secret", "apiVersion": "v1", "metadata": metadata, "type": "Opaque",
        });
        if !object.data.is_empty() {
            body["data"] = json!(object.data);
        }
        Answer::json(code, &body)
    }

    fn create(&mut self, asked: &Asked) -> Answer {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!(asked.header("content-type"), "application/json");
        assert_eq!(
            (&body["kind"], &body["metadata"]["name"]),
            (&json!("Secret"), &json!("database"))
        );
        if self.object.is_some() {
            return status(409, "AlreadyExists", &[]);
        }
        self.next += 1;
        assert!(body.get("data").is_none(), "else the creator would own it by Update");
        self.object = Some(Object { version: self.next, ..Object::default() });
        self.show(201)
    }

    fn apply(&mut self, asked: &Asked) -> Answer {
        assert_eq!(asked.header("content-type"), "application/apply-patch+yaml");
        let Some(manager) = asked.query.get("fieldManager") else {
            return status(400, "BadRequest", &[]);
        };
        let owner = format!("{manager} Apply");
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let Some(object) = &mut self.object else {
            // A version was named, and there is none.
            return status(409, "Conflict", &[]);
        };
        let version = body["metadata"]["resourceVersion"].as_str().expect("a version");
        if version != object.version.to_string() {
            return status(409, "Conflict", &[]);
        }
        let wanted: BTreeMap<String, String> =
            serde_json::from_value(body["data"].clone()).unwrap();
        let forced = asked.query.get("force").is_some_and(|it| it == "true");
        for (key, value) in &wanted {
            let other = object.owners.get(key).filter(|it| **it != owner);
            if let Some(other) = other.filter(|_| object.data.get(key) != Some(value) && !forced) {
                let cause = json!({
                    "reason": "FieldManagerConflict", "field": format!(".data.{key}"),
                    "message": format!("conflict with {other:?} using v1"),
                });
                return status(409, "Conflict", &[cause]);
            }
        }
        // What the manager applied before and does not now is removed.
        let gone =
            |key: &String| object.owners.get(key) == Some(&owner) && !wanted.contains_key(key);
        let gone: Vec<String> = object.data.keys().filter(|it| gone(it)).cloned().collect();
        for key in gone {
            object.data.remove(&key);
        }
        for (key, value) in wanted {
            object.owners.insert(key.clone(), owner.clone());
            object.data.insert(key, value);
        }
        self.next += 1;
        object.version = self.next;
        self.show(200)
    }
}

impl Api for Cluster {
    fn kind(asked: &Asked) -> Kind {
        if asked.method == "GET" { Kind::Read } else { Kind::Write }
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return status(401, "Unauthorized", &[]);
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", ONE) => self.show(200),
            ("POST", ALL) => self.create(asked),
            ("PATCH", ONE) => self.apply(asked),
            _ => status(404, "NotFound", &[]),
        }
    }
}

pub(crate) struct Kubernetes {
    pub(crate) server: Server<Cluster>,
    pub(crate) folder: Folder,
    pub(crate) wanted: KubernetesSecret,
}

impl Kubernetes {
    pub(crate) fn new() -> Self {
        Self::of(Server::start(Cluster::default(), None), "http")
    }

    pub(crate) fn of(server: Server<Cluster>, scheme: &str) -> Self {
        let folder = Folder::new("kubernetes");
        let wanted = KubernetesSecret {
            server: format!("{scheme}://{}", server.address),
            namespace: "rates".to_owned(),
            name: "database".to_owned(),
            token_file: folder.write("token", TOKEN),
            ca_file: folder.path().join("ca.crt"),
        };
        Self { server, folder, wanted }
    }
}

impl Place for Kubernetes {
    type Api = Cluster;

    fn sink(&self) -> Box<dyn Sink> {
        sink::open(&[config::Sink::Kubernetes(self.wanted.clone())]).unwrap().remove(0)
    }

    fn holds(&self) -> Option<String> {
        let data =
            self.server.api(|it| it.object.as_ref()?.data.get("credential.json").cloned())?;
        Some(String::from_utf8(STANDARD.decode(data).unwrap()).unwrap())
    }

    fn put(&self, text: &str) {
        // As the manager itself, an earlier keeper for example.
        self.server.api(|it| {
            it.edit("howdah", text);
            let owners = &mut it.object.as_mut().unwrap().owners;
            owners.insert("credential.json".to_owned(), "howdah Apply".to_owned());
        });
    }

    fn server(&self) -> Option<&Server<Cluster>> {
        Some(&self.server)
    }
}
