//! TLS to PostgreSQL: who is believed, who is not, and what is said to them, by both clients.

mod between;
mod served;

use super::*;
use crate::support::{
    authority::Authority,
    folder::Folder,
    middle::{Middle, SSL_REQUEST, Trick},
    postgres::Cluster,
};
use howdah::{
    config::{Authorities, ChannelBinding, SslMode, SslNegotiation},
    diagnostic::Diagnostic,
    postgres::{
        session,
        tls::{self, Tls},
    },
};
use rcgen::{CertificateParams, DnType, date_time_ymd};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::PathBuf,
    sync::Mutex,
};

/// A cluster that speaks TLS, and who signed its certificate.
struct Sealed {
    cluster: Cluster,
    authority: Authority,
    database: Database,
    files: Folder,
}

const HBA: &str = "
local all all trust
hostssl all by_certificate 127.0.0.1/32 cert
hostssl all by_word 127.0.0.1/32 password
hostssl all all 127.0.0.1/32 scram-sha-256
hostnossl all postgres 127.0.0.1/32 scram-sha-256
";

impl Sealed {
    fn start() -> Self {
        let cluster = Cluster::start();
        let (authority, files) = (Authority::new(), Folder::new("pgtls"));
        let database = Database::create(&cluster);
        files.write("root.crt", authority.pem());
        let sealed = Self { cluster, authority, database, files };
        sealed.put("pg_hba.conf", HBA);
        sealed.put("root.crt", &sealed.authority.pem());
        sealed.certify(&["localhost", "127.0.0.1", "db.example"], |_| {});
        sealed.set("ALTER SYSTEM SET ssl_ca_file = 'root.crt'");
        sealed.set("ALTER SYSTEM SET ssl = on");
        sealed.reload();
        sealed
    }

    fn set(&self, sql: &str) {
        crate::support::database::run(&self.cluster.superuser("postgres"), sql);
    }

    /// Has the server read its files again: connections from now on see them.
    fn reload(&self) {
        let loads = || self.cluster.log().matches("received SIGHUP").count();
        let before = loads();
        self.set("SELECT pg_reload_conf()");
        crate::support::eventually("it reloads", Duration::from_secs(10), || loads() > before);
        // The line is written before the files are read.
        std::thread::sleep(Duration::from_millis(200));
    }

    /// A file of the server's.
    fn put(&self, name: &str, text: &str) {
        let path = self.cluster.folder.join("data").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let owner = fs::metadata(&self.cluster.folder).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }

    /// Gives the server a certificate of its authority.
    fn certify(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) {
        let (certificate, key) = self.authority.sign_with(names, change);
        self.put("server.crt", &certificate);
        self.put("server.key", &key);
    }

    fn root(&self) -> PathBuf {
        self.files.path().join("root.crt")
    }

    /// The server as it is asked for by these settings, on `host`.
    fn target(&self, host: &str, settings: tls::Settings) -> Target {
        let tls = Arc::new(Tls::new(settings));
        Target { host: host.to_owned(), tls, ..super::target(&self.database) }
    }

    fn verified(&self) -> tls::Settings {
        tls::Settings {
            mode: Some(SslMode::VerifyFull),
            authorities: Some(Authorities::File(self.root())),
            ..tls::Settings::default()
        }
    }
}

fn mode(mode: SslMode) -> tls::Settings {
    tls::Settings { mode: Some(mode), ..tls::Settings::default() }
}

/// What both clients say of `target`: whether the connection is encrypted, or why there is none.
async fn both(target: &Target) -> Result<bool, String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let seen = Arc::clone(&seen);
        Arc::new(move |event: &howdah::event::Event<'_>| {
            if let howdah::event::Event::Disconnected { reason, .. } = event {
                seen.lock().unwrap().push((*reason).to_owned());
            }
        })
    };
    let sql = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let settings = Settings { connections: 1, ..settings() };
    let lane = Rc::new(Lane::<Rows>::open(settings, Arc::new(target.clone()), observer));
    let statement = statement(0, sql, 0, &[TEXT]);
    let asked = async {
        loop {
            let why = seen.lock().unwrap().first().cloned();
            if let Some(why) = why {
                return Err(why);
            }
            if lane.is_connected() {
                return Ok(ask(&lane, &statement, &[]).await.unwrap() == one("true"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let by_lane = asked.await;
    let by_session = match session::connect(target).await {
        Ok(session) => Ok(session.query_one(sql, &[]).await.unwrap().get::<_, String>(0) == "true"),
        Err(error) => {
            let diagnostic = Diagnostic::from(error);
            let notes = format!("{diagnostic:?}");
            Err(format!("{} {notes}", diagnostic.message()))
        }
    };
    match (by_lane, by_session) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one, other);
            Ok(one)
        }
        (Err(one), Err(other)) => Err(format!("{one}\n{other}")),
        (one, other) => panic!("a lane: {one:?}; a session: {other:?}"),
    }
}

/// Both clients say why there is no connection, in these words, without the password.
async fn refused(target: &Target, words: &str) {
    let why = both(target).await.expect_err(words);
    for line in why.lines().take(2) {
        assert!(line.contains(words), "{words:?} is not in {line}");
    }
    assert!(!why.contains(target.password.as_ref().map_or("none", |it| it.expose())), "{why}");
}

#[test]
fn each_mode_takes_whom_it_should_and_says_why_it_takes_no_other() {
    let sealed = Sealed::start();
    let stranger = Authority::new();
    let other = sealed.files.write("other.crt", stranger.pem());
    let by = |mode, file: Option<PathBuf>| tls::Settings {
        mode,
        authorities: file.map(Authorities::File),
        ..tls::Settings::default()
    };
    let root = || Some(sealed.root());
    let at = |host, settings| sealed.target(host, settings);
    local(async {
        use SslMode::{Disable, Prefer, Require, VerifyCa, VerifyFull};
        for (host, settings) in [
            ("127.0.0.1", by(Some(Prefer), None)),
            ("127.0.0.1", by(Some(Require), None)),
            ("127.0.0.1", by(Some(VerifyCa), root())),
            ("127.0.0.1", by(Some(VerifyFull), root())),
            ("localhost", by(Some(VerifyFull), root())),
            // A file of authorities is there to be asked.
            ("localhost", by(None, root())),
            // Another machine, for all that is known.
            ("0.0.0.0", by(None, None)),
            // The name is not looked at.
            ("0.0.0.0", by(Some(VerifyCa), root())),
        ] {
            let shown = format!("{host} {settings:?}");
            assert_eq!(both(&at(host, settings)).await, Ok(true), "{shown}");
        }
        // The server lets nobody in who comes without TLS.
        for settings in [by(None, None), by(Some(Disable), None)] {
            refused(&at("127.0.0.1", settings), "28000").await;
        }
        for (host, settings, words) in [
            ("0.0.0.0", by(Some(VerifyFull), root()), "db.example, not for `0.0.0.0`"),
            ("localhost", by(None, Some(other.clone())), "signed by nobody who is trusted"),
            ("localhost", by(Some(VerifyCa), Some(other.clone())), "signed by nobody"),
            // With a file, `require` asks whom it names.
            ("localhost", by(Some(Require), Some(other)), "signed by nobody"),
            ("localhost", by(None, Some("/no/such.crt".into())), "/no/such.crt"),
        ] {
            refused(&at(host, settings), words).await;
        }
        sealed.certify(&["localhost"], |it| it.not_after = date_time_ymd(2020, 1, 1));
        sealed.reload();
        refused(&at("localhost", by(None, root())), "has expired").await;
        sealed.certify(&["localhost"], |it| it.not_before = date_time_ymd(4000, 1, 1));
        sealed.reload();
        refused(&at("localhost", by(None, root())), "not valid yet").await;
        sealed.put("server.crt", &sealed.authority.pem());
        sealed.put("server.key", &sealed.authority.key_pem());
        sealed.reload();
        refused(&at("localhost", by(None, root())), "an authority's certificate").await;
        sealed.set("ALTER SYSTEM SET ssl = off");
        sealed.reload();
        for mode in [Require, VerifyCa, VerifyFull] {
            let target = at("localhost", by(Some(mode), root()));
            refused(&target, "offers no TLS").await;
        }
    });
}

#[test]
fn a_client_shows_its_certificate_and_follows_its_files() {
    let sealed = Sealed::start();
    sealed.set("CREATE ROLE by_certificate LOGIN");
    let named = |name: &str| {
        let name = name.to_owned();
        sealed.authority.sign_with(&[], |it| it.distinguished_name.push(DnType::CommonName, name))
    };
    let write = |(certificate, key): (String, String)| {
        sealed.files.write("client.crt", certificate);
        sealed.files.write("client.key", key);
    };
    let path = |name: &str| Some(sealed.files.path().join(name));
    let settings = tls::Settings {
        certificate: path("client.crt"),
        key: path("client.key"),
        ..sealed.verified()
    };
    let (user, password) = ("by_certificate".to_owned(), None);
    write(named("somebody_else"));
    let target = Target {
        user,
        password,
        database: "postgres".to_owned(),
        ..sealed.target("localhost", settings)
    };
    let without = Target { tls: Arc::new(Tls::new(sealed.verified())), ..target.clone() };
    local(async {
        refused(&target, "28000").await;
        refused(&without, "28000").await;
        // Long enough for a file system that counts whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        write(named("by_certificate"));
        assert_eq!(both(&target).await, Ok(true));
        // What is no key leaves what was read before.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        sealed.files.write("client.key", "no key");
        assert_eq!(both(&target).await, Ok(true));
        let fresh = tls::Settings {
            certificate: path("client.crt"),
            key: path("client.key"),
            ..sealed.verified()
        };
        let fresh = Tls::new(fresh).check().unwrap_err().to_string();
        assert!(fresh.contains("sslkey") && fresh.contains("client.key"), "{fresh}");
        let other = tls::Settings {
            certificate: path("client.crt"),
            key: path("other.key"),
            ..sealed.verified()
        };
        sealed.files.write("other.key", named("another").1);
        let other = Tls::new(other).check().unwrap_err().to_string();
        assert!(other.contains("not the key of the certificate"), "{other}");
    });
}

#[test]
fn tls_from_the_first_byte_is_spoken_with_postgresql_alone() {
    let sealed = Sealed::start();
    let (certificate, key) = sealed.authority.sign(&["localhost"]);
    let direct = tls::Settings { negotiation: SslNegotiation::Direct, ..sealed.verified() };
    sealed.set("ALTER SYSTEM SET ssl = off");
    sealed.put("pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256");
    sealed.reload();
    local(async {
        for (protocols, works) in
            [(vec![b"postgresql".to_vec()], true), (vec![], false), (vec![b"h2".to_vec()], false)]
        {
            let trick = Trick::Direct(certificate.clone(), key.clone(), protocols);
            let middle = Middle::before(sealed.cluster.port, trick);
            let target = Target { port: middle.port, ..sealed.target("localhost", direct.clone()) };
            if works {
                // The server behind it speaks no TLS.
                assert_eq!(both(&target).await, Ok(false));
            } else {
                both(&target).await.unwrap_err();
            }
        }
    });
}

#[test]
fn a_cancel_request_is_as_private_as_what_it_cancels() {
    let sealed = Sealed::start();
    let middle = Middle::before(sealed.cluster.port, Trick::Watch);
    let target = Target { port: middle.port, ..sealed.target("localhost", sealed.verified()) };
    local(async {
        let lane = open(target, Settings { connections: 1, ..settings() });
        connected(&lane).await;
        let before = middle.seen().len();
        let sleep = statement(0, "SELECT pg_sleep(30)::text", 0, &[TEXT]);
        let late = lane.run(permit(), call(&sleep, &[], Duration::from_millis(300))).await;
        assert_eq!(late.unwrap_err(), Failure::Deadline);
        let echo = statement(1, "SELECT $1", 1, &[TEXT]);
        // On the same connection, which is free again.
        assert_eq!(ask(&lane, &echo, &["next"]).await.unwrap(), one("next"));
        let seen = middle.seen();
        assert!(seen.len() > before, "a cancel request was sent");
        assert!(seen.iter().all(|code| *code == SSL_REQUEST), "{seen:?}");
        let exclusive = lane.exclusive(permit(), Instant::now() + Duration::from_secs(5)).await;
        let mut exclusive = exclusive.unwrap();
        exclusive.begin().await.unwrap();
        let sleeping = exclusive.execute("SELECT pg_sleep(30)");
        assert!(tokio::time::timeout(Duration::from_millis(200), sleeping).await.is_err());
        drop(exclusive);
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' \
                   AND state = 'active' AND pid <> pg_backend_pid()";
        let gone = || {
            let rows = crate::support::database::run(&sealed.cluster.superuser("postgres"), sql);
            rows[0][0].as_deref() == Some("0")
        };
        while !gone() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(middle.seen().iter().all(|code| *code == SSL_REQUEST));
    });
}

#[test]
fn large_answers_and_arguments_go_through_it_whole() {
    let sealed = Sealed::start();
    local(async {
        let lane = open(sealed.target("localhost", sealed.verified()), settings());
        let twice = statement(0, "SELECT $1 || $1", 1, &[TEXT]);
        let text = "0123456789abcdef".repeat(200_000);
        let rows = ask(&lane, &twice, &[&text]).await.unwrap();
        assert_eq!(rows, one(text.repeat(2)));
        let echo = statement(1, "SELECT $1", 1, &[TEXT]);
        let asked: Vec<_> = (0..200)
            .map(|number| {
                let (lane, echo) = (Rc::clone(&lane), Arc::clone(&echo));
                tokio::task::spawn_local(async move {
                    let text = format!("{number}/").repeat(1000);
                    assert_eq!(ask(&lane, &echo, &[&text]).await.unwrap(), one(&text));
                })
            })
            .collect();
        for task in asked {
            task.await.unwrap();
        }
    });
}
