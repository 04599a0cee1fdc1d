//! The SQL that a database administrator runs once: the logins, the keeper's role, what each may.
//!
//! The keeper is no superuser, so that it cannot make these itself.

use super::role::{literal, logins_of, quote};
use std::fmt::Write;

/// What the setup is for.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// The database.
    pub database: &'a str,
    /// The application's role.
    pub owner: &'a str,
    /// The keeper's role, which signs in nowhere, and its login.
    pub keeper: (&'a str, &'a str),
    /// The verifier of the keeper's password.
    pub verifier: &'a str,
}

/// The SQL, for a superuser in the application's database, any version from 13 on. It can be run
/// again, and says in comments what each part is for.
pub fn sql(setup: &Setup<'_>) -> String {
    let Setup { database, owner, keeper: (role, login), verifier } = setup;
    let [a, b] = logins_of(owner);
    let mut text = format!(
        "-- What the keeper of `{owner}` needs. Run it as a superuser in the database {database}.\n\
         -- It may be run again. No password is in it: the keeper's stands here as its verifier.\n\
         BEGIN;\n\
         SET LOCAL log_statement = 'none';\n\
         SET LOCAL log_min_duration_statement = -1;\n\n"
    );
    let _ = write!(
        text,
        "-- The two logins take turns. They act as the application's role from their first statement,\n\
         -- so that whatever they make belongs to it; and its settings hold for them, too.\n\
         DO $setup$\n\
         DECLARE\n    \
             login text;\n    \
             setting text;\n\
         BEGIN\n    \
             FOREACH login IN ARRAY ARRAY[{a}, {b}] LOOP\n        \
                 IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN\n            \
                     EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', login);\n        \
                 END IF;\n        \
                 EXECUTE format('GRANT %I TO %I', {owner}, login);\n        \
                 FOR setting IN SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole\n                \
                     WHERE r.rolname = {owner} AND s.setdatabase = 0 LOOP\n            \
                     EXECUTE format('ALTER ROLE %I SET %I = %L', login, split_part(setting, '=', 1),\n                \
                         substr(setting, strpos(setting, '=') + 1));\n        \
                 END LOOP;\n        \
                 EXECUTE format('ALTER ROLE %I SET role = %L', login, {owner});\n    \
             END LOOP;\n    \
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {role}) THEN\n        \
                 EXECUTE format('CREATE ROLE %I', {role});\n    \
             END IF;\n    \
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {login}) THEN\n        \
                 EXECUTE format('CREATE ROLE %I', {login});\n    \
             END IF;\n\
         END $setup$;\n\n",
        a = literal(&a),
        b = literal(&b),
        owner = literal(owner),
        role = literal(role),
        login = literal(login),
    );
    let (owner_q, role_q, login_q) = (quote(owner), quote(role), quote(login));
    let _ = write!(
        text,
        "-- The keeper: it changes logins, sees who is signed in, and ends sessions.\n\
         ALTER ROLE {role_q} NOLOGIN NOSUPERUSER NOCREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS;\n\
         GRANT pg_signal_backend, pg_read_all_stats TO {role_q};\n\
         ALTER ROLE {login_q} LOGIN PASSWORD {verifier};\n\
         GRANT {role_q} TO {login_q};\n\
         ALTER ROLE {login_q} SET role = {role_l};\n\n\
         -- Its tables.\n\
         GRANT CONNECT, CREATE ON DATABASE {database_q} TO {role_q};\n\
         GRANT CONNECT ON DATABASE {database_q} TO {a_q}, {b_q}, {login_q};\n\
         CREATE SCHEMA IF NOT EXISTS howdah;\n\
         DO $setup$\n\
         DECLARE\n    \
             before text := (SELECT r.rolname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner\n        \
                 WHERE n.nspname = 'howdah');\n\
         BEGIN\n    \
             EXECUTE format('ALTER SCHEMA howdah OWNER TO %I', {role_l});\n    \
             -- Whoever keeps the history of the service's migrations there goes on doing so.\n    \
             IF before <> {role_l} THEN\n        \
                 EXECUTE format('GRANT USAGE, CREATE ON SCHEMA howdah TO %I', before);\n    \
             END IF;\n\
         END $setup$;\n\n\
         -- What depends on the version.\n\
         DO $setup$\n\
         BEGIN\n    \
             IF current_setting('server_version_num')::int >= 150000 THEN\n        \
                 -- The keeper keeps its own statements out of the log. Before 15 a role that is no\n        \
                 -- superuser cannot: with log_statement on, verifiers (never passwords) are in the log.\n        \
                 EXECUTE 'GRANT SET ON PARAMETER log_statement, log_min_error_statement, log_min_duration_statement TO {role_q}';\n    \
             END IF;\n    \
             IF current_setting('server_version_num')::int >= 160000 THEN\n        \
                 -- From 16 on CREATEROLE changes only roles that it administers.\n        \
                 EXECUTE 'GRANT {a_q}, {b_q}, {owner_q} TO {role_q} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE';\n    \
             END IF;\n\
         END $setup$;\n\n\
         COMMIT;\n",
        verifier = literal(verifier),
        role_l = literal(role),
        database_q = quote(database),
        a_q = quote(&a),
        b_q = quote(&b),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_everywhere() {
        let text = sql(&Setup {
            database: "my db",
            owner: "o'w\"n",
            keeper: ("keep er", "keep er_a"),
            verifier: "SCRAM-SHA-256$4096:x$y:z",
        });
        assert!(text.contains("'o''w\"n_a'") && text.contains("\"my db\""));
        assert!(
            text.contains("ALTER ROLE \"keep er_a\" LOGIN PASSWORD 'SCRAM-SHA-256$4096:x$y:z'")
        );
    }
}
