//! A file on this machine, which appears whole: written beside it, flushed to the disk, renamed, and
//! the folder flushed too.

use super::{Failure, Later, Sink, is_news};
use crate::credential::Credential;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The largest file that is read, in bytes.
const LIMIT: u64 = 64 * 1024;

/// A file.
#[derive(Clone, Debug)]
pub struct File {
    path: PathBuf,
    mode: u32,
}

impl File {
    /// The file at `path`, an absolute one, with these permissions.
    pub fn new(path: PathBuf, mode: u32) -> Self {
        Self { path, mode }
    }

    fn load(&self) -> Result<Option<Credential>, Failure> {
        let file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.refused("read", &error)),
        };
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|it| self.refused("read", &it))?;
        let shown = self.path.display();
        Credential::parse(&bytes).map(Some).map_err(|why| {
            Failure::Refused(format!("{shown} is there and is no credential: {why}"))
        })
    }

    fn store(&self, credential: &Credential) -> Result<(), Failure> {
        let write = |error: io::Error| self.refused("written", &error);
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        // Of two writers one waits here, and then finds what the other has written.
        let lock = fs::File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join(format!(".{name}.lock")))
            .map_err(write)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|it| write(it.into()))?;
        if !is_news(self.load()?.as_ref(), credential)? {
            return Ok(());
        }
        let draft = folder.join(format!(".{name}.draft"));
        // One that was left by a keeper that was killed; the lock says that nobody writes it now.
        let _ = fs::remove_file(&draft);
        let outcome = self.write_draft(&draft, credential).and_then(|()| {
            fs::rename(&draft, &self.path)?;
            fs::File::open(folder)?.sync_all()
        });
        outcome.map_err(|error| {
            let _ = fs::remove_file(&draft);
            // After the rename a reader may have it.
            match self.load() {
                Ok(Some(has)) if has == *credential => {
                    Failure::Unsure(self.words("written", &error))
                }
                _ => self.refused("written", &error),
            }
        })
    }

    fn write_draft(&self, draft: &Path, credential: &Credential) -> io::Result<()> {
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(draft)?;
        // What the process's mask took away.
        file.set_permissions(fs::Permissions::from_mode(self.mode))?;
        file.write_all(credential.to_json().as_bytes())?;
        file.sync_all()
    }

    fn refused(&self, what: &str, error: &io::Error) -> Failure {
        Failure::Refused(self.words(what, error))
    }

    fn words(&self, what: &str, error: &io::Error) -> String {
        format!("{} cannot be {what}: {error}", self.path.display())
    }
}

impl Sink for File {
    fn name(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn is_immediate(&self) -> bool {
        true
    }

    fn read(&self) -> Later<'_, Result<Option<Credential>, Failure>> {
        let file = self.clone();
        Box::pin(apart(move || file.load()))
    }

    fn publish<'a>(&'a self, credential: &'a Credential) -> Later<'a, Result<(), Failure>> {
        let (file, credential) = (self.clone(), credential.clone());
        Box::pin(apart(move || file.store(&credential)))
    }
}

/// Runs what may wait for a disk on a thread of its own.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.unwrap_or_else(|_| Err(Failure::Unsure("the writing broke off".to_owned())))
}
