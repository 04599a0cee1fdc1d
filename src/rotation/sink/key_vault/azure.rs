//! Signing in to Azure: as an application by OAuth 2.0 client credentials (RFC 6749 §4.4), with a
//! secret or an assertion (RFC 7523), or as the machine that one runs on.

use super::super::{
    exchange::{Server, Token, hidden, secret, send, signing_in},
    remote::Trouble,
};
use crate::{
    config::{AzureLogin, AzureProof},
    outbound::{self, Endpoint},
    secret::Secret,
};
use reqwest::{Method, RequestBuilder, header};
use serde::Deserialize;
use std::{
    borrow::Cow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What a token is for.
const RESOURCE: &str = "https://vault.azure.net";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Who the keeper is in Azure.
pub(super) struct Identity {
    server: Server,
    login: AzureLogin,
    /// The header that the platform of an App Service or a container app wants, where one of them is
    /// asked and not the machine.
    platform: Option<Secret>,
    token: Token,
}

#[derive(Deserialize)]
struct Granted<'a> {
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    /// Seconds that it lasts; a platform says until when instead.
    expires_in: Option<Seconds>,
    /// Until when, in seconds since 1970.
    expires_on: Option<Seconds>,
}

/// A number; machines get it as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Seconds {
    /// Of a number that is none, as long as is sure to be right.
    fn count(&self) -> Option<u64> {
        match self {
            Self::Number(seconds) => Some(*seconds),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl Granted<'_> {
    /// How long it lasts; a minute when that is not said in a way that is known.
    fn lasts(&self) -> Duration {
        let until = |at: u64| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            at.saturating_sub(now.as_secs())
        };
        let within = self.expires_in.as_ref().and_then(Seconds::count);
        let lasts = within.or_else(|| self.expires_on.as_ref().and_then(Seconds::count).map(until));
        Duration::from_secs(lasts.unwrap_or(60))
    }
}

#[derive(Deserialize)]
struct Told {
    error: String,
}

impl Identity {
    /// Who the manifest says.
    pub(super) fn new(login: &AzureLogin) -> Result<Self, String> {
        Self::within(login, &|name| std::env::var(name).ok())
    }

    /// The same in this environment: an App Service and a container app are told where to ask by
    /// `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`, and a machine asks its metadata service.
    fn within(
        login: &AzureLogin,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let named = (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER"));
        let (server, platform) = match (login, named) {
            (AzureLogin::Application { authority, .. }, _) => (Server::new(authority, None)?, None),
            (AzureLogin::ManagedIdentity { .. }, (Some(at), Some(header))) => {
                let at = Endpoint::platform_identity(&at)
                    .map_err(|why| format!("the variable IDENTITY_ENDPOINT: {why}"))?;
                (Server::at(at), Some(Secret::new(header)))
            }
            (AzureLogin::ManagedIdentity { .. }, _) => {
                (Server::at(Endpoint::instance_metadata()), None)
            }
        };
        Ok(Self { server, login: login.clone(), platform, token: Token::default() })
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
        let lasts = granted.lasts();
        let token = Secret::new(granted.access_token.into_owned());
        self.token.keep(&token, lasts);
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
                let version = if self.platform.is_some() { "2019-08-01" } else { "2018-02-01" };
                let mut pairs = vec![("api-version", version), ("resource", RESOURCE)];
                pairs.extend(client_id.as_deref().map(|it| ("client_id", it)));
                if let Some(header) = &self.platform {
                    let at = self.server.endpoint.asking(&pairs);
                    let request = self.server.request(Method::GET, &at)?;
                    return Ok(request.header("X-IDENTITY-HEADER", hidden(header.expose())?));
                }
                let at = self.server.endpoint.join("metadata/identity/oauth2/token");
                let request = self.server.request(Method::GET, &at.asking(&pairs))?;
                Ok(request.header("Metadata", "true"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
