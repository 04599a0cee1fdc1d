//! Tests of the facts, in surroundings that the test made up and in the real ones.

use super::*;
use std::collections::HashMap;

#[derive(Default)]
struct Made {
    variables: HashMap<&'static str, &'static str>,
    files: HashMap<&'static str, &'static str>,
    user_id: u32,
}

impl Surroundings for Made {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|&value| value.into())
    }

    fn file(&self, path: &str) -> Option<String> {
        self.files.get(path).map(|&text| text.into())
    }

    fn exists(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    fn user_id(&self) -> u32 {
        self.user_id
    }

    fn node_name(&self) -> String {
        "node".into()
    }
}

fn facts(made: &Made) -> Facts {
    Facts::from_surroundings(made, "1.2.3")
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\nbroken\n:x:7:\nada:x:1000:1000::/:\n";

#[test]
fn the_user_has_a_name_or_a_number() {
    let named = |user_id, user: Option<&'static str>| {
        let variables = user.map(|user| ("USER", user)).into_iter().collect();
        facts(&Made { variables, files: [("/etc/passwd", PASSWD)].into(), user_id }).user
    };
    assert_eq!(named(1000, Some("grace")), "grace");
    assert_eq!(named(1000, None), "ada");
    assert_eq!(named(0, None), "root");
    assert_eq!(named(7, None), "7");
    assert_eq!(facts(&Made { user_id: 65532, ..Made::default() }).user, "65532");
}

#[test]
fn the_host_has_a_name() {
    assert_eq!(facts(&Made::default()).hostname, "node");
    let made = Made { variables: [("HOSTNAME", "4f3c")].into(), ..Made::default() };
    assert_eq!(facts(&made).hostname, "4f3c");
    let json = facts(&made).to_json();
    assert_eq!(json["container_id"], "4f3c");
    assert_eq!(json["version"], "1.2.3");
    assert_eq!(json["runtime_version"], RUNTIME);
    assert!(RUNTIME.starts_with("howdah 0."));
}

#[test]
fn a_container_is_known_by_its_traces() {
    for (path, text) in [
        ("/.dockerenv", ""),
        ("/run/.containerenv", "engine=\"podman-5\""),
        ("/proc/self/cgroup", "12:pids:/docker/0123\n"),
        ("/proc/self/cgroup", "0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-1.scope"),
        (
            "/proc/self/mountinfo",
            "600 500 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A",
        ),
    ] {
        let made = Made { files: [(path, text)].into(), user_id: 1000, ..Made::default() };
        assert!(facts(&made).is_contained, "{path}");
        assert_eq!(facts(&made).confinement(), "This app runs with non-root user in container");
    }
    for variable in ["container", "KUBERNETES_SERVICE_HOST"] {
        let made = Made { variables: [(variable, "1")].into(), ..Made::default() };
        assert!(facts(&made).is_contained, "{variable}");
        assert_eq!(facts(&made).confinement(), "This app runs as root in a container");
    }
}

#[test]
fn a_machine_that_runs_containers_is_none() {
    let files = [
        ("/proc/self/cgroup", "0::/user.slice/user-1000.slice/session-2.scope\n"),
        (
            "/proc/self/mountinfo",
            "26 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
             90 26 0:50 / /var/lib/docker/overlay2/1/merged rw - overlay overlay rw,lowerdir=/docker/\n",
        ),
    ];
    let mut made = Made { files: files.into(), user_id: 1000, ..Made::default() };
    assert_eq!(facts(&made).confinement(), "This app runs with non-root user, not in a container");
    made.user_id = 0;
    assert_eq!(facts(&made).confinement(), "This app runs as root, not in a container");
}

#[test]
fn every_word_of_a_body_has_a_value() {
    let facts = Facts::gather("9.9.9");
    for word in ["now", "hostname", "user", "version", "confinement"] {
        assert!(facts.word(word).is_some_and(|value| !value.is_empty()), "{word}");
    }
    assert_eq!(facts.word("version").as_deref(), Some("9.9.9"));
    assert_eq!(facts.word("name"), None);
    assert_eq!(facts.is_root, rustix::process::geteuid().is_root());
}
