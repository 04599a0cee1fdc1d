//! The settings of the keeper's records: the audit trail, and access requests.

use super::{
    declare::sections,
    kind::{Choice, File, Integer, Optional, Span, Text},
    list::{Claim, KeySource, KeysAt, List},
    protection::{Algorithm, Issuer},
};
use std::{path::PathBuf, time::Duration};

/// What an access request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A temporary login.
    Login,
    /// A rotation of the service's credential.
    Rotation,
}

const ACTION: Choice<Action> = Choice(&[("login", Action::Login), ("rotation", Action::Rotation)]);

sections! {
    /// The audit trail, which the keeper sequences and signs.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["audit"] Audit |section| {
        /// The file with the key that signs checkpoints: see `howdah audit key`. Empty means that
        /// entries are written and nothing is signed, so that nothing is proved.
        key_file: Option<PathBuf> = Optional(File, &[""]) => absent("/run/howdah-keeper/audit.key");
        /// The files that each checkpoint is appended to; best on a mount that a
        /// database's administrator cannot write.
        files: Vec<PathBuf> = List(File) => default("");
        /// An HTTP witness (C2SP tlog-witness) that is asked to cosign each checkpoint: `https://…`, or
        /// `http://` on a loopback address.
        witness: Option<String> = Optional(Text, &[""]) => absent("https://witness.example.org/howdah");
        /// The witness's public key: `NAME+ID+KEY`.
        witness_key: Option<String> = Optional(Text, &[""]) => absent("witness.example.org+0a1b2c3d+BA…");
        /// How soon after new entries a checkpoint is signed.
        every: Duration = Span(Duration::from_millis(100)..=Duration::from_secs(10)) => default("10s");
        /// How soon one is signed when there are no new entries, as a sign of life.
        heartbeat: Duration = Span::POSITIVE => default("1h");
    }

    /// A policy of access requests: who may have a role for a while, and by whose leave.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["access.policies.NAME"] AccessPolicy |section| {
        /// What is asked for: a temporary `login`, or a `rotation` of the service's credential.
        action: Action = ACTION => default("login");
        /// The role that the temporary login becomes a member of; nothing for a rotation.
        profile: Option<String> = Optional(Text, &[""]) => absent("reader");
        /// How many people must approve; never the requester.
        approvals: u8 = Integer(1..=20) => default("1");
        /// The groups whose members may approve.
        approvers: Vec<String> = List(Text) => required("dba");
        /// The groups whose members may ask; everybody with a token when empty.
        requesters: Vec<String> = List(Text) => default("");
        /// The longest time that may be asked for.
        max_for: Duration = Span::POSITIVE => default("4h");
        /// How many requests of one person may be open.
        max_pending: u16 = Integer(1..=1000) => default("3");
        /// After which time a request that was not approved, or not taken up, is void.
        lapse_after: Duration = Span::POSITIVE => default("1d");
        /// How long emergency access, which starts at once and is reviewed after, may last; `off`
        /// where there is none.
        break_glass: Option<Duration> = Optional(Span::POSITIVE, &["", "off"]) => default("off");
    }

    /// Somebody whose signed tokens let people use the keeper's API, beside the keeper's own: an OIDC
    /// provider, such as Entra ID, Keycloak or Google. The name is yours.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["access.issuers.NAME"] SignIn |section| {
        /// The claim `iss` of its tokens, letter by letter.
        issuer: String = Text => required("https://login.example.com/");
        /// The audiences (`aud`) that mean this keeper; a token names one of them at least. Not one of
        /// the service's: who may call that may not therefore sign in here.
        audience: Vec<String> = List(Text) => required("howdah-keeper");
        /// Where its keys are: `discovery` (the issuer is asked), the URL of a key set (JWKS), or the
        /// path of a file with one, which is followed.
        keys: KeySource = KeysAt => default("discovery");
        /// The claim with the names of the groups that somebody is in, which policies name. A dot
        /// leads into an object: `realm_access.roles`.
        groups_claim: String = Claim => default("groups");
        /// How long its keys are kept when it does not say so itself.
        refresh: Duration = Span::POSITIVE => default("10m");
        /// How long to wait at least before its keys are asked for again.
        pause: Duration = Span::POSITIVE => default("10s");
        /// How long asking may take.
        timeout: Duration = Span::POSITIVE => default("5s");
    }

    /// Where the keeper tells what happens, signed as Standard Webhooks has it. It needs
    /// `audit.key_file`, for what is told are entries of the trail.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["webhook"] Webhook |section| {
        /// The receiver: `https://…`, or `http://` on a loopback address.
        url: String = Text => required("https://hooks.example.org/howdah");
        /// The file with the secret that signs, `whsec_` and base64; two lines while one replaces the
        /// other, and then each message has two signatures. It is read for each message.
        secret_file: PathBuf = File => required("/run/howdah-keeper/webhook.secret");
        /// What is told: actions of the audit trail; a `*` at the end stands for any rest.
        events: Vec<String> = List(Text) => default(
            "request.*, grant.active, grant.expired, grant.revoked, rotation.aborted, rotation.stuck, \
             rotation.well, audit.checkpoint, audit.trail");
        /// After which time a message that is not taken is given up.
        give_up: Duration = Span::POSITIVE => default("1d");
    }
}

impl SignIn {
    /// The issuer as tokens are held to it. The groups say what somebody may do, and no scope and no
    /// role does.
    pub fn as_issuer(&self) -> Issuer {
        Issuer {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            keys: self.keys.clone(),
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
            required_claims: vec!["sub".to_owned()],
            scope_claim: "scope".to_owned(),
            role_claim: None,
            role: None,
            refresh: self.refresh,
            pause: self.pause,
            timeout: self.timeout,
        }
    }
}
