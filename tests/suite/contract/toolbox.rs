//! `services/toolbox`: three small tools that were once holes.

use super::assert_refused;
use crate::support::{
    folder::Folder,
    service::{self, Service},
};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

fn toolbox() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| service::serve("services/toolbox").start())
}

/// Everything but letters and digits percent-encoded.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[track_caller]
fn assert_text(path: &str, expected: &str) {
    let reply = toolbox().get(path);
    assert_eq!(reply.status, 200, "{path}: {reply}");
    let media_type = reply.header("content-type").unwrap();
    assert!(media_type.starts_with("text/plain"), "{reply}");
    assert_eq!(reply.text().trim_end(), expected, "{path}");
}

#[test]
fn it_greets() {
    assert_text("/?name=Ada", "Hello, Ada!");
    assert_text("/", "Hello, World!");
    assert_text("/?name=R2D2", "Hello, R2D2!");
    let longest = "x".repeat(30);
    assert_text(&format!("/?name={longest}"), &format!("Hello, {longest}!"));
}

#[test]
fn a_name_is_letters_and_digits_and_short() {
    let long = "x".repeat(31);
    for name in [
        "",
        &long,
        "Ada Lovelace",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "{name}",
        "{now}",
        "a\r\nSet-Cookie: a=b",
        "../../etc/passwd",
        "';--",
        "$(id)",
        "%s%n",
        "\u{202e}x",
    ] {
        let path = format!("/?name={}", encoded(name));
        assert_refused(toolbox(), &path, &["name"]);
        let told = toolbox().get(&path).text();
        assert!(
            name.len() < 3 || name == "{name}" || !told.contains(name),
            "{name:?} comes back: {told}"
        );
    }
}

/// Whether this process may send ICMP echoes: as root, or by the group range of unprivileged ping.
fn may_ping() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let number = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ping_group_range").unwrap_or_default();
    let range: Vec<u64> = range.split_whitespace().filter_map(|it| it.parse().ok()).collect();
    let group = number("Gid:").unwrap();
    number("Uid:") == Some(0) || matches!(range[..], [from, to] if (from..=to).contains(&group))
}

#[test]
fn it_pings_the_loopback() {
    if !may_ping() {
        eprintln!("skipped: this user may not send ICMP echoes");
        return;
    }
    let mut addresses = vec!["127.0.0.1", "127.8.9.10"];
    if std::net::UdpSocket::bind("[::1]:0").is_ok() {
        addresses.push("::1");
    }
    for address in addresses {
        let reply = toolbox().get(&format!("/ping?ip={address}"));
        assert_eq!(reply.status, 200, "{reply}");
        let text = reply.text();
        assert!(text.contains(address), "{text}");
        assert!(text.contains("1 packets transmitted, 1 received, 0% packet loss"), "{text}");
    }
}

#[test]
fn it_pings_only_addresses_on_the_list() {
    for address in [
        "8.8.8.8",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fd00::1",
        "2001:db8::1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "100.100.100.200",
        "::ffff:169.254.169.254",
        "::ffff:8.8.8.8",
        "64:ff9b::a9fe:a9fe",
        "::",
    ] {
        let reply = toolbox().get(&format!("/ping?ip={}", encoded(address)));
        assert_eq!(reply.status, 403, "{address}: {reply}");
        reply.problem();
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for text in [
        "",
        "localhost",
        "127.0.0.1;id",
        "127.0.0.1 -c 9",
        "$(id)",
        "`id`",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1\n8.8.8.8",
        "127.0.0.1%00",
        "::1%lo",
        "1.2.3.4.5",
        "-h",
        "127.0.0.1/8",
        "[::1]",
        "127.0.0.256",
        "127.0.0.1:80",
        "|echo",
    ] {
        assert_refused(toolbox(), &format!("/ping?ip={}", encoded(text)), &["ip"]);
    }
    assert_refused(toolbox(), "/ping", &["ip"]);
}

#[test]
fn some_addresses_are_refused_whatever_the_list_says() {
    let folder = Folder::new("ping");
    folder.write(
        "howdah.toml",
        "[service]\nname = \"far\"\n[[route]]\nget = \"/ping\"\ntool = \"ping\"\n\
         allow = [\"0.0.0.0/0\", \"::/0\"]\n",
    );
    let service = service::serve(folder.path()).start();
    for address in ["169.254.169.254", "169.254.1.1", "fe80::1", "fd00:ec2::254", "100.100.100.200"]
    {
        let reply = service.get(&format!("/ping?ip={}", encoded(address)));
        assert_eq!(reply.status, 403, "{address}: {reply}");
    }
}

#[test]
fn it_calculates_as_python_does() {
    for (expression, value) in [
        ("2+2", "4"),
        ("7/2", "3.5"),
        ("2**10", "1024"),
        ("-2**2", "-4"),
        ("4/2", "2.0"),
        ("7//2", "3"),
        ("-7//2", "-4"),
        ("-7%3", "2"),
        ("7.5//2", "3.0"),
        ("2**-1", "0.5"),
        ("2**3**2", "512"),
        ("(1+2)*3", "9"),
        ("1<2<3", "True"),
        ("1==1.0", "True"),
        ("3!=3", "False"),
        ("1e16", "1e+16"),
        ("0.1+0.2", "0.30000000000000004"),
        ("sqrt(16)", "4.0"),
        ("pi", "3.141592653589793"),
        ("abs(-3)", "3"),
        ("2**64", "18446744073709551616"),
        (" 1 + 1 ", "2"),
        ("+-+1", "-1"),
    ] {
        assert_text(&format!("/calculate?expr={}", encoded(expression)), value);
    }
}

#[test]
fn anything_else_is_refused_with_its_position() {
    for (expression, position) in
        [("2+", None), ("2 $ 3", Some("3")), ("1+*2", Some("3")), ("", None)]
    {
        let path = format!("/calculate?expr={}", encoded(expression));
        assert_refused(toolbox(), &path, &["expr"]);
        if let Some(position) = position {
            let reply = toolbox().get(&path);
            assert!(reply.text().contains(position), "{expression}: {reply}");
        }
    }
    for expression in [
        "__import__('os').system('id')",
        "open('/etc/passwd')",
        "().__class__",
        "[1]",
        "'a'*9",
        "x",
        "1;2",
        "lambda: 1",
        "1 if 1 else 2",
        "1/0",
        "1//0",
        "1%0",
        "sqrt(-1)",
        "1=1",
        "2(3)",
        "１＋１",
    ] {
        assert_refused(toolbox(), &format!("/calculate?expr={}", encoded(expression)), &["expr"]);
    }
}

#[test]
fn what_would_cost_too_much_is_refused_at_once() {
    let deep = format!("{}1{}", "(".repeat(500), ")".repeat(500));
    let signs = format!("{}1", "-".repeat(1500));
    let long = "1+".repeat(3000) + "1";
    for expression in [
        "9**9**9**9",
        "9**99999999",
        "(9**999)**999",
        "factorial(99999)",
        "2**2**2**2**2",
        &deep,
        &signs,
        &long,
    ] {
        let start = Instant::now();
        let reply = toolbox().get(&format!("/calculate?expr={}", encoded(expression)));
        let shown = &expression[..expression.len().min(20)];
        assert!(reply.status == 400 || reply.status == 414, "{shown}: {reply}");
        reply.problem();
        assert!(start.elapsed() < Duration::from_secs(2), "{shown}");
    }
}
