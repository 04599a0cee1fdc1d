//! The audit trail in the keeper: the leading one sequences and signs.

use super::{Desk, Lead, Room, SignedIn};
use crate::{
    audit::{
        export::latest_checkpoint,
        note::Signer,
        place::{FilePlace, Witness},
        sequencer::{Happening, Settings, run},
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
use serde_json::json;
use std::{cell::RefCell, path::Path, rc::Rc};

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
            let tell = |happening: Happening<'_>| {
                let what = match happening {
                    Happening::TakenOver(_) => String::new(),
                    Happening::Signed(published) => {
                        let failures = published.failures.iter();
                        let each = failures.map(|(place, why)| format!("{place}: {why}"));
                        each.collect::<Vec<_>>().join("; ")
                    }
                    Happening::Failed(failure) => failure.to_string(),
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
            run(&connect, &renew, &settings, &tell).await;
            // It never ends by itself.
            std::future::pending().await
        })
    }
}
