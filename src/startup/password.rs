//! From the manifest's `[database]` to a target with its password.

use crate::{
    config::{Database, Pooler},
    diagnostic::{Code, Diagnostic},
    postgres::{
        Target,
        tls::{self, Tls},
    },
    secret::Secret,
};
use std::{io::Read, path::Path, sync::Arc};
use zeroize::Zeroizing;

/// The largest password file, in bytes.
const MAX_BYTES: u64 = 4096;

/// Where the database is, without who signs in.
pub fn place(database: &Database) -> Target {
    let mut hosts = with_ports(&database.host, &database.port);
    let (host, port) = hosts.next().unwrap_or_default();
    let direct = match database.pooler {
        Pooler::Transaction => database.direct_host.as_deref().unwrap_or_default(),
        Pooler::None => &[],
    };
    Target {
        host,
        port,
        also: hosts.collect(),
        direct: with_ports(direct, &database.direct_port).collect(),
        session: database.target_session_attrs,
        shuffles: database.load_balance_hosts,
        database: database.name.clone(),
        user: database.user.clone(),
        password: None,
        connect_timeout: database.connect_timeout,
        application_name: database.application_name.clone(),
        tls: Arc::new(Tls::new(tls::Settings {
            mode: database.sslmode,
            negotiation: database.sslnegotiation,
            channel_binding: database.channel_binding,
            authorities: database.sslrootcert.clone(),
            certificate: database.sslcert.clone(),
            key: database.sslkey.clone(),
        })),
    }
}

/// Each host with its port: there are as many, or one for all.
fn with_ports<'d>(
    hosts: &'d [String],
    ports: &'d [u16],
) -> impl Iterator<Item = (String, u16)> + use<'d> {
    let ports = ports.iter().chain(ports.last().into_iter().cycle());
    hosts.iter().cloned().zip(ports.copied())
}

/// Where the database is, with the password read from its file.
///
/// # Errors
/// When the password's file, or one of TLS, cannot be used, without a word of what is in it.
pub fn with_password(database: &Database) -> Result<Target, Box<Diagnostic>> {
    let password = match &database.password_file {
        Some(path) => Some(read(path, &PASSWORD)?),
        None => database.password.as_ref().map(|it| it.secret.clone()),
    };
    checked(Target { password, ..place(database) })
}

/// The target, when the files of its TLS can be used.
pub(super) fn checked(target: Target) -> Result<Target, Box<Diagnostic>> {
    target.tls.check().map_err(|fault| {
        Diagnostic::error(Code::Unreadable, fault.to_string()).help(fault.help()).boxed()
    })?;
    Ok(target)
}

/// What a file holds, and the key that names it.
struct Held {
    what: &'static str,
    key: &'static str,
}

const PASSWORD: Held = Held { what: "password", key: "database.password_file" };

const URL: Held = Held { what: "connection URL", key: "database.url_file" };

/// The connection URL in a file.
///
/// # Errors
/// When the file cannot be used, without a word of what is in it.
pub(super) fn url(path: &Path) -> Result<Secret, Box<Diagnostic>> {
    read(path, &URL)
}

/// The file's text without the newline that editors put at its end.
fn read(path: &Path, held: &Held) -> Result<Secret, Box<Diagnostic>> {
    let (shown, Held { what, key }) = (path.display(), held);
    let refuse = |why: String| {
        Diagnostic::error(Code::Unreadable, format!("the {what} file {shown} {why}"))
            .help(format!("`{key}` names a file that holds the {what} and nothing else"))
            .boxed()
    };
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(refuse("is larger than 4 KiB".to_owned()));
    }
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(refuse("is empty".to_owned()));
    }
    if password.contains(['\n', '\r', '\0']) {
        return Err(refuse("has more than one line".to_owned()));
    }
    Ok(Secret::new(password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<String, String> {
        let path = std::env::temp_dir().join(format!("howdah-password-{:x}", fastrand::u64(..)));
        std::fs::write(&path, bytes).unwrap();
        let result = read(&path, &PASSWORD);
        std::fs::remove_file(&path).unwrap();
        result.map(|it| it.expose().to_owned()).map_err(|it| it.message().to_owned())
    }

    #[test]
    fn a_closing_newline_does_not_count() {
        for good in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            assert_eq!(of(good.as_bytes()).as_deref(), Ok("s3cret"));
        }
        assert_eq!(of(b" s 3 \n").as_deref(), Ok(" s 3 "));
    }

    #[test]
    fn what_is_no_password_is_refused_and_not_repeated() {
        for bad in [&b""[..], b"\n", b"alpha\nbeta\n", b"a\0b", b"\xff\xfe", &[b'x'; 5000]] {
            let error = of(bad).unwrap_err();
            assert!(!error.contains("alpha") && !error.contains("xxx"), "{error}");
        }
    }
}
