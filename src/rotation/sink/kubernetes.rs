//! A Secret of a Kubernetes cluster, by server-side apply.
//!
//! The Secret is read with its `resourceVersion`, and applied over that version alone: the API server
//! refuses it when anybody was faster. A Secret that is not there is made empty first, for which of
//! two makers one is refused. The credential is owned by the field manager `howdah`; what another
//! manager has made its own is not taken from it. API: Kubernetes, "Server-Side Apply".

use super::{
    exchange::{Reply, Server, bearer, secret, send},
    remote::{Held, Store, Trouble},
};
use crate::{config, credential::Credential, outbound::Endpoint};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, RequestBuilder, header};
use serde::Deserialize;
use serde_json::json;
use std::{borrow::Cow, collections::BTreeMap, path::PathBuf};
use zeroize::Zeroizing;

/// Whose fields these are.
const MANAGER: &str = "howdah";
/// The key of the Secret; mounted, it is the file that `database.credential` finds in a folder.
const KEY: &str = "credential.json";

/// A Secret.
pub(super) struct Secret {
    server: Server,
    namespace: String,
    name: String,
    token_file: PathBuf,
}

#[derive(Deserialize)]
struct Object<'a> {
    metadata: Metadata,
    #[serde(borrow, default)]
    data: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

/// The `Status` that an error is told with.
#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default)]
    causes: Vec<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(default)]
    reason: String,
}

impl Secret {
    /// The Secret that the manifest names.
    pub(super) fn new(wanted: &config::KubernetesSecret) -> Result<Self, String> {
        Ok(Self {
            server: Server::new(&wanted.server, Some(&wanted.ca_file))?,
            namespace: wanted.namespace.clone(),
            name: wanted.name.clone(),
            token_file: wanted.token_file.clone(),
        })
    }

    fn all(&self) -> Endpoint {
        self.server.endpoint.join(&format!("api/v1/namespaces/{}/secrets", self.namespace))
    }

    fn one(&self) -> Endpoint {
        self.all().join(&self.name)
    }

    /// A request with the service account's token, which is read anew: it is renewed.
    fn request(&self, method: Method, at: &Endpoint) -> Result<RequestBuilder, Trouble> {
        bearer(self.server.request(method, at)?, &secret(&self.token_file)?)
    }

    async fn look(&self) -> Result<Option<Reply>, Trouble> {
        let reply = send(self.request(Method::GET, &self.one())?).await?;
        match reply.status {
            200 => Ok(Some(reply)),
            404 => Ok(None),
            _ => Err(trouble(&reply)),
        }
    }

    /// Makes the Secret without a credential; gives its version.
    async fn make(&self) -> Result<String, Trouble> {
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": { "name": self.name, "namespace": self.namespace },
        });
        let at = self.all().asking(&[("fieldManager", MANAGER)]);
        let request = self.request(Method::POST, &at)?;
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let reply = send(request.body(body.to_string())).await?;
        match reply.status {
            200..=202 => Ok(reply.json::<Object<'_>>()?.metadata.resource_version),
            _ => Err(trouble(&reply)),
        }
    }
}

impl Store for Secret {
    fn name(&self) -> String {
        format!("kubernetes {}/{}", self.namespace, self.name)
    }

    async fn read(&self) -> Result<Held, Trouble> {
        let Some(reply) = self.look().await? else {
            return Ok(Held { credential: Ok(None), version: None });
        };
        let object: Object<'_> = reply.json()?;
        let text = object.data.as_ref().and_then(|data| data.get(KEY));
        let credential = text.map(|text| {
            let bytes = STANDARD.decode(text.as_bytes()).map_err(|_| "it is not in base64")?;
            Credential::parse(&Zeroizing::new(bytes))
        });
        let version = Some(object.metadata.resource_version);
        Ok(Held { credential: credential.transpose(), version })
    }

    async fn write(&self, credential: &Credential, over: Option<&str>) -> Result<(), Trouble> {
        let version = match over {
            Some(version) => version.to_owned(),
            None => self.make().await?,
        };
        let encoded = Zeroizing::new(STANDARD.encode(credential.to_json().as_bytes()));
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {
                "name": self.name, "namespace": self.namespace, "resourceVersion": version,
            },
            "data": { KEY: *encoded },
        });
        let at = self.one().asking(&[("fieldManager", MANAGER), ("fieldValidation", "Strict")]);
        let request = self.request(Method::PATCH, &at)?;
        // JSON is YAML, too.
        let request = request.header(header::CONTENT_TYPE, "application/apply-patch+yaml");
        let reply = send(request.body(body.to_string())).await?;
        match reply.status {
            200 | 201 => Ok(()),
            _ => Err(trouble(&reply)),
        }
    }
}

fn trouble(reply: &Reply) -> Trouble {
    let status: Status = reply.maybe().unwrap_or_default();
    if reply.status == 409 {
        let causes = status.details.unwrap_or_default().causes;
        if causes.iter().any(|cause| cause.reason == "FieldManagerConflict") {
            let why = format!(
                "another field manager than `{MANAGER}` has made the credential its own; remove \
                 the key `{KEY}` from the Secret to have it published again"
            );
            return Trouble::Refused(why);
        }
        return Trouble::Conflict;
    }
    reply.trouble(&[Some(&status.reason)])
}
