//! An issuer of tokens, faithful and not: it signs, answers discovery and key set, turns its keys
//! over, goes away, is slow, says too much, or calls itself by another name.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of a token that is right.
pub(crate) fn claims(issuer: &str, tenant: &str) -> Value {
    json!({
        "iss": issuer, "aud": "tenants", "sub": format!("user of {tenant}"), "exp": now() + 300,
        "tenant": tenant, "scope": "notes:read notes:list notes:write",
    })
}

enum Pair {
    Elliptic(Box<EcdsaKeyPair>),
    Edwards(Box<Ed25519KeyPair>),
    Secret(hmac::Key),
}

/// A key that signs.
pub(crate) struct Signer {
    pub(crate) id: String,
    pair: Pair,
}

impl Signer {
    pub(crate) fn elliptic(id: &str) -> Self {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        Self { id: id.to_owned(), pair: Pair::Elliptic(Box::new(pair)) }
    }

    pub(crate) fn edwards(id: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        Self { id: id.to_owned(), pair: Pair::Edwards(Box::new(pair)) }
    }

    pub(crate) fn secret(secret: impl AsRef<[u8]>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref());
        Self { id: "secret".to_owned(), pair: Pair::Secret(key) }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Elliptic(_) => "ES256",
            Pair::Edwards(_) => "EdDSA",
            Pair::Secret(_) => "HS256",
        }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "typ": "JWT", "alg": self.algorithm(), "kid": self.id });
        self.sign_as(&header, claims)
    }

    /// A token whose header says what it likes.
    pub(crate) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = match &self.pair {
            Pair::Elliptic(pair) => {
                pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
            }
            Pair::Edwards(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
            Pair::Secret(key) => hmac::sign(key, message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", b64(signature))
    }

    /// The public key, as a set has it.
    pub(crate) fn public(&self) -> Value {
        match &self.pair {
            Pair::Elliptic(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig",
                    "x": b64(&point[1..33]), "y": b64(&point[33..65]) })
            }
            Pair::Edwards(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": b64(pair.public_key()) })
            }
            Pair::Secret(_) => json!({ "kty": "oct", "kid": self.id }),
        }
    }
}

/// What is read from and written to.
trait Conversation: Read + Write {}

impl<T: Read + Write> Conversation for T {}

/// How an issuer behaves.
#[derive(Default)]
struct Manner {
    keys: Vec<Value>,
    own_name: String,
    name: String,
    delay: Duration,
    padding: usize,
    status: u16,
    cache_control: String,
}

/// An issuer that listens on a port of this machine.
pub(crate) struct Issuer {
    at: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

impl Issuer {
    /// An issuer with these keys, at a port that the kernel chooses.
    pub(crate) fn start(signers: &[&Signer]) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), signers)
    }

    /// The same at an address where nobody listens.
    pub(crate) fn start_at(at: SocketAddr, signers: &[&Signer]) -> Self {
        Self::listen(at, "http", signers, |stream| Box::new(stream))
    }

    fn listen(
        at: SocketAddr,
        scheme: &str,
        signers: &[&Signer],
        wrap: impl Fn(TcpStream) -> Box<dyn Conversation> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let at = listener.local_addr().unwrap();
        let host = if scheme == "https" { "localhost".to_owned() } else { at.ip().to_string() };
        let name = format!("{scheme}://{host}:{}", at.port());
        let manner = Manner { own_name: name.clone(), name, status: 200, ..Manner::default() };
        let issuer = Self {
            at,
            manner: Arc::new(Mutex::new(manner)),
            asked: Arc::default(),
            ended: Arc::default(),
        };
        issuer.has(signers);
        let (manner, asked, ended) =
            (Arc::clone(&issuer.manner), Arc::clone(&issuer.asked), Arc::clone(&issuer.ended));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                answer(&mut *wrap(stream), &manner, &asked);
            }
        });
        issuer
    }

    /// The same behind TLS, as issuers are found outside of one machine.
    pub(crate) fn start_with_tls(signers: &[&Signer], certificate: &str, key: &str) -> Self {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::listen(at, "https", signers, move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            Box::new(StreamOwned::new(connection, stream))
        })
    }

    /// What it calls itself.
    pub(crate) fn name(&self) -> String {
        self.manner.lock().unwrap().own_name.clone()
    }

    /// How often its key set was asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Acquire)
    }

    fn change(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.manner.lock().unwrap());
    }

    /// These are its keys from now on.
    pub(crate) fn has(&self, signers: &[&Signer]) {
        self.change(|manner| manner.keys = signers.iter().map(|it| it.public()).collect());
    }

    pub(crate) fn calls_itself(&self, name: &str) {
        self.change(|manner| name.clone_into(&mut manner.name));
    }

    pub(crate) fn takes(&self, delay: Duration) {
        self.change(|manner| manner.delay = delay);
    }

    pub(crate) fn pads(&self, bytes: usize) {
        self.change(|manner| manner.padding = bytes);
    }

    pub(crate) fn answers(&self, status: u16) {
        self.change(|manner| manner.status = status);
    }

    pub(crate) fn says_of_caching(&self, value: &str) {
        self.change(|manner| value.clone_into(&mut manner.cache_control));
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        drop(TcpStream::connect(self.at));
    }
}

fn answer(stream: &mut dyn Conversation, manner: &Mutex<Manner>, asked: &AtomicUsize) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (body, status, delay, cache_control) = {
        let manner = manner.lock().unwrap();
        let padding = "x".repeat(manner.padding);
        let body = match path {
            "/.well-known/openid-configuration" => {
                let jwks_uri = format!("{}/jwks", manner.name);
                json!({ "issuer": manner.name, "jwks_uri": jwks_uri })
            }
            "/jwks" => {
                asked.fetch_add(1, Ordering::AcqRel);
                json!({ "keys": manner.keys, "padding": padding })
            }
            _ => Value::Null,
        };
        (body.to_string(), manner.status, manner.delay, manner.cache_control.clone())
    };
    std::thread::sleep(delay);
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Cache-Control: {cache_control}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let written =
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    // Whoever stops listening has heard enough.
    let _ = written.and_then(|()| stream.flush());
}
