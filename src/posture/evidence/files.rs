//! The process's files: who may change what it serves, who may read what it must keep.

use crate::config::Config;
use rustix::fs::{Access, access};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Files that are looked at below the folder; more are not counted.
const MOST: usize = 10_000;

/// The process's files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Files and directories of the service folder that the process may write by their modes.
    pub writable: usize,
    /// Those that everybody may write.
    pub world_writable: usize,
    /// Whether a file of the service folder looks like a secret: a key, a password, an `.env`.
    pub secret_looking: Vec<String>,
    /// Files that hold secrets.
    pub secrets: Vec<SecretFile>,
    /// Whether the database's password came by the environment.
    pub password_in_environment: bool,
}

/// A file that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// The setting that names it.
    pub key: &'static str,
    /// Its permission bits; `None` when it cannot be looked at.
    pub mode: Option<u32>,
    /// Whether it lies in the service folder, where it is easily packed along.
    pub is_in_folder: bool,
}

impl Files {
    pub(super) fn look(directory: &Path, config: &Config) -> Self {
        let mut files = Self::default();
        let mut pending = vec![directory.to_owned()];
        let mut seen = 0;
        while let Some(path) = pending.pop() {
            seen += 1;
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            if found.is_symlink() || seen > MOST {
                continue;
            }
            files.writable += usize::from(access(&path, Access::WRITE_OK).is_ok());
            files.world_writable += usize::from(found.permissions().mode() & 0o002 != 0);
            if found.is_dir() {
                let entries = fs::read_dir(&path).into_iter().flatten().filter_map(Result::ok);
                pending.extend(entries.map(|entry| entry.path()));
            } else if looks_secret(&path) {
                let below = path.strip_prefix(directory).unwrap_or(&path);
                files.secret_looking.push(below.display().to_string());
            }
        }
        let folder = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
        if let Some(database) = &config.database {
            // A file comes before it: see `config`.
            files.password_in_environment =
                database.password.as_ref().is_some_and(|it| it.in_environment);
            let named = [
                ("database.password_file", &database.password_file),
                ("database.url_file", &database.url_file),
            ];
            files.secrets.extend(named.into_iter().filter_map(|(key, path)| {
                path.as_ref().map(|path| SecretFile::look(key, path, &folder))
            }));
        }
        files
    }
}

impl SecretFile {
    fn look(key: &'static str, path: &PathBuf, folder: &Path) -> Self {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let mode = fs::metadata(path).ok().map(|found| found.permissions().mode() & 0o7777);
        Self { key, mode, is_in_folder: real.starts_with(folder) }
    }
}

/// Whether a file's name says that it holds a secret.
fn looks_secret(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name == ".env"
        || name == "id_rsa"
        || name == "id_ed25519"
        || matches!(extension.as_str(), "key" | "pem" | "p12" | "pfx" | "jks" | "kdbx" | "gpg")
        || name.contains("password") && !matches!(extension.as_str(), "sql" | "md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in ["a/.env", "tls.key", "db_password.txt", "X.PEM", "id_ed25519", "p.txt.gpg"] {
            assert!(looks_secret(Path::new(name)), "{name}");
        }
        for name in ["howdah.toml", "endpoints/reset_password.sql", "keys.sql", ".env.example"] {
            assert!(!looks_secret(Path::new(name)), "{name}");
        }
    }
}
