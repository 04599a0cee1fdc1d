//! A file that is only ever appended to, best on another mount and with `chattr +a`.

use crate::audit::{
    checkpoint::{Checkpoint, Unusable},
    note::{Distrust, MAX_BYTES, Verifier},
    verify::{Code, read_place},
};
use rustix::fs::{IFlags, ioctl_getflags};
use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// How much of the file's end is read to find its latest checkpoint.
const TAIL_BYTES: u64 = 4 * MAX_BYTES as u64;

/// A file of checkpoints, one after the other, each followed by an empty line.
#[derive(Clone, Debug)]
pub struct FilePlace {
    path: PathBuf,
}

impl FilePlace {
    /// The place at `path`. The file is made when there is none.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a signed note and waits until it is on the disk.
    ///
    /// # Errors
    /// Those of the file.
    pub fn append(&self, note: &str) -> io::Result<()> {
        let is_new = !self.path.exists();
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o644).open(&self.path)?;
        if is_new {
            // Auditors read it; the process's mask took that away.
            file.set_permissions(Permissions::from_mode(0o644))?;
        }
        // After one that broke off an empty line begins anew.
        let begin = if self.ends_whole() { "" } else { "\n\n" };
        file.write_all(format!("{begin}{note}\n").as_bytes())?;
        file.sync_all()?;
        if is_new {
            let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }

    /// The checkpoint of `key` that was appended last, if the file can be read and holds one.
    ///
    /// # Errors
    /// Those of the file, but for its absence.
    pub fn latest(&self, key: &Verifier) -> io::Result<Option<Checkpoint>> {
        let text = match self.tail(TAIL_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let place = read_place("", &text);
        Ok(place.notes.iter().rev().find_map(|note| Checkpoint::open(note, key).ok()))
    }

    /// What at the file's end cannot be this trail's: a checkpoint whose signature is wrong, and one that was
    /// put there again after a larger one. Each kind once, in a sentence.
    pub fn doubts(&self, key: &Verifier) -> Vec<(Code, String)> {
        let text = self.tail(TAIL_BYTES).unwrap_or_default();
        let shown = self.path.display();
        let (mut largest, mut doubts) = (0, Vec::new());
        for note in read_place("", &text).notes {
            let doubt = match Checkpoint::open(&note, key) {
                Ok(checkpoint) if checkpoint.size < largest => {
                    let size = checkpoint.size;
                    (
                        Code::Rollback,
                        format!("{shown}: one of {size} leaves comes after one of {largest}"),
                    )
                }
                Ok(checkpoint) => {
                    largest = checkpoint.size;
                    continue;
                }
                Err(Unusable::Distrusted(Distrust::Forged)) => {
                    (Code::Forged, format!("{shown}: the signature of a checkpoint is wrong"))
                }
                // Another key's, or one that broke off.
                Err(_) => continue,
            };
            if !doubts.iter().any(|(code, _)| *code == doubt.0) {
                doubts.push(doubt);
            }
        }
        doubts
    }

    /// What an operator should know of how the file is kept, in sentences.
    pub fn hints(&self, folder: &Path) -> Vec<String> {
        let mut hints = Vec::new();
        let shown = self.path.display();
        let Ok(file) = File::open(&self.path) else { return hints };
        match ioctl_getflags(&file) {
            Ok(flags) if flags.contains(IFlags::APPEND) => {}
            _ => hints.push(format!(
                "{shown} can be changed by whoever may write it; `chattr +a` allows appending alone"
            )),
        }
        let device = |of: &File| of.metadata().map(|it| it.dev()).ok();
        if device(&file).is_some()
            && device(&file) == File::open(folder).ok().and_then(|it| device(&it))
        {
            hints.push(format!(
                "{shown} is on the same file system as the service's folder; a place on another \
                 machine's mount outlives this one"
            ));
        }
        hints
    }

    fn ends_whole(&self) -> bool {
        match self.tail(2) {
            Ok(text) => text.is_empty() || text == "\n\n",
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    fn tail(&self, bytes: u64) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut tail = Vec::new();
        file.take(bytes).read_to_end(&mut tail)?;
        Ok(String::from_utf8_lossy(&tail).into_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;
    use crate::audit::note::{Kind, Signer};

    #[test]
    fn checkpoints_are_appended_and_one_that_broke_off_does_not_harm_the_next() {
        let signer = Signer::generate("example.org/trail", Kind::Log).unwrap();
        let path = std::env::temp_dir().join(format!("howdah-place-{:x}", fastrand::u64(..)));
        let place = FilePlace::new(&path);
        assert_eq!(place.latest(&signer.verifier()).unwrap(), None);
        let of = |size| Checkpoint {
            origin: "example.org/trail".to_owned(),
            size,
            root: [1; 32],
            time_s: Some(9),
        };
        place.append(&of(1).sign(&signer)).unwrap();
        place.append(&of(2).sign(&signer)).unwrap();
        assert_eq!(place.latest(&signer.verifier()).unwrap(), Some(of(2)));
        for cut in [1, 5, 60, 110] {
            let mut text = std::fs::read_to_string(&path).unwrap();
            let note = of(3).sign(&signer);
            text.push_str(note.get(..note.len() - cut).unwrap_or("x"));
            std::fs::write(&path, text).unwrap();
            place.append(&of(4).sign(&signer)).unwrap();
            assert_eq!(place.latest(&signer.verifier()).unwrap(), Some(of(4)), "{cut}");
        }
        let notes = read_place("a", &std::fs::read_to_string(&path).unwrap()).notes;
        let read = notes.iter().filter_map(|it| Checkpoint::open(it, &signer.verifier()).ok());
        let sizes: Vec<_> = read.map(|it| it.size).collect();
        // The one that lacked only its newline is whole.
        assert_eq!(sizes, [1, 2, 3, 4, 4, 4, 4]);
        assert!(!place.hints(Path::new("/")).is_empty());
        std::fs::remove_file(&path).unwrap();
    }
}
