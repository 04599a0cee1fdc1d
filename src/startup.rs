//! From a folder on disk to a definition in memory.
//!
//! Owns the reading of files: the manifest, endpoints, migrations, seeds, the password. Does not
//! own their meaning (`config`, `definition`, `migration`).

mod credential;
mod cursor;
mod files;
mod password;

pub use credential::{
    SigningIn, credential, credential_bytes, credential_file, key, signing_in, target,
    with_credential,
};
pub use cursor::take_key as take_cursor_key;
pub use files::{Stamp, stamp};
pub use password::{place, with_password};

use crate::{
    audit::tree,
    config::{self, Address, Config},
    definition::file,
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    service::ServiceDefinition,
};
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The manifest's name.
pub const MANIFEST: &str = "howdah.toml";

/// A service folder, and what the command line sets over its manifest.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Where it is.
    pub directory: PathBuf,
    /// `listen.http` and the like, with their values.
    pub overrides: Vec<(String, String)>,
    /// The port to listen on, on the host that the manifest names.
    pub port: Option<u16>,
}

/// What was read, and what deserves a look although it is no error.
pub struct Read<T> {
    /// What was read.
    pub value: T,
    /// The warnings.
    pub warnings: Diagnostics,
    /// Of what was read: the manifest as it is written, what the command line sets over it, and the
    /// endpoint files. What the environment says is not in it, for that may be a secret.
    pub digest: Sha256,
}

impl<T> Read<T> {
    /// The digest as the audit trail has it: `sha256:…`.
    pub fn shown_digest(&self) -> String {
        format!("sha256:{}", tree::hex(&self.digest.clone().finalize()))
    }
}

/// Each part with its length, so that no two lists of parts look alike.
fn say(digest: &mut Sha256, part: &str) {
    digest.update((part.len() as u64).to_be_bytes());
    digest.update(part);
}

/// The state of a folder's files: equal when nobody has touched one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamps(Vec<(Option<Stamp>, PathBuf)>);

impl Folder {
    /// The manifest alone.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn manifest(&self) -> Result<Read<Config>, Diagnostics> {
        let source = self.manifest_source()?;
        let variable = |name: &str| std::env::var(name).ok();
        let (mut value, mut warnings) =
            config::read_with_files(&source, &variable, &self.overrides, &password::url)?;
        if let Some(port) = self.port {
            value.listen.http = match value.listen.http {
                Address::Tcp(host, _) => Address::Tcp(host, port),
                Address::Unix(_) => Address::Tcp("127.0.0.1".to_owned(), port),
            };
        }
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        warnings.append(value.unknown_variables(names));
        let mut digest = Sha256::new();
        say(&mut digest, source.text());
        let port = self.port.map(|it| ("port".to_owned(), it.to_string()));
        for (name, value) in self.overrides.iter().chain(&port) {
            say(&mut digest, name);
            say(&mut digest, value);
        }
        Ok(Read { value, warnings, digest })
    }

    /// The manifest and every endpoint file.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn definition(&self) -> Result<Read<ServiceDefinition>, Diagnostics> {
        let mut found = Diagnostics::new();
        let mut digest = Sha256::new();
        let config = match self.manifest() {
            Ok(read) => {
                found.append(read.warnings);
                digest = read.digest;
                Some(read.value)
            }
            Err(diagnostics) => {
                found.append(diagnostics);
                None
            }
        };
        let mut endpoints = Vec::new();
        let root = self.directory.join("endpoints");
        for path in files::below(&root, "sql", &mut found) {
            let Some(source) = found.keep(files::read(&path)) else { continue };
            let name = endpoint_name(&root, &path);
            say(&mut digest, &name);
            say(&mut digest, source.text());
            match file::read(&source, &name) {
                Ok((endpoint, warnings)) => {
                    found.append(warnings);
                    endpoints.push(Arc::new(endpoint));
                }
                Err(diagnostics) => found.append(diagnostics),
            }
        }
        if let Some(config) = &config
            && config.database.is_none()
            && let Some(first) = endpoints.first()
        {
            found.push(
                Diagnostic::error(Code::MissingKey, "there are endpoints, and no `[database]`")
                    .in_file(&first.source)
                    .help("add `[database]` with `name` to the manifest"),
            );
        }
        let definition = config.map(|config| ServiceDefinition::new(config, endpoints));
        found.sort();
        let (value, warnings) = found.into_result(definition)?;
        let mut read = Read { value, warnings, digest };
        read.value.digest = read.shown_digest();
        Ok(read)
    }

    /// The state of what [`Folder::definition`] reads: each file, and what tells it from another.
    pub fn stamps(&self) -> Stamps {
        let root = self.directory.join("endpoints");
        // What cannot be read now is told when it is read.
        let mut unreadable = Diagnostics::new();
        let mut paths = files::below(&root, "sql", &mut unreadable);
        paths.push(self.directory.join(MANIFEST));
        Stamps(paths.into_iter().map(|path| (stamp(&path), path)).collect())
    }

    /// The migration files, in the order of their names.
    ///
    /// # Errors
    /// Those that cannot be read.
    pub fn migrations(&self) -> Result<Vec<Arc<SourceFile>>, Diagnostics> {
        self.sql_files("migrations")
    }

    /// The seed files, in the order of their names.
    ///
    /// # Errors
    /// Those that cannot be read.
    pub fn seeds(&self) -> Result<Vec<Arc<SourceFile>>, Diagnostics> {
        self.sql_files("seed")
    }

    fn sql_files(&self, name: &str) -> Result<Vec<Arc<SourceFile>>, Diagnostics> {
        let mut found = Diagnostics::new();
        let paths = files::below(&self.directory.join(name), "sql", &mut found);
        let sources = paths.iter().filter_map(|path| found.keep(files::read(path))).collect();
        found.into_result(Some(sources)).map(|(sources, _)| sources)
    }

    fn manifest_source(&self) -> Result<Arc<SourceFile>, Diagnostics> {
        let path = self.directory.join(MANIFEST);
        if !path.exists() {
            let shown = self.directory.display();
            let message = if self.directory.is_dir() {
                format!("{shown} has no {MANIFEST}, so it is no service folder")
            } else if self.directory.exists() {
                format!("{shown} is a file, and a service is a folder")
            } else {
                format!("there is no folder {shown}")
            };
            return Err(Diagnostic::error(Code::NotFound, message)
                .help("`howdah new NAME` makes a service folder to begin with")
                .into());
        }
        files::read(&path).map_err(Diagnostics::from)
    }
}

/// An endpoint file's path below `endpoints/`, without `.sql`: `ports/one`.
fn endpoint_name(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path).with_extension("");
    below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
