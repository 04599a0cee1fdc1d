use crate::{
    config::{self, Config, SessionAttrs, SslMode},
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    secret::Secret,
};
use proptest::prelude::*;
use std::{path::Path, time::Duration};

const PLANTED: &str = "planted hunter2";

/// The manifest with this below `[database]`, where these variables are set and `/url` holds `file`.
fn read(
    below: &str,
    variables: &[(&str, &str)],
    file: Option<&str>,
    flags: &[(&str, &str)],
) -> Result<(Config, Diagnostics), String> {
    let text = format!("[service]\nname = \"a\"\n[database]\n{below}");
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let flags: Vec<_> =
        flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let files = |path: &Path| match file.filter(|_| path == Path::new("/url")) {
        Some(text) => Ok(Secret::new(text.to_owned())),
        None => Err(Diagnostic::error(Code::Unreadable, "the connection URL file is gone").boxed()),
    };
    config::read_with_files(&SourceFile::new("howdah.toml", text), &variable, &flags, &files)
        .map_err(|found| found.render(false))
}

const FILE: &str = "url_file = \"/url\"\n";

#[test]
fn a_url_says_what_the_keys_would() {
    let url = "postgresql://rates:p%40ss@db1.example,[::1]:5433/prices?target_session_attrs=primary\
               &sslmode=verify-full&sslrootcert=/run/ca.crt&connect_timeout=7&application_name=x\
               &load_balance_hosts=random";
    let (config, warnings) = read(FILE, &[], Some(url), &[]).unwrap();
    assert!(warnings.is_empty(), "{}", warnings.render(false));
    let it = config.database.unwrap();
    assert_eq!((it.host, it.port), (vec!["db1.example".into(), "::1".into()], vec![5432, 5433]));
    assert_eq!((it.name.as_str(), it.user.as_str()), ("prices", "rates"));
    let password = it.password.unwrap();
    assert_eq!((password.secret.expose(), password.in_environment), ("p@ss", false));
    assert_eq!(
        (it.target_session_attrs, it.sslmode),
        (SessionAttrs::Primary, Some(SslMode::VerifyFull))
    );
    assert_eq!((it.connect_timeout, it.application_name.as_str()), (Duration::from_secs(7), "x"));
    assert!(it.load_balance_hosts && it.url.is_none());
    // Whoever names no database means the user's own.
    let (config, _) = read(FILE, &[], Some("postgresql://rates@h"), &[]).unwrap();
    assert_eq!(config.database.unwrap().name, "rates");
    let (config, _) =
        read(&format!("{FILE}name = \"b\""), &[], Some("postgresql://r@h"), &[]).unwrap();
    assert_eq!(config.database.unwrap().name, "b");
    // The same checks look at what it says.
    for (url, word) in [
        ("postgresql://r@a,b,c/d?port=1,2", "2 ports for 3 hosts"),
        ("postgresql://r@h/d?sslmode=verify-ca", "`sslrootcert` names no file"),
        (
            "postgresql://r@h/d?sslmode=allow",
            "`sslmode` of the connection URL of `database.url_file`",
        ),
        ("postgresql://r@h:99999/d", "`port` of the connection URL"),
        ("postgresql://r@a,,b/d", "`host` of the connection URL"),
        ("postgresql://h", "`database.name` is missing"),
    ] {
        let said = read(FILE, &[], Some(url), &[]).unwrap_err();
        assert!(said.contains(word), "{url}: {said}");
    }
}

#[test]
fn it_goes_before_the_file_and_behind_flags_and_variables() {
    let below = "url = \"${DATABASE_URL:-}\"\nhost = \"filed\"\nport = 1\nname = \"n\"\n\
                 password_file = \"/run/p\"\n";
    let url = ("DATABASE_URL", "postgresql://u:secret@h/d");
    let database = |variables: &[_], flags: &[_]| {
        let (config, warnings) = read(below, variables, None, flags).unwrap();
        (config.database.unwrap(), warnings.render(false))
    };
    let (it, said) = database(&[], &[]);
    assert_eq!((it.host[0].as_str(), it.port[0], it.password_file.is_some()), ("filed", 1, true));
    assert_eq!(said, "");
    let (it, said) = database(&[url], &[]);
    assert_eq!((it.host[0].as_str(), it.port[0], it.name.as_str()), ("h", 5432, "d"));
    assert!(it.password.unwrap().in_environment && it.password_file.is_none());
    assert!(said.contains("the password in `database.url` comes from the environment"), "{said}");
    let own = [url, ("HOWDAH_DATABASE_HOST", "own"), ("HOWDAH_DATABASE_PASSWORD_FILE", "/p")];
    let (it, said) = database(&own, &[("database.name", "flagged")]);
    assert_eq!((it.host[0].as_str(), it.name.as_str()), ("own", "flagged"));
    assert!(it.password.is_none() && it.password_file.is_some());
    assert!(said.contains("both the password in `database.url` and"), "{said}");
    // Without a password in it there is nothing to warn of, and the file's own place stays.
    let (it, said) = database(&[("DATABASE_URL", "postgresql://u@h/d")], &[]);
    assert_eq!((it.password_file.is_some(), said.as_str()), (true, ""));
    // The variable of the setting does without a manifest that refers to it.
    let (config, _) = read("", &[("HOWDAH_DATABASE_URL", url.1)], None, &[]).unwrap();
    assert_eq!(config.database.unwrap().user, "u");
    // Of two places the file is the better one.
    let both =
        [("HOWDAH_DATABASE_URL", "postgresql://u:a@other/d"), ("HOWDAH_DATABASE_URL_FILE", "/url")];
    let (config, said) = read("", &both, Some("postgresql://u:b@h/d"), &[]).unwrap();
    assert_eq!(config.database.unwrap().password.unwrap().secret.expose(), "b");
    assert!(said.render(false).contains("both `database.url` and `database.url_file`"));
}

#[test]
fn it_stands_neither_in_the_manifest_nor_on_the_command_line() {
    let url = format!("postgresql://u:{PLANTED}@h/d");
    let literal = format!("url = \"{url}\"\n");
    for (below, flags) in [(literal.as_str(), vec![]), ("", vec![("database.url", url.as_str())])] {
        let said = read(below, &[], None, &flags).unwrap_err();
        assert!(said.contains("error[literal-secret]") && said.contains("`url_file`"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let said = read(FILE, &[], None, &[]).unwrap_err();
    assert!(said.contains("is gone") && said.contains("error[unreadable]"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// No diagnostic, and no part but the password, shows a piece of one that was not encoded.
    #[test]
    fn no_diagnostic_shows_the_password(
        pieces in prop::collection::vec("[@/:?#&=%+\\[\\],. '\"$]{0,3}", 1..4),
        place in 0..3,
        tail in "(\\?(sslmode|target_session_attrs|connect_timeout|schema)=[a-z0-9]{0,5})?",
    ) {
        let password = pieces.iter().map(|piece| format!("{piece}hunter2")).collect::<Vec<_>>().concat();
        let url = format!("postgresql://u:{password}@h:5432/d{tail}");
        let result = match place {
            0 => read(FILE, &[], Some(&url), &[]),
            1 => read("url = \"${DATABASE_URL}\"\n", &[("DATABASE_URL", &url)], None, &[]),
            _ => read(&format!("url = '''{url}'''\n"), &[], None, &[]),
        };
        match result {
            Err(said) => prop_assert!(!said.contains("hunter2"), "{said}"),
            Ok((config, warnings)) => {
                let database = config.database.unwrap();
                let said = format!("{database:?}{}{:?}", warnings.render(true), database.application_name);
                prop_assert!(!said.contains("hunter2"), "{said}");
                prop_assert!(database.password.is_some());
            }
        }
    }
}
