//! Asking an issuer for its keys: its discovery document, then its key set.
//!
//! Sources: `OpenID` Connect Discovery 1.0 §4 (<https://openid.net/specs/openid-connect-discovery-1_0.html>),
//! RFC 8414 §3, RFC 7517 §5, RFC 9111 §5.2.2.

use crate::{
    access::keyset::KeySet,
    config::{self, KeySource, safe_url},
};
use reqwest::{Client, StatusCode, header, redirect};
use serde::Deserialize;
use std::time::Duration;

/// The largest answer of an issuer, in bytes.
const MOST_BYTES: usize = 512 << 10;
/// Keys are asked for again at least this often, whatever the issuer says.
const LONGEST_FRESH: Duration = Duration::from_hours(24);
/// And at most this often, unless the manifest says so.
const SHORTEST_FRESH: Duration = Duration::from_mins(1);

/// A client that asks issuers: TLS alone but for this machine, no redirects, no cookies.
pub(super) struct Asker(Client);

impl Asker {
    /// # Errors
    /// When the machine has no certificates to trust, for one.
    pub(super) fn new() -> Result<Self, String> {
        // Another part of the process may have chosen it already, and it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .user_agent(concat!("howdah/", env!("CARGO_PKG_VERSION")))
            .build();
        client
            .map(Self)
            .map_err(|_| "this machine cannot speak TLS: it has no certificates".to_owned())
    }

    /// The document at `url`, and how long it stays fresh, where it says so.
    async fn document(&self, url: &str) -> Result<(Vec<u8>, Option<Duration>), String> {
        safe_url(url).map_err(|why| format!("its address is not taken: {why}"))?;
        let request = self.0.get(url).header(header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(|error| said(&error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answered with status {}", response.status().as_u16()));
        }
        let fresh = response.headers().get(header::CACHE_CONTROL);
        let fresh = fresh.and_then(|value| value.to_str().ok()).and_then(max_age);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| said(&error))? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err("its answer is larger than 512 KiB".to_owned());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((bytes, fresh))
    }
}

/// What went wrong, without the address that was asked.
fn said(error: &reqwest::Error) -> String {
    let what = if error.is_connect() {
        "no connection to it can be made"
    } else if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_body() || error.is_decode() {
        "its answer broke off"
    } else {
        "it could not be asked"
    };
    what.to_owned()
}

/// The members of a discovery document that matter here.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

/// The keys of an issuer, and how long they stay fresh.
///
/// # Errors
/// Why they cannot be had, for the log.
pub(super) async fn keys(
    asker: &Asker,
    settings: &config::Issuer,
) -> Result<(KeySet, Duration), String> {
    let url = match &settings.keys {
        KeySource::Url(url) => url.clone(),
        _ => discover(asker, &settings.issuer).await?,
    };
    let (bytes, fresh) = asker.document(&url).await?;
    let keys = KeySet::parse(&bytes).map_err(|why| format!("its keys cannot be used: {why}"))?;
    let shortest = SHORTEST_FRESH.min(settings.refresh);
    Ok((keys, fresh.unwrap_or(settings.refresh).clamp(shortest, LONGEST_FRESH)))
}

/// Where an issuer says that its keys are. It must call itself what the manifest calls it, or one
/// issuer could speak for another.
async fn discover(asker: &Asker, issuer: &str) -> Result<String, String> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let (bytes, _) = asker.document(&url).await?;
    let found: Discovered = serde_json::from_slice(&bytes)
        .map_err(|_| "its discovery document has no `issuer` and `jwks_uri`".to_owned())?;
    if found.issuer != issuer {
        return Err("its discovery document is of another issuer".to_owned());
    }
    Ok(found.jwks_uri)
}

/// The seconds of `max-age`; zero when the answer must not be kept.
fn max_age(value: &str) -> Option<Duration> {
    let directives = || value.split(',').map(|it| it.trim().to_ascii_lowercase());
    if directives().any(|it| it == "no-store" || it == "no-cache") {
        return Some(Duration::ZERO);
    }
    directives().find_map(|it| {
        let seconds = it.strip_prefix("max-age=")?.trim_matches('"').parse().ok()?;
        Some(Duration::from_secs(seconds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_read_as_it_is_written() {
        let of = |value| max_age(value).map(|it| it.as_secs());
        assert_eq!(of("public, max-age=300"), Some(300));
        assert_eq!(of("Max-Age=\"7\""), Some(7));
        assert_eq!(of("max-age=300, no-store"), Some(0));
        for none in ["", "public", "max-age=", "max-age=-1", "s-maxage=3"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
