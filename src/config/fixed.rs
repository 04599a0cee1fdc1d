//! The settings that hold for the life of a process: what they are for is taken or given up before it
//! serves.

use super::Config;

/// Puts what stood in `$before` in the place of what stands in `$after`, and gives the keys that differ.
macro_rules! keep {
    ($before:ident, $after:ident: $($key:literal $($field:ident).+;)+) => {{
        let mut differ = Vec::new();
        $(if $after.$($field).+ != $before.$($field).+ {
            $after.$($field).+ = $before.$($field).+.clone();
            differ.push($key);
        })+
        differ
    }};
}

impl Config {
    /// Keeps of `before` what only a start can change, and gives the keys or tables that would have
    /// changed. What the keeper reads is not looked at.
    pub fn keep_fixed(&mut self, before: &Self) -> Vec<&'static str> {
        keep! { before, self:
            // The name and version are in every series of the metrics.
            "service.name" service.name;
            "service.version" service.version;
            "listen" listen;
            // What the files hold is followed.
            "tls" tls;
            "database" database;
            "limits.connections" limits.connections;
            "process" process;
            "hardening" hardening;
            "log" log;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{config, diagnostic::SourceFile};

    fn read(text: &str) -> config::Config {
        let source = SourceFile::new("howdah.toml", format!("[service]\nname = \"a\"\n{text}"));
        config::read(&source, &|_| None, &[]).unwrap().0
    }

    #[test]
    fn what_cannot_change_is_kept_and_named() {
        let before = read("[listen]\nhttp = \"127.0.0.1:1\"\n[lanes.read]\nqueue = 1\n");
        let mut after = read(
            "[listen]\nhttp = \"127.0.0.1:2\"\n[lanes.read]\nqueue = 2\n[database]\nname = \"b\"\n\
             [hardening]\nfiles = \"off\"\n[limits]\nbody = \"2 MiB\"\nconnections = 5\n",
        );
        let differ = after.keep_fixed(&before);
        assert_eq!(differ, ["listen", "database", "limits.connections", "hardening"]);
        assert_eq!(after.listen, before.listen);
        assert!(after.hardening.files && after.database.is_none());
        assert_eq!(after.limits.connections, before.limits.connections);
        assert_eq!((after.limits.body, after.lanes["read"].queue), (2 << 20, 2), "these may");
        assert!(after.keep_fixed(&before).is_empty());
    }
}
