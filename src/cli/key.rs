//! `howdah key`: making API keys, and looking at a file of them.

use super::{Exit, Format, KeyCommand, KeyList, KeyNew, show};
use crate::{
    access::{Minted, keyring, mint},
    definition::guard::is_scope,
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
};
use serde_json::json;
use std::{
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::{Duration, SystemTime},
};

pub(super) fn run(command: &KeyCommand) -> Exit {
    let outcome = match command {
        KeyCommand::New(new) => make(new),
        KeyCommand::List(list) => look(list),
    };
    match outcome {
        Ok(()) => Exit::Success,
        Err(found) => show::failed(&found),
    }
}

fn make(wish: &KeyNew) -> Result<(), Diagnostics> {
    let Minted { key, digest } = mint().map_err(|why| Diagnostic::error(Code::Machine, why))?;
    let hash = keyring::written(&digest);
    let entry = entry(wish, &hash)?;
    if let Some(file) = &wish.file {
        append(file, &entry)?;
    }
    match (wish.format, &wish.file) {
        (Format::Json, _) => {
            let report = json!({ "key": key.expose(), "name": wish.name, "hash": hash });
            show::say!("{report:#}");
        }
        (Format::Text, Some(file)) => {
            show::say!("{}", key.expose());
            show::complain!("The key stands above, once; its hash is in {}.", file.display());
        }
        (Format::Text, None) => {
            show::say!("{}\n\n{entry}", key.expose());
            show::complain!(
                "The key stands first, once. What follows belongs in `auth.keys_file`."
            );
        }
    }
    Ok(())
}

/// The table of the file of keys.
fn entry(wish: &KeyNew, hash: &str) -> Result<String, Diagnostics> {
    let wrong = |message: String| Diagnostics::from(Diagnostic::error(Code::InvalidValue, message));
    if !keyring::is_name(&wish.name) {
        return Err(wrong("a key's name has 1 to 100 printable characters".to_owned()));
    }
    if let Some(scope) = wish.scopes.iter().find(|scope| !is_scope(scope)) {
        return Err(wrong(format!("`{}` is no scope", scope.escape_debug())));
    }
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let list: Vec<String> = wish.scopes.iter().map(|scope| quoted(scope)).collect();
    let mut lines = vec![
        "[[key]]".to_owned(),
        format!("name = {}", quoted(&wish.name)),
        format!("hash = {}", quoted(hash)),
        format!("scopes = [{}]", list.join(", ")),
    ];
    let now = SystemTime::now();
    let moments = [("not_before", wish.not_before), ("expires", wish.expires)];
    for (name, moment) in moments {
        let Some(moment) = moment else { continue };
        lines.push(format!("{name} = {}", humantime::format_rfc3339_seconds(moment.from(now))));
    }
    if let Some(role) = &wish.role {
        lines.push(format!("role = {}", quoted(role)));
    }
    if !wish.claims.is_empty() {
        let claims: Vec<String> = wish
            .claims
            .iter()
            .map(|(name, value)| format!("{} = {}", quoted(name), quoted(value)))
            .collect();
        lines.push(format!("claims = {{ {} }}", claims.join(", ")));
    }
    Ok(lines.join("\n") + "\n")
}

/// A moment as the command line says it: `90d` from now, or `2027-01-01T00:00:00Z`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    In(Duration),
    At(SystemTime),
}

impl Moment {
    /// For the command line's parser.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = humantime::parse_rfc3339(text) {
            return Ok(Self::At(at));
        }
        let longest = Duration::from_hours(24 * 365 * 100);
        match humantime::parse_duration(text) {
            Ok(after) if after <= longest => Ok(Self::In(after)),
            _ => Err("write a duration such as 90d, or 2027-01-01T00:00:00Z".to_owned()),
        }
    }

    fn from(self, now: SystemTime) -> SystemTime {
        match self {
            Self::In(after) => now + after,
            Self::At(at) => at,
        }
    }
}

/// Adds `entry` to the file, which is whole before and after: it is replaced by rename.
fn append(file: &Path, entry: &str) -> Result<(), Diagnostics> {
    let shown = file.display();
    let refuse = |error: std::io::Error| {
        Diagnostics::from(Diagnostic::error(
            Code::Machine,
            format!("{shown} cannot be written: {error}"),
        ))
    };
    // A link stays one.
    let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let (mut text, mode) = match std::fs::read_to_string(&real) {
        Ok(text) => (text, std::fs::metadata(&real).map_err(refuse)?.permissions().mode() & 0o777),
        Err(error) if error.kind() == ErrorKind::NotFound => (String::new(), 0o600),
        Err(error) => return Err(refuse(error)),
    };
    if !text.is_empty() {
        text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
    }
    text.push_str(entry);
    keyring::read(&SourceFile::new(shown.to_string(), text.clone()), None)?;
    let mut draft = real.clone().into_os_string();
    draft.push(format!(".{:08x}.draft", fastrand::u32(..)));
    let write = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut out = options.write(true).create_new(true).mode(mode).open(&draft)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&draft, &real)
    };
    write().map_err(|error| {
        let _ = std::fs::remove_file(&draft);
        refuse(error)
    })
}

fn look(wish: &KeyList) -> Result<(), Diagnostics> {
    let bytes = std::fs::read(&wish.file).map_err(|error| {
        let message = format!("{} cannot be read: {error}", wish.file.display());
        Diagnostic::error(Code::Unreadable, message)
    })?;
    let source = SourceFile::from_bytes(&wish.file, bytes).map_err(Diagnostics::from)?;
    let keyring = keyring::read(&source, None)?;
    let mut keys: Vec<_> = keyring.iter().collect();
    keys.sort_by(|one, two| (&one.1.name, one.0).cmp(&(&two.1.name, two.0)));
    let now = SystemTime::now();
    let moment =
        |it: Option<SystemTime>| it.map(|it| humantime::format_rfc3339_seconds(it).to_string());
    if wish.format == Format::Json {
        let keys: Vec<_> = keys
            .iter()
            .map(|(digest, key)| {
                json!({
                    "name": key.name, "hash": keyring::written(digest), "scopes": key.scopes,
                    "not_before": moment(key.not_before), "expires": moment(key.expires),
                    "role": key.role,
                })
            })
            .collect();
        show::say!("{:#}", json!({ "keys": keys }));
        return Ok(());
    }
    for (digest, key) in keys {
        let state = match (key.not_before, key.expires) {
            (_, Some(end)) if now >= end => "expired".to_owned(),
            (Some(begin), _) if now < begin => "not yet".to_owned(),
            (_, Some(end)) => format!("until {}", humantime::format_rfc3339_seconds(end)),
            _ => "for ever".to_owned(),
        };
        let hash = keyring::written(digest);
        let short = hash.get(..19).unwrap_or(&hash);
        show::say!("{short}…  {:<24}  {state:<27}  {}", key.name, key.scopes.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_durations_or_dates() {
        assert!(matches!(Moment::parse("90d"), Ok(Moment::In(it)) if it.as_secs() == 90 * 86_400));
        assert!(matches!(Moment::parse("2027-01-01T00:00:00Z"), Ok(Moment::At(_))));
        for bad in ["", "soon", "2027-01-01", "-1d", "1000000y"] {
            assert!(Moment::parse(bad).is_err(), "{bad}");
        }
    }
}
