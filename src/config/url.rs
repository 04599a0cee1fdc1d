//! A connection URL, `postgresql://user@host1,host2:5433/name?sslmode=verify-full`, as the texts of the keys
//! that it stands for.
//!
//! What is said of a wrong one is about its shape: no text of it is repeated but the name of a parameter,
//! and that only where it cannot be a piece of a password that somebody forgot to encode.
//!
//! Source: PostgreSQL documentation, "Connection URIs"; libpq's `conninfo_uri_parse_options`. Stricter than
//! libpq in one thing: an `@` stands only before the hosts, elsewhere it is `%40`.

use super::secrecy::sounds_secret;
use zeroize::Zeroizing;

/// The text of one key of `[database]`.
pub(super) type Text = Zeroizing<String>;

/// libpq's names, and the keys that they are here.
const KEYS: [(&str, &str); 15] = [
    ("host", "host"),
    ("port", "port"),
    ("dbname", "name"),
    ("user", "user"),
    ("password", "password"),
    ("target_session_attrs", "target_session_attrs"),
    ("load_balance_hosts", "load_balance_hosts"),
    ("sslmode", "sslmode"),
    ("sslrootcert", "sslrootcert"),
    ("sslcert", "sslcert"),
    ("sslkey", "sslkey"),
    ("sslnegotiation", "sslnegotiation"),
    ("channel_binding", "channel_binding"),
    ("connect_timeout", "connect_timeout"),
    ("application_name", "application_name"),
];

/// The port of a host that names none.
const PORT: &str = "5432";

/// What a URL says.
#[derive(Default)]
pub(super) struct Parts(Vec<(&'static str, Text)>);

impl Parts {
    /// Each key with its text, none twice and none empty.
    pub(super) fn into_texts(self) -> Vec<(&'static str, Text)> {
        self.0
    }

    /// What it says of `key`.
    pub(super) fn text(&self, key: &str) -> Option<&Text> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, text)| text)
    }

    /// The last word counts, and an empty one says nothing.
    fn put(&mut self, key: &'static str, text: Text) {
        self.0.retain(|(name, _)| *name != key);
        if !text.is_empty() {
            self.0.push((key, text));
        }
    }

    /// Each host has a port, so that none of another source is meant for them.
    fn with_ports(mut self) -> Self {
        let each = |text: &str| if text.is_empty() { PORT } else { text }.to_owned();
        let ports = match (self.text("port"), self.text("host")) {
            (Some(ports), _) => ports.split(',').map(each).collect::<Vec<_>>().join(","),
            (None, Some(_)) => PORT.to_owned(),
            (None, None) => return self,
        };
        self.put("port", ports.into());
        self
    }
}

/// Reads `url`.
///
/// # Errors
/// What is wrong with it, as what stands behind "the connection URL".
pub(super) fn parse(url: &str) -> Result<Parts, String> {
    let rest = ["postgresql://", "postgres://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let rest = rest.ok_or("does not begin with `postgresql://` or `postgres://`")?;
    let mut parts = Parts::default();
    // A slash ends the search: behind it an `@` would be of the database's name.
    let rest = match rest.find(['@', '/']).and_then(|at| Some((rest.get(..at)?, rest.get(at..)?))) {
        Some((before, after)) if after.starts_with('@') => {
            let (user, password) = before.split_once(':').unwrap_or((before, ""));
            parts.put("user", decoded(user)?);
            parts.put("password", decoded(password)?);
            after.get(1..).unwrap_or_default()
        }
        _ => rest,
    };
    let signs_in = url.contains('@');
    if rest.contains('@') {
        return Err("has an `@` where none can be".to_owned());
    }
    let query = rest.find('?').unwrap_or(rest.len());
    let (place, query) = rest.split_at(query);
    let (servers, name) = place.split_once('/').unwrap_or((place, ""));
    let (hosts, ports) = hosts_and_ports(servers)?;
    parts.put("host", decoded(&hosts)?);
    parts.put("port", decoded(&ports)?);
    parts.put("name", decoded(name)?);
    if let Some(query) = query.strip_prefix('?').filter(|it| !it.is_empty()) {
        // Without an `@`, what stands behind a colon may be a password whose end is missing.
        let tells = signs_in || !servers.contains(':');
        parameters(query, tells, &mut parts)?;
    }
    Ok(parts.with_ports())
}

/// The hosts and the ports of `servers`, each with commas between as their keys take them. The ports are
/// empty when there is none.
fn hosts_and_ports(servers: &str) -> Result<(String, String), String> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for server in servers.split(',') {
        let (host, port) = match server.strip_prefix('[') {
            Some(inner) => {
                let (host, port) = inner.split_once(']').ok_or("has a `[` that is not closed")?;
                if host.is_empty() || !(port.is_empty() || port.starts_with(':')) {
                    return Err("has no IPv6 address, or more than one, in its brackets".to_owned());
                }
                (host, port.strip_prefix(':').unwrap_or_default())
            }
            None => server.split_once(':').unwrap_or((server, "")),
        };
        hosts.push(host);
        ports.push(port);
    }
    let any = |of: &[&str]| of.iter().any(|it| !it.is_empty());
    let each = |port: &&str| if port.is_empty() { PORT.to_owned() } else { (*port).to_owned() };
    let named = if any(&ports) || (any(&hosts) && hosts.len() > 1) {
        ports.iter().map(each).collect::<Vec<_>>().join(",")
    } else {
        String::new()
    };
    Ok((hosts.join(","), named))
}

/// Reads `name=value&name=value` into `parts`. `tells` is whether the name of an unknown one may be told.
fn parameters(query: &str, mut tells: bool, parts: &mut Parts) -> Result<(), String> {
    for parameter in query.split('&') {
        let (name, value) =
            parameter.split_once('=').ok_or("has a parameter without `=` and a value")?;
        if value.contains('=') {
            return Err("has a parameter with a second `=`, which is written `%3D`".to_owned());
        }
        let (name, value) = (decoded(name)?, decoded(value)?);
        // As JDBC says it; libpq takes it, too.
        let (name, value) = match (name.as_str(), value.as_str()) {
            ("ssl", "true") => ("sslmode", Zeroizing::new("require".to_owned())),
            (name, _) => (name, value),
        };
        let Some((_, key)) = KEYS.iter().find(|(known, _)| *known == name) else {
            let is_word = name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it));
            return Err(if is_word && name.len() <= 40 && tells {
                format!("has the parameter `{name}`, which is not taken")
            } else {
                "has a parameter that is not taken".to_owned()
            });
        };
        tells &= !sounds_secret(name);
        let value = if *key == "connect_timeout" { seconds(&value)? } else { value };
        parts.put(key, value);
    }
    Ok(())
}

/// The names of the parameters that are taken.
pub(super) fn known() -> String {
    let names: Vec<_> = KEYS.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

/// libpq counts in seconds, and takes none for no limit.
fn seconds(text: &str) -> Result<Text, String> {
    match text.parse::<u32>() {
        _ if text.is_empty() => Ok(Text::default()),
        Ok(seconds @ 1..) => Ok(format!("{seconds}s").into()),
        _ => Err("has a `connect_timeout` that is no whole number of seconds above 0".to_owned()),
    }
}

/// `text` with each `%XX` replaced. A plus is a plus.
fn decoded(text: &str) -> Result<Text, String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = digit().zip(digit()).ok_or("has a `%` without two hex digits")?;
            u8::try_from(high << 4 | low).unwrap_or_default()
        } else {
            byte
        });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| "is not percent-encoded UTF-8")?;
    if text.chars().any(char::is_control) {
        return Err("has a control character".to_owned());
    }
    Ok(text.to_owned().into())
}

#[cfg(test)]
mod tests;
