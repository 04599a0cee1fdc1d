//! Whether the process runs in a container.
//!
//! No call of the kernel says so; each runtime leaves a trace of its own. A claim must be true, so
//! only traces count that a runtime itself leaves.

use super::Surroundings;

/// Files that a runtime puts into the container: Docker, Podman, Kubernetes' service account.
const FILES: [&str; 3] =
    ["/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io/serviceaccount"];

/// Parts of a path that a runtime gives to the control group or the root file system.
const TRACES: [&str; 8] = [
    "/docker/",
    "/docker-",
    "/kubepods",
    "/libpod",
    "/containerd/",
    "/lxc/",
    "/containers/storage/",
    "/crio-",
];

pub(super) fn is_contained(surroundings: &impl Surroundings) -> bool {
    FILES.iter().any(|path| surroundings.exists(path))
        // Set by systemd-nspawn, LXC, Podman and Buildah for the first process.
        || surroundings.variable("container").is_some()
        || surroundings.variable("KUBERNETES_SERVICE_HOST").is_some()
        || surroundings.file("/proc/self/cgroup").is_some_and(|text| has_trace(&text))
        || surroundings.file("/proc/self/mountinfo").is_some_and(|text| is_root_layered(&text))
}

fn has_trace(text: &str) -> bool {
    TRACES.iter().any(|trace| text.contains(trace))
}

/// Whether the root file system is layered by a container runtime. Only the line of `/` counts: a
/// machine that runs containers mounts their file systems elsewhere.
fn is_root_layered(mounts: &str) -> bool {
    mounts.lines().any(|line| line.split(' ').nth(4) == Some("/") && has_trace(line))
}
