//! The keeper of `howdah up`: in the same process, on the private PostgreSQL, with files of its own.

use crate::{
    approval::store,
    audit::note::{Kind, Signer},
    cli::{credentials::setup, show},
    config::{self, Address, Config, Credentials, Rotating, Sink},
    credential,
    diagnostic::{Code, Diagnostic, Diagnostics},
    embedded::{KEEPER, PUBLISHED, Running},
    event::Observer,
    http::listener::Bound,
    keeper::{self, Desk, Keeper},
    postgres::session::{self, Session},
    rotation::{
        role::quote,
        setup::{Setup, sql},
    },
    startup,
};
use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The keeper's port where no manifest names another.
const PORT: u16 = 9100;
/// How often the credential is changed where no manifest says it.
const EVERY: Duration = Duration::from_hours(24 * 30);
/// How long old sessions have there: nothing but the service signs in.
const SHORT: Duration = Duration::from_secs(1);
/// Whom the token is for that `up` makes.
const OPERATOR: &str = "up";
/// How long that token serves.
const TOKEN_LASTS: Duration = Duration::from_hours(24 * 30);
/// How often it is looked whether the keeper leads.
const PERIOD: Duration = Duration::from_millis(50);

/// Where a private keeper's files are.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    socket: String,
    port: u16,
    user: String,
    database: String,
    /// Whether the keeper's address is another process's.
    is_taken: bool,
}

impl Kept {
    /// Makes what is missing: the files, the roles, and what they may. The service's migrations were
    /// applied before, so that their history keeps its owner.
    pub(super) async fn prepare(running: &Running, config: &Config) -> Result<Self, Diagnostics> {
        let kept = Self {
            folder: running.keeper_folder(),
            socket: running.service.host.clone(),
            port: running.service.port,
            user: running.service.user.clone(),
            database: running.service.database.clone(),
            is_taken: {
                let keeper = config.keeper.clone().unwrap_or_else(keeper_where_none_is_named);
                Bound::open(&keeper.listen).is_err()
            },
        };
        let cannot = |path: &Path, why: &dyn std::fmt::Display| {
            let message = format!("cannot make {}: {why}", path.display());
            Diagnostics::from(Diagnostic::error(Code::Machine, message))
        };
        for folder in [&kept.folder, &kept.file(PUBLISHED)] {
            let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(folder);
            made.map_err(|error| cannot(folder, &error))?;
        }
        setup::make(&kept.file("key"), setup::new_key)?;
        let login = format!("{KEEPER}_a");
        setup::make(&kept.file("credential.json"), || setup::new_credential(&login))?;
        setup::make(&kept.file("audit.key"), || {
            let name =
                format!("howdah-up/{}", config.service.name.replace(char::is_whitespace, "-"));
            let signer = Signer::generate(&name, Kind::Log).map_err(str::to_owned)?;
            Ok(zeroize::Zeroizing::new(format!("{}\n", signer.to_secret().expose())))
        })?;
        let own = startup::credential(&kept.file("credential.json"))?;
        let text = sql(&Setup {
            database: &kept.database,
            owner: &kept.user,
            keeper: (KEEPER, &own.user),
            verifier: &credential::verifier(&own.password),
        });
        let mut session = session::connect(&running.admin).await?;
        session.batch_execute(&text).await.map_err(not_set_up)?;
        kept.lets_audit(&mut session).await?;
        session.close().await;
        Ok(kept)
    }

    /// Lets the service write of its requests to the trail. Endpoints with `audit` are typed before the
    /// keeper leads, so that its tables are made here.
    async fn lets_audit(&self, session: &mut Session) -> Result<(), Diagnostics> {
        let (keeper, user) = (quote(KEEPER), quote(&self.user));
        session.batch_execute(&format!("SET ROLE {keeper}")).await.map_err(not_set_up)?;
        keeper::migrate(session).await?;
        let grant = format!(
            "GRANT USAGE ON SCHEMA howdah TO {user}; \
             GRANT EXECUTE ON FUNCTION howdah.audit_service(integer, text) TO {user}; RESET ROLE"
        );
        Ok(session.batch_execute(&grant).await.map_err(not_set_up)?)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The configuration with the private database and the private files in it.
    pub(super) fn adjust(&self, config: &mut Config) {
        if let Some(database) = &mut config.database {
            database.host = vec![self.socket.clone()];
            database.port = vec![self.port];
            database.password = None;
            database.password_file = None;
            (database.url, database.url_file) = (None, None);
            database.credential = Some(self.file(PUBLISHED).join(credential::FILE_NAME));
        }
        let keeper = config.keeper.get_or_insert_with(keeper_where_none_is_named);
        keeper.host = None;
        keeper.port = None;
        keeper.credential = self.file("credential.json");
        keeper.key_file = self.file("key");
        // Two services may be tried side by side; what is said at the start says the port.
        if let Address::Tcp(_, port) = &mut keeper.listen
            && self.is_taken
        {
            *port = 0;
        }
        let credentials = config.credentials.get_or_insert_with(credentials_where_none_are_named);
        credentials.rotating.owner.clone_from(&self.user);
        credentials.endpoints.clear();
        let path = self.file(PUBLISHED).join(credential::FILE_NAME);
        credentials.keeper_sinks.clear();
        credentials.sinks = vec![Sink::File { path, mode: 0o600 }];
        config.audit.key_file = Some(self.file("audit.key"));
        config.audit.files = vec![self.file("checkpoints")];
        config.audit.witness = None;
        config.audit.witness_key = None;
    }

    /// Runs the keeper until it is dropped; gives why it does not run.
    pub(super) async fn run(
        &self,
        config: &Config,
        digest: &str,
        observer: &Observer,
    ) -> Diagnostics {
        let keeper = Desk::new(config, Arc::clone(observer)).map_err(Diagnostics::from);
        let keeper = keeper.map(|desk| desk.of_files(digest.to_owned()));
        let opened = keeper.and_then(|desk| {
            let bound = Keeper::take(&desk.keeper.listen)?;
            Keeper::open(desk, bound)
        });
        let keeper = match opened {
            Ok(keeper) => keeper,
            Err(found) => return found,
        };
        let (desk, address) = (keeper.desk(), keeper.address.clone());
        let (never, ()) = tokio::join!(keeper.run(), self.greet(&desk, &address));
        match never {}
    }

    /// Makes the operator's token when the keeper leads, and says where everything is.
    async fn greet(&self, desk: &Desk, address: &str) {
        while desk.epoch().is_none() {
            tokio::time::sleep(PERIOD).await;
        }
        match self.make_token(desk).await {
            Ok(file) => {
                let scheme = if address.starts_with("unix:") { "" } else { "http://" };
                let file = file.display();
                show::say!("  Keeper on {scheme}{address}; an operator's token: {file}");
            }
            Err(found) => show::diagnostics(&found),
        }
    }

    async fn make_token(&self, desk: &Desk) -> Result<PathBuf, Diagnostics> {
        let failed = |why: &dyn std::fmt::Display| {
            Diagnostics::from(Diagnostic::error(
                Code::Machine,
                format!("no operator's token could be made: {why}"),
            ))
        };
        let token = store::new_token().map_err(|error| failed(&error))?;
        let groups = desk.config.credentials.as_ref().map(|it| it.rotating.operators.clone());
        let session = desk.connect().await?;
        store::revoke_tokens(&session, OPERATOR).await.map_err(|error| failed(&error))?;
        let groups = groups.unwrap_or_default();
        let made = store::make_token(&session, &token, OPERATOR, &groups, TOKEN_LASTS).await;
        session.close().await;
        made.map_err(|error| failed(&error))?;
        let (file, draft) = (self.file("operator.token"), self.file("operator.token.draft"));
        let write = || {
            let _ = fs::remove_file(&draft);
            let mut out =
                fs::File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
            out.write_all(token.expose().as_bytes())?;
            fs::rename(&draft, &file)
        };
        write().map_err(|error: std::io::Error| failed(&error))?;
        Ok(file)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_set_up(error: tokio_postgres::Error) -> Box<Diagnostic> {
    let said = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
    Diagnostic::error(Code::Database, format!("the keeper could not be set up: {said}")).boxed()
}

fn keeper_where_none_is_named() -> config::Keeper {
    config::Keeper {
        listen: Address::Tcp("127.0.0.1".to_owned(), PORT),
        host: None,
        port: None,
        credential: PathBuf::new(),
        key_file: PathBuf::new(),
    }
}

fn credentials_where_none_are_named() -> Credentials {
    let rotating = Rotating {
        owner: String::new(),
        rotate_every: Some(EVERY),
        keeper_rotate_every: Some(EVERY),
        jitter: Duration::ZERO,
        overlap: SHORT,
        grace: SHORT,
        operators: vec!["operators".to_owned()],
        approval: "none".to_owned(),
    };
    Credentials { rotating, sinks: Vec::new(), keeper_sinks: Vec::new(), endpoints: Vec::new() }
}
