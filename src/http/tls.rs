//! TLS for callers: the certificate, which versions and protocols are spoken, and following the
//! files while the process runs.
//!
//! Owns rustls' configuration. Does not own what is served over it (`connection`, `http2`).

use crate::{
    access::Names,
    config::{Tls, TlsVersion},
    diagnostic::{Code, Diagnostic},
    event::{Event, Observer},
};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::sync::watch;
use webpki::EndEntityCert;

/// HTTP/2's name in the handshake (RFC 9113 §3.2).
pub(super) const H2: &[u8] = b"h2";
/// HTTP/1.1's.
const HTTP1: &[u8] = b"http/1.1";
/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The TLS configuration as it is now; a change of the files puts another one here.
pub type Current = watch::Receiver<Arc<ServerConfig>>;

/// The files of a listener's TLS, and who is told when they change.
pub struct Followed {
    settings: Tls,
    seen: Vec<Option<SystemTime>>,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Followed {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them, without a word of what is in the key's.
    pub fn start(settings: &Tls) -> Result<Self, Box<Diagnostic>> {
        // Before, so that a change while they are read is seen.
        let seen = ages(settings);
        let current = watch::Sender::new(Arc::new(load(settings)?));
        Ok(Self { settings: settings.clone(), seen, current })
    }

    /// What connections are made with from now on.
    pub fn current(&self) -> Current {
        self.current.subscribe()
    }

    /// Follows the files for ever: a good change is taken, a bad one is told and the last good one
    /// goes on.
    pub async fn follow(mut self, observer: Observer) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let ages = ages(&self.settings);
            if ages == self.seen {
                continue;
            }
            self.seen = ages;
            match load(&self.settings) {
                Ok(config) => {
                    self.current.send_replace(Arc::new(config));
                    observer(&Event::CertificateChanged);
                }
                Err(diagnostic) => {
                    observer(&Event::CertificateRefused { reason: diagnostic.message() });
                }
            }
        }
    }
}

/// When each file was changed; links are followed, so a link that is turned counts.
fn ages(settings: &Tls) -> Vec<Option<SystemTime>> {
    let paths =
        [Some(&settings.certificate), Some(&settings.key), settings.client_authority.as_ref()];
    let age = |path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    paths.into_iter().flatten().map(age).collect()
}

fn load(settings: &Tls) -> Result<ServerConfig, Box<Diagnostic>> {
    let certificates = certificates("tls.certificate", &settings.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&settings.key).map_err(|error| {
        unusable("tls.key", &settings.key, &format!("holds no private key: {error}"))
    })?;
    let versions: &[_] = match settings.minimum {
        TlsVersion::Tls12 => &[&TLS13, &TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let provider = Arc::new(ring::default_provider());
    let wrong = |error: rustls::Error| {
        let reason = match error {
            rustls::Error::InconsistentKeys(_) => "is not the key of the certificate".to_owned(),
            other => format!("cannot be used: {other}"),
        };
        unusable("tls.key", &settings.key, &reason)
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(wrong)?;
    let builder = match &settings.client_authority {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            let refused = |error: &dyn std::fmt::Display| {
                unusable("tls.client_authority", path, &format!("cannot be trusted: {error}"))
            };
            for certificate in self::certificates("tls.client_authority", path)? {
                roots.add(certificate).map_err(|error| refused(&error))?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| refused(&error))?)
        }
    };
    let mut config = builder.with_single_cert(certificates, key).map_err(wrong)?;
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    // The strongest of what the caller knows, whatever order they say it in.
    config.ignore_client_order = true;
    // A connection that resumes on another thread needs no handshake of its own.
    config.ticketer = ring::Ticketer::new().map_err(wrong)?;
    Ok(config)
}

/// The names of the certificate that the caller showed, which the handshake has found good.
pub(super) fn shown(connection: &ServerConnection) -> Option<Arc<Names>> {
    let certificate = EndEntityCert::try_from(connection.peer_certificates()?.first()?).ok()?;
    Some(Arc::new(Names::new(certificate.valid_dns_names(), certificate.valid_uri_names())))
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Box<Diagnostic>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(unusable(key, path, "holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(key, path, &format!("holds no certificates: {error}"))),
    }
}

fn unusable(key: &str, path: &Path, reason: &str) -> Box<Diagnostic> {
    let shown = path.display();
    Diagnostic::error(Code::Unreadable, format!("`{key}`: the file {shown} {reason}"))
        .help("TLS takes PEM files: the certificate with its chain, and its private key")
        .boxed()
}
