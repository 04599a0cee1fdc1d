//! Reading `[database]`: a connection URL goes before what the manifest says by its keys, and behind flags and
//! the keys' own variables.

use super::{
    Database, check,
    kind::{File, Hidden, Optional},
    section::Section,
    url,
};
use crate::{
    diagnostic::{Code, Diagnostic},
    secret::Secret,
};

/// A role's password.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// The password itself.
    pub secret: Secret,
    /// Whether it stood in the environment, which other processes can read.
    pub in_environment: bool,
}

/// Where a connection URL stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    File,
}

impl Place {
    fn key(self) -> &'static str {
        match self {
            Self::Text => "url",
            Self::File => "url_file",
        }
    }
}

/// `[database]`; nothing when something of it is wrong.
pub(super) fn read(section: &Section<'_, '_, '_>) -> Option<Database> {
    let url = url_of(section)?;
    if let Some((place, text)) = &url {
        supply(section, *place, text)?;
    }
    let mut database = Database::read(section)?;
    let from_file = matches!(url, Some((Place::File, _))) && section.is_supplied("password");
    if let Some(password) = database.password.as_mut().filter(|_| from_file) {
        password.in_environment = false;
    }
    let good = [check::database_tls, check::database_hosts, check::database_pooler]
        .map(|check| check(section, &database));
    (!good.contains(&false)).then(|| check::database(section, database))
}

/// The connection URL, when there is one; nothing when it cannot be had.
#[expect(clippy::option_option, reason = "absent and wrong lead to different ends")]
fn url_of(section: &Section<'_, '_, '_>) -> Option<Option<(Place, Secret)>> {
    let file = section.or_default("url_file", &Optional(File, &[""]), "");
    let text = section.or_default("url", &Optional(Hidden, &[""]), "");
    let (file, text) = (file?, text?);
    let Some(path) = file else { return Some(text.map(|it| (Place::Text, it))) };
    if text.is_some() {
        section.report(
            "url",
            Diagnostic::warning(
                Code::Conflict,
                "both `database.url` and `database.url_file` are given",
            )
            .help("`url_file` is used; remove `url`"),
        );
    }
    match section.secret_file(&path) {
        Ok(text) => Some(Some((Place::File, text))),
        Err(diagnostic) => {
            section.report("url_file", *diagnostic);
            None
        }
    }
}

/// Gives the section what the URL says; nothing when it is wrong.
fn supply(section: &Section<'_, '_, '_>, place: Place, text: &Secret) -> Option<()> {
    let key = place.key();
    let parts = url::parse(text.expose())
        .map_err(|why| {
            section.report(
                key,
                Diagnostic::error(
                    Code::InvalidValue,
                    format!("the connection URL of `database.{key}` {why}"),
                )
                .note(format!("the parameters that are taken are {}", url::known()))
                .help(
                    "write `postgresql://user:password@host:5432/name?parameter=value`, and in each of \
                     these `%40` for `@`, `%2F` for `/`, `%3A` for `:`, `%3F` for `?`, `%26` for `&` and \
                     `%25` for `%`",
                ),
            );
        })
        .ok()?;
    let place = format!("the connection URL of `database.{key}`");
    if parts.text("password").is_some() {
        section.supply("password_file", url::Text::default(), &place);
    }
    // As libpq has it: who does not name a database means the one that is named like the user.
    if let (None, Some(user)) = (parts.text("name"), parts.text("user"))
        && !section.gives("name")
    {
        section.supply("name", user.clone(), &place);
    }
    for (key, text) in parts.into_texts() {
        section.supply(key, text, &place);
    }
    Some(())
}

#[cfg(test)]
mod tests;
