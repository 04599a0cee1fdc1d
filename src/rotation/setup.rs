//! The SQL that a database administrator runs once: the logins, the keeper's role, what each may.
//!
//! The keeper is no superuser, so that it cannot make these itself.

use super::role::{FUNCTION, literal, logins_of, quote};
use std::fmt::Write;

/// What the setup is for.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// The database.
    pub database: &'a str,
    /// The application's role.
    pub owner: &'a str,
    /// The keeper's role, which signs in nowhere, and that of its two logins which is in use.
    pub keeper: (&'a str, &'a str),
    /// The verifier of the keeper's password.
    pub verifier: &'a str,
}

/// The SQL, for a superuser in the application's database, any version from 13 on. It can be run
/// again, and says in comments what each part is for.
pub fn sql(setup: &Setup<'_>) -> String {
    let Setup { database, owner, keeper: (role, login), verifier } = setup;
    let [a, b] = logins_of(owner);
    let [own_a, own_b] = logins_of(role);
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
             FOREACH login IN ARRAY ARRAY[{own_a}, {own_b}] LOOP\n        \
                 IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN\n            \
                     EXECUTE format('CREATE ROLE %I NOLOGIN', login);\n        \
                 END IF;\n    \
             END LOOP;\n\
         END $setup$;\n\n",
        a = literal(&a),
        b = literal(&b),
        owner = literal(owner),
        role = literal(role),
        own_a = literal(&own_a),
        own_b = literal(&own_b),
    );
    let (owner_q, role_q, login_q) = (quote(owner), quote(role), quote(login));
    let _ = write!(
        text,
        "-- The keeper: it changes logins, sees who is signed in, and ends sessions. It has two logins of\n\
         -- its own, which take turns, too.\n\
         ALTER ROLE {role_q} NOLOGIN NOSUPERUSER NOCREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS;\n\
         GRANT pg_signal_backend, pg_read_all_stats TO {role_q};\n\
         ALTER ROLE {login_q} LOGIN PASSWORD {verifier};\n\
         GRANT {role_q} TO {own_a_q}, {own_b_q};\n\
         ALTER ROLE {own_a_q} SET role = {role_l};\n\
         ALTER ROLE {own_b_q} SET role = {role_l};\n\n\
         -- Its tables.\n\
         GRANT CONNECT, CREATE ON DATABASE {database_q} TO {role_q};\n\
         GRANT CONNECT ON DATABASE {database_q} TO {a_q}, {b_q}, {own_a_q}, {own_b_q};\n\
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
",
        verifier = literal(verifier),
        role_l = literal(role),
        database_q = quote(database),
        a_q = quote(&a),
        b_q = quote(&b),
        own_a_q = quote(&own_a),
        own_b_q = quote(&own_b),
    );
    text.push_str(&function(role));
    text.push_str("COMMIT;\n");
    text
}

/// The function by which the keeper changes its own two logins, and the role that has the right to.
///
/// The keeper cannot have it: its logins are members of its role, and a role that administers a member
/// of its own would be a circle, which PostgreSQL refuses.
fn function(role: &str) -> String {
    let [a, b] = logins_of(role);
    let hand = format!("{role}_logins");
    format!(
        "-- The keeper's own logins. No role administers one that it is a role of, so that a third one has\n\
         -- the right to change these two, signs in nowhere, and lends it by a function that does no more.\n\
         DO $setup$\n\
         BEGIN\n    \
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {hand_l}) THEN\n        \
                 EXECUTE format('CREATE ROLE %I', {hand_l});\n    \
             END IF;\n\
         END $setup$;\n\
         ALTER ROLE {hand_q} NOLOGIN NOSUPERUSER NOCREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS;\n\
         DO $setup$\n\
         BEGIN\n    \
             IF current_setting('server_version_num')::int >= 160000 THEN\n        \
                 EXECUTE format('GRANT %I, %I TO %I WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', {a_l}, {b_l}, {hand_l});\n    \
             END IF;\n\
         END $setup$;\n\
         CREATE OR REPLACE FUNCTION {FUNCTION}(of_login text, verifier text) RETURNS void\n\
         LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$\n\
         DECLARE\n    \
             change text := format('ALTER ROLE %I NOLOGIN PASSWORD NULL', of_login);\n\
         BEGIN\n    \
             IF of_login IS NULL OR of_login <> ALL (ARRAY[{a_l}, {b_l}]) THEN\n        \
                 RAISE EXCEPTION 'this is no login of the keeper' USING ERRCODE = 'insufficient_privilege';\n    \
             END IF;\n    \
             IF verifier IS NOT NULL THEN\n        \
                 IF verifier !~ '^SCRAM-SHA-256\\$[0-9]+:[A-Za-z0-9+/=]+\\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' THEN\n            \
                     RAISE EXCEPTION 'no verifier' USING ERRCODE = 'invalid_parameter_value';\n        \
                 END IF;\n        \
                 change := format('ALTER ROLE %I LOGIN PASSWORD %L', of_login, verifier);\n    \
             END IF;\n    \
             BEGIN\n        \
                 EXECUTE change;\n    \
             EXCEPTION WHEN OTHERS THEN\n        \
                 -- Told anew, so that the log does not have the statement as the error's context.\n        \
                 RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLERRM;\n    \
             END;\n\
         END $function$;\n\
         ALTER FUNCTION {FUNCTION}(text, text) OWNER TO {hand_q};\n\
         REVOKE ALL ON FUNCTION {FUNCTION}(text, text) FROM PUBLIC;\n\
         GRANT EXECUTE ON FUNCTION {FUNCTION}(text, text) TO {role_q};\n\n",
        a_l = literal(&a),
        b_l = literal(&b),
        hand_l = literal(&hand),
        hand_q = quote(&hand),
        role_q = quote(role),
    )
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
        assert!(text.contains("ALTER ROLE \"keep er_logins\" NOLOGIN"));
        assert!(text.contains("ALL (ARRAY['keep er_a', 'keep er_b'])"));
        assert!(
            text.contains("ALTER ROLE \"keep er_a\" LOGIN PASSWORD 'SCRAM-SHA-256$4096:x$y:z'")
        );
    }
}
