//! A secret of a `HashiCorp` Vault or an `OpenBao`, in an engine KV version 2.
//!
//! Each write says which version it follows (`cas`), and is refused when that is not the latest. The
//! secret's fields are those of the credential: `generation`, `user`, `password`. API: Vault, "KV
//! secrets engine - version 2".

use super::{
    exchange::{Reply, Server, Token, hidden, secret, send, signing_in},
    remote::{Held, Store, Trouble},
};
use crate::{
    config::{self, VaultLogin},
    credential::Credential,
    outbound::Endpoint,
    secret,
};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::time::Duration;
use zeroize::Zeroizing;

/// What a write is answered with when its `cas` is not the latest version.
const OUTDATED: &str = "check-and-set parameter did not match the current version";

/// A secret.
pub(super) struct Vault {
    server: Server,
    /// `MOUNT/PATH`, for messages.
    name: String,
    data: Endpoint,
    namespace: Option<String>,
    login: VaultLogin,
    token: Token,
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    data: Version<'a>,
}

#[derive(Deserialize)]
struct Version<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct SignedIn<'a> {
    #[serde(borrow)]
    auth: Auth<'a>,
}

#[derive(Deserialize)]
struct Auth<'a> {
    #[serde(borrow)]
    client_token: std::borrow::Cow<'a, str>,
    /// Seconds; zero where it does not end.
    lease_duration: u64,
}

impl Vault {
    /// The secret that the manifest names.
    pub(super) fn new(wanted: &config::Vault) -> Result<Self, String> {
        let server = Server::new(&wanted.server, wanted.ca_file.as_deref())?;
        let data = server.endpoint.join(&format!("v1/{}/data/{}", wanted.mount, wanted.path));
        Ok(Self {
            server,
            name: format!("{}/{}", wanted.mount, wanted.path),
            data,
            namespace: wanted.namespace.clone(),
            login: wanted.login.clone(),
            token: Token::default(),
        })
    }

    /// A request without a token.
    fn bare(&self, method: Method, at: &Endpoint) -> Result<RequestBuilder, Trouble> {
        // A proxy of Vault's own refuses requests without it, which no web page can send.
        let request = self.server.request(method, at)?.header("X-Vault-Request", "true");
        Ok(match &self.namespace {
            Some(namespace) => request.header("X-Vault-Namespace", namespace),
            None => request,
        })
    }

    /// Asks with a token; once more with a new one when a held one is not taken any more.
    async fn ask(
        &self,
        method: Method,
        body: Option<&Zeroizing<String>>,
    ) -> Result<Reply, Trouble> {
        loop {
            let was_held = self.token.held().is_some();
            let token = self.sign_in().await?;
            let request = self.bare(method.clone(), &self.data)?;
            let mut request = request.header("X-Vault-Token", hidden(token.expose())?);
            if let Some(body) = body {
                request = request.body(body.to_string());
            }
            let reply = send(request).await?;
            if reply.status != 403 || !was_held {
                return Ok(reply);
            }
            self.token.forget();
        }
    }

    /// The token to ask with. An agent's file is read anew each time: it is renewed.
    async fn sign_in(&self) -> Result<secret::Secret, Trouble> {
        let (mount, body) = match &self.login {
            VaultLogin::Token(path) => return secret(path),
            _ if self.token.held().is_some() => {
                return self.token.held().ok_or(Trouble::Conflict);
            }
            VaultLogin::Kubernetes { mount, role, token_file } => {
                (mount, json!({ "role": role, "jwt": secret(token_file)?.expose() }))
            }
            VaultLogin::AppRole { mount, role_id, secret_id_file } => {
                let proof = secret(secret_id_file)?;
                (mount, json!({ "role_id": role_id, "secret_id": proof.expose() }))
            }
        };
        let at = self.server.endpoint.join(&format!("v1/auth/{mount}/login"));
        let request = self.bare(Method::POST, &at)?.body(body.to_string());
        let reply = send(request).await.map_err(signing_in)?;
        if reply.status != 200 {
            return Err(signing_in(reply.trouble(&[])));
        }
        let auth = reply.json::<SignedIn<'_>>().map_err(signing_in)?.auth;
        let token = secret::Secret::new(auth.client_token.into_owned());
        let lifetime = match auth.lease_duration {
            0 => Duration::from_hours(1),
            seconds => Duration::from_secs(seconds),
        };
        self.token.keep(&token, lifetime);
        Ok(token)
    }
}

impl Store for Vault {
    fn name(&self) -> String {
        format!("vault {}", self.name)
    }

    async fn read(&self) -> Result<Held, Trouble> {
        let reply = self.ask(Method::GET, None).await?;
        match reply.status {
            200 => {
                let version = reply.json::<Read<'_>>()?.data;
                let text = version.data.map(|it| it.get().as_bytes());
                let credential = text.map(Credential::parse).transpose();
                Ok(Held { credential, version: Some(version.metadata.version.to_string()) })
            }
            // A version that was deleted still counts; without one there never was any.
            404 => {
                let version = reply.json::<Read<'_>>().ok().map(|it| it.data.metadata.version);
                Ok(Held { credential: Ok(None), version: version.map(|it| it.to_string()) })
            }
            _ => Err(trouble(&reply)),
        }
    }

    async fn write(&self, credential: &Credential, over: Option<&str>) -> Result<(), Trouble> {
        let document = credential.to_json();
        let over = over.unwrap_or("0");
        let body = format!("{{\"options\":{{\"cas\":{over}}},\"data\":{}}}", document.trim_end());
        let reply = self.ask(Method::POST, Some(&Zeroizing::new(body))).await?;
        match reply.status {
            200 | 204 => Ok(()),
            _ => Err(trouble(&reply)),
        }
    }
}

fn trouble(reply: &Reply) -> Trouble {
    let errors = reply.maybe::<Errors>().map(|it| it.errors).unwrap_or_default();
    match reply.status {
        400 if errors.iter().any(|it| it.contains(OUTDATED)) => Trouble::Conflict,
        // A standby that has not heard of the latest write yet.
        412 => Trouble::Passing("it answers 412".to_owned(), None),
        _ => reply.trouble(&[]),
    }
}
