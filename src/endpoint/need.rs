//! Whether the database has what a key of an endpoint needs beside its statement.

use crate::{
    diagnostic::{Code, Diagnostic},
    postgres::session::Session,
};

/// What a key needs, and what is said where it is not there.
pub(super) struct Need {
    /// The key.
    pub(super) key: &'static str,
    /// What a procedure's transaction would have to hold.
    pub(super) held: &'static str,
    /// Gives one boolean, whether the role may use it, and no row where it is not there.
    pub(super) query: &'static str,
    /// That the role may not, and what grants it.
    pub(super) denied: (&'static str, &'static str),
    /// That it is not there, the SQLSTATE of that, and what makes it.
    pub(super) absent: (&'static str, &'static str, &'static str),
}

impl Need {
    /// Tells what keeps the key from working. `calls` says whether the endpoint's statement is a CALL.
    pub(super) async fn check(
        &self,
        session: &Session,
        calls: bool,
        mut tell: impl FnMut(Diagnostic),
    ) {
        if calls {
            tell(
                Diagnostic::error(Code::Conflict, format!("`{}` does not go with CALL", self.key))
                    .note(format!("a procedure may end the transaction that its {} in", self.held))
                    .help("make the procedure a function, and select it"),
            );
        }
        let found = session.query_opt(self.query, &[]).await;
        match found.and_then(|row| row.map(|row| row.try_get(0)).transpose()) {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                let (message, help) = self.denied;
                tell(Diagnostic::error(Code::Statement, message).sqlstate("42501").help(help));
            }
            Ok(None) => {
                let (message, sqlstate, help) = self.absent;
                tell(Diagnostic::error(Code::Statement, message).sqlstate(sqlstate).help(help));
            }
            Err(error) => tell(Diagnostic::error(
                Code::Database,
                format!("the database could not be asked: {error}"),
            )),
        }
    }
}
