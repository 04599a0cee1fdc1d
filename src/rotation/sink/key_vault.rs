//! A secret of an Azure Key Vault. Its value is the credential's document; the tag
//! `howdah-generation` says which generation it is.
//!
//! The API can set a secret, not compare and set one: of two writers the later one's version is what
//! readers get. So after each write the versions are looked through, and where one of a higher
//! generation was covered up, it is set again. API: Azure Key Vault, secrets, version 7.4.

use super::{
    exchange::{Reply, Server, bearer, send},
    remote::{Held, Store, Trouble},
};
use crate::{config, credential::Credential, outbound::Endpoint};
use azure::Identity;
use reqwest::{Method, RequestBuilder, header};
use serde::Deserialize;
use serde_json::json;
use std::{borrow::Cow, collections::BTreeMap};

mod azure;

/// The API's version.
const VERSION: (&str, &str) = ("api-version", "7.4");
/// The tag with the generation.
const TAG: &str = "howdah-generation";
/// Pages of versions that are looked through, of 25 each: what is older is not of now.
const PAGES: usize = 200;

/// A secret.
pub(super) struct KeyVault {
    server: Server,
    name: String,
    one: Endpoint,
    identity: Identity,
}

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(borrow)]
    value: Cow<'a, str>,
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    value: Vec<Version>,
    next_link: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    id: String,
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
}

impl Version {
    fn generation(&self) -> Option<u64> {
        self.tags.as_ref()?.get(TAG)?.parse().ok()
    }
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    error: Code,
}

#[derive(Default, Deserialize)]
struct Code {
    code: Option<String>,
    innererror: Option<Box<Code>>,
}

impl KeyVault {
    /// The secret that the manifest names.
    pub(super) fn new(wanted: &config::KeyVault) -> Result<Self, String> {
        let server = Server::new(&wanted.vault, None)?;
        let one = server.endpoint.join(&format!("secrets/{}", wanted.name));
        let identity = Identity::new(&wanted.login)?;
        Ok(Self { server, name: wanted.name.clone(), one, identity })
    }

    /// Asks with a token; once more with a new one when it is not taken any more.
    async fn ask(
        &self,
        request: impl Fn() -> Result<RequestBuilder, Trouble>,
    ) -> Result<Reply, Trouble> {
        let mut is_new = false;
        loop {
            let token = self.identity.token(&mut is_new).await?;
            let reply = send(bearer(request()?, &token)?).await?;
            if reply.status != 401 || is_new {
                return Ok(reply);
            }
            self.identity.forget();
        }
    }

    async fn get(&self, at: &Endpoint) -> Result<Reply, Trouble> {
        self.ask(|| self.server.request(Method::GET, at)).await
    }

    async fn set(&self, credential: &Credential) -> Result<String, Trouble> {
        let document = credential.to_json();
        let body = json!({
            "value": document.trim_end(), "contentType": "application/json",
            "tags": { TAG: credential.generation.to_string() },
        });
        let (at, body) = (self.one.asking(&[VERSION]), body.to_string());
        let request = || {
            let request = self.server.request(Method::PUT, &at)?;
            let request = request.header(header::CONTENT_TYPE, "application/json");
            Ok(request.body(body.clone()))
        };
        let reply = self.ask(request).await?;
        match reply.status {
            200 => Ok(reply.json::<Bundle<'_>>()?.id),
            _ => Err(trouble(&reply)),
        }
    }

    /// The version of the highest generation.
    async fn highest(&self) -> Result<Option<(u64, String)>, Trouble> {
        let mut at = self.one.join("versions").asking(&[VERSION]);
        let mut highest = None;
        for _ in 0..PAGES {
            let reply = self.get(&at).await?;
            if reply.status != 200 {
                return Err(trouble(&reply));
            }
            let page: Page = reply.json()?;
            let tagged = page.value.iter().filter_map(|it| Some((it.generation()?, it.id.clone())));
            highest = highest.into_iter().chain(tagged).max_by_key(|(generation, _)| *generation);
            match page.next_link {
                Some(next) if !next.is_empty() => at = self.own(&next)?,
                _ => break,
            }
        }
        Ok(highest)
    }

    /// An address that the vault gave, which must be one of its own: the token goes with it.
    fn own(&self, address: &str) -> Result<Endpoint, Trouble> {
        let foreign = || Trouble::Refused("it leads to another server".to_owned());
        let endpoint = Endpoint::parse(address).map_err(|_| foreign())?;
        let is_own = endpoint.url().origin() == self.server.endpoint.url().origin();
        is_own.then_some(endpoint).ok_or_else(foreign)
    }
}

impl Store for KeyVault {
    fn name(&self) -> String {
        format!("key_vault {}", self.name)
    }

    async fn read(&self) -> Result<Held, Trouble> {
        let reply = self.get(&self.one.asking(&[VERSION])).await?;
        match reply.status {
            200 => {
                let bundle: Bundle<'_> = reply.json()?;
                let credential = Credential::parse(bundle.value.as_bytes()).map(Some);
                Ok(Held { credential, version: Some(bundle.id) })
            }
            404 => Ok(Held { credential: Ok(None), version: None }),
            _ => Err(trouble(&reply)),
        }
    }

    async fn write(&self, credential: &Credential, _over: Option<&str>) -> Result<(), Trouble> {
        self.set(credential).await?;
        // Written it is: what goes wrong from here on leaves it open whether it is the latest.
        let open = |trouble| match trouble {
            Trouble::Refused(why) | Trouble::Passing(why, _) => Trouble::Unsure(why),
            trouble => trouble,
        };
        let Some((generation, id)) = self.highest().await.map_err(open)? else { return Ok(()) };
        if generation <= credential.generation {
            return Ok(());
        }
        let reply = self.get(&self.own(&id)?.asking(&[VERSION])).await.map_err(open)?;
        if reply.status != 200 {
            return Err(open(trouble(&reply)));
        }
        let bundle: Bundle<'_> = reply.json()?;
        if let Ok(covered) = Credential::parse(bundle.value.as_bytes()) {
            self.set(&covered).await.map_err(open)?;
        }
        Err(Trouble::Conflict)
    }
}

fn trouble(reply: &Reply) -> Trouble {
    let error = reply.maybe::<Told>().unwrap_or_default().error;
    let inner = error.innererror.as_deref().and_then(|it| it.code.as_deref());
    reply.trouble(&[error.code.as_deref(), inner])
}
