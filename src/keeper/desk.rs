//! What the keeper's rooms share: the configuration, a way into the database, and who leads.

use super::guard::Guests;
use crate::{
    access::Authority,
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
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a credential that was refused is left alone.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// A session of the keeper's, and the credential that it signed in with.
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// What let it in.
    pub credential: Rc<Credential>,
}

/// The credentials that this keeper knows beside the one in its file.
#[derive(Default)]
struct Known {
    /// The one that let it in last.
    last: Option<Rc<Credential>>,
    /// The one before that: it lets in again after a failover that lost the change.
    before: Option<Rc<Credential>>,
    /// One that did not let it in, and when.
    refused: Option<(Credential, Instant)>,
}

/// What the rooms of one keeper share.
pub struct Desk {
    /// The whole manifest.
    pub config: Config,
    /// Its `[keeper]`.
    pub keeper: Keeper,
    /// Where events go.
    pub observer: Observer,
    /// The digest of the configuration, where it was read from files: `sha256:…`.
    pub digest: String,
    /// Whose tokens are believed beside the keeper's own.
    pub(super) authority: Arc<Authority>,
    /// Who signed in since this process began.
    pub(super) guests: RefCell<Guests>,
    /// The database, without a login.
    place: Target,
    known: RefCell<Known>,
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
        let keeper = Self::settings(config)?.clone();
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
            digest: String::new(),
            authority: Authority::of_keeper(config),
            guests: RefCell::default(),
            place,
            known: RefCell::default(),
            epoch: Cell::new(None),
            waits_for,
        })
    }

    /// The `[keeper]` of a configuration.
    ///
    /// # Errors
    /// When there is none.
    pub fn settings(config: &Config) -> Result<&Keeper, Box<Diagnostic>> {
        config.keeper.as_ref().ok_or_else(|| missing("keeper"))
    }

    /// The same, of a configuration that was read from files with this digest.
    #[must_use]
    pub fn of_files(mut self, digest: String) -> Self {
        self.digest = digest;
        self
    }

    /// Where the database is, with this credential; its sessions say their generation.
    pub fn target(&self, credential: &Credential) -> Target {
        startup::with_credential(&self.place, credential)
    }

    /// Where the database is, without who signs in.
    pub(super) fn place(&self) -> &Target {
        &self.place
    }

    /// A session of its own as the keeper.
    ///
    /// # Errors
    /// As [`Desk::sign_in`].
    pub async fn connect(&self) -> Result<Session, Box<Diagnostic>> {
        self.sign_in().await.map(|it| it.session)
    }

    /// Signs in by the credential as its file has it now. When that is refused, by one that the file
    /// has got meanwhile, or that let this keeper in before.
    ///
    /// # Errors
    /// When the credential cannot be read, or the database does not let it in.
    pub async fn sign_in(&self) -> Result<SignedIn, Box<Diagnostic>> {
        let first = match (self.read(), self.known.borrow().last.clone()) {
            (Ok(credential), _) => credential,
            (Err(_), Some(last)) => (*last).clone(),
            (Err(diagnostic), None) => return Err(diagnostic),
        };
        let error = match session::connect(&self.target(&first)).await {
            Ok(session) => return Ok(self.signed_in(session, first)),
            Err(error) => error,
        };
        if error.reason().is_denial() {
            let others = {
                let known = self.known.borrow();
                let known = [known.last.clone(), known.before.clone()];
                let known = known.into_iter().flatten().map(|it| (*it).clone());
                self.read().into_iter().chain(known).filter(|it| *it != first).collect::<Vec<_>>()
            };
            self.known.borrow_mut().refused = Some((first, Instant::now()));
            for other in others {
                if let Ok(session) = session::connect(&self.target(&other)).await {
                    return Ok(self.signed_in(session, other));
                }
            }
        }
        Err(Diagnostic::from(error).boxed())
    }

    /// A session by another credential, when the file has one that is not `used` and that works.
    /// Until it does, what is in use stays in use.
    pub async fn renewed(&self, used: &Credential) -> Option<SignedIn> {
        let wanted = self.read().ok().filter(|it| it != used)?;
        let refused = match &self.known.borrow().refused {
            Some((refused, at)) => *refused == wanted && at.elapsed() < REFUSED_FOR,
            None => false,
        };
        if refused {
            return None;
        }
        let other = self.sign_in().await.ok()?;
        (*other.credential != *used).then_some(other)
    }

    fn read(&self) -> Result<Credential, Box<Diagnostic>> {
        startup::credential(&self.keeper.credential)
    }

    fn signed_in(&self, session: Session, credential: Credential) -> SignedIn {
        let known = &mut *self.known.borrow_mut();
        let credential = match &known.last {
            Some(last) if **last == credential => Rc::clone(last),
            _ => {
                let credential = Rc::new(credential);
                known.before = known.last.replace(Rc::clone(&credential));
                credential
            }
        };
        SignedIn { session, credential }
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

fn missing(table: &str) -> Box<Diagnostic> {
    Diagnostic::error(Code::MissingKey, format!("the manifest has no `[{table}]`"))
        .help("see docs/keeper.md")
        .boxed()
}
