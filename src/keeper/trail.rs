//! The audit trail in the keeper: the leading one sequences and signs.

use super::{Desk, Lead, Room, SignedIn};
use crate::{
    audit::{
        export::latest_checkpoint,
        inbox,
        note::Signer,
        place::{FilePlace, Witness},
        sequencer::{Failure, Happening, Settings, run},
    },
    diagnostic::{Code, Diagnostic},
    event::Event,
    http::{
        api::{Entry, Later, handler},
        response::{Answer, TEXT},
    },
    outbound::Endpoint,
    problem::{self, Problem},
    secret::Secret,
    startup,
};
use http::Method;
use serde_json::{Map, json};
use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    path::Path,
    rc::Rc,
    time::Duration,
};
use tokio::sync::Notify;

/// How long to wait when an entry cannot be written.
const PAUSE: Duration = Duration::from_secs(1);
/// The most that a process tells of what it does not believe.
const MOST_DISTRUST: usize = 100;

/// The room of the trail.
pub(super) struct Trail {
    desk: Rc<Desk>,
    settings: Option<Settings>,
}

impl Trail {
    /// The room, with the key and the places that the manifest names.
    pub(super) fn open(desk: &Rc<Desk>) -> Result<Self, Box<Diagnostic>> {
        let wanted = &desk.config.audit;
        let witness = match (&wanted.witness, &wanted.witness_key) {
            (None, None) => None,
            (Some(at), Some(key)) => {
                let at = Endpoint::parse(at).map_err(|why| refuse("audit.witness", why))?;
                let key = key.parse().map_err(|why| refuse("audit.witness_key", why))?;
                let witness = Witness::new(&at, key);
                Some(witness.map_err(|why| refuse("audit.witness", &why))?)
            }
            _ => return Err(refuse("audit.witness", "it goes together with `audit.witness_key`")),
        };
        let settings = match &wanted.key_file {
            Some(path) => Some(Settings {
                signer: signing_key(path)?,
                files: wanted.files.iter().map(FilePlace::new).collect(),
                witness,
                every: wanted.every,
                heartbeat: wanted.heartbeat,
            }),
            None => None,
        };
        Ok(Self { desk: Rc::clone(desk), settings })
    }
}

/// What the keeper refuses to believe of the trail and its checkpoints, on its way into the trail. What is
/// found again by the same process is no news.
#[derive(Default)]
struct Distrust {
    found: RefCell<Vec<(&'static str, String, String)>>,
    /// How many of them are in the trail.
    told: Cell<usize>,
    more: Notify,
}

impl Distrust {
    fn add(&self, action: &'static str, code: &str, what: &str) {
        let it = (action, code.to_owned(), what.to_owned());
        if !self.found.borrow().contains(&it) && self.found.borrow().len() < MOST_DISTRUST {
            self.found.borrow_mut().push(it);
            self.more.notify_one();
        }
    }

    /// Writes each of them to the inbox; what cannot be written now is written later.
    async fn tell(&self, desk: &Desk) -> Infallible {
        loop {
            let next = self.found.borrow().get(self.told.get()).cloned();
            let Some((action, code, what)) = next else {
                self.more.notified().await;
                continue;
            };
            let entry = inbox::Entry {
                writer: "audit",
                action,
                actor: "howdah keeper",
                subject: desk.config.service.name.as_str(),
                outcome: inbox::Outcome::Refused,
                detail: Map::from_iter([
                    ("code".to_owned(), code.into()),
                    ("reason".to_owned(), what.into()),
                ]),
            };
            let written = match desk.connect().await {
                Ok(session) => inbox::write_failure(&session, &entry).await.is_ok(),
                Err(_) => false,
            };
            if written {
                self.told.set(self.told.get() + 1);
            } else {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The key in the file `path` that signs checkpoints.
///
/// # Errors
/// When there is none to be had, without a word of what is in the file.
pub(crate) fn signing_key(path: &Path) -> Result<Signer, Box<Diagnostic>> {
    let shown = path.display();
    let bytes = startup::credential_bytes(path).ok().flatten();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let Some(text) = text else {
        return Err(refuse("audit.key_file", &format!("{shown} cannot be read")));
    };
    Signer::parse(&Secret::new(text))
        .map_err(|why| refuse("audit.key_file", &format!("{shown}: {why}")))
}

fn refuse(key: &str, why: &str) -> Box<Diagnostic> {
    Diagnostic::error(Code::InvalidValue, format!("`{key}`: {why}"))
        .help("docs/audit.md says how the trail is set up; `howdah audit key` makes a key")
        .boxed()
}

impl Room for Trail {
    fn routes(&self) -> Vec<Entry> {
        let desk = Rc::clone(&self.desk);
        vec![Entry {
            method: Method::GET,
            path: "/audit/checkpoint",
            summary: "The latest checkpoint of the audit trail, a signed note",
            takes: None,
            gives: (200, json!({ "type": "string" })),
            open: true,
            handler: handler(move |_| {
                let desk = Rc::clone(&desk);
                async move {
                    let away = || Problem::new(problem::Code::DatabaseUnavailable);
                    let session = desk.connect().await.map_err(|_| away())?;
                    let note = latest_checkpoint(&session).await.map_err(|_| away())?;
                    let note = note.ok_or_else(|| Problem::new(problem::Code::RowNotFound))?;
                    Ok(Answer::ok(TEXT, note))
                }
            }),
        }]
    }

    fn work(&self, desk: Rc<Desk>, _lead: Lead) -> Later<String> {
        let Some(settings) = self.settings.clone() else {
            let message =
                "`audit.key_file` names no key: the audit trail is written and not signed";
            (desk.observer)(&Event::Warning { message });
            return Box::pin(std::future::pending());
        };
        for file in &settings.files {
            for hint in file.hints(&std::env::current_dir().unwrap_or_default()) {
                (desk.observer)(&Event::Warning { message: &hint });
            }
        }
        Box::pin(async move {
            let told = RefCell::new(String::new());
            let distrust = Distrust::default();
            let tell = |happening: Happening<'_>| {
                let what = match happening {
                    Happening::TakenOver(_) => {
                        let key = settings.signer.verifier();
                        for (code, what) in settings.files.iter().flat_map(|it| it.doubts(&key)) {
                            distrust.add("audit.checkpoint", code.as_str(), &what);
                        }
                        String::new()
                    }
                    Happening::Signed(published) => {
                        let failures = published.failures.iter();
                        let each = failures.map(|(place, why)| format!("{place}: {why}"));
                        each.collect::<Vec<_>>().join("; ")
                    }
                    Happening::Failed(failure) => {
                        if let Failure::Tampered(what) = failure {
                            distrust.add("audit.trail", "tampered", what);
                        }
                        failure.to_string()
                    }
                };
                // The same thing again is no news.
                if !what.is_empty() && *told.borrow() != what {
                    let message = format!("audit trail: {what}");
                    (desk.observer)(&Event::Warning { message: &message });
                }
                told.replace(what);
            };
            let used = RefCell::new(None);
            let keep = |own: SignedIn| {
                used.replace(Some(own.credential));
                own.session
            };
            let connect = async || desk.sign_in().await.map(keep);
            let renew = async || {
                let used = used.borrow().clone();
                desk.renewed(&*used?).await.map(keep)
            };
            let (never, ()) =
                tokio::join!(distrust.tell(&desk), run(&connect, &renew, &settings, &tell));
            match never {}
        })
    }
}
