//! Front matter that says `cache` and means nothing.

use super::*;
use crate::support::{folder::Folder, service::project};

#[test]
fn what_cannot_be_kept_is_refused_with_its_place() {
    for (text, expected) in [
        ("post = '/a'\ncache = '10s'", "`cache` is for GET"),
        ("get = '/a'\ncache = 10", "`cache` takes"),
        ("get = '/a'\ncache = 'soon'", "takes whole seconds from 1s to 1day"),
        ("get = '/a'\ncache = '0s'", "takes whole seconds"),
        ("get = '/a'\ncache = '500ms'", "takes whole seconds"),
        ("get = '/a'\ncache = '2days'", "takes whole seconds"),
        ("get = '/a'\ncache = { channel = 'a' }", "`cache.ttl`"),
        ("get = '/a'\ncache = { ttl = '1s', chanel = 'a' }", "did you mean `channel`?"),
        ("get = '/a'\ncache = { ttl = '1s', channel = '' }", "is no name of a channel"),
        ("get = '/a'\ncache = '1s'\nstream = true", "is for answers that are given whole"),
        ("get = '/a'\ncache = '1s'\nmax_rows = 20000", "is for answers that are given whole"),
    ] {
        let folder = Folder::new("cache");
        let manifest = std::fs::read_to_string(project(FOLDER).join("howdah.toml")).unwrap();
        folder.write("howdah.toml", manifest);
        folder.write("endpoints/a.sql", format!("/*\n{text}\n*/\nSELECT 1 AS a"));
        let mut command = howdah(["check"]);
        let names = ["DB_HOST", "DB_NAME", "DB_USER"].map(|name| (name, "a"));
        let output = command.arg(folder.path()).envs(names).env("DB_PORT", "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{text}: {said}");
        assert!(said.contains("a.sql:"), "{said}");
    }
}

#[test]
fn a_channel_is_refused_where_reads_may_go_to_another_server_than_the_one_that_notifies() {
    let channel = "cache = { ttl = '1h', channel = 'a' }";
    let any = "\ntarget_session_attrs = \"any\"";
    let standby = "\n[lanes.read]\ntarget_session_attrs = \"prefer-standby\"\n";
    for (cache, hosts, database, lanes, good) in [
        (channel, "a", "", "", true),
        (channel, "a,b", "", "", true),
        (channel, "a,b", any, "", false),
        (channel, "a,b", "", standby, false),
        ("cache = '1h'", "a,b", "", standby, true),
    ] {
        let folder = Folder::new("cache");
        let manifest = std::fs::read_to_string(project(FOLDER).join("howdah.toml")).unwrap();
        let manifest = manifest.replace("[database]", &format!("[database]{database}"));
        folder.write("howdah.toml", manifest + lanes);
        let text = format!("/*\nget = '/a'\nauth = 'public'\n{cache}\n*/\nSELECT 1 AS a");
        folder.write("endpoints/a.sql", text);
        let mut command = howdah(["check"]);
        let names = [("DB_HOST", hosts), ("DB_NAME", "a"), ("DB_USER", "a"), ("DB_PORT", "1")];
        let output = command.arg(folder.path()).envs(names).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let case = format!("{cache} {hosts} {database} {lanes}: {said}");
        assert_eq!(output.status.success(), good, "{case}");
        let refused =
            said.contains("a.sql:4") && said.contains("lane `read` may read from another");
        assert_eq!(refused, !good, "{case}");
    }
}
