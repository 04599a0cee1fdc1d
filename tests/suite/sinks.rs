//! Sinks: one suite of promises that each of them keeps, the file's included; those on other machines
//! against servers of their published APIs on this one.

pub(crate) mod conformance;
mod key_vault;
mod kubernetes;
pub(crate) mod server;
pub(crate) mod vault;

use crate::support::{authority::Authority, folder::Folder};
use conformance::{Place, credential, promises, promises_when_it_fails, publish};
use howdah::{
    config::{self, AzureLogin, AzureProof},
    rotation::sink::{self, Failure, Sink},
};
use key_vault::KeyVault;
use kubernetes::{Cluster, Kubernetes};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use server::{Answer, Api, Asked, Fault, Kind, Server};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use vault::Vault;

/// A file has no server.
#[derive(Clone)]
struct Nobody;

impl Api for Nobody {
    fn kind(_: &Asked) -> Kind {
        Kind::Read
    }
    fn answer(&mut self, _: &Asked) -> Answer {
        panic!("nobody answers")
    }
}

struct File(Folder);

impl Place for File {
    type Api = Nobody;

    fn sink(&self) -> Box<dyn Sink> {
        let path = self.0.path().join("credential.json");
        sink::open(&[config::Sink::File { path, mode: 0o600 }]).unwrap().remove(0)
    }
    fn holds(&self) -> Option<String> {
        std::fs::read_to_string(self.0.path().join("credential.json")).ok()
    }
    fn put(&self, text: &str) {
        self.0.write("credential.json", text);
    }
    fn server(&self) -> Option<&Server<Nobody>> {
        None
    }
}

#[tokio::test]
async fn a_file_keeps_what_every_sink_promises() {
    promises(|| File(Folder::new("sink"))).await;
    let away = File(Folder::new("sink"));
    std::fs::remove_dir_all(away.0.path()).unwrap();
    assert!(matches!(publish(&*away.sink(), 1).await, Err(Failure::Refused(_))));
}

#[tokio::test]
async fn a_kubernetes_secret_keeps_what_every_sink_promises() {
    promises(Kubernetes::new).await;
}

#[tokio::test]
async fn a_vault_keeps_what_every_sink_promises() {
    promises(Vault::new).await;
    promises(|| Vault::signing_in(true)).await;
    promises(|| Vault::signing_in(false)).await;
}

#[tokio::test]
async fn a_key_vault_keeps_what_every_sink_promises() {
    promises(KeyVault::new).await;
}

#[tokio::test]
async fn a_kubernetes_secret_keeps_them_when_things_fail() {
    promises_when_it_fails(Kubernetes::new).await;
}

#[tokio::test]
async fn a_vault_keeps_them_when_things_fail() {
    promises_when_it_fails(Vault::new).await;
}

#[tokio::test]
async fn a_key_vault_keeps_them_when_things_fail() {
    promises_when_it_fails(KeyVault::new).await;
}

fn text(generation: u64) -> String {
    credential(generation).to_json().to_string()
}

#[tokio::test]
async fn another_writer_in_kubernetes_is_not_overwritten() {
    let place = Kubernetes::new();
    let sink = place.sink();
    publish(&*sink, 1).await.unwrap();
    // Between the look and the write another writer is faster; what it wrote is judged.
    place.server.fail(Kind::Write, Fault::Meddle(|it| it.edit("kubectl-edit", &text(7))));
    assert_eq!(publish(&*sink, 2).await, Err(Failure::Overtaken(7)));
    assert_eq!(place.holds().unwrap(), text(7));
    // What another manager has made its own is left to it, though it is older.
    place.server.api(|it| it.edit("kubectl-edit", &text(1)));
    let outcome = publish(&*sink, 8).await;
    assert!(
        matches!(&outcome, Err(Failure::Refused(why)) if why.contains("field manager")),
        "{outcome:?}"
    );
    assert_eq!(place.holds().unwrap(), text(1));
}

#[tokio::test]
async fn another_writer_in_a_vault_is_not_overwritten() {
    let place = Vault::new();
    let sink = place.sink();
    publish(&*sink, 1).await.unwrap();
    let meddle = |it: &mut vault::Engine| {
        it.versions.push(Some(serde_json::from_str(&text(7)).unwrap()));
    };
    place.server.fail(Kind::Write, Fault::Meddle(meddle));
    assert_eq!(publish(&*sink, 2).await, Err(Failure::Overtaken(7)));
    // A version that was deleted still counts for the next.
    place.server.api(|it| it.versions.push(None));
    assert!(sink.read().await == Ok(None));
    assert_eq!(publish(&*sink, 8).await, Ok(()));
    assert_eq!(place.server.api(|it| it.versions.len()), 4);
    // A standby that lags is asked again.
    place.server.fail(Kind::Read, Fault::Status(412, "{}"));
    assert_eq!(publish(&*sink, 9).await, Ok(()));
}

#[tokio::test]
async fn a_key_vault_gives_back_what_was_covered_up() {
    let place = KeyVault::new();
    let sink = place.sink();
    for generation in 1..=5 {
        publish(&*sink, generation).await.unwrap();
    }
    let meddle = |it: &mut key_vault::Keys| {
        it.set(text(9).trim(), serde_json::json!({ "howdah-generation": "9" }));
    };
    place.server.fail(Kind::Write, Fault::Meddle(meddle));
    assert_eq!(publish(&*sink, 6).await, Err(Failure::Overtaken(9)));
    assert_eq!(place.holds().unwrap(), text(9).trim());
    // It never follows a link to another server with its token.
    let other = Server::start(key_vault::Keys::default(), None);
    place.server.api(|it| it.base = other.url());
    publish(&*sink, 10).await.unwrap();
    assert_eq!((other.asked(Kind::Read), place.holds().unwrap().as_str()), (0, text(10).trim()));
    place.server.api(|it| it.deleted = true);
    let outcome = publish(&*sink, 11).await;
    assert!(
        matches!(&outcome, Err(Failure::Refused(why)) if why.contains("ObjectIsDeletedButRecoverable")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn signing_in_is_done_again_when_it_must_be() {
    let place = Vault::signing_in(true);
    let sink = place.sink();
    publish(&*sink, 1).await.unwrap();
    assert_eq!(place.server.asked(Kind::SignIn), 1, "a token is kept");
    place.server.api(|it| it.tokens.clear());
    publish(&*sink, 2).await.unwrap();
    assert_eq!(place.server.asked(Kind::SignIn), 2);
    place.server.api(|it| it.tokens.clear());
    place.server.fail(Kind::SignIn, Fault::Status(503, "{}"));
    publish(&*sink, 3).await.unwrap();

    let mut place = KeyVault::new();
    let sink = place.sink();
    publish(&*sink, 1).await.unwrap();
    place.server.api(|it| it.tokens.clear());
    publish(&*sink, 2).await.unwrap();
    assert_eq!(place.server.asked(Kind::SignIn), 2);
    // By an assertion, and with a wrong one.
    let file = place.folder.write("assertion", "an.assertion");
    if let AzureLogin::Application { proof, .. } = &mut place.wanted.login {
        *proof = AzureProof::Assertion(file);
    }
    publish(&*place.sink(), 3).await.unwrap();
    place.folder.write("assertion", "hunter2-and-more");
    let outcome = publish(&*place.sink(), 4).await;
    assert!(
        matches!(&outcome, Err(Failure::Refused(why)) if why.contains("invalid_client")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_cluster_is_believed_by_its_authority_which_is_read_anew() {
    let (first, second) = (Authority::new(), Authority::new());
    let place = |authority: &Authority| {
        let (certificate, key) = authority.sign(&["127.0.0.1"]);
        let certificates = CertificateDer::pem_slice_iter(certificate.as_bytes());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                certificates.collect::<Result<_, _>>().unwrap(),
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            );
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        Kubernetes::of(Server::start(Cluster::default(), Some(acceptor)), "https")
    };
    let place = place(&second);
    let sink = place.sink();
    // Without the authority's file, with another's, with something else in it.
    assert!(
        matches!(publish(&*sink, 1).await, Err(Failure::Refused(why)) if why.contains("ca.crt"))
    );
    place.folder.write("ca.crt", first.pem());
    assert!(
        matches!(publish(&*sink, 1).await, Err(Failure::Refused(why)) if why.contains("connection"))
    );
    place.folder.write("ca.crt", "no certificate");
    assert!(matches!(publish(&*sink, 1).await, Err(Failure::Refused(why)) if why.contains("PEM")));
    assert_eq!(place.server.asked(Kind::Read), 0);
    place.folder.write("ca.crt", first.pem() + &second.pem());
    publish(&*sink, 1).await.unwrap();
    // A token that is not there, or not taken any more.
    place.folder.write("token", "another");
    assert!(matches!(publish(&*sink, 2).await, Err(Failure::Refused(why)) if why.contains("401")));
    place.folder.write("token", "");
    assert!(
        matches!(publish(&*sink, 2).await, Err(Failure::Refused(why)) if why.contains("token"))
    );
}
