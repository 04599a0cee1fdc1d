//! Why there is no TLS with a server, in words a person can act on.

use rustls::{CertificateError, Error};
use std::{fmt, io, path::Path};

/// Why there is no TLS with a server. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    message: String,
    help: &'static str,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>, help: &'static str) -> Self {
        Self { message: message.into(), help }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        self.help
    }

    /// The server does not speak TLS.
    pub(super) fn not_offered() -> Self {
        Self::new(
            "the server offers no TLS, and `sslmode` asks for it",
            "turn `ssl` on in the server; or somebody on the way took the offer out",
        )
    }

    /// A file of the settings cannot be used.
    pub(super) fn file(setting: &str, path: &Path, why: impl fmt::Display) -> Self {
        let path = path.display();
        Self::new(
            format!("`database.{setting}`: the file {path} {why}"),
            "TLS takes PEM files: certificates, and a private key without a passphrase",
        )
    }

    /// What the handshake with `host` ended with.
    pub(super) fn of(error: &io::Error, host: &str) -> Self {
        let Some(cause) = error.get_ref().and_then(|it| it.downcast_ref::<Error>()) else {
            return Self::new(
                format!("the handshake broke off: {error}"),
                "the server's log says why; it may speak no version from TLS 1.2 on",
            );
        };
        match cause {
            Error::InvalidCertificate(why) => Self::of_certificate(why, host),
            other => Self::new(
                format!("the handshake failed: {other}"),
                "the server's log says more; it must speak TLS 1.2 or 1.3",
            ),
        }
    }

    fn of_certificate(why: &CertificateError, host: &str) -> Self {
        match why {
            CertificateError::NotValidForName => Self::wrong_host(host, &[]),
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::wrong_host(host, presented)
            }
            // Names of authorities are taken by anybody; their signatures are not.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::new(
                "the server's certificate is signed by nobody who is trusted here",
                "name the file with the authority's certificate as `sslrootcert` in `[database]`; \
                 if it is named, somebody else may have answered",
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::new(
                "the server's certificate has expired",
                "renew it, and look at this machine's clock",
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::new(
                    "the server's certificate is not valid yet",
                    "look at this machine's clock, and at the server's",
                )
            }
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                Self::new(
                    "the server shows an authority's certificate as its own",
                    "have the authority sign one for the server, with its name, and show that",
                )
            }
            other => Self::new(
                format!("the server's certificate is not good: {other}"),
                "make a certificate of X.509 version 3 with the server's name among its \
                 subjectAltName",
            ),
        }
    }

    fn wrong_host(host: &str, presented: &[String]) -> Self {
        // As rustls shows them: `DnsName("db.example")`, `IpAddress(192.0.2.1)`.
        let bare = |name: &String| {
            let inner = name.split_once('(').map_or(name.as_str(), |(_, inner)| inner);
            inner.trim_matches(['"', ')', ' ']).to_owned()
        };
        let names: Vec<String> = presented.iter().map(bare).collect();
        let shown = if names.is_empty() {
            "names no host that this program looks at".to_owned()
        } else {
            format!("is for {}", names.join(", "))
        };
        Self::new(
            format!("the server's certificate {shown}, not for `{host}`"),
            "connect by a name that stands in the certificate's subjectAltName; its common name \
             does not count; or somebody else has answered",
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}
