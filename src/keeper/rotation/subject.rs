//! Whose credential is rotated: the application's, or the keeper's own.

use crate::{
    config::{self, Sink},
    credential::{Credential, Key},
    diagnostic::{Code, Diagnostic},
    keeper::Desk,
    rotation::{
        Failure, Rotation, Settings,
        role::{self, Hand},
        sink,
    },
    startup,
};
use std::{cell::OnceCell, rc::Rc};

/// Whose credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The application's.
    Application,
    /// The keeper's own.
    Keeper,
}

impl Subject {
    /// What its rotation is called, in the state and in the audit trail.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::Keeper => "keeper",
        }
    }
}

/// Where a credential goes.
type Sinks = Vec<Box<dyn sink::Sink>>;

/// A rotation, which for the keeper's own login is known once the keeper has a credential.
pub(super) struct Opened {
    desk: Rc<Desk>,
    pub(super) subject: Subject,
    rotation: OnceCell<Rotation>,
}

impl Opened {
    /// The rotation of the application's credential.
    ///
    /// # Errors
    /// When the key or a sink cannot be opened.
    pub(super) fn of_application(
        desk: &Rc<Desk>,
        credentials: &config::Credentials,
        database: &config::Database,
    ) -> Result<Self, Box<Diagnostic>> {
        let key = startup::key(&desk.keeper.key_file)?;
        let sinks = sinks("sinks", &credentials.sinks)?;
        // Without its password file the application may still be taken over; only the way back is shut.
        let first = startup::with_password(database).ok().and_then(|target| target.password);
        let place = |host: &str, port: u16| startup::place(database).at(host, port);
        let mut endpoints = vec![startup::place(database)];
        endpoints.extend(credentials.endpoints.iter().map(|(host, port)| place(host, *port)));
        let rotating = &credentials.rotating;
        let settings = Settings {
            name: Subject::Application.name().to_owned(),
            owner: rotating.owner.clone(),
            hand: Hand::Keeper,
            endpoints,
            every: rotating.rotate_every,
            jitter: rotating.jitter,
            overlap: rotating.overlap,
            grace: rotating.grace,
        };
        let rotation = OnceCell::from(Rotation::new(settings, sinks, key, first));
        Ok(Self { desk: Rc::clone(desk), subject: Subject::Application, rotation })
    }

    /// That of the keeper's own login.
    ///
    /// # Errors
    /// When the key or a sink cannot be opened.
    pub(super) fn of_keeper(
        desk: &Rc<Desk>,
        credentials: &config::Credentials,
    ) -> Result<Self, Box<Diagnostic>> {
        // What is wrong is said at the start, not when it is needed.
        sinks("keeper_sinks", &credentials.keeper_sinks)?;
        startup::key(&desk.keeper.key_file)?;
        let rotation = OnceCell::new();
        Ok(Self { desk: Rc::clone(desk), subject: Subject::Keeper, rotation })
    }

    /// The rotation; `own` is what the keeper has signed in with.
    ///
    /// # Errors
    /// When the keeper's login is none of a pair.
    pub(super) fn rotation(&self, own: &Credential) -> Result<&Rotation, Failure> {
        if let Some(rotation) = self.rotation.get() {
            return Ok(rotation);
        }
        let rotation = self.own(own)?;
        Ok(self.rotation.get_or_init(|| rotation))
    }

    fn own(&self, own: &Credential) -> Result<Rotation, Failure> {
        let Some(owner) = role::owner_of(&own.user) else {
            return Err(Failure::Damaged(format!(
                "the keeper's login `{}` is none of two whose names end in `_a` and `_b`: \
                 `howdah credentials setup` makes them",
                own.user
            )));
        };
        let failed =
            |diagnostic: Box<Diagnostic>| Failure::Damaged(diagnostic.message().to_owned());
        let (sinks, key) = self.own_parts().map_err(failed)?;
        let Some(credentials) = &self.desk.config.credentials else {
            return Err(Failure::Damaged("the manifest has no `[credentials]`".to_owned()));
        };
        let rotating = &credentials.rotating;
        let settings = Settings {
            name: self.subject.name().to_owned(),
            owner: owner.to_owned(),
            hand: Hand::Function,
            endpoints: vec![self.desk.place().clone()],
            every: rotating.keeper_rotate_every,
            jitter: rotating.jitter,
            overlap: rotating.overlap,
            grace: rotating.grace,
        };
        Ok(Rotation::new(settings, sinks, key, None))
    }

    fn own_parts(&self) -> Result<(Sinks, Key), Box<Diagnostic>> {
        let named = self.desk.config.credentials.as_ref().map(|it| it.keeper_sinks.as_slice());
        let sinks = match named {
            None | Some([]) => vec![Box::new(own_file(&self.desk)) as Box<dyn sink::Sink>],
            Some(named) => sinks("keeper_sinks", named)?,
        };
        Ok((sinks, startup::key(&self.desk.keeper.key_file)?))
    }
}

/// The file that the keeper reads its own credential from. Behind a link it is what that leads to.
fn own_file(desk: &Desk) -> sink::File {
    let path = startup::credential_file(&desk.keeper.credential);
    let path = path.canonicalize().or_else(|_| std::path::absolute(&path)).unwrap_or(path);
    sink::File::new(path, 0o600)
}

fn sinks(key: &str, named: &[Sink]) -> Result<Sinks, Box<Diagnostic>> {
    sink::open(named).map_err(|why| {
        Diagnostic::error(Code::InvalidValue, format!("`credentials.{key}`: {why}"))
            .help("docs/sinks.md says what a sink takes")
            .boxed()
    })
}
