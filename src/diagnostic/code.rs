//! The closed list of what can be wrong with a service folder, each with a stable code.

macro_rules! codes {
    ($($(#[doc = $explanation:literal])+ $variant:ident = $slug:literal,)+) => {
        /// Which rule a file breaks. The code is stable: scripts and editors may match it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $explanation])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as it is printed.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)+ }
            }

            /// What the code means, for the documentation.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($explanation, "\n"),+),)+ }
            }
        }
    };
}

codes! {
    /// A file or folder that the service needs is not there.
    NotFound = "not-found",
    /// A file cannot be read, or is larger than the 1 MiB that a manifest or statement may have.
    Unreadable = "unreadable",
    /// A file is not UTF-8.
    NotUtf8 = "not-utf8",
    /// The TOML does not parse.
    TomlSyntax = "toml-syntax",
    /// A key that nothing reads; the nearest known one is named.
    UnknownKey = "unknown-key",
    /// A key that must be there is not.
    MissingKey = "missing-key",
    /// Two keys, routes or parameters that exclude each other.
    Conflict = "conflict",
    /// A value of another type than the key takes.
    WrongType = "wrong-type",
    /// A value of the right type that the key does not allow.
    InvalidValue = "invalid-value",
    /// `${NAME}` names a variable that is not set, or is not closed.
    Environment = "environment",
    /// A secret stands in the file as plain text.
    LiteralSecret = "literal-secret",
    /// The endpoint file has no front matter, or it does not end.
    FrontMatter = "front-matter",
    /// The endpoint file has no statement, or more than one.
    StatementCount = "statement-count",
    /// A string, quoted identifier or comment in the SQL does not end.
    Unterminated = "unterminated",
    /// The SQL uses something that an endpoint may not, such as `$1` or transaction control.
    ForbiddenSql = "forbidden-sql",
    /// A route's path is not one, or two endpoints want the same.
    Route = "route",
    /// The statement uses a parameter that is not declared.
    UndeclaredParameter = "undeclared-parameter",
    /// A parameter is declared and never used.
    UnusedParameter = "unused-parameter",
    /// A parameter's type is not known, or two statements of it disagree.
    ParameterType = "parameter-type",
    /// A facet (`minimum`, `pattern`, …) does not fit the parameter's type, or itself.
    Facet = "facet",
    /// A parameter's `default` or `example` breaks its own rules.
    Example = "example",
    /// The database cannot be reached, or does not let the service in.
    Database = "database",
    /// The machine or the moment does not allow it: a folder that cannot be written, programs that
    /// are not installed, another process that is in the way. The service folder is not at fault.
    Machine = "machine",
    /// A listener's address cannot be had.
    Listen = "listen",
    /// PostgreSQL refuses the statement; its SQLSTATE and message are given.
    Statement = "statement",
    /// A column has a type that has no JSON form here; a cast gives it one.
    ColumnType = "column-type",
    /// Two columns have the same name, or one has none.
    ColumnName = "column-name",
    /// A statement that can write stands behind GET.
    WriteInGet = "write-in-get",
    /// The result shape does not fit what the statement returns.
    ResultShape = "result-shape",
    /// `page` names a column that cannot order pages, or keys that two rows may share.
    Page = "page",
    /// A migration file is misnamed, out of order, or changed after it was applied.
    Migration = "migration",
    /// A sealed file or a key file is not what it should be: of another format, damaged, or for
    /// another key or passphrase. The service folder is not at fault.
    Sealed = "sealed",
    /// Advice: a table is read as a whole for little of it, and the help makes the index that it lacks.
    MissingIndex = "missing-index",
    /// Advice: an index cannot be used for how a column is compared.
    IndexDefeated = "index-defeated",
    /// Advice: rows are sorted which an index would give in order.
    AvoidableSort = "avoidable-sort",
    /// PostgreSQL is older than the oldest version Howdah serves.
    ServerVersion = "server-version",
}
