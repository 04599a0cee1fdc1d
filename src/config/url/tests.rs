use super::*;
use proptest::prelude::*;
use tokio_postgres::config::Host;

fn read(url: &str) -> Result<Vec<(&'static str, String)>, String> {
    let parts = parse(url)?.into_texts();
    Ok(parts.into_iter().map(|(key, text)| (key, text.to_string())).collect())
}

/// The texts of some keys, empty where the URL says nothing.
fn texts<const N: usize>(url: &str, keys: [&str; N]) -> [String; N] {
    let parts = parse(url).unwrap_or_else(|why| panic!("{url} {why}"));
    keys.map(|key| parts.text(key).map(|it| it.to_string()).unwrap_or_default())
}

#[test]
fn the_parts_are_those_of_libpq() {
    for (url, expected) in [
        ("postgresql://", ["", "", "", "", ""]),
        ("postgres://localhost", ["localhost", "5432", "", "", ""]),
        ("postgresql://localhost:5433", ["localhost", "5433", "", "", ""]),
        ("postgresql://localhost/mydb", ["localhost", "5432", "mydb", "", ""]),
        ("postgresql://user@localhost", ["localhost", "5432", "", "user", ""]),
        ("postgresql://user:secret@localhost", ["localhost", "5432", "", "user", "secret"]),
        ("postgresql://h1:123,h2:456/db", ["h1,h2", "123,456", "db", "", ""]),
        ("postgresql://h1,h2:5433/db", ["h1,h2", "5432,5433", "db", "", ""]),
        ("postgresql://[2001:db8::1234]/database", ["2001:db8::1234", "5432", "database", "", ""]),
        ("postgresql://u@[::1]:5433,h/d", ["::1,h", "5433,5432", "d", "u", ""]),
        ("postgresql://%2Fvar%2Flib/dbname", ["/var/lib", "5432", "dbname", "", ""]),
        ("postgresql:///mydb?host=localhost&port=5433", ["localhost", "5433", "mydb", "", ""]),
        ("postgresql:///?user=u&password=p%26%3D", ["", "", "", "u", "p&="]),
        ("postgresql://a/?dbname=d&host=/run/s", ["/run/s", "5432", "d", "", ""]),
        ("postgresql://:5433/db", ["", "5433", "db", "", ""]),
        ("postgresql://u:p%40s%2Fs%3A%25@h/a%20b", ["h", "5432", "a b", "u", "p@s/s:%"]),
        ("postgresql://u:p:q?r#s+t@h", ["h", "5432", "", "u", "p:q?r#s+t"]),
    ] {
        assert_eq!(texts(url, ["host", "port", "name", "user", "password"]), expected, "{url}");
    }
    let url = "postgresql://h/d?target_session_attrs=prefer-standby&sslmode=verify-full&sslrootcert=%2Fa\
               &connect_timeout=10&application_name=my%20app&sslmode=require&channel_binding=";
    let keys = ["target_session_attrs", "sslmode", "sslrootcert", "connect_timeout"];
    assert_eq!(texts(url, keys), ["prefer-standby", "require", "/a", "10s"]);
    assert_eq!(texts(url, ["application_name", "channel_binding"]), ["my app", ""]);
    assert_eq!(texts("postgresql://h?ssl=true", ["sslmode"]), ["require"]);
}

#[test]
fn what_is_no_url_is_refused_with_its_reason() {
    for (url, why) in [
        ("", "does not begin"),
        ("mysql://u@h/d", "does not begin"),
        ("host=h dbname=d", "does not begin"),
        ("postgresql://[::1/d", "not closed"),
        ("postgresql://[]/d", "brackets"),
        ("postgresql://[::1]x/d", "brackets"),
        ("postgresql://u%4@h", "`%` without"),
        ("postgresql://u%zz@h", "`%` without"),
        ("postgresql://u%ff@h", "UTF-8"),
        ("postgresql://u%00@h", "control"),
        ("postgresql://u:p@h/d?sslmode", "without `=`"),
        ("postgresql://u:p@h/d?a=b=c", "second `=`"),
        ("postgresql://u:p@h/d?connect_timeout=0", "`connect_timeout`"),
        ("postgresql://u:p@h/d?connect_timeout=1s", "`connect_timeout`"),
        ("postgresql://u:p@h/d?schema=public", "the parameter `schema`, which is not taken"),
        ("postgresql://u:p@h/d?hostaddr=::1", "the parameter `hostaddr`"),
        ("postgresql://u:p@ss@h/d", "an `@` where none"),
        ("postgresql://u:p/ss@h/d", "an `@` where none"),
        ("postgresql://u:1/ss@h/d", "an `@` where none"),
    ] {
        let said = read(url).unwrap_err();
        assert!(said.contains(why), "{url}: {said}");
    }
    // What may be a piece of a password is not told.
    for url in [
        "postgresql:///?password=a&hunter2=b",
        "postgresql:///?hunter%202=x",
        "postgresql://u:a?hunter2=x",
        "postgresql://u:?hunter2=&",
    ] {
        assert_eq!(read(url).unwrap_err(), "has a parameter that is not taken");
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let each =
        |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(each).collect()
}

/// Any text that PostgreSQL takes for a name.
fn name() -> impl Strategy<Value = String> {
    "\\PC{1,12}"
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_as_the_client_library_reads_it(
        user in name(),
        password in name(),
        database in name(),
        hosts in prop::collection::vec(("[a-z]{1,8}(\\.[a-z]{1,5})?|/[a-z/@,]{1,8}", any::<Option<u16>>()), 1..4),
    ) {
        let hosts: Vec<_> = hosts.into_iter().map(|(host, port)| (host.replace(',', ""), port)).collect();
        let server = |(host, port): &(String, Option<u16>)| {
            let port = port.map(|it| format!(":{it}")).unwrap_or_default();
            format!("{}{port}", encoded(host))
        };
        let servers: Vec<_> = hosts.iter().map(server).collect();
        let url = format!(
            "postgresql://{}:{}@{}/{}",
            encoded(&user), encoded(&password), servers.join(","), encoded(&database)
        );
        let ours = texts(&url, ["user", "password", "name", "host", "port"]);
        let theirs: tokio_postgres::Config = url.parse().unwrap();
        prop_assert_eq!(&ours[0], theirs.get_user().unwrap());
        prop_assert_eq!(ours[1].as_bytes(), theirs.get_password().unwrap());
        prop_assert_eq!(&ours[2], theirs.get_dbname().unwrap());
        let names: Vec<_> = theirs.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        }).collect();
        prop_assert_eq!(&ours[3], &names.join(","));
        let ports: Vec<_> = theirs.get_ports().iter().map(u16::to_string).collect();
        prop_assert_eq!(&ours[4], &ports.join(","));
    }

    /// Whatever is forgotten to be encoded: no error shows a piece of the password.
    #[test]
    fn no_error_shows_the_password(
        pieces in prop::collection::vec("[@/:?#&=%+\\[\\], ]{0,3}", 1..5),
        tail in "[?&]?(sslmode|schema|port|x)?=?[a-z@/:?&=%]{0,6}",
        first in prop_oneof![Just("u:"), Just(":"), Just("/d?password="), Just("u@h/d?password="), Just("u@h/?sslpassword=")],
    ) {
        let password = pieces.iter().map(|piece| format!("{piece}hunter2")).collect::<Vec<_>>().concat();
        for url in [
            format!("postgresql://{first}{password}@h:5432/d{tail}"),
            format!("postgresql://{first}{password}{tail}"),
            format!("{first}{password}@h:5432/d{tail}"),
        ] {
            match read(&url) {
                Err(said) => prop_assert!(!said.contains("hunter2"), "{url}: {said}"),
                // With an `@` the password ends there, and no piece of it is taken for something else.
                Ok(parts) if url.contains("@h:") && first.ends_with(':') => {
                    for (key, text) in parts {
                        prop_assert!(key == "password" || !text.contains("hunter2"), "{url}: {key}");
                    }
                }
                Ok(_) => {}
            }
        }
    }
}
