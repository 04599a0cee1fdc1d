//! Landlock: the files that the process may reach.
//!
//! Source: Linux' "Landlock: unprivileged access control". What the process has open stays open.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// The newest set of rights that is asked for; an older kernel gives what it has.
const NEWEST: ABI = ABI::V6;

/// What resolving names, verifying certificates and telling of oneself read. `/etc` as a whole, for
/// `resolv.conf` is replaced while the process runs, and file modes still hold there.
const SYSTEM: [&str; 11] = [
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/proc",
    "/sys/fs/cgroup",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
];

/// Confines the thread, and those it starts, to reading `reads` and writing below `writes`. No new
/// TCP listener can be opened, and no process outside can be signalled.
pub(super) fn confine(reads: &[PathBuf], writes: &[PathBuf]) -> Result<(), String> {
    let status = rules(reads, writes)
        .and_then(RulesetCreated::restrict_self)
        .map_err(|error| error.to_string())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => {
            Err("the kernel does not have it (Linux 5.13 and newer can)".to_owned())
        }
    }
}

fn rules(reads: &[PathBuf], writes: &[PathBuf]) -> Result<RulesetCreated, landlock::RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write =
        read | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate;
    let resolver = std::fs::canonicalize("/etc/resolv.conf").ok();
    let resolver = resolver.as_deref().and_then(Path::parent);
    for path in
        SYSTEM.iter().map(Path::new).chain(resolver).chain(reads.iter().map(PathBuf::as_path))
    {
        ruleset = allow(ruleset, path, read)?;
    }
    for path in writes {
        ruleset = allow(ruleset, path, write)?;
    }
    Ok(ruleset)
}

/// Allows what is below `path`; one that is not there needs no rule.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    let Ok(descriptor) = PathFd::new(path) else { return Ok(ruleset) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
    ruleset.add_rule(PathBeneath::new(descriptor, access))
}
