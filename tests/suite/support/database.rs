//! A fresh database for one test, with a login role that owns it.
//!
//! Owns its name, its role and ways to speak to it. It goes away with the cluster.

use super::{
    planted,
    postgres::{Cluster, SUPERUSER, SUPERUSER_PASSWORD},
};
use howdah::{postgres::Target, secret::Secret};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// A database, its owner, and where to reach it.
#[derive(Clone, Debug)]
pub struct Database {
    /// The host: `127.0.0.1`.
    pub host: String,
    /// The port: the server's, or that of the proxy it is reached through.
    pub port: u16,
    /// The database's name.
    pub name: String,
    /// A login role that owns the database and nothing else.
    pub user: String,
    /// The role's password.
    pub password: String,
    server_port: u16,
    /// Whether the port is a pooler's, in transaction mode.
    is_pooled: bool,
}

impl Database {
    /// Where sessions and lanes find it, under this application name.
    pub fn target(&self, application_name: &str, connect_timeout: Duration) -> Target {
        Target {
            host: self.host.clone(),
            port: self.port,
            database: self.name.clone(),
            user: self.user.clone(),
            password: Some(Secret::new(self.password.clone())),
            connect_timeout,
            application_name: application_name.to_owned(),
            also: Vec::new(),
            direct: self.direct(),
            session: howdah::config::SessionAttrs::Any,
            shuffles: false,
            tls: std::sync::Arc::default(),
        }
    }

    /// Creates a database and its owner in `cluster`, under names that nothing else has.
    pub fn create(cluster: &Cluster) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let user = format!("owner_{number}");
        let password = format!("{:016x}", fastrand::u64(..));
        planted::plant(&password);
        // Two statements at once would be one transaction, in which no database can be created.
        let admin = cluster.superuser("postgres");
        run(&admin, &format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'"));
        run(&admin, &format!("CREATE DATABASE {name} OWNER {user}"));
        let (host, port) = ("127.0.0.1".to_owned(), cluster.port);
        Self { host, port, name, user, password, server_port: port, is_pooled: false }
    }

    /// The same database, reached through `port`: a proxy's.
    pub fn through(&self, port: u16) -> Self {
        Self { port, is_pooled: false, ..self.clone() }
    }

    /// The same database behind a pooler in transaction mode.
    pub fn behind(&self, port: u16) -> Self {
        Self { port, is_pooled: true, ..self.clone() }
    }

    /// The server itself, where there is a pooler between.
    fn direct(&self) -> Vec<(String, u16)> {
        if self.is_pooled { vec![(self.host.clone(), self.server_port)] } else { Vec::new() }
    }

    /// How a client of tokio-postgres reaches it as its owner, never through a pooler.
    pub fn config(&self) -> Config {
        let port = if self.is_pooled { self.server_port } else { self.port };
        let mut config = Config::new();
        config.host(&self.host).port(port).dbname(&self.name);
        config.user(&self.user).password(&self.password);
        config
    }

    /// How a client of tokio-postgres reaches it as the superuser, never through a proxy.
    pub fn superuser(&self) -> Config {
        let mut config = Config::new();
        config.host(&self.host).port(self.server_port).dbname(&self.name);
        config.user(SUPERUSER).password(SUPERUSER_PASSWORD);
        config
    }

    /// The environment that the manifests read it from: `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER`,
    /// and the password as `DB_PASS` and `DB_PASSWORD`; where it is behind a pooler, the settings that
    /// say so.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut environment = vec![
            ("DB_HOST", self.host.clone()),
            ("DB_PORT", self.port.to_string()),
            ("DB_NAME", self.name.clone()),
            ("DB_USER", self.user.clone()),
            ("DB_PASS", self.password.clone()),
            ("DB_PASSWORD", self.password.clone()),
        ];
        for (host, port) in self.direct() {
            environment.push(("HOWDAH_DATABASE_POOLER", "transaction".to_owned()));
            environment.push(("HOWDAH_DATABASE_DIRECT_HOST", host));
            environment.push(("HOWDAH_DATABASE_DIRECT_PORT", port.to_string()));
        }
        environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The database as a URL with its password.
    pub fn url(&self) -> String {
        let Self { host, port, name, user, password, .. } = self;
        format!("postgresql://{user}:{password}@{host}:{port}/{name}")
    }

    /// A client as the owner, on the runtime of the caller.
    pub async fn client(&self) -> Client {
        connect(&self.config()).await
    }

    /// Runs statements as the owner; gives the rows of all, each value as PostgreSQL's text.
    pub fn psql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        run(&self.config(), sql)
    }

    /// Runs statements as the superuser.
    pub fn psql_as_superuser(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        run(&self.superuser(), sql)
    }
}

/// A client whose connection is driven by a task of the caller's runtime.
pub async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("the test database answers");
    tokio::spawn(connection);
    client
}

/// Runs statements on a connection of their own, from any thread, in a runtime or not.
pub fn run(config: &Config, sql: &str) -> Vec<Vec<Option<String>>> {
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let messages = connect(config).await.simple_query(sql).await;
            messages.unwrap_or_else(|why| panic!("{why:?}\nin {sql}"))
        })
    };
    let messages = std::thread::scope(|scope| scope.spawn(work).join().unwrap());
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| (0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()).collect()
}
