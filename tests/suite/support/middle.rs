//! Somebody between a client and PostgreSQL: who looks at what is said, and changes it.
//!
//! Owns what it does to the beginning of a connection; from then on it passes bytes on.

use super::authority::Anything;
use rustls::{
    ClientConfig, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The codes at the beginning of a connection (PostgreSQL documentation, "Message Formats").
pub const SSL_REQUEST: u32 = 80_877_103;

/// What it does.
#[derive(Clone, Debug)]
pub enum Trick {
    /// Nothing: it only takes note of how connections begin.
    Watch,
    /// It says that there is no TLS, and goes on in the clear.
    DenyTls,
    /// It speaks TLS with both sides, with this certificate and key, PEM.
    Impersonate(String, String),
    /// It does, and takes the offer of a channel binding out.
    Unbind(String, String),
    /// It takes TLS from the first byte, by these names of protocols, and goes on in the clear.
    Direct(String, String, Vec<Vec<u8>>),
    /// It says that there is no TLS, and asks for the password with this request.
    Ask(Vec<u8>),
}

/// Somebody in the middle, on a port of 127.0.0.1. Its thread ends with the process.
#[derive(Debug)]
pub struct Middle {
    /// Where it listens.
    pub port: u16,
    seen: Arc<Mutex<Vec<u32>>>,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Middle {
    /// Stands before the server on `upstream`.
    pub fn before(upstream: u16, trick: Trick) -> Self {
        let (seen, heard) = (Arc::default(), Arc::default());
        let middle = Middle { port: 0, seen: Arc::clone(&seen), heard: Arc::clone(&heard) };
        let port = on_a_thread(move |client| {
            let (trick, seen, heard) = (trick.clone(), Arc::clone(&seen), Arc::clone(&heard));
            async move { play(client, upstream, trick, &seen, &heard).await }
        });
        Self { port, ..middle }
    }

    /// The codes that connections began with.
    pub fn seen(&self) -> Vec<u32> {
        self.seen.lock().unwrap().clone()
    }

    /// What it was told after it had asked for the password.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

/// Does something with each connection to a port of 127.0.0.1, which it gives, on a thread that ends with the process.
pub(super) fn on_a_thread<F>(each: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let (tell, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(each(client));
            }
        });
    });
    port.recv().unwrap()
}

async fn play(
    mut client: TcpStream,
    upstream: u16,
    trick: Trick,
    seen: &Mutex<Vec<u32>>,
    heard: &Mutex<Vec<u8>>,
) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await?;
    if let Trick::Direct(certificate, key, protocols) = trick {
        let mut config = impersonator(&certificate, &key);
        config.alpn_protocols = protocols;
        let mut client = TlsAcceptor::from(Arc::new(config)).accept(client).await?;
        return copy_bidirectional(&mut client, &mut server).await.map(drop);
    }
    let mut head = [0; 8];
    client.read_exact(&mut head).await?;
    let code = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    seen.lock().unwrap().push(code);
    match trick {
        Trick::DenyTls if code == SSL_REQUEST => {
            client.write_all(b"N").await?;
            copy_bidirectional(&mut client, &mut server).await.map(drop)
        }
        Trick::Ask(request) if code == SSL_REQUEST => {
            client.write_all(b"N").await?;
            let mut start = vec![0; 4096];
            let _ = client.read(&mut start).await?;
            client.write_all(&request).await?;
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await?;
            heard.lock().unwrap().extend(answer);
            Ok(())
        }
        Trick::Impersonate(ref certificate, ref key) | Trick::Unbind(ref certificate, ref key)
            if code == SSL_REQUEST =>
        {
            let unbinds = matches!(trick, Trick::Unbind(..));
            client.write_all(b"S").await?;
            let config = impersonator(certificate, key);
            let client = TlsAcceptor::from(Arc::new(config)).accept(client).await?;
            server.write_all(&head).await?;
            assert_eq!(server.read_u8().await?, b'S', "the server speaks TLS");
            let name = ServerName::try_from("localhost").unwrap();
            let server = TlsConnector::from(Arc::new(gullible())).connect(name, server).await?;
            relay(client, server, unbinds).await
        }
        _ => {
            server.write_all(&head).await?;
            copy_bidirectional(&mut client, &mut server).await.map(drop)
        }
    }
}

/// Passes everything on; the offer of a channel binding not, when it `unbinds`.
async fn relay(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
    unbinds: bool,
) -> io::Result<()> {
    if unbinds {
        let mut start = vec![0; 4096];
        let length = client.read(&mut start).await?;
        server.write_all(&start[..length]).await?;
        server.flush().await?;
        // R, a length, 10 for SASL, and the names of mechanisms.
        let mut head = [0; 5];
        server.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        server.read_exact(&mut body).await?;
        let bound = b"SCRAM-SHA-256-PLUS\0";
        let at = body.windows(bound.len()).position(|it| it == bound).expect("it is offered");
        body.drain(at..at + bound.len());
        client.write_all(b"R").await?;
        client.write_all(&u32::try_from(body.len() + 4).unwrap().to_be_bytes()).await?;
        client.write_all(&body).await?;
        client.flush().await?;
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

fn impersonator(certificate: &str, key: &str) -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            chain.map(Result::unwrap).collect(),
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap()
}

/// A client who believes anybody.
fn gullible() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth()
}
