//! Temporary folders.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A path below the system's temporary folder that nothing else uses. Short: a unix socket's path
/// holds 107 bytes.
pub fn unused(purpose: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let random = fastrand::u32(..);
    std::env::temp_dir()
        .join(format!("howdah-{purpose}-{}-{number}-{random:08x}", std::process::id()))
}

/// A folder that goes away with its value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty folder.
    pub fn new(purpose: &str) -> Self {
        let path = unused(purpose);
        std::fs::create_dir(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes `text` to the file `name` in it, with the folders between; gives its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
