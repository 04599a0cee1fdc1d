//! Who is believed: the keys and issuers of a service, and the question to all of them.

use super::{
    ApiKey, Caller, Credential, Fault, Identity, InvalidIdentity, Issuer, Names, Refusal,
    certificate::Clients,
    credential, key,
    keyring::Keyring,
    signature,
    token::{self, Judged, Rules},
};
use crate::{
    config::{self, Auth, Config},
    name::Identifier,
};
use ::http::HeaderMap;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

/// What an authority says of a credential.
#[derive(Debug)]
pub enum Verdict {
    /// Who it is; until when that holds is the credential's matter.
    Known(Caller),
    /// It is not believed.
    Refused(Refusal),
    /// It is right, and the role that it names is not one that callers may have.
    RoleDenied,
    /// It names a key that is not known: the issuer of this number may have a newer one.
    KeyUnknown(usize),
    /// The issuer of this number has told no keys yet.
    KeysAwaited(usize),
}

/// The keys and issuers of a service. Shared by all threads.
pub struct Authority {
    settings: Auth,
    keyring: RwLock<Arc<Keyring>>,
    issuers: Vec<Issuer>,
    clients: Clients,
    /// As whom PostgreSQL runs what nobody in particular asks.
    nobody: Option<Arc<Identity>>,
    /// Counts what changed, so that what was believed before is looked at again.
    changes: Arc<AtomicU64>,
}

impl Authority {
    /// The authority that a manifest describes, which knows no key yet.
    pub fn of(config: &Config) -> Arc<Self> {
        Self::new(&config.auth, &config.issuers, &config.clients)
    }

    /// The one for people who sign in to the keeper: tokens of its issuers, and nothing else.
    pub fn of_keeper(config: &Config) -> Arc<Self> {
        let issuers = config.access_issuers.iter();
        let issuers = issuers.map(|(name, it)| (name.clone(), it.as_issuer())).collect();
        let auth =
            Auth { keys_file: None, roles: Vec::new(), claims: false, ..config.auth.clone() };
        Self::new(&auth, &issuers, &BTreeMap::new())
    }

    pub(super) fn new(
        auth: &Auth,
        issuers: &BTreeMap<Identifier, config::Issuer>,
        clients: &BTreeMap<Identifier, config::Client>,
    ) -> Arc<Self> {
        signature::install();
        let changes = Arc::new(AtomicU64::new(0));
        let issuers = issuers.iter().map(|(name, settings)| {
            Issuer::new(name.clone(), settings.clone(), Arc::clone(&changes))
        });
        let nobody = Identity::new(auth.anonymous_role.as_deref(), "{}").ok().map(Arc::new);
        Arc::new(Self {
            settings: auth.clone(),
            nobody: nobody.filter(|_| auth.claims),
            keyring: RwLock::default(),
            issuers: issuers.collect(),
            clients: Clients::new(clients),
            changes,
        })
    }

    /// Whether anybody can sign in at all.
    pub fn is_configured(&self) -> bool {
        self.takes_keys() || self.takes_tokens() || self.takes_certificates()
    }

    /// Whether there is a file of API keys.
    pub fn takes_keys(&self) -> bool {
        self.settings.keys_file.is_some()
    }

    /// Whether there is an issuer of tokens.
    pub fn takes_tokens(&self) -> bool {
        !self.issuers.is_empty()
    }

    /// Whether callers are known by their certificates.
    pub fn takes_certificates(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Who showed a certificate of these names; nobody when none of them is known.
    pub fn holder(&self, names: &Names) -> Caller {
        self.clients.find(names).unwrap_or_default()
    }

    /// The settings of `[auth]`.
    pub fn settings(&self) -> &Auth {
        &self.settings
    }

    /// The issuers, by number.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Puts other API keys in the place of those that were.
    pub fn replace_keys(&self, keyring: Keyring) {
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// A number that grows with each change of keys.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The credential of a request with these header fields.
    ///
    /// # Errors
    /// When there are several, or one that is malformed.
    pub fn credential<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Credential<'r>>, Fault> {
        let takes_header = self.takes_keys() && self.settings.api_key_header;
        credential::read(headers, self.settings.longest, takes_header)
    }

    /// Judges a credential.
    pub fn judge(&self, credential: Credential<'_>, now: SystemTime) -> Verdict {
        match credential {
            Credential::Key(text) => match self.key(text, now) {
                Ok(key) => Verdict::Known(Caller::Key(key)),
                Err(refusal) => Verdict::Refused(refusal),
            },
            Credential::Token(text) => {
                let rules = Rules {
                    issuers: &self.issuers,
                    roles: &self.settings.roles,
                    skew: self.settings.clock_skew,
                    now,
                };
                match token::judge(text, &rules) {
                    Judged::Believed(token) => Verdict::Known(Caller::Token(Arc::new(token))),
                    Judged::Refused(refusal) => Verdict::Refused(refusal),
                    Judged::RoleDenied => Verdict::RoleDenied,
                    Judged::KeyUnknown(issuer) => Verdict::KeyUnknown(issuer),
                    Judged::KeysAwaited(issuer) => Verdict::KeysAwaited(issuer),
                }
            }
        }
    }

    /// What `judge` says, or says once more when an issuer that it wants keys of has told newer ones.
    pub async fn settled(&self, judge: impl Fn() -> Verdict) -> Verdict {
        let verdict = judge();
        let issuer = match &verdict {
            Verdict::KeyUnknown(issuer) | Verdict::KeysAwaited(issuer) => self.issuers.get(*issuer),
            _ => None,
        };
        match issuer {
            Some(issuer) if issuer.refreshed().await => judge(),
            _ => verdict,
        }
    }

    fn key(&self, text: &str, now: SystemTime) -> Result<Arc<ApiKey>, Refusal> {
        let digest = key::digest(text).ok_or(Refusal::Malformed)?;
        let keyring = Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner));
        let key = keyring.find(&digest).ok_or(Refusal::Invalid)?;
        if key.not_before.is_some_and(|begin| now < begin) {
            return Err(Refusal::Invalid);
        }
        if key.expires.is_some_and(|end| now >= end) {
            return Err(Refusal::Expired);
        }
        Ok(Arc::clone(key))
    }

    /// As whom PostgreSQL runs what `caller` asks; nothing when it is the role that signed in, and it
    /// is not told who asks.
    ///
    /// # Errors
    /// When the caller's claims cannot be told to PostgreSQL.
    pub fn identity(&self, caller: &Caller) -> Result<Option<Arc<Identity>>, InvalidIdentity> {
        match caller {
            Caller::Anonymous => Ok(self.nobody.clone()),
            _ if self.settings.claims || caller.role().is_some() => caller.identity(),
            _ => Ok(None),
        }
    }

    /// Whether it depends on the caller as whom a statement runs.
    pub fn tells_callers(&self) -> bool {
        self.settings.claims || !self.settings.roles.is_empty()
    }

    /// What `WWW-Authenticate` says to somebody who must sign in (RFC 9110 §11.6.1, RFC 6750 §3):
    /// the ways that there are, `error` and the scopes where they are known.
    pub fn challenge(&self, error: Option<&str>, scopes: &[String]) -> String {
        let mut parameters = String::new();
        if let Some(error) = error {
            parameters = format!(", error=\"{error}\"");
        }
        if !scopes.is_empty() && error != Some("invalid_token") {
            parameters = format!("{parameters}, scope=\"{}\"", scopes.join(" "));
        }
        let mut challenges = vec![format!("Bearer realm=\"api\"{parameters}")];
        if self.takes_keys() && self.settings.api_key_header {
            challenges.push("ApiKey realm=\"api\", header=\"X-API-Key\"".to_owned());
        }
        challenges.join(", ")
    }
}
