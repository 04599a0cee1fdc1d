//! Every setting of a service: declared once, with its type, its default and its meaning.

use super::{
    address::Address,
    connection::{
        Authorities, CHANNEL_BINDING, ChannelBinding, LOAD_BALANCE, POOLER, Pooler, Ports,
        SESSION_ATTRS, SSL_MODE, SSL_NEGOTIATION, Servers, SessionAttrs, SslMode, SslNegotiation,
    },
    database::Password,
    declare::sections,
    kind::{
        Choice, File, Hidden, Integer, Listener, Optional, Roots, Size, Slug, Span, Text, Word,
    },
};
use crate::secret::Secret;
use std::{marker::PhantomData, path::PathBuf, time::Duration};

/// Whether a lane's statements may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// They may not: PostgreSQL refuses a write.
    Read,
    /// They may.
    Write,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// A line for a person.
    Text,
    /// A JSON object per line.
    Json,
}

/// The least severe line that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only what failed.
    Error,
    /// What deserves a look, too.
    Warn,
    /// What happens, too: each request is a line.
    Info,
    /// What a developer asks, too.
    Debug,
    /// Everything.
    Trace,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// How the kernel schedules threads (sched(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// `SCHED_BATCH`: one that is woken does not interrupt another that runs.
    Batch,
    /// As the process was started, `SCHED_OTHER` as a rule.
    Normal,
}

/// How often a folder may be looked at.
const LOOK: Span = Span(Duration::from_millis(100)..=Duration::from_hours(1));

const BYTES: Size<u64> = Size(PhantomData);

const LENGTH: Size<usize> = Size(PhantomData);

/// The longest time for which answers are kept.
const LONGEST_KEPT: Duration = Duration::from_hours(90 * 24);

const ACCESS: Choice<Access> = Choice(&[("read", Access::Read), ("write", Access::Write)]);

const SWITCH: Choice<bool> = Choice(&[("on", true), ("off", false)]);

const FORMAT: Choice<Format> =
    Choice(&[("auto", Format::Auto), ("text", Format::Text), ("json", Format::Json)]);

const SCHEDULING: Choice<Scheduling> =
    Choice(&[("batch", Scheduling::Batch), ("normal", Scheduling::Normal)]);

const TLS_VERSION: Choice<TlsVersion> =
    Choice(&[("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)]);

const LEVEL: Choice<Level> = Choice(&[
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
]);

sections! {
    /// What the service is.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["service"] Service |section| {
        /// The service's name, in logs, metrics and documentation.
        name: String = Slug => required("my-service");
        /// The service's own version.
        version: String = Text => default("0.0.0");
        /// What the service is for, in a sentence; it opens the OpenAPI document.
        description: Option<String> = Optional(Text, &[""]) => absent("What the service is for");
    }

    /// Where the service listens.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["listen"] Listen |section| {
        /// The public listener: `host:port`, `[IPv6]:port`, `:port` for every IPv4 address, or
        /// `unix:/path`.
        http: Address = Listener => default("0.0.0.0:3000");
        /// Whether another instance may listen on the same port of `http` meanwhile (`SO_REUSEPORT`), so
        /// that one takes over from the other: `on` or `off`.
        reuse_port: bool = SWITCH => default("off");
        /// The listener of `/live` and `/ready`, for operators only; `off` when there is none.
        admin: Option<Address> = Optional(Listener, &["", "off"]) => default("127.0.0.1:9000");
    }

    /// TLS for callers of the public listener, with HTTP/2 beside HTTP/1.1. Without this table it speaks
    /// plain HTTP/1.1. The files are followed: a new certificate needs no restart.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["tls"] Tls |section| {
        /// The file with the certificate and its chain, PEM.
        certificate: PathBuf = File => required("/run/tls/tls.crt");
        /// The file with the certificate's private key, PEM.
        key: PathBuf = File => required("/run/tls/tls.key");
        /// The file with the certificates, PEM, of who signs callers' certificates. When it is named, a
        /// caller without one is turned away in the handshake.
        client_authority: Option<PathBuf> = Optional(File, &[""]) => absent("/run/tls/clients.crt");
        /// The oldest version that is spoken: `1.2` or `1.3`.
        minimum: TlsVersion = TLS_VERSION => default("1.2");
    }

    /// The PostgreSQL database. Without this table the service has none.
    #[derive(Clone, PartialEq, Eq)]
    ["database"] Database |section| {
        /// A connection URL, `postgresql://user@host1,host2:5433/name?sslmode=verify-full`, by reference
        /// only: `${NAME}`. What it says goes before the keys below in the manifest, and behind their
        /// flags and variables. Empty means none. See docs/postgresql-connection.md.
        url: Option<Secret> = Optional(Hidden, &[""]) => absent("${DATABASE_URL}");
        /// The file that holds the connection URL, alone: the place for one with a password. It is read
        /// with the manifest, by every command. Empty means none.
        url_file: Option<PathBuf> = Optional(File, &[""]) => absent("/run/secrets/database_url");
        /// The server: a host name, an IP address, or, when it begins with `/`, the directory of
        /// the server's unix socket. Several with commas between them are tried in their order.
        host: Vec<String> = Servers => default("localhost");
        /// The server's port; it names the socket file, too. One for all hosts, or one for each.
        port: Vec<u16> = Ports => default("5432");
        /// Which of the hosts will do: `any`, `read-write` (takes writes), `read-only`, `primary`,
        /// `standby`, or `prefer-standby` (`any` when there is no standby). A lane may say otherwise.
        target_session_attrs: SessionAttrs = SESSION_ATTRS => derived(
            "`any` with one host, `read-write` with several",
            "read-write",
            host.as_ref().map(|hosts| match hosts.len() {
                1 => SessionAttrs::Any,
                _ => SessionAttrs::ReadWrite,
            })
        );
        /// Whether the hosts are tried in a new order each time: `disable` or `random`.
        load_balance_hosts: bool = LOAD_BALANCE => default("disable");
        /// What stands between: `transaction` where `host` is a pooler that gives connections for a
        /// transaction at a time, as PgBouncer's `pool_mode = transaction` does; else `none`. See
        /// docs/postgresql-connection.md.
        pooler: Pooler = POOLER => default("none");
        /// The server itself, where `host` is such a pooler: statements are typed, notifications heard and
        /// migrations made there. Several with commas between them are tried in their order.
        direct_host: Option<Vec<String>> = Optional(Servers, &[""]) => absent("db.example");
        /// Its port; one for all hosts, or one for each.
        direct_port: Vec<u16> = Ports => default("5432");
        /// The database.
        name: String = Text => required("my_database");
        /// The role that logs in.
        user: String = Text => derived("the same as `name`", "my_role", name.clone());
        /// The role's password, by reference only: `${NAME}`. `password_file` is safer, for every
        /// process of the same user can read the environment. Empty means none.
        password: Option<Password> = Optional(Word, &[""]) => absent("${DB_PASSWORD}");
        /// The file that holds the role's password, alone; the closing newline does not count.
        /// Empty means none.
        password_file: Option<PathBuf> = Optional(File, &[""]) => absent("/run/secrets/db_password");
        /// The credential that the keeper publishes, as JSON: a file, or a folder that holds it as
        /// `credential.json`, as a mounted Kubernetes Secret does. It is followed live and comes before
        /// `user` and the password, which serve until it is there. Empty means none.
        credential: Option<PathBuf> = Optional(File, &[""]) => absent("/run/howdah/credential.json");
        /// Whether the connection is encrypted, and whether the server must prove who it is: `disable`;
        /// `prefer` encrypts when the server offers it and gives a password by SCRAM alone; `require`
        /// encrypts with whoever answers; `verify-ca` believes a known authority's word;
        /// `verify-full` that it is this host, too. See docs/postgresql-connection.md.
        sslmode: Option<SslMode> = Optional(SSL_MODE, &[""]) => derived(
            "`verify-full` when `sslrootcert` is given, else `disable` on this machine and `prefer` elsewhere",
            "verify-full",
            Some(None)
        );
        /// The file with the certificates, PEM, of who may have signed the server's; `system` means
        /// those that the machine trusts, which is also what nothing means.
        sslrootcert: Option<Authorities> = Optional(Roots, &[""]) => absent("/run/tls/postgresql.crt");
        /// The file with the certificate, PEM, that is shown to the server. The three files are read
        /// again when they have changed.
        sslcert: Option<PathBuf> = Optional(File, &[""]) => absent("/run/tls/client.crt");
        /// The file with that certificate's private key, PEM, without a passphrase.
        sslkey: Option<PathBuf> = Optional(File, &[""]) => absent("/run/tls/client.key");
        /// How TLS begins: `postgres` asks the server first; `direct` does not, and takes PostgreSQL 17
        /// or newer.
        sslnegotiation: SslNegotiation = SSL_NEGOTIATION => default("postgres");
        /// Whether the sign-in is bound to the server's certificate, so that nobody can stand between:
        /// `disable`, `prefer` (when the server offers it) or `require`.
        channel_binding: ChannelBinding = CHANNEL_BINDING => default("prefer");
        /// How long opening a connection may take.
        connect_timeout: Duration = Span::POSITIVE => default("3s");
        /// What the server's activity view shows as the application.
        application_name: String = Text => default("howdah");
    }

    /// A lane: a set of connections with a bounded queue. `read` serves GET and `write` the other
    /// methods, and both are there without being named; an endpoint may choose another one.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["lanes.NAME"] Lane |section| {
        /// Whether the lane's statements may write.
        access: Access = ACCESS => derived(
            "`write` for the lane named `write`, else `read`",
            "read",
            Some(if section.name() == "write" { Access::Write } else { Access::Read })
        );
        /// Which of the database's hosts will do for this lane: `prefer-standby` takes reads to a
        /// replica, which may be behind. Nothing means what `[database]` says.
        target_session_attrs: Option<SessionAttrs> = Optional(SESSION_ATTRS, &[""])
            => absent("prefer-standby");
        /// How many connections the lane has to the database.
        connections: u16 = Integer(1..=1000) => default("4");
        /// How many requests may wait; one more is turned away at once.
        queue: u32 = Integer(0..=1_000_000) => default("1024");
        /// How long requests may wait when the queue does not empty: once all have waited for longer, for
        /// as long as this, those who have are turned away. `off` lets them wait until their deadline.
        queue_delay: Option<Duration> = Optional(Span::POSITIVE, &["", "off"]) => default("2s");
        /// How long a request may wait and run together.
        deadline: Duration = Span::POSITIVE => default("10s");
        /// How long PostgreSQL works on one statement.
        statement_timeout: Duration = Span::STATEMENT => derived(
            "`\"5s\"`, or `deadline` when that is shorter",
            "5s",
            deadline.map(|deadline| deadline.min(Duration::from_secs(5)))
        );
        /// How long a read waits for a database that went away; `0s` answers at once.
        park: Duration = Span::ANY => default("5s");
        /// How many more connections the lane may open for streams and bulk loads, each of which has
        /// one for itself. They are opened when they are needed.
        exclusive: u16 = Integer(1..=1000) => default("4");
        /// How long PostgreSQL works on one stream or bulk load, however slow its caller.
        exclusive_timeout: Duration = Span::STATEMENT => default("10m");
    }

    /// What a request and an answer may cost.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["limits"] Limits |section| {
        /// The largest request body, in bytes.
        body: u64 = BYTES => default("1 MiB");
        /// The longest path with its query, in bytes.
        uri: usize = LENGTH => default("8 KiB");
        /// How many header fields a request may have.
        headers: usize = Integer(1..=10_000) => default("100");
        /// The largest request head, in bytes.
        header_bytes: usize = LENGTH => default("32 KiB");
        /// How deep a JSON body may nest.
        json_depth: usize = Integer(1..=120) => default("64");
        /// How long a caller may take to send a request's head.
        header_timeout: Duration = Span::POSITIVE => default("10s");
        /// How long a caller may take to send a request's body.
        body_timeout: Duration = Span::POSITIVE => default("30s");
        /// How long a connection may stand idle between requests.
        idle_timeout: Duration = Span::POSITIVE => default("75s");
        /// How many callers' connections may be open at a time.
        connections: usize = Integer(1..=1_000_000) => default("10000");
        /// How many of them may be one address's; trusted proxies are not counted.
        connections_per_address: Option<usize> = Optional(Integer(1..=1_000_000), &["", "off"])
            => absent("100");
        /// How long to serve on when the process is asked to end, while `/ready` says no and answers
        /// close their connections, so that balancers send their callers elsewhere.
        drain_delay: Duration = Span::ANY => default("0s");
        /// How long requests in flight may take when the process is asked to end.
        drain: Duration = Span::ANY => default("10s");
        /// The largest answer, in bytes.
        response: u64 = BYTES => default("64 MiB");
    }

    /// How the kernel treats the process of `howdah serve`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["process"] Process |section| {
        /// How its threads are scheduled: `batch` lets whoever runs finish when something comes for them, which
        /// lets a database on the same machine send more at a time; `normal` interrupts, as other programs do.
        scheduling: Scheduling = SCHEDULING => default("batch");
    }

    /// What `howdah serve` gives up before it serves. Privileges, capabilities and core dumps are
    /// given up always; these two can be left out where a debugger must look in.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["hardening"] Hardening |section| {
        /// Whether the process may reach only the files it needs (Landlock): `on` or `off`.
        files: bool = SWITCH => default("on");
        /// Whether the process may make only the system calls it needs (seccomp): `on` or `off`.
        system_calls: bool = SWITCH => default("on");
        /// Whether the process refuses to start where the kernel lacks something of it, instead of
        /// a warning: `on` or `off`.
        required: bool = SWITCH => default("off");
    }

    /// When `howdah serve` reads its folder again. SIGHUP has it read at once, always.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["reload"] Reload |section| {
        /// Whether the folder is followed, so that a changed file needs no signal: `on` or `off`.
        watch: bool = SWITCH => default("on");
        /// How often the folder is looked at. A change counts when the next look finds no further one, so
        /// that files which are still being written are left alone.
        every: Duration = LOOK => default("1s");
    }

    /// How answers are given.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["answers"] Answers |section| {
        /// Whether the end of a path chooses a media type: `.json`, `.ndjson`, `.csv`, `.arrow`.
        suffixes: bool = SWITCH => default("off");
        /// Whether answers of rows are compressed for callers who ask for it.
        compression: bool = SWITCH => default("on");
        /// The smallest answer that is compressed, in bytes; streams always are.
        compression_from: u64 = BYTES => default("1 KiB");
        /// The file with the key that cursors of pages are signed with: 32 random bytes or more, as
        /// text. Give all instances of a service the same. Empty means a key of this process alone,
        /// whose cursors end with it.
        cursor_key_file: Option<PathBuf> = Optional(File, &[""]) => absent("/run/secrets/cursor_key");
    }

    /// Writes with an `Idempotency-Key`, where an endpoint says `idempotent`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["idempotency"] Kept |section| {
        /// How long a first answer is kept, to be given again; afterwards its key is as good as new.
        keep: Duration = Span(Duration::from_secs(1)..=LONGEST_KEPT) => default("24h");
        /// How long a request waits for another one of its key that is being carried out.
        wait: Duration = Span(Duration::from_millis(1)..=Duration::from_mins(1)) => default("2s");
        /// The largest answer that is kept, in bytes; a write with a larger one is not made.
        answer: u64 = BYTES => default("1 MiB");
    }

    /// Answers that are given again, where an endpoint says `cache`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["cache"] Cache |section| {
        /// The memory that answers may take, of all threads together, in bytes.
        bytes: usize = LENGTH => default("32 MiB");
    }

    /// What is logged, and how.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["log"] Log |section| {
        /// How lines are written; `auto` writes text on a terminal and JSON otherwise.
        format: Format = FORMAT => default("auto");
        /// The least severe line that is logged.
        level: Level = LEVEL => default("info");
        /// Whether the line of a request says the caller's address, which is personal data: `on` or `off`.
        addresses: bool = SWITCH => default("off");
        /// Whether the line of a request says who the caller is, which is personal data, too: `key NAME`,
        /// `token ISSUER SUBJECT` or `certificate NAME`, 200 characters at most: `on` or `off`.
        callers: bool = SWITCH => default("off");
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The password has no way to print itself, and needs none.
        formatter
            .debug_struct("Database")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("name", &self.name)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
