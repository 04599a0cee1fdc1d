//! TLS and HTTP/2 for callers, by clients that are not the stack under test.

mod clients;
mod http2;

use crate::support::{
    authority::{self, Authority},
    eventually,
    folder::Folder,
    http,
    service::{self, Service, howdah},
};
use reqwest::{Client, ClientBuilder, Version};
use std::{fs, future::Future, net::SocketAddr, time::Duration};

const MANIFEST: &str = r#"
[service]
name = "sealed"

[tls]
certificate = "${CERTIFICATE}"
key = "${KEY}"
client_authority = "${CLIENTS:-}"
minimum = "${MINIMUM:-1.2}"

[[route]]
get = "/"
reply = "here"

[[route]]
post = "/sum"
reply = "taken"
"#;

/// A service with TLS, and who signed its certificate.
pub(crate) struct Sealed {
    folder: Folder,
    authority: Authority,
}

impl Sealed {
    pub(crate) fn new() -> Self {
        let folder = Folder::new("tls");
        folder.write("howdah.toml", MANIFEST);
        let sealed = Self { folder, authority: Authority::new() };
        sealed.certify("first.example");
        sealed
    }

    /// Writes a certificate for `localhost` and `name`, and its key.
    fn certify(&self, name: &str) {
        let (certificate, key) = self.authority.sign(&["localhost", name]);
        // As a renewal does it: whole files take the place of whole files.
        for (file, text) in [("tls.key", key), ("tls.crt", certificate)] {
            let new = self.folder.write(&format!("{file}.new"), text);
            fs::rename(new, self.folder.path().join(file)).unwrap();
        }
    }

    fn serve(&self) -> service::Serve {
        let path = |name: &str| self.folder.path().join(name);
        service::serve(self.folder.path())
            .env("CERTIFICATE", path("tls.crt"))
            .env("KEY", path("tls.key"))
    }

    /// Another service with the same certificate.
    pub(crate) fn over(&self, serve: service::Serve) -> service::Serve {
        let path = |name: &str| self.folder.path().join(name);
        serve.env("HOWDAH_TLS_CERTIFICATE", path("tls.crt")).env("HOWDAH_TLS_KEY", path("tls.key"))
    }

    /// A client that trusts the certificate.
    pub(crate) fn client(&self) -> ClientBuilder {
        // A second call in one process changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = reqwest::Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        Client::builder()
            .tls_certs_only([root])
            .resolve("first.example", SocketAddr::from(([127, 0, 0, 1], 0)))
            .timeout(http::PATIENCE)
    }
}

/// Runs `future` on this thread.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// Where a path of the service is.
pub(crate) fn url(service: &Service, path: &str) -> String {
    format!("https://localhost:{}{path}", service.http.port())
}

#[test]
fn both_protocols_are_spoken_over_tls() {
    let sealed = Sealed::new();
    let service = sealed.serve().start();
    run(async {
        for (client, version) in [
            (sealed.client().build().unwrap(), Version::HTTP_2),
            (sealed.client().http1_only().build().unwrap(), Version::HTTP_11),
        ] {
            let answer = client.get(url(&service, "/")).send().await.unwrap();
            assert_eq!(answer.version(), version);
            assert!(answer.headers().contains_key("x-request-id"));
            assert_eq!(answer.text().await.unwrap(), "here");
            let missing = client.get(url(&service, "/nothing")).send().await.unwrap();
            assert_eq!(missing.status(), 404);
            assert_eq!(missing.headers()["content-type"], "application/problem+json");
        }
    });
    let (status, _) = service.stop();
    assert!(status.success());
}

#[test]
fn versions_that_are_too_old_are_turned_away() {
    let sealed = Sealed::new();
    let service = sealed.serve().env("MINIMUM", "1.3").start();
    run(async {
        let old = sealed.client().max_tls_version(reqwest::tls::Version::TLS_1_2).build().unwrap();
        old.get(url(&service, "/")).send().await.unwrap_err();
        let new = sealed.client().build().unwrap();
        assert_eq!(new.get(url(&service, "/")).send().await.unwrap().status(), 200);
    });
    let any = sealed.serve().start();
    run(async {
        let old = sealed.client().max_tls_version(reqwest::tls::Version::TLS_1_2).build().unwrap();
        assert_eq!(old.get(url(&any, "/")).send().await.unwrap().status(), 200);
    });
}

#[test]
fn the_strongest_suite_is_chosen_whatever_the_callers_order() {
    use rustls::CipherSuite::{
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 as AES_128,
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 as AES_256,
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 as CHACHA,
    };
    let sealed = Sealed::new();
    let service = sealed.serve().start();
    for order in [[AES_256, AES_128, CHACHA], [CHACHA, AES_128, AES_256]] {
        assert_eq!(authority::chosen_by(service.http, &order), AES_256);
    }
    // What a caller does not know is not asked of them.
    assert_eq!(authority::chosen_by(service.http, &[CHACHA]), CHACHA);
}

#[test]
fn a_new_certificate_needs_no_restart_and_a_bad_one_changes_nothing() {
    let sealed = Sealed::new();
    let service = sealed.serve().start();
    let names = || authority::names_of(service.http);
    assert!(names().contains(&"first.example".to_owned()));
    sealed.certify("second.example");
    eventually("the second certificate is used", http::PATIENCE, || {
        names().contains(&"second.example".to_owned())
    });
    sealed.folder.write("tls.crt", "no certificate at all");
    eventually("the bad one is told", http::PATIENCE, || {
        service.output().contains("the new certificate is refused")
    });
    assert!(names().contains(&"second.example".to_owned()));
    sealed.certify("third.example");
    eventually("the third certificate is used", http::PATIENCE, || {
        names().contains(&"third.example".to_owned())
    });
    assert!(!service.output().contains("PRIVATE"));
}

#[test]
fn callers_without_a_certificate_of_the_authority_are_turned_away() {
    let sealed = Sealed::new();
    let clients = Authority::new();
    sealed.folder.write("clients.crt", clients.pem());
    let service = sealed.serve().env("CLIENTS", sealed.folder.path().join("clients.crt")).start();
    let identity = |authority: &Authority| {
        let (certificate, key) = authority.sign(&["caller.example"]);
        reqwest::Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap()
    };
    run(async {
        let nobody = sealed.client().build().unwrap();
        nobody.get(url(&service, "/")).send().await.unwrap_err();
        let stranger = sealed.client().identity(identity(&Authority::new())).build().unwrap();
        stranger.get(url(&service, "/")).send().await.unwrap_err();
        let known = sealed.client().identity(identity(&clients)).build().unwrap();
        assert_eq!(known.get(url(&service, "/")).send().await.unwrap().status(), 200);
    });
}

#[test]
fn who_speaks_no_tls_is_told_so() {
    let sealed = Sealed::new();
    let service = sealed.serve().start();
    let reply = http::send(service.http, "GET", "/", &[], b"").unwrap();
    assert_eq!(reply.status, 400);
    assert_eq!(reply.problem(), "malformed-request");
    assert!(reply.text().contains("https"), "{}", reply.text());
    // Neither TLS nor HTTP, and nothing at all: the service goes on.
    let _ = service.raw(b"\x16\x03\x01\xff\xffnonsense");
    run(async {
        let client = sealed.client().build().unwrap();
        assert_eq!(client.get(url(&service, "/")).send().await.unwrap().status(), 200);
    });
}

#[test]
fn a_handshake_that_never_ends_is_ended() {
    let sealed = Sealed::new();
    let service = sealed.serve().env("HOWDAH_LIMITS_HEADER_TIMEOUT", "300ms").start();
    let mut stream = std::net::TcpStream::connect(service.http).unwrap();
    stream.set_read_timeout(Some(http::PATIENCE)).unwrap();
    let read = std::io::Read::read(&mut stream, &mut [0; 16]);
    assert!(matches!(read, Ok(0)), "{read:?}");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let sealed = Sealed::new();
    let folder = sealed.folder.path();
    let (_, other) = Authority::new().sign(&["other.example"]);
    sealed.folder.write("other.key", other);
    sealed.folder.write("empty", "");
    for (certificate, key, wanted) in [
        ("missing.crt", "tls.key", "`tls.certificate`"),
        ("empty", "tls.key", "holds no certificate"),
        ("tls.crt", "empty", "holds no private key"),
        ("tls.crt", "other.key", "is not the key of the certificate"),
    ] {
        let refused = howdah(["serve"])
            .arg(folder)
            .env("CERTIFICATE", folder.join(certificate))
            .env("KEY", folder.join(key))
            .env("HOWDAH_LISTEN_HTTP", "127.0.0.1:0")
            .env("HOWDAH_LISTEN_ADMIN", "127.0.0.1:0")
            .output()
            .unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains(wanted), "{said}");
        assert!(!said.contains("PRIVATE KEY---"), "{said}");
    }
    // Nothing is left that would listen.
    std::thread::sleep(Duration::from_millis(10));
}
