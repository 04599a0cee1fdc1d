//! Checks of the files: what is served, and what is kept.

use super::{Area, Check, Severity, Verdict};

/// The permission bits that a secret's file must not have: others' all, the group's writing.
const OPEN: u32 = 0o027;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "service-not-writable",
        title: "It cannot change what it serves",
        area: Area::Files,
        severity: Severity::High,
        why: "Whoever can write the service folder writes the SQL that runs after the next reload.",
        remedy: "Let the folder belong to another user, or be in a read-only image.",
        controls: &["NIST CM-5", "NIST SI-7"],
        judge: |evidence| {
            let count = evidence.files.writable;
            Verdict::unless_found(
                count == 0,
                "nothing is writable",
                format!("{count} files and directories are writable"),
            )
        },
    },
    Check {
        id: "service-not-world-writable",
        title: "Not everybody can change what it serves",
        area: Area::Files,
        severity: Severity::High,
        why: "Any user of the machine could write the SQL that runs.",
        remedy: "chmod -R o-w the service folder.",
        controls: &["NIST AC-3", "CIS Linux: no world writable files exist"],
        judge: |evidence| {
            let count = evidence.files.world_writable;
            Verdict::unless_found(
                count == 0,
                "nothing is",
                format!("everybody may write {count} files and directories"),
            )
        },
    },
    Check {
        id: "no-secrets-in-folder",
        title: "The service folder holds no secret",
        area: Area::Files,
        severity: Severity::High,
        why: "The folder is copied, packed and committed; a secret goes along.",
        remedy: "Move it to a directory of its own, or seal it with `howdah secret seal`.",
        controls: &["NIST IA-5(7)", "NIST SC-28"],
        judge: |evidence| {
            let named = evidence
                .files
                .secrets
                .iter()
                .filter(|it| it.is_in_folder)
                .map(|it| it.key.to_owned());
            let found: Vec<String> =
                named.chain(evidence.files.secret_looking.iter().cloned()).take(5).collect();
            Verdict::unless_found(
                found.is_empty(),
                "no file of it looks like one",
                found.join(", "),
            )
        },
    },
    Check {
        id: "secret-files-private",
        title: "Secrets' files are for their owner",
        area: Area::Files,
        severity: Severity::High,
        why: "A secret that others can read is none.",
        remedy: "chmod 0400 the file, and give it the service's user.",
        controls: &["NIST AC-3", "NIST IA-5"],
        judge: |evidence| {
            if evidence.files.secrets.is_empty() {
                return Verdict::Skip("no file holds a secret".to_owned());
            }
            let bad = evidence
                .files
                .secrets
                .iter()
                .find(|it| it.mode.is_none_or(|mode| mode & OPEN != 0));
            match bad {
                None => Verdict::Pass(format!("{} of them", evidence.files.secrets.len())),
                Some(file) => Verdict::Fail(file.mode.map_or_else(
                    || format!("`{}` cannot be looked at", file.key),
                    |mode| format!("`{}` has mode {mode:04o}", file.key),
                )),
            }
        },
    },
    Check {
        id: "no-password-in-environment",
        title: "No password comes by the environment",
        area: Area::Files,
        severity: Severity::Medium,
        why: "Processes of the same user, crash reports and `docker inspect` show the environment.",
        remedy: "Use `database.password_file`, or `database.url_file`.",
        controls: &["NIST IA-5(7)", "CIS Docker: secrets are not stored in environment variables"],
        judge: |evidence| {
            if evidence.config.database.is_none() {
                Verdict::Skip("there is no database".to_owned())
            } else {
                Verdict::unless_found(
                    !evidence.files.password_in_environment,
                    "it does not",
                    "`database.password`, or a password in `database.url`, is set by it",
                )
            }
        },
    },
];
