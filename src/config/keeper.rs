//! The settings of the keeper: the process that changes credentials and keeps the records.

use super::{
    address::Address,
    declare::sections,
    kind::{File, Integer, Listener, Optional, Server, Span, Text},
    list::List,
};
use std::{path::PathBuf, time::Duration};

sections! {
    /// The keeper, `howdah keeper`: the process that changes credentials and keeps the records. It
    /// works in the database of `[database]`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["keeper"] Keeper |section| {
        /// The keeper's own listener, for operators: on loopback, or a unix socket.
        listen: Address = Listener => default("127.0.0.1:9100");
        /// The server, where the keeper must not go through the pooler that the service goes through.
        /// Empty means that of `[database]`.
        host: Option<String> = Optional(Server, &[""]) => absent("db-primary.internal");
        /// The server's port, likewise.
        port: Option<u16> = Optional(Integer(1..=u16::MAX), &[""]) => absent("5432");
        /// The keeper's own credential, as JSON: see `howdah credentials setup`.
        credential: PathBuf = File => required("/run/howdah-keeper/credential.json");
        /// The file with the key that passwords are sealed with in the database: 32 bytes as 64
        /// hexadecimal digits.
        key_file: PathBuf = File => required("/run/howdah-keeper/key");
    }

    /// The application's credential, which the keeper rotates.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["credentials"] Rotating |section| {
        /// The role that owns what the application uses and that its sessions act as. Its logins are
        /// this name with `_a` and `_b`, in turn.
        owner: String = Text => required("my_role");
        /// How often the credential is changed; `off` leaves that to `howdah credentials rotate`.
        rotate_every: Option<Duration> = Optional(Span::POSITIVE, &["off"]) => default("30d");
        /// How often the keeper's own login is changed, likewise. The rest of this table holds for that, too.
        keeper_rotate_every: Option<Duration> = Optional(Span::POSITIVE, &["off"]) => default("30d");
        /// By how much a change comes later than it is due, at most: a random part of this.
        jitter: Duration = Span::ANY => default("1h");
        /// How long the old login stays when its sessions do not end by themselves.
        overlap: Duration = Span::ANY => default("10m");
        /// How long sessions of a retired login may work on before they are ended.
        grace: Duration = Span::ANY => default("1m");
        /// The groups whose members may ask for a rotation.
        operators: Vec<String> = List(Text) => default("operators");
        /// Who approves a rotation that a person asks for: `none`, or the name of a policy.
        approval: String = Text => default("none");
    }
}
