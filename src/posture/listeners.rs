//! Checks of the listeners: who reaches them, and what a caller may cost.

use super::{Area, Check, Severity, Verdict};
use crate::config::{Address, Level};
use std::{net::IpAddr, time::Duration};

/// Whether an address can be reached from this host alone.
pub(super) fn is_local(address: &Address) -> bool {
    match address {
        Address::Unix(_) => true,
        Address::Tcp(host, _) => {
            host == "localhost"
                || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
        }
    }
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "admin-listener-local",
        title: "Operators' pages are for this host alone",
        area: Area::Listeners,
        severity: Severity::High,
        why: "Readiness, metrics and this report tell an attacker what to try.",
        remedy: "Set `listen.admin` to a loopback address or a unix socket.",
        controls: &["NIST SC-7", "NIST AC-3"],
        judge: |evidence| match &evidence.config.listen.admin {
            None => Verdict::Skip("there is no such listener".to_owned()),
            Some(address) => Verdict::of(is_local(address), address.to_string()),
        },
    },
    Check {
        id: "callers-limited",
        title: "Callers' connections are limited",
        area: Area::Listeners,
        severity: Severity::Medium,
        why: "Each connection costs memory and a descriptor.",
        remedy: "Set `limits.connections` to 100,000 or less.",
        controls: &["NIST SC-5"],
        judge: |evidence| {
            let limit = evidence.config.limits.connections;
            Verdict::of(limit <= 100_000, format!("{limit} connections"))
        },
    },
    Check {
        id: "bodies-limited",
        title: "Request bodies are limited",
        area: Area::Listeners,
        severity: Severity::Medium,
        why: "A body is held in memory.",
        remedy: "Set `limits.body` to 64 MiB or less.",
        controls: &["NIST SC-5", "NIST SI-10"],
        judge: |evidence| {
            let limit = evidence.config.limits.body;
            Verdict::of(limit <= 64 << 20, format!("{limit} bytes"))
        },
    },
    Check {
        id: "heads-limited",
        title: "Request heads are limited",
        area: Area::Listeners,
        severity: Severity::Low,
        why: "Endless header fields are a cheap flood.",
        remedy: "Set `limits.header_bytes` to 256 KiB or less.",
        controls: &["NIST SC-5", "NIST SI-10"],
        judge: |evidence| {
            let limits = &evidence.config.limits;
            let good = limits.header_bytes <= 256 << 10 && limits.headers <= 1000;
            Verdict::of(good, format!("{} fields, {} bytes", limits.headers, limits.header_bytes))
        },
    },
    Check {
        id: "slow-callers-cut-off",
        title: "Slow callers are cut off",
        area: Area::Listeners,
        severity: Severity::Medium,
        why: "A caller that sends a byte a minute holds a place for nothing.",
        remedy: "Set `limits.header_timeout` to 60 s or less, and `body_timeout` and `idle_timeout` to 10 minutes or less.",
        controls: &["NIST SC-5", "NIST SC-10"],
        judge: |evidence| {
            let limits = &evidence.config.limits;
            let minutes = Duration::from_mins;
            let good = limits.header_timeout <= minutes(1)
                && limits.body_timeout <= minutes(10)
                && limits.idle_timeout <= minutes(10);
            Verdict::of(
                good,
                format!(
                    "head {:?}, body {:?}, idle {:?}",
                    limits.header_timeout, limits.body_timeout, limits.idle_timeout
                ),
            )
        },
    },
    Check {
        id: "statements-limited",
        title: "Every statement has an end",
        area: Area::Listeners,
        severity: Severity::Medium,
        why: "A statement without an end holds a connection of the lane.",
        remedy: "Set every lane's `statement_timeout` and `deadline` to 5 minutes or less.",
        controls: &["NIST SC-5"],
        judge: |evidence| {
            if evidence.config.database.is_none() {
                return Verdict::Skip("there is no database".to_owned());
            }
            let limit = Duration::from_mins(5);
            let slow = evidence
                .config
                .lanes
                .iter()
                .find(|(_, lane)| lane.statement_timeout > limit || lane.deadline > limit);
            match slow {
                None => Verdict::Pass("every lane's do".to_owned()),
                Some((name, lane)) => Verdict::Fail(format!(
                    "lane `{name}` waits {:?}, its statements {:?}",
                    lane.deadline, lane.statement_timeout
                )),
            }
        },
    },
    Check {
        id: "log-discreet",
        title: "The log is not a debugger's",
        area: Area::Listeners,
        severity: Severity::Low,
        why: "Debugging logs grow without bound and tell more than they must.",
        remedy: "Set `log.level` to `info` or less.",
        controls: &["NIST SI-11", "NIST AU-9"],
        judge: |evidence| {
            let level = evidence.config.log.level;
            Verdict::of(level <= Level::Info, format!("the level is {level:?}").to_lowercase())
        },
    },
    Check {
        id: "requests-logged",
        title: "Every request leaves a line",
        area: Area::Listeners,
        severity: Severity::Low,
        why: "What was not logged cannot be looked into afterwards.",
        remedy: "Set `log.level` to `info`.",
        controls: &["NIST AU-2", "NIST AU-12"],
        judge: |evidence| {
            let level = evidence.config.log.level;
            Verdict::of(level >= Level::Info, format!("the level is {level:?}").to_lowercase())
        },
    },
    Check {
        id: "writes-not-public",
        title: "Nobody writes unasked",
        area: Area::Listeners,
        severity: Severity::High,
        why: "Whoever reaches the listener may change the data.",
        remedy: "Give such endpoints an `auth`, and the service an `[auth]`; `auth = \"public\"` says that it is meant.",
        controls: &["NIST AC-3", "NIST AC-14", "NIST IA-2"],
        judge: |evidence| {
            let surface = &evidence.surface;
            let found = format!(
                "{} of {} routes are open; {} that write are, and do not say that they mean it",
                surface.public, surface.routes, surface.public_writes
            );
            if surface.public_writes > 0 && is_local(&evidence.config.listen.http) {
                return Verdict::Skip(format!("{found}, but the listener is this host's alone"));
            }
            Verdict::of(surface.public_writes == 0, found)
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_is_what_no_other_host_reaches() {
        let tcp = |host: &str| Address::Tcp(host.to_owned(), 1);
        for host in ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"] {
            assert!(is_local(&tcp(host)), "{host}");
        }
        for host in ["0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org"] {
            assert!(!is_local(&tcp(host)), "{host}");
        }
        assert!(is_local(&Address::Unix("/run/x".into())));
    }
}
