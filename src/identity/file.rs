//! Files that others change while we look.

use crate::startup::{Stamp, stamp};
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// The largest file of keys, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// All of a file.
///
/// # Errors
/// Why it cannot be had, without a word of what is in it.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err("it is larger than 1 MiB".to_owned());
    }
    Ok(bytes)
}

/// A file that is looked at again and again.
pub(super) struct Followed {
    path: PathBuf,
    seen: Option<Stamp>,
}

impl Followed {
    /// Follows the file from its present state on.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: stamp(path) }
    }

    /// Whether it is another than at the last look. A file that is gone is not another: it comes
    /// back, or what was read of it goes on.
    pub(super) fn has_changed(&mut self) -> bool {
        let now = stamp(&self.path);
        if now.is_none() || now == self.seen {
            return false;
        }
        self.seen = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swapped_link_is_a_change_and_a_missing_file_is_none() {
        let folder = std::env::temp_dir().join(format!("howdah-file-{:x}", fastrand::u64(..)));
        std::fs::create_dir(&folder).unwrap();
        let (link, draft) = (folder.join("link"), folder.join("draft"));
        for name in ["one", "two"] {
            std::fs::write(folder.join(name), "same").unwrap();
        }
        std::os::unix::fs::symlink("one", &link).unwrap();
        let mut followed = Followed::new(&link);
        assert!(!followed.has_changed());
        std::os::unix::fs::symlink("two", &draft).unwrap();
        std::fs::rename(&draft, &link).unwrap();
        assert!(followed.has_changed());
        assert!(!followed.has_changed());
        std::fs::write(folder.join("two"), "other").unwrap();
        assert!(followed.has_changed());
        std::fs::remove_file(folder.join("two")).unwrap();
        assert!(!followed.has_changed());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
