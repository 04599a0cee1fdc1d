//! Asking other servers over HTTP: witnesses of the audit trail, places that
//! credentials are published to.
//!
//! Owns whom may be asked: a server over https, or one on this machine; and that an answer is
//! short, soon, and never leads elsewhere. Does not own what is asked.

use reqwest::{Certificate, Client, ClientBuilder, Response, Url, redirect};
use std::{fmt, net::IpAddr, time::Duration};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an exchange may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The address of a server that may be asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// Why it may not be asked: anything but https may be read on the way, so that plain http stays
    /// on this machine; and a password in an address ends up in logs.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is no URL")?;
        let host = url.host_str().ok_or("it names no host")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it carries a user or a password");
        }
        if url.fragment().is_some() {
            return Err("it has a fragment");
        }
        let bare = host.trim_matches(['[', ']']);
        let is_here = bare.parse::<IpAddr>().is_ok_and(|it| it.is_loopback());
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_here => Ok(Self(url)),
            "http" => Err("plain http is for loopback addresses alone, such as 127.0.0.1"),
            _ => Err("it is neither https nor http"),
        }
    }

    /// Where a machine in Azure learns who it is: plain http to an address that never leaves its host.
    /// No manifest can name it.
    ///
    /// # Panics
    /// Never: the address is a good one.
    #[must_use]
    pub fn instance_metadata() -> Self {
        #[expect(clippy::expect_used, reason = "a constant")]
        Self(Url::parse("http://169.254.169.254/").expect("a URL"))
    }

    /// Where an App Service or a container app in Azure learns who it is, as its platform says in the
    /// environment: plain http to this machine, by name or address, or to its own link.
    ///
    /// # Errors
    /// When it is something else: the header that goes there is a secret.
    pub fn platform_identity(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is no URL")?;
        let is_near = |host: &str| match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(IpAddr::V4(it)) => it.is_loopback() || it.is_link_local(),
            Ok(IpAddr::V6(it)) => it.is_loopback() || it.is_unicast_link_local(),
            Err(_) => host == "localhost",
        };
        if url.scheme() == "http" && url.host_str().is_some_and(is_near) {
            return Ok(Self(url));
        }
        Self::parse(text)
    }

    /// The address with these pairs as its query.
    #[must_use]
    pub fn asking(&self, pairs: &[(&str, &str)]) -> Self {
        let mut url = self.0.clone();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        Self(url)
    }

    /// Whether the exchange is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The address with `segment` after its path.
    #[must_use]
    pub fn join(&self, segment: &str) -> Self {
        let mut url = self.0.clone();
        let path = format!("{}/{segment}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Self(url)
    }

    /// The address.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Endpoint {
    /// Without the query, in which some services want a key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        url.set_query(None);
        formatter.write_str(url.as_str())
    }
}

/// A client that follows no redirection and asks no proxy.
///
/// # Errors
/// When TLS cannot be set up, in words.
pub fn client() -> Result<Client, String> {
    build(Client::builder())
}

/// A client that believes the authorities of a PEM file alone, as clusters have one of their own.
///
/// # Errors
/// When `authorities` has no certificate, or TLS cannot be set up, in words.
pub fn client_trusting(authorities: &[u8]) -> Result<Client, String> {
    let certificates = Certificate::from_pem_bundle(authorities).unwrap_or_default();
    if certificates.is_empty() {
        return Err("it holds no certificate in PEM".to_owned());
    }
    build(Client::builder().tls_certs_only(certificates))
}

/// Pairs as a form has them (`application/x-www-form-urlencoded`).
pub fn form(pairs: &[(&str, &str)]) -> String {
    let asked = Endpoint::instance_metadata().asking(pairs);
    asked.0.query().unwrap_or_default().to_owned()
}

fn build(builder: ClientBuilder) -> Result<Client, String> {
    // The first one counts; that it is there already is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .user_agent(concat!("howdah/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("the HTTP client does not start: {error}"))
}

/// The status and the text of an answer.
///
/// # Errors
/// When it breaks off, is not text, or is longer than [`MAX_ANSWER_BYTES`].
pub async fn read(mut answer: Response) -> Result<(u16, String), String> {
    let status = answer.status().as_u16();
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| in_words(&error))? {
        if bytes.len() + part.len() > MAX_ANSWER_BYTES {
            return Err("the answer is longer than 64 KiB".to_owned());
        }
        bytes.extend_from_slice(&part);
    }
    Ok((status, String::from_utf8(bytes).map_err(|_| "the answer is not text")?))
}

/// Why an exchange failed, without the address, whose query may hold a key.
pub fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "the exchange broke off".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for good in [
            "https://example.org/w?k=1",
            "http://127.0.0.1:8080",
            "http://[::1]/a",
            "http://127.9.9.9/",
        ] {
            assert!(Endpoint::parse(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "a",
            "/a",
            "http://example.org",
            "http://localhost",
            "http://10.0.0.1",
            "http://169.254.169.254/latest",
            "http://127.0.0.1.example.org",
            "http://0.0.0.0",
            "http://[::ffff:127.0.0.1]",
            "file:///etc/passwd",
            "ftp://127.0.0.1",
            "https://u:p@example.org",
            "https://u@example.org",
            "https://example.org/#a",
            "gopher://127.0.0.1",
            "http://2130706433.example",
        ];
        for bad in bad {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_query() {
        let endpoint = Endpoint::parse("https://example.org/w/?key=s3cret").unwrap();
        assert_eq!(
            endpoint.join("add-checkpoint").to_string(),
            "https://example.org/w/add-checkpoint"
        );
        assert!(endpoint.join("a").url().as_str().contains("s3cret"));
    }

    #[test]
    fn a_platform_tells_identities_on_this_machine_or_its_link() {
        for good in [
            "http://localhost:42356/msi/token",
            "http://127.0.0.1:41741/MSI/token/",
            "http://169.254.130.2:8081/msi/token",
            "http://[fe80::1]/msi/token",
            "https://identity.example/token",
        ] {
            assert!(Endpoint::platform_identity(good).is_ok(), "{good}");
        }
        for bad in
            ["", "localhost", "http://example.org/", "http://10.0.0.1/", "http://localhost.a/"]
        {
            assert!(Endpoint::platform_identity(bad).is_err(), "{bad}");
        }
    }
}
