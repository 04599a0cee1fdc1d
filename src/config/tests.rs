use super::*;
use crate::secret::Secret;
use std::time::Duration;

const MINIMAL: &str = "[service]\nname = \"my-service\"\n";

fn variables(name: &str) -> Option<String> {
    let value = match name {
        "PORT" => "8080",
        "EMPTY" => "",
        "TRUTH" => "true",
        "TIME" => "1m30s",
        "BRACES" => "{now}",
        "PASSWORD" => "s3cret",
        "HOWDAH_LISTEN_ADMIN" => "off",
        "HOWDAH_LANES_READ_CONNECTIONS" => "7",
        _ => return None,
    };
    Some(value.into())
}

fn read_in(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
    overrides: &[(&str, &str)],
) -> Result<(Config, Diagnostics), String> {
    let overrides: Vec<_> =
        overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    read(&SourceFile::new("howdah.toml", text), environment, &overrides)
        .map_err(|diagnostics| diagnostics.render(false))
}

fn good(text: &str) -> Config {
    let (config, warnings) = read_in(text, &|_| None, &[]).unwrap();
    assert!(warnings.is_empty(), "{}", warnings.render(false));
    config
}

fn bad(text: &str) -> String {
    read_in(text, &variables, &[]).unwrap_err()
}

/// Everything that two manifests can differ in, but routes.
fn assert_same(one: &Config, two: &Config) {
    assert_eq!(one.service, two.service);
    assert_eq!(one.listen, two.listen);
    assert_eq!(one.database, two.database);
    assert_eq!(one.lanes, two.lanes);
    assert_eq!(one.limits, two.limits);
    assert_eq!(one.log, two.log);
}

#[test]
fn defaults_hold_when_nothing_is_said() {
    let config = good(MINIMAL);
    assert_eq!(config.service.version, "0.0.0");
    assert_eq!(config.listen.http.to_string(), "0.0.0.0:3000");
    assert_eq!(config.listen.admin.unwrap().to_string(), "127.0.0.1:9000");
    assert_eq!(config.database, None);
    assert_eq!(config.lanes.len(), 2);
    assert_eq!(config.lanes["read"].access, Access::Read);
    assert_eq!(config.lanes["write"].access, Access::Write);
    assert_eq!(config.lanes["write"].deadline, Duration::from_secs(10));
    assert_eq!(config.limits.body, 1 << 20);
    assert_eq!(config.log.level, Level::Info);
}

#[test]
fn the_documented_default_is_the_default() {
    let text = Config::documented_default();
    assert_same(&good(&text), &good(MINIMAL));
}

#[test]
fn what_the_documented_default_comments_out_is_valid_too() {
    let keys = Config::documented_default()
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n");
    let environment = |name: &str| match name {
        "DB_PASSWORD" => Some("s3cret".to_owned()),
        "DATABASE_URL" => Some(String::new()),
        _ => None,
    };
    let says_nothing = |_: &Path| Ok(Secret::new("postgresql://".to_owned()));
    let source = SourceFile::new("howdah.toml", keys);
    let (config, warnings) = read_with_files(&source, &environment, &[], &says_nothing).unwrap();
    assert_eq!(config.database.unwrap().user, "my_role");
    assert_eq!(config.lanes["read"].access, Access::Read);
    assert_eq!(config.routes.len(), 1);
    assert_eq!(
        warnings.counts(),
        (0, 2),
        "password and password_file; direct_host without a pooler"
    );
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file() {
    let text = format!(
        "{MINIMAL}[listen]\nadmin = \":1\"\nhttp = \":2\"\n[lanes.read]\nconnections = 2\n"
    );
    let (config, _) = read_in(&text, &|_| None, &[]).unwrap();
    assert_eq!(config.listen.admin.unwrap().to_string(), "0.0.0.0:1");
    let (config, _) = read_in(&text, &variables, &[]).unwrap();
    assert_eq!(config.listen.admin, None);
    assert_eq!(config.lanes["read"].connections, 7);
    assert_eq!(config.lanes["write"].connections, 4);
    let flags = [("listen.admin", ":3"), ("listen.http", ":4"), ("listen.http", ":5")];
    let (config, _) = read_in(&text, &variables, &flags).unwrap();
    assert_eq!(config.listen.admin.unwrap().to_string(), "0.0.0.0:3");
    assert_eq!(config.listen.http.to_string(), "0.0.0.0:5", "the last flag counts");
}

#[test]
fn a_flag_that_sets_nothing_is_an_error() {
    let text = read_in(MINIMAL, &|_| None, &[("listen.htpp", ":1"), ("lanes.red.queue", "1")])
        .unwrap_err();
    assert!(text.contains("`listen.htpp`"), "{text}");
    assert!(text.contains("did you mean `listen.http`?"), "{text}");
    assert!(text.contains("did you mean `lanes.read.queue`?"), "{text}");
    // The database is not configured, and its keys are known all the same.
    let text = read_in(MINIMAL, &|_| None, &[("database.prot", "1")]).unwrap_err();
    assert!(text.contains("did you mean `database.port`?"), "{text}");
}

#[test]
fn what_is_wrong_outside_the_file_says_where() {
    let environment = |name: &str| (name == "HOWDAH_LISTEN_HTTP").then(|| "nowhere".to_owned());
    let text = read_in(MINIMAL, &environment, &[("log.level", "loud")]).unwrap_err();
    assert!(text.contains("the environment variable `HOWDAH_LISTEN_HTTP` takes"), "{text}");
    assert!(text.contains("`--set log.level=…` takes"), "{text}");
}

#[test]
fn any_source_makes_a_database() {
    let (config, _) = read_in(MINIMAL, &|_| None, &[("database.name", "rates")]).unwrap();
    let database = config.database.unwrap();
    assert_eq!((database.name.as_str(), database.user.as_str()), ("rates", "rates"));
    assert_eq!((database.host, database.port), (vec!["localhost".to_owned()], vec![5432]));
    let text = read_in(MINIMAL, &|_| None, &[("database.port", "1")]).unwrap_err();
    assert!(text.contains("`database.name` is missing"), "{text}");
}

#[test]
fn what_tls_to_the_database_takes_together_is_checked() {
    let with = |settings: &[(&str, &str)]| {
        let name = ("database.name", "rates");
        let flags: Vec<_> = settings.iter().copied().chain([name]).collect();
        read_in(MINIMAL, &|_| None, &flags)
    };
    let file = ("database.sslrootcert", "/a.crt");
    let (config, _) = with(&[file, ("database.sslmode", "verify-ca")]).unwrap();
    let database = config.database.unwrap();
    assert_eq!(database.sslmode, Some(SslMode::VerifyCa));
    assert_eq!(database.sslrootcert, Some(Authorities::File("/a.crt".into())));
    for good in [
        &[("database.sslrootcert", "system")][..],
        &[("database.sslmode", "verify-full")],
        &[file, ("database.sslnegotiation", "direct")],
        &[("database.sslcert", "/c"), ("database.sslkey", "/k")],
        &[("database.channel_binding", "require")],
        &[("database.sslmode", "")],
    ] {
        assert!(with(good).is_ok(), "{good:?}");
    }
    for (bad, word) in [
        (&[("database.sslmode", "verify-ca")][..], "names no file"),
        (&[("database.sslmode", "require"), ("database.sslrootcert", "system")], "`system`"),
        (&[("database.sslkey", "/k")], "without `sslcert`"),
        (&[("database.sslnegotiation", "direct")], "`direct`"),
        (&[("database.sslnegotiation", "direct"), ("database.sslmode", "prefer")], "`direct`"),
        (
            &[("database.channel_binding", "require"), ("database.sslmode", "disable")],
            "`require`, and `sslmode`",
        ),
        (&[("database.sslmode", "verify_full")], "not `verify_full`"),
    ] {
        let text = with(bad).unwrap_err();
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn several_hosts_have_one_port_or_one_each() {
    let with = |host, port| {
        let flags = [("database.name", "a"), ("database.host", host), ("database.port", port)];
        read_in(MINIMAL, &|_| None, &flags).map(|(config, _)| config.database.unwrap())
    };
    let database = with("a.example,/run/b,::1", "5432,5433,5434").unwrap();
    assert_eq!(database.host, ["a.example", "/run/b", "::1"]);
    assert_eq!(database.port, [5432, 5433, 5434]);
    assert_eq!(database.target_session_attrs, SessionAttrs::ReadWrite);
    assert_eq!(with("a,b", "5432").unwrap().port, [5432]);
    assert_eq!(with("a", "1").unwrap().target_session_attrs, SessionAttrs::Any);
    for (host, port) in [("a,b,c", "1,2"), ("a", "1,2"), ("a,,b", "1"), ("a", "1,"), ("a,b", "0,1")]
    {
        let text = with(host, port).unwrap_err();
        assert!(text.contains("`database.") || text.contains("--set database."), "{text}");
    }
}

#[test]
fn references_stand_for_values_of_every_kind() {
    let text = r#"
        [service]
        name = "rates"
        version = "v${UNSET:-1}$${PORT}"
        [listen]
        http = "127.0.0.1:${PORT:-3000}"
        [database]
        port = "${DB_PORT:-5433}"
        name = "${EMPTY:-rates}"
        password_file = "${DB_PASSWORD_FILE:-}"
        password = "${EMPTY}"
        connect_timeout = "${TIME}"
        [limits]
        body = "${SIZE:-2} MiB"
        [[route]]
        get = "/"
        reply = { truth = "${TRUTH}", text = "${BRACES} {now}" }
    "#;
    let (config, warnings) = read_in(text, &variables, &[]).unwrap();
    assert!(warnings.is_empty(), "{}", warnings.render(false));
    assert_eq!(config.service.version, "v1${PORT}");
    assert_eq!(config.listen.http.to_string(), "127.0.0.1:8080");
    let database = config.database.unwrap();
    assert_eq!((database.port.as_slice(), database.name.as_str()), (&[5433][..], "rates"));
    assert!(database.password.is_none() && database.password_file.is_none());
    assert_eq!(database.connect_timeout, Duration::from_secs(90));
    assert_eq!(config.limits.body, 2 << 20);
    let json = serde_json::json!({ "truth": "true", "text": "{{now}} {now}" });
    let body = crate::definition::route::Template::Json(json);
    assert_eq!(
        config.routes[0].action,
        crate::definition::route::Action::Reply { status: 200, body }
    );
}

#[test]
fn a_password_is_never_shown() {
    let text = format!("{MINIMAL}[database]\nname = \"d\"\npassword = \"hünter2\"\n");
    let rendered = bad(&text);
    assert!(rendered.contains("error[literal-secret]"), "{rendered}");
    assert!(rendered.contains("howdah.toml:5:12"), "{rendered}");
    assert!(!rendered.contains("nter2"), "{rendered}");
    let rendered = read_in(&text, &|_| None, &[("database.password", "hunter2")]).unwrap_err();
    assert!(rendered.contains("not taken from the command line"), "{rendered}");
    assert!(!rendered.contains("nter2"), "{rendered}");
    // A number, and a default in the reference, are literal too.
    for value in ["12345678", "\"${PASSWORD:-12345678}\"", "\"${PASSWORD}12345678\""] {
        let rendered = bad(&text.replace("\"hünter2\"", value));
        assert!(rendered.contains("error[literal-secret]"), "{rendered}");
        assert!(!rendered.contains("12345678"), "{rendered}");
    }
}

#[test]
fn a_password_from_the_environment_is_taken_with_a_warning() {
    let text = format!("{MINIMAL}[database]\nname = \"d\"\npassword = \"${{PASSWORD}}\"\n");
    let (config, warnings) = read_in(&text, &variables, &[]).unwrap();
    let database = config.database.unwrap();
    assert_eq!(database.password.as_ref().unwrap().secret.expose(), "s3cret");
    assert!(!format!("{database:?}").contains("s3cret"));
    assert_eq!(warnings.counts(), (0, 1));
    let text = format!("{text}password_file = \"/p\"\n");
    let (config, warnings) = read_in(&text, &variables, &[]).unwrap();
    let database = config.database.unwrap();
    assert!(database.password.is_none());
    assert_eq!(database.password_file.unwrap().as_os_str(), "/p");
    assert_eq!(warnings.counts(), (0, 1));
}

#[test]
fn variables_that_set_nothing_are_named() {
    let config = good(MINIMAL);
    let names = [
        "HOWDAH_LISTEN_HTTP",
        "HOWDAH_LANES_READ_QUEUE",
        "HOWDAH_LISTEN_HTPT",
        "HOWDAH_LISTNE_HTTP",
        "HOWDAH_LANES_REPORTS_QUEUE",
        "HOWDAH_POSTGRES_BIN",
        "HOWDAH_BLESS",
        "HOME",
    ];
    let warnings = config.unknown_variables(names.map(String::from));
    assert_eq!(warnings.counts(), (0, 3));
    let text = warnings.render(false);
    assert!(text.contains("`HOWDAH_LISTEN_HTPT` sets nothing"), "{text}");
    assert!(text.contains("`HOWDAH_LISTNE_HTTP` sets nothing"), "{text}");
    assert!(text.contains("did you mean `HOWDAH_LISTEN_HTTP`?"), "{text}");
    assert!(text.contains("`HOWDAH_LANES_REPORTS_QUEUE` sets nothing"), "{text}");
}

#[test]
fn a_statement_that_outlives_its_request_gives_a_warning() {
    let text = format!("{MINIMAL}[lanes.reports]\nstatement_timeout = \"20s\"\n");
    let (config, warnings) = read_in(&text, &|_| None, &[]).unwrap();
    assert_eq!(config.lanes["reports"].access, Access::Read);
    let text = warnings.render(false);
    assert!(text.contains("`statement_timeout` (20s) is longer than `deadline` (10s)"), "{text}");
    assert!(text.contains("howdah.toml:4:21"), "{text}");
}

#[test]
fn a_manifest_beyond_all_bounds_is_refused() {
    let text = format!("# {}", "x".repeat(MAX_MANIFEST_BYTES));
    assert!(bad(&text).contains("error[unreadable]"));
}

#[test]
fn a_connection_url_is_refused_and_its_password_not_shown() {
    for host in [
        "postgresql://u:s3cret@h:5432/db",
        "postgres://u:s3%63ret@[::1]/db?sslmode=disable",
        "postgresql://u:s3cret@%2Frun%2Fpostgresql/db",
        "host=h password=s3cret dbname=db",
    ] {
        let manifest = format!("{MINIMAL}\n[database]\nname = \"d\"\nhost = \"{host}\"\n");
        let nothing = |_: &str| None;
        let variable = |name: &str| (name == "HOWDAH_DATABASE_HOST").then(|| host.to_owned());
        let plain = format!("{MINIMAL}\n[database]\nname = \"d\"\n");
        let in_file = read_in(&manifest, &nothing, &[]).unwrap_err();
        assert!(in_file.contains("a connection URL or string is no host"), "{in_file}");
        for said in [in_file, read_in(&plain, &variable, &[]).unwrap_err()] {
            assert!(!said.contains("s3cret") && !said.contains("s3%63"), "{said}");
        }
    }
}
