//! A service in this process: its listeners, its threads, and its end.
//!
//! Owns the order of starting and stopping. Does not own what is served (`service`), nor the
//! command that asked for it (`cli`).

mod ready;
mod retry;

pub use retry::{Attempt, attempt, until_prepared};

use crate::{
    builtin::info::Facts,
    config::Address,
    diagnostic::{Code, Diagnostic},
    event::{Event, Observer},
    http::{
        admin::{self, Admin},
        listener::Listener,
        server::{Served, Server},
    },
    metrics::Metrics,
};
use std::{
    path::Path,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// A service that is being served.
pub struct Supervisor {
    server: Rc<Server>,
    admin: Rc<Admin>,
    observer: Observer,
    accepting: JoinHandle<()>,
    operators: Option<JoinHandle<()>>,
    addresses: Addresses,
}

/// Where the operators' listener may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminPlace {
    /// Where the manifest says, or nowhere: a health check looks for it there.
    AsConfigured,
    /// On another port of the same host when that one is taken: a person who tries two services
    /// at once need not choose ports for what they do not look at.
    OrAnotherPort,
}

/// Where the listeners are.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The public one.
    pub http: String,
    /// The operators'.
    pub admin: Option<String>,
}

impl Supervisor {
    /// Opens the listeners and starts the threads. Must run within a `LocalSet`.
    ///
    /// # Errors
    /// When an address cannot be had.
    pub fn start(
        served: &Served,
        threads: usize,
        observer: &Observer,
        metrics: &Arc<Metrics>,
        place: AdminPlace,
    ) -> Result<Self, Box<Diagnostic>> {
        let config = &served.service.config;
        let http = open(&config.listen.http, "listen.http")?;
        let operators =
            config.listen.admin.as_ref().map(|address| open_admin(address, place)).transpose()?;
        let addresses =
            Addresses { http: http.address(), admin: operators.as_ref().map(Listener::address) };
        let facts = Arc::new(Facts::gather(&config.service.version));
        let server = Server::start(served, threads, &facts, observer).map_err(|error| {
            Diagnostic::error(Code::Machine, format!("no thread can be started: {error}")).boxed()
        })?;
        let server = Rc::new(server);
        let admin = Rc::new(Admin {
            server: Rc::clone(&server),
            metrics: Arc::clone(metrics),
            has_database: served.target.is_some(),
            connections_limit: config.limits.connections,
            stopping: AtomicBool::new(false),
        });
        observer(&Event::Listening { listener: "http", address: &addresses.http });
        if let Some(address) = &addresses.admin {
            observer(&Event::Listening { listener: "admin", address });
        }
        let accepting = {
            let server = Rc::clone(&server);
            tokio::task::spawn_local(async move { server.accept(&http).await })
        };
        let operators = operators.map(|listener| {
            let admin = Rc::clone(&admin);
            tokio::task::spawn_local(async move { admin::serve(&listener, admin).await })
        });
        let observer = Arc::clone(observer);
        Ok(Self { server, admin, observer, accepting, operators, addresses })
    }

    /// Where the listeners are.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Tells whoever started this process that the listeners are open: a line of JSON in `file`,
    /// which appears whole.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(&self, file: &Path) -> Result<(), Box<Diagnostic>> {
        ready::announce(file, &self.addresses)
    }

    /// Serves something else from now on.
    pub fn replace(&self, served: &Served) {
        self.server.replace(served);
        self.admin.stopping.store(false, Ordering::Release);
    }

    /// Ends: `/ready` says so, nothing more is accepted, and what is in flight may finish until
    /// `deadline`. Gives how many connections were cut off.
    pub async fn drain(self, deadline: Duration) -> usize {
        (self.observer)(&Event::Stopping { deadline });
        self.admin.stopping.store(true, Ordering::Release);
        self.server.stop_accepting();
        let _ = self.accepting.await;
        let unfinished = self.server.drain(deadline).await;
        if let Some(operators) = self.operators {
            operators.abort();
        }
        (self.observer)(&Event::Stopped { unfinished });
        unfinished
    }
}

/// Whether the public listener could be opened now.
///
/// # Errors
/// When its address cannot be had.
pub fn check_address(address: &Address) -> Result<(), Box<Diagnostic>> {
    open(address, "listen.http").map(drop)
}

fn open_admin(address: &Address, place: AdminPlace) -> Result<Listener, Box<Diagnostic>> {
    if let (AdminPlace::OrAnotherPort, Address::Tcp(host, _)) = (place, address) {
        let taken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
        if Listener::open(address).is_err_and(|error| taken(&error)) {
            return open(&Address::Tcp(host.clone(), 0), "listen.admin");
        }
    }
    open(address, "listen.admin")
}

fn open(address: &Address, key: &str) -> Result<Listener, Box<Diagnostic>> {
    let flag = match key {
        "listen.http" => "--port N".to_owned(),
        _ => format!("--set {key}=…"),
    };
    Listener::open(address).map_err(|error| {
        let mut diagnostic = Diagnostic::error(Code::Listen, error.to_string());
        diagnostic = match error.kind() {
            std::io::ErrorKind::AddrInUse => diagnostic.help(format!(
                "another process listens there; stop it, or choose another: `{flag}`"
            )),
            std::io::ErrorKind::PermissionDenied => {
                diagnostic.help("ports below 1024 need a privilege; choose a higher one")
            }
            _ => diagnostic.help(format!("choose another address: `--set {key}=…`")),
        };
        diagnostic.boxed()
    })
}
