//! A service in this process: its listeners, its threads, and its end.
//!
//! Owns the order of starting and stopping. Does not own what is served (`service`), nor the
//! command that asked for it (`cli`).

pub mod follow;
mod ready;
pub mod reload;
mod retry;

pub use retry::{Attempt, attempt, attempt_told};

use crate::{
    builtin::info::Facts,
    config::{Address, Listen},
    diagnostic::{Code, Diagnostic},
    event::{Event, Observer},
    http::{
        admin::{self, Admin, Page},
        listener::{Bound, Listener},
        server::{Served, Server},
        tls::Followed,
    },
    identity::Follower,
    metrics::Metrics,
    postgres::Target,
};
use std::{
    cell::RefCell,
    path::Path,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
    served: Rc<RefCell<Served>>,
    identity: RefCell<Follower>,
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

/// The addresses that were taken, before any runtime is there.
pub struct Places {
    http: Bound,
    admin: Option<Bound>,
}

impl Places {
    /// Takes the addresses of `listen`.
    ///
    /// # Errors
    /// When one cannot be had.
    pub fn take(listen: &Listen, place: AdminPlace) -> Result<Self, Box<Diagnostic>> {
        let http = open(&listen.http, "listen.http", listen.reuse_port)?;
        let admin = listen.admin.as_ref().map(|address| open_admin(address, place)).transpose()?;
        Ok(Self { http, admin })
    }
}

impl Supervisor {
    /// Starts the threads and takes connections from `places`. Must run within a `LocalSet`.
    ///
    /// # Errors
    /// When a thread cannot be had.
    pub fn start(
        served: &Served,
        threads: usize,
        observer: &Observer,
        metrics: &Arc<Metrics>,
        places: Places,
    ) -> Result<Self, Box<Diagnostic>> {
        let config = &served.service.config;
        let listen = |bound| {
            Listener::start(bound).map_err(|error| {
                Diagnostic::error(Code::Machine, format!("no connection can be taken: {error}"))
                    .boxed()
            })
        };
        let http = listen(places.http)?;
        let operators = places.admin.map(listen).transpose()?;
        let addresses =
            Addresses { http: http.address(), admin: operators.as_ref().map(Listener::address) };
        let facts = Arc::new(Facts::gather(&config.service.version));
        let tls = config.tls.as_ref().map(Followed::start).transpose()?;
        let current = tls.as_ref().map(Followed::current);
        if let Some(tls) = tls {
            tokio::task::spawn_local(tls.follow(Arc::clone(observer)));
        }
        let current = current.as_ref();
        let server =
            Server::start(served, threads, &facts, observer, current).map_err(|error| {
                Diagnostic::error(Code::Machine, format!("no thread can be started: {error}"))
                    .boxed()
            })?;
        let server = Rc::new(server);
        let admin = Rc::new(Admin {
            server: Rc::clone(&server),
            metrics: Arc::clone(metrics),
            has_database: served.target.is_some(),
            connections_limit: config.limits.connections,
            stopping: AtomicBool::new(false),
            pages: RefCell::default(),
        });
        observer(&Event::Listening { listener: "http", address: &addresses.http });
        if let Some(address) = &addresses.admin {
            observer(&Event::Listening { listener: "admin", address });
        }
        let accepting = {
            let server = Rc::clone(&server);
            let shared = config.listen.reuse_port;
            tokio::task::spawn_local(async move { server.accept(http, shared).await })
        };
        let operators = operators.map(|listener| {
            let admin = Rc::clone(&admin);
            tokio::task::spawn_local(async move { admin::serve(&listener, admin).await })
        });
        let identity = RefCell::new(Follower::start(&served.service.authority, observer));
        let observer = Arc::clone(observer);
        let served = Rc::new(RefCell::new(served.clone()));
        Ok(Self { server, admin, observer, accepting, operators, addresses, served, identity })
    }

    /// Where the listeners are.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What is served now, as long as the supervisor is there.
    pub fn served(&self) -> Rc<RefCell<Served>> {
        Rc::clone(&self.served)
    }

    /// Hangs a page on the operators' listener.
    pub fn publish(&self, path: &'static str, page: Page) {
        self.admin.pages.borrow_mut().insert(path, page);
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
        self.served.replace(served.clone());
        let authority = &served.service.authority;
        if !self.identity.borrow().follows(authority) {
            self.identity.replace(Follower::start(authority, &self.observer));
        }
        self.admin.stopping.store(false, Ordering::Release);
    }

    /// Signs in to the database by `target` from now on. Each thread opens its lanes anew, and goes
    /// over to them when they are connected; requests that have begun end on the old ones.
    pub fn renew(&self, target: &Arc<Target>) {
        self.server.renew(target);
        self.served.borrow_mut().target = Some(Arc::clone(target));
    }

    /// Ends, as the service's limits say: `/ready` says so, and for `limits.drain_delay` it serves on;
    /// then nothing more is accepted, and what is in flight may finish within `limits.drain`. Gives how
    /// many connections were cut off.
    pub async fn drain(self) -> usize {
        let (delay, deadline) = {
            let limits = &self.served.borrow().service.config.limits;
            (limits.drain_delay, limits.drain)
        };
        (self.observer)(&Event::Stopping { delay, deadline });
        self.admin.stopping.store(true, Ordering::Release);
        if !delay.is_zero() {
            self.server.send_away();
            tokio::time::sleep(delay).await;
        }
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
    open(address, "listen.http", false).map(drop)
}

fn open_admin(address: &Address, place: AdminPlace) -> Result<Bound, Box<Diagnostic>> {
    if let (AdminPlace::OrAnotherPort, Address::Tcp(host, _)) = (place, address) {
        let taken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
        if Bound::open(address).is_err_and(|error| taken(&error)) {
            return open(&Address::Tcp(host.clone(), 0), "listen.admin", false);
        }
    }
    open(address, "listen.admin", false)
}

fn open(address: &Address, key: &str, shared: bool) -> Result<Bound, Box<Diagnostic>> {
    let flag = match key {
        "listen.http" => "--port N".to_owned(),
        _ => format!("--set {key}=…"),
    };
    let bound = if shared { Bound::open_shared(address) } else { Bound::open(address) };
    bound.map_err(|error| {
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
