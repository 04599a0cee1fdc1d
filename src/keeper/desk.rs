//! What the keeper's rooms share: the configuration, a way into the database, and who leads.

use crate::{
    config::{Config, Keeper},
    credential::Credential,
    diagnostic::{Code, Diagnostic},
    event::Observer,
    postgres::{
        Target,
        session::{self, Session},
    },
    problem::{self, Problem},
    startup,
};
use std::cell::{Cell, RefCell};

/// What the rooms of one keeper share.
pub struct Desk {
    /// The whole manifest.
    pub config: Config,
    /// Its `[keeper]`.
    pub keeper: Keeper,
    /// Where events go.
    pub observer: Observer,
    /// The database, without a login.
    place: Target,
    /// The epoch while this keeper leads.
    pub(super) epoch: Cell<Option<i64>>,
    /// Why it does not lead, in words.
    pub(super) waits_for: RefCell<String>,
}

impl Desk {
    /// The desk of a keeper of this configuration.
    ///
    /// # Errors
    /// When there is no `[keeper]`, or no `[database]`.
    pub fn new(config: &Config, observer: Observer) -> Result<Self, Box<Diagnostic>> {
        let missing = |table: &str| {
            Diagnostic::error(Code::MissingKey, format!("the manifest has no `[{table}]`"))
                .help("see docs/keeper.md")
                .boxed()
        };
        let keeper = config.keeper.clone().ok_or_else(|| missing("keeper"))?;
        let database = config.database.as_ref().ok_or_else(|| missing("database"))?;
        let place = startup::place(database);
        let place = match (&keeper.host, keeper.port) {
            (None, None) => place,
            (host, port) => {
                place.at(host.as_deref().unwrap_or(&place.host), port.unwrap_or(place.port))
            }
        };
        let place =
            Target { user: String::new(), application_name: "howdah keeper".to_owned(), ..place };
        let waits_for = RefCell::new("the database".to_owned());
        Ok(Self {
            config: config.clone(),
            keeper,
            observer,
            place,
            epoch: Cell::new(None),
            waits_for,
        })
    }

    /// Where the database is, with this credential.
    pub fn target(&self, credential: &Credential) -> Target {
        Target {
            user: credential.user.clone(),
            password: Some(credential.password.clone()),
            ..self.place.clone()
        }
    }

    /// A session of its own as the keeper, by the credential as its file has it now.
    ///
    /// # Errors
    /// When the credential cannot be read, or the database does not let it in.
    pub async fn connect(&self) -> Result<Session, Box<Diagnostic>> {
        let credential = startup::credential(&self.keeper.credential)?;
        let session = session::connect(&self.target(&credential)).await;
        session.map_err(|error| Diagnostic::from(error).boxed())
    }

    /// The epoch, while this keeper leads.
    pub fn epoch(&self) -> Option<i64> {
        self.epoch.get()
    }

    /// The epoch, or the problem for a caller who needs a keeper that leads.
    ///
    /// # Errors
    /// When it does not lead.
    pub fn leads(&self) -> Result<i64, Problem> {
        self.epoch.get().ok_or_else(|| {
            let detail = format!("This keeper does not lead; it waits for {}.", self.waits_for());
            Problem::new(problem::Code::NotLeading).detail(detail)
        })
    }

    /// What it waits for while it does not lead.
    pub fn waits_for(&self) -> String {
        self.waits_for.borrow().clone()
    }
}
