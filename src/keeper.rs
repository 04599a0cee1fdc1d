//! The keeper: the process that changes credentials and keeps the records.
//!
//! Owns the process itself: signing in as the keeper, leading (one keeper does, the others wait),
//! the keeper's own tables, its listener, and the rooms that work in it. Does not own what those do:
//! each brings tables, routes and work of its own, and `rooms` lists them.

mod desk;
mod guard;
mod lead;
mod requests;
mod room;
mod rooms;
mod rotation;
mod routes;
mod trail;
mod webhook;

pub use crate::postgres::lead::{Lead, Lost};
pub use desk::{Desk, SignedIn};
pub use room::Room;

use crate::{
    config::Address,
    diagnostic::{Code, Diagnostic, Diagnostics},
    event::Event,
    http::{
        api::{self, Api},
        listener::{Bound, Listener},
    },
    identity::{self, Follower},
    migration,
    postgres::session::Session,
};
use std::{convert::Infallible, rc::Rc};

/// The keeper's own tables.
pub const MIGRATIONS: &[crate::migration::Step] = &[
    ("100_keeper.sql", include_str!("keeper/sql/100_keeper.sql")),
    ("101_webhook.sql", include_str!("keeper/sql/101_webhook.sql")),
];

/// A keeper that listens, and leads when it can.
pub struct Keeper {
    /// Where it listens, as a client would dial it.
    pub address: String,
    desk: Rc<Desk>,
    rooms: Vec<Rc<dyn Room>>,
    listener: Listener,
    api: Rc<Api>,
    /// Keeps the keys of issuers new.
    _issuers: Follower,
}

impl Keeper {
    /// Takes the address that the keeper listens at, outside of any runtime, so that the process can be
    /// hardened before there is one.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn take(at: &Address) -> Result<Bound, Box<Diagnostic>> {
        Bound::open(at).map_err(|error| {
            Diagnostic::error(Code::Listen, error.to_string())
                .help("choose another address: `--set keeper.listen=…`")
                .boxed()
        })
    }

    /// A keeper that listens at `bound`. Must be called within a `LocalSet`.
    ///
    /// # Errors
    /// When something of its configuration cannot be used.
    pub fn open(desk: Desk, bound: Bound) -> Result<Self, Diagnostics> {
        let desk = Rc::new(desk);
        let rooms = rooms::all(&desk)?;
        let mut entries = routes::own(&desk);
        entries.extend(rooms.iter().flat_map(|room| room.routes()));
        let guard = guard::of(&desk);
        let api = Api::new("Howdah's keeper", entries, Some(guard)).map_err(|error| {
            Diagnostic::error(Code::Route, format!("the keeper's routes collide: {error}"))
        })?;
        let listener = Listener::start(bound)
            .map_err(|error| Diagnostic::error(Code::Machine, error.to_string()))?;
        let address = listener.address();
        (desk.observer)(&Event::Listening { listener: "keeper", address: &address });
        identity::load(&desk.authority)?;
        let issuers = Follower::start(&desk.authority, &desk.observer);
        Ok(Self { address, desk, rooms, listener, api: Rc::new(api), _issuers: issuers })
    }

    /// What its rooms share.
    pub fn desk(&self) -> Rc<Desk> {
        Rc::clone(&self.desk)
    }

    /// Answers, and leads whenever it can, until it is dropped.
    pub async fn run(self) -> Infallible {
        tokio::select! {
            () = api::serve(&self.listener, Rc::clone(&self.api)) => std::future::pending().await,
            never = lead::run(&self.desk, &self.rooms) => never,
        }
    }
}

/// Makes the keeper's tables before any keeper leads, in a session of the keeper's role, where nobody
/// else may at the same time.
///
/// # Errors
/// As [`migration::apply_steps`].
pub async fn migrate(session: &mut Session) -> Result<usize, Box<Diagnostic>> {
    migration::apply_steps(session, migration::KEEPER, &rooms::migrations()).await
}

/// The `OpenAPI` document of the keeper's API, with every room's routes.
///
/// # Errors
/// When the routes collide.
pub fn document(desk: Desk) -> Result<String, Diagnostics> {
    let desk = Rc::new(desk);
    let rooms = rooms::all(&desk)?;
    let mut entries = routes::own(&desk);
    entries.extend(rooms.iter().flat_map(|room| room.routes()));
    let guard = guard::of(&desk);
    let api = Api::new("Howdah's keeper", entries, Some(guard))
        .map_err(|error| Diagnostic::error(Code::Route, error.to_string()))?;
    Ok(api.document().to_owned())
}
