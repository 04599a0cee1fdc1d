//! Files of a service folder, with their limits.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile};
use std::{
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The largest file that is read, in bytes; seeds are the largest that people write.
const MAX_BYTES: u64 = 16 << 20;
/// How deep folders may nest; a link that leads back to its parent ends here.
const MAX_DEPTH: usize = 16;

/// What tells one state of a file from another. Links are followed, so that the swap of a link, as
/// Kubernetes renews a mounted folder, is another file with another number.
pub type Stamp = (u64, u64, u64, i64, i64, i64, i64);

/// The state of the file at `path`; nothing when there is none.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let it = std::fs::metadata(path).ok()?;
    let (mtime, ctime) = ((it.mtime(), it.mtime_nsec()), (it.ctime(), it.ctime_nsec()));
    Some((it.dev(), it.ino(), it.size(), mtime.0, mtime.1, ctime.0, ctime.1))
}

/// A text file.
///
/// # Errors
/// When it cannot be read, is too large, or is not UTF-8.
pub(super) fn read(path: &Path) -> Result<Arc<SourceFile>, Box<Diagnostic>> {
    let unreadable = |why: String| {
        let shown = path.display();
        Diagnostic::error(Code::Unreadable, format!("{shown} cannot be read: {why}")).boxed()
    };
    let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable("it is larger than 16 MiB".to_owned()));
    }
    SourceFile::from_bytes(path, bytes)
}

/// The files below `root` with this extension, by path, hidden ones left out; none when there is
/// no such folder. Links are followed, for that is how Kubernetes mounts files.
pub(super) fn below(root: &Path, extension: &str, found: &mut Diagnostics) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    if root.exists() {
        walk(root, extension, 0, &mut paths, found);
    }
    paths.sort();
    paths
}

fn walk(
    folder: &Path,
    extension: &str,
    depth: usize,
    paths: &mut Vec<PathBuf>,
    found: &mut Diagnostics,
) {
    let unreadable = |why: String| {
        let shown = folder.display();
        Diagnostic::error(Code::Unreadable, format!("{shown} cannot be read: {why}"))
    };
    if depth > MAX_DEPTH {
        found.push(unreadable("it is nested too deep, or a link leads back".to_owned()));
        return;
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            found.push(unreadable(error.to_string()));
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            walk(&path, extension, depth + 1, paths, found);
        } else if path.extension().is_some_and(|it| it == extension) {
            paths.push(path);
        }
    }
}
