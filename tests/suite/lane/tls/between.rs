//! Somebody stands between, and is not believed.

use super::*;

#[test]
fn who_stands_between_is_refused() {
    let sealed = Sealed::start();
    let stranger = Authority::new();
    let (certificate, key) = stranger.sign(&["localhost"]);
    let through = |middle: &Middle, settings| Target {
        port: middle.port,
        ..sealed.target("localhost", settings)
    };
    let bound = |binding| tls::Settings { channel_binding: binding, ..mode(SslMode::Require) };
    local(async {
        let impersonate = Trick::Impersonate(certificate.clone(), key.clone());
        let middle = Middle::before(sealed.cluster.port, impersonate);
        refused(&through(&middle, sealed.verified()), "signed by nobody").await;
        let nobody = tls::Settings { mode: Some(SslMode::VerifyCa), ..sealed.verified() };
        refused(&through(&middle, nobody), "signed by nobody").await;
        // Nobody asks for the certificate, but the sign-in is bound to it.
        refused(&through(&middle, bound(ChannelBinding::Prefer)), "28").await;
        // The attack is one: without a binding it works.
        let open = bound(ChannelBinding::Disable);
        assert_eq!(both(&through(&middle, open)).await, Ok(true));
        // The offer of a binding is taken out, and the server hears of it.
        let middle = Middle::before(sealed.cluster.port, Trick::Unbind(certificate, key));
        refused(&through(&middle, bound(ChannelBinding::Prefer)), "28").await;
        refused(&through(&middle, bound(ChannelBinding::Require)), "channel_binding").await;
    });
}

#[test]
fn nobody_talks_a_client_out_of_tls() {
    let sealed = Sealed::start();
    sealed.set("ALTER SYSTEM SET ssl = off");
    sealed.put("pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256");
    sealed.reload();
    local(async {
        let middle = Middle::before(sealed.cluster.port, Trick::DenyTls);
        let through =
            |settings| Target { port: middle.port, ..sealed.target("localhost", settings) };
        for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
            let settings = tls::Settings { mode: Some(mode), ..sealed.verified() };
            refused(&through(settings), "offers no TLS").await;
        }
        let bound = tls::Settings {
            channel_binding: ChannelBinding::Require,
            mode: Some(SslMode::Prefer),
            ..tls::Settings::default()
        };
        refused(&through(bound), "channel_binding").await;
        assert!(middle.seen().iter().all(|code| *code == SSL_REQUEST), "nothing in the clear");
        // Whoever only prefers it goes on without.
        assert_eq!(both(&through(mode(SslMode::Prefer))).await, Ok(false));
    });
}

#[test]
fn a_password_is_not_told_to_whoever_asks() {
    let sealed = Sealed::start();
    let clear = [&b"R"[..], &8_u32.to_be_bytes(), &3_u32.to_be_bytes()].concat();
    let md5 = [&b"R"[..], &12_u32.to_be_bytes(), &5_u32.to_be_bytes(), b"salt"].concat();
    local(async {
        for request in [clear, md5] {
            let middle = Middle::before(sealed.cluster.port, Trick::Ask(request));
            let target =
                |host, settings| Target { port: middle.port, ..sealed.target(host, settings) };
            let network = target("0.0.0.0", tls::Settings::default());
            refused(&network, "form that shows it to whoever listens").await;
            refused(&target("0.0.0.0", mode(SslMode::Prefer)), "shows it to whoever").await;
            assert_eq!(middle.heard(), b"");
        }
        // Over TLS that was asked for, it is.
        sealed.set("CREATE ROLE by_word LOGIN PASSWORD 'clear'");
        let words = |mode| {
            let password = Some(howdah::secret::Secret::new("clear".to_owned()));
            let settings = tls::Settings { mode: Some(mode), ..sealed.verified() };
            let (user, database) = ("by_word".to_owned(), "postgres".to_owned());
            Target { user, password, database, ..sealed.target("localhost", settings) }
        };
        assert_eq!(both(&words(SslMode::VerifyFull)).await, Ok(true));
    });
}

#[test]
fn what_a_sign_in_can_be_bound_to_it_is() {
    let sealed = Sealed::start();
    let bound = |mode| tls::Settings {
        mode,
        channel_binding: ChannelBinding::Require,
        ..tls::Settings::default()
    };
    local(async {
        for mode in [None, Some(SslMode::Require)] {
            assert_eq!(both(&sealed.target("localhost", bound(mode))).await, Ok(true));
        }
        // By a hash of another length, too.
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        sealed.put("server.crt", &params.self_signed(&key).unwrap().pem());
        sealed.put("server.key", &key.serialize_pem());
        sealed.reload();
        assert_eq!(both(&sealed.target("localhost", bound(None))).await, Ok(true));
        // A password that is told is bound to nothing.
        sealed.set("CREATE ROLE by_word LOGIN PASSWORD 'clear'");
        let user = "by_word".to_owned();
        refused(&Target { user, ..sealed.target("localhost", bound(None)) }, "channel_binding")
            .await;
    });
}
