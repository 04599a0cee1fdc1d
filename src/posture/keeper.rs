//! Checks of the keeper, from where the service stands: what a service that was taken over could do
//! with it.

use super::{Area, Check, Evidence, Severity, Verdict, evidence::Kept, listeners::is_local};
use crate::config::Keeper;
use std::time::Duration;

/// The longest time between two rotations that is called regular.
const REGULAR: Duration = Duration::from_hours(24 * 90);

/// Judges the keeper, when the manifest has one.
fn keeper(evidence: &Evidence, judge: impl FnOnce(&Keeper, &Kept) -> Verdict) -> Verdict {
    match (&evidence.config.keeper, &evidence.kept) {
        (Some(keeper), Some(kept)) => judge(keeper, kept),
        _ => Verdict::Skip("there is no keeper".to_owned()),
    }
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "keeper-listener-local",
        title: "The keeper listens on this host alone",
        area: Area::Keeper,
        severity: Severity::High,
        why: "Its listener takes requests for rotations and for logins.",
        remedy: "Set `keeper.listen` to a loopback address, or to `unix:/path`.",
        controls: &["NIST SC-7", "NIST AC-17"],
        judge: |evidence| {
            keeper(evidence, |keeper, _| {
                Verdict::of(is_local(&keeper.listen), format!("it is {}", keeper.listen))
            })
        },
    },
    Check {
        id: "keeper-wants-tokens",
        title: "The keeper answers nobody without a token",
        area: Area::Keeper,
        severity: Severity::Critical,
        why: "Whoever runs a process on the host could change credentials.",
        remedy: "Run this version of `howdah keeper`; look at what else listens at its address.",
        controls: &["NIST IA-2", "NIST AC-3"],
        judge: |evidence| {
            keeper(evidence, |keeper, kept| match kept.answers {
                None => Verdict::Skip(format!("nothing answers at {} from here", keeper.listen)),
                // Without its database it cannot tell, and answers nobody.
                Some(status) => Verdict::of(
                    matches!(status, 401 | 503),
                    format!("it answers {status} to a request without one"),
                ),
            })
        },
    },
    Check {
        id: "keeper-secrets-out-of-reach",
        title: "The service cannot read what is the keeper's",
        area: Area::Keeper,
        severity: Severity::Critical,
        why: "Who has the keeper's credential and key can make themselves any login.",
        remedy: "Run the keeper as another user, its files readable by that one alone.",
        controls: &["NIST AC-6", "NIST IA-5(6)", "NIST SC-12"],
        judge: |evidence| {
            keeper(evidence, |_, kept| {
                Verdict::unless_found(
                    kept.readable.is_empty(),
                    "no file of it can be opened",
                    format!("it can open {}", kept.readable.join(", ")),
                )
            })
        },
    },
    Check {
        id: "keeper-confined",
        title: "The keeper reaches its own files alone, and makes its own system calls alone",
        area: Area::Keeper,
        severity: Severity::High,
        why: "Whoever takes over the keeper can make logins; what confines it keeps them from the rest of the host.",
        remedy: "Leave `hardening.files` and `hardening.system_calls` on; look for a warning of the keeper's log.",
        controls: &["NIST AC-6", "NIST CM-7", "NIST SC-39"],
        judge: |evidence| {
            keeper(evidence, |keeper, kept| match &kept.unconfined {
                None => Verdict::Skip(format!("nothing at {} says it from here", keeper.listen)),
                Some(lacks) => Verdict::unless_found(
                    lacks.is_empty(),
                    "by the kernel's word it does",
                    format!("nothing confines {}", lacks.join(", ")),
                ),
            })
        },
    },
    Check {
        id: "credential-rotated",
        title: "The service's credential is changed regularly",
        area: Area::Keeper,
        severity: Severity::Low,
        why: "A password that was copied once works until it is changed.",
        remedy: "Set `credentials.rotate_every` to 90 days or less.",
        controls: &["NIST IA-5(1)"],
        judge: |evidence| {
            keeper(evidence, |_, _| match &evidence.config.credentials {
                None => Verdict::Fail("the manifest has no `[credentials]`".to_owned()),
                Some(credentials) => match credentials.rotating.rotate_every {
                    None => Verdict::Fail("`credentials.rotate_every` is off".to_owned()),
                    Some(every) => Verdict::of(
                        every <= REGULAR,
                        format!("every {}", humantime::format_duration(every)),
                    ),
                },
            })
        },
    },
    Check {
        id: "trail-signed",
        title: "The audit trail is signed, outside of the database",
        area: Area::Keeper,
        severity: Severity::Medium,
        why: "What nobody signs, a database's administrator can rewrite unseen.",
        remedy: "Set `audit.key_file`, and `audit.files` or `audit.witness`.",
        controls: &["NIST AU-9(3)", "NIST AU-10"],
        judge: |evidence| {
            keeper(evidence, |_, _| {
                let audit = &evidence.config.audit;
                let places = audit.files.len() + usize::from(audit.witness.is_some());
                match &audit.key_file {
                    None => Verdict::Fail("`audit.key_file` names no key".to_owned()),
                    Some(_) => {
                        Verdict::of(places > 0, format!("checkpoints go to {places} places"))
                    }
                }
            })
        },
    },
];
