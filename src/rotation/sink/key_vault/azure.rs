//! Signing in to Azure: as an application by OAuth 2.0 client credentials (RFC 6749 §4.4), with a
//! secret or an assertion (RFC 7523), or as the machine that one runs on.

use super::super::{
    exchange::{Server, Token, secret, send, signing_in},
    remote::Trouble,
};
use crate::{
    config::{AzureLogin, AzureProof},
    outbound::{self, Endpoint},
    secret::Secret,
};
use reqwest::{Method, RequestBuilder, header};
use serde::Deserialize;
use std::{borrow::Cow, time::Duration};

/// What a token is for.
const RESOURCE: &str = "https://vault.azure.net";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Who the keeper is in Azure.
pub(super) struct Identity {
    server: Server,
    login: AzureLogin,
    token: Token,
}

#[derive(Deserialize)]
struct Granted<'a> {
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    expires_in: Seconds,
}

/// A number; machines get it as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
struct Told {
    error: String,
}

impl Identity {
    /// Who the manifest says.
    pub(super) fn new(login: &AzureLogin) -> Result<Self, String> {
        let server = match login {
            AzureLogin::Application { authority, .. } => Server::new(authority, None)?,
            AzureLogin::ManagedIdentity { .. } => Server::at(Endpoint::instance_metadata()),
        };
        Ok(Self { server, login: login.clone(), token: Token::default() })
    }

    /// A token; `is_new` says whether it was asked for just now.
    pub(super) async fn token(&self, is_new: &mut bool) -> Result<Secret, Trouble> {
        if let Some(token) = self.token.held() {
            *is_new = false;
            return Ok(token);
        }
        *is_new = true;
        let reply = send(self.request()?).await.map_err(signing_in)?;
        if reply.status != 200 {
            // Such as `invalid_client`.
            let told = reply.maybe::<Told>();
            return Err(signing_in(reply.trouble(&[told.as_ref().map(|it| it.error.as_str())])));
        }
        let granted: Granted<'_> = reply.json().map_err(signing_in)?;
        let seconds = match granted.expires_in {
            Seconds::Number(seconds) => seconds,
            Seconds::Text(text) => text.parse().unwrap_or(60),
        };
        let token = Secret::new(granted.access_token.into_owned());
        self.token.keep(&token, Duration::from_secs(seconds));
        Ok(token)
    }

    /// Forgets the token: it is not taken any more.
    pub(super) fn forget(&self) {
        self.token.forget();
    }

    fn request(&self) -> Result<RequestBuilder, Trouble> {
        match &self.login {
            AzureLogin::Application { tenant, client_id, proof, .. } => {
                let scope = format!("{RESOURCE}/.default");
                let mut pairs = vec![
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id.as_str()),
                    ("scope", scope.as_str()),
                ];
                let held;
                match proof {
                    AzureProof::Secret(path) => {
                        held = secret(path)?;
                        pairs.push(("client_secret", held.expose()));
                    }
                    AzureProof::Assertion(path) => {
                        held = secret(path)?;
                        pairs.push(("client_assertion_type", ASSERTION));
                        pairs.push(("client_assertion", held.expose()));
                    }
                }
                let at = self.server.endpoint.join(&format!("{tenant}/oauth2/v2.0/token"));
                let request = self.server.request(Method::POST, &at)?;
                let kind = "application/x-www-form-urlencoded";
                Ok(request.header(header::CONTENT_TYPE, kind).body(outbound::form(&pairs)))
            }
            AzureLogin::ManagedIdentity { client_id } => {
                let mut pairs = vec![("api-version", "2018-02-01"), ("resource", RESOURCE)];
                pairs.extend(client_id.as_deref().map(|it| ("client_id", it)));
                let at = self.server.endpoint.join("metadata/identity/oauth2/token");
                let request = self.server.request(Method::GET, &at.asking(&pairs))?;
                Ok(request.header("Metadata", "true"))
            }
        }
    }
}
