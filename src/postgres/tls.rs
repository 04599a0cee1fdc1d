//! TLS to the server: what is asked of it, and the files that this takes.
//!
//! Owns rustls' configuration for connections to PostgreSQL, the handshake and its failures. Does not
//! own sockets (`dial`), nor the sign-in that is bound to a certificate (`wire`, `session`).
//!
//! Source: PostgreSQL documentation, "SSL Support" of libpq, and "SSL Session Encryption" of the
//! protocol.

mod binding;
mod fault;
mod verify;

pub use fault::Fault;

use crate::config::{Authorities, ChannelBinding, SslMode, SslNegotiation};
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use verify::AnyName;

/// PostgreSQL's name in the handshake (PostgreSQL documentation, "SSL Session Encryption").
const POSTGRESQL: &[u8] = b"postgresql";

/// What is asked of a server, as the settings have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `sslmode`; without, it depends on the host and on the rest.
    pub mode: Option<SslMode>,
    /// `sslnegotiation`
    pub negotiation: SslNegotiation,
    /// `channel_binding`
    pub channel_binding: ChannelBinding,
    /// `sslrootcert`; without, those that the machine trusts.
    pub authorities: Option<Authorities>,
    /// `sslcert`
    pub certificate: Option<PathBuf>,
    /// `sslkey`
    pub key: Option<PathBuf>,
}

/// TLS to the servers of a target. The files are read again when they have changed and a connection is
/// opened; a change that cannot be used leaves what was read before.
#[derive(Default)]
pub struct Tls {
    settings: Settings,
    read: Mutex<Option<Read>>,
}

struct Read {
    ages: Vec<Option<SystemTime>>,
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(formatter)
    }
}

/// How a server is entered: over TLS, or in the clear when that is not insisted on.
#[derive(Clone, Debug)]
pub(super) struct Door {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    host: String,
    negotiation: SslNegotiation,
    /// Whether nothing but TLS will do.
    pub(super) insists: bool,
}

impl Tls {
    /// TLS by these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, read: Mutex::default() }
    }

    /// Whether the files can be used.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn check(&self) -> Result<(), Fault> {
        let files = self.settings.certificate.is_some() || self.settings.authorities.is_some();
        if files || self.settings.mode >= Some(SslMode::VerifyCa) {
            self.config()?;
        }
        Ok(())
    }

    /// `channel_binding`
    pub fn channel_binding(&self) -> ChannelBinding {
        self.settings.channel_binding
    }

    /// What is asked of `host`. Where nothing is said, what stays on this machine is not encrypted, and
    /// whoever names authorities wants them to be asked.
    pub fn mode(&self, host: &str) -> SslMode {
        let Settings { mode, channel_binding, authorities, .. } = &self.settings;
        match mode {
            _ if host.starts_with('/') => SslMode::Disable,
            Some(mode @ (SslMode::Prefer | SslMode::Require)) => {
                // As libpq has it: a file of authorities is asked, once it is there.
                if matches!(authorities, Some(Authorities::File(_))) && *mode == SslMode::Require {
                    SslMode::VerifyCa
                } else {
                    *mode
                }
            }
            Some(mode) => *mode,
            None if authorities.is_some() => SslMode::VerifyFull,
            None if *channel_binding == ChannelBinding::Require => SslMode::Require,
            None if is_loopback(host) => SslMode::Disable,
            None => SslMode::Prefer,
        }
    }

    /// Whether a password may be told to `host` in another form than SCRAM's, which shows nothing of it.
    /// Where nobody has decided how private the connection is, it may not leave this machine so.
    pub fn tells_passwords(&self, host: &str) -> bool {
        self.mode(host) != SslMode::Prefer || is_loopback(host)
    }

    /// How to enter `host`; nothing where it is entered in the clear.
    pub(super) fn door(&self, host: &str) -> Result<Option<Door>, Fault> {
        let mode = self.mode(host);
        if mode == SslMode::Disable {
            return Ok(None);
        }
        // Only `verify-full` looks at the name, which may otherwise be one that no certificate has.
        let name = match ServerName::try_from(host.to_owned()) {
            Ok(name) => name,
            Err(_) if mode != SslMode::VerifyFull => {
                ServerName::try_from("unnamed.invalid").map_err(|_| Fault::not_offered())?
            }
            Err(_) => {
                return Err(Fault::new(
                    format!("no certificate can be for `{host}`"),
                    "connect by a host name or an IP address",
                ));
            }
        };
        Ok(Some(Door {
            config: self.config()?,
            name,
            host: host.to_owned(),
            negotiation: self.settings.negotiation,
            insists: mode != SslMode::Prefer,
        }))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, Fault> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // Before, so that a change while they are read is seen the next time.
        let ages = self.ages();
        if let Some(Read { ages: known, config }) = &*read
            && *known == ages
        {
            return Ok(Arc::clone(config));
        }
        let config = match (self.load(), &*read) {
            (Ok(config), _) => Arc::new(config),
            (Err(_), Some(before)) => return Ok(Arc::clone(&before.config)),
            (Err(fault), None) => return Err(fault),
        };
        *read = Some(Read { ages, config: Arc::clone(&config) });
        Ok(config)
    }

    fn ages(&self) -> Vec<Option<SystemTime>> {
        let Settings { authorities, certificate, key, .. } = &self.settings;
        let authorities = match authorities {
            Some(Authorities::File(path)) => Some(path),
            _ => None,
        };
        let age = |path: &PathBuf| std::fs::metadata(path).and_then(|it| it.modified()).ok();
        [authorities, certificate.as_ref(), key.as_ref()].into_iter().flatten().map(age).collect()
    }

    fn load(&self) -> Result<ClientConfig, Fault> {
        let provider = Arc::new(ring::default_provider());
        let wrong = |error: rustls::Error| {
            Fault::new(format!("TLS cannot be set up: {error}"), "report this as a mistake")
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?;
        // A host's mode is this one, or TLS is not spoken with it.
        let mode = self.mode("a.host.of.the.network");
        let builder = if mode == SslMode::VerifyFull {
            let authorities = Arc::new(self.authorities()?);
            let verifier = WebPkiServerVerifier::builder_with_provider(authorities, provider);
            let verifier = verifier.build().map_err(|error| {
                Fault::new(format!("`database.sslrootcert`: {error}"), "name a file of PEM")
            })?;
            builder.with_webpki_verifier(verifier)
        } else {
            let authorities =
                (mode == SslMode::VerifyCa).then(|| self.authorities()).transpose()?;
            builder.dangerous().with_custom_certificate_verifier(any_name(authorities, &provider))
        };
        let mut config = match &self.settings.certificate {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let chain = certificates("sslcert", path)?;
                let key = self.settings.key.as_ref().unwrap_or(path);
                let read = PrivateKeyDer::from_pem_file(key)
                    .map_err(|why| Fault::file("sslkey", key, format!("holds no key: {why}")))?;
                builder.with_client_auth_cert(chain, read).map_err(|error| match error {
                    rustls::Error::InconsistentKeys(_) => {
                        Fault::file("sslkey", key, "is not the key of the certificate")
                    }
                    other => Fault::file("sslkey", key, format!("cannot be used: {other}")),
                })?
            }
        };
        config.alpn_protocols = vec![POSTGRESQL.to_vec()];
        Ok(config)
    }

    fn authorities(&self) -> Result<RootCertStore, Fault> {
        let mut store = RootCertStore::empty();
        match &self.settings.authorities {
            Some(Authorities::File(path)) => {
                for certificate in certificates("sslrootcert", path)? {
                    store.add(certificate).map_err(|why| {
                        Fault::file("sslrootcert", path, format!("cannot be trusted: {why}"))
                    })?;
                }
            }
            None | Some(Authorities::System) => {
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if store.is_empty() {
                    return Err(Fault::new(
                        "this machine knows no authority that signs certificates",
                        "name the file with the authority's certificate as `sslrootcert` in \
                         `[database]`",
                    ));
                }
            }
        }
        Ok(store)
    }
}

fn any_name(authorities: Option<RootCertStore>, provider: &CryptoProvider) -> Arc<AnyName> {
    Arc::new(AnyName { authorities, algorithms: provider.signature_verification_algorithms })
}

fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(Fault::file(setting, path, "holds no certificate")),
        Ok(found) => Ok(found),
        Err(why) => Err(Fault::file(setting, path, format!("holds no certificates: {why}"))),
    }
}

/// Whether what is said to `host` stays on this machine.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// What came of asking for TLS.
pub(super) enum Entered {
    /// It is spoken; a sign-in may be bound to this hash.
    Tls(Box<TlsStream<TcpStream>>, Option<Vec<u8>>),
    /// The server does not speak it, and nobody insists.
    Clear(TcpStream),
}

impl Door {
    /// Goes over to TLS on a fresh connection. Not a byte more than the server's one-byte answer is read
    /// before the handshake, so that nobody can slip in what would be taken for encrypted.
    pub(super) async fn enter(
        &self,
        mut stream: TcpStream,
    ) -> std::io::Result<Result<Entered, Fault>> {
        if self.negotiation == SslNegotiation::Postgres {
            let mut request = BytesMut::new();
            frontend::ssl_request(&mut request);
            stream.write_all(&request).await?;
            let mut answer = [0];
            stream.read_exact(&mut answer).await?;
            match answer {
                [b'S'] => {}
                [b'N'] if !self.insists => return Ok(Ok(Entered::Clear(stream))),
                _ => return Ok(Err(Fault::not_offered())),
            }
        }
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = match connector.connect(self.name.clone(), stream).await {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(Fault::of(&error, &self.host))),
        };
        let (_, connection) = stream.get_ref();
        if self.negotiation == SslNegotiation::Direct
            && connection.alpn_protocol() != Some(POSTGRESQL)
        {
            return Ok(Err(Fault::new(
                "who answered speaks TLS, but does not say that it is PostgreSQL",
                "`sslnegotiation = \"direct\"` takes PostgreSQL 17 or newer",
            )));
        }
        let certificate = connection.peer_certificates().and_then(<[_]>::first);
        let hash = certificate.and_then(|it| binding::of(it));
        Ok(Ok(Entered::Tls(Box::new(stream), hash)))
    }
}
