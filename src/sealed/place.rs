//! Writing a file whole or not at all.

use crate::diagnostic::{Code, Diagnostic};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Where a file goes.
pub struct Place<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its permissions: 0400 for what is secret.
    pub mode: u32,
    /// Whether a file that is there gives way.
    pub replace: bool,
}

impl Place<'_> {
    /// Refuses early what would be refused in the end, and what no file may replace.
    ///
    /// # Errors
    /// Something is there already.
    pub fn check(&self) -> Result<(), Box<Diagnostic>> {
        let refuse = |what: &str| {
            Err(Diagnostic::error(Code::Machine, format!("{} {what}", self.path.display())).boxed())
        };
        if self.path.file_name().is_none() {
            return refuse("names no file");
        }
        match fs::symlink_metadata(self.path) {
            Ok(there) if !there.is_file() => refuse("is there already, and is no plain file"),
            Ok(_) if !self.replace => Err(taken(self.path)),
            _ => safe(folder(self.path)),
        }
    }
}

/// A file that is not yet at its place, and gone when it does not get there.
struct Draft(Option<PathBuf>);

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes `bytes` as the file at `place`: nobody ever sees a part of it there, and with a power
/// failure it is there whole or not at all.
///
/// # Errors
/// A file is there already, its folder is not there or open to everybody, or the machine fails.
pub fn write(place: &Place<'_>, bytes: &[u8]) -> Result<(), Box<Diagnostic>> {
    let shown = place.path.display();
    let folder = folder(place.path);
    place.check()?;
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(place.path),
        _ => {
            Diagnostic::error(Code::Machine, format!("{shown} cannot be written: {error}")).boxed()
        }
    };
    let name = place.path.file_name().unwrap_or_default().to_string_lossy();
    let path = folder.join(format!(".{name}.{:016x}", fastrand::u64(..)));
    let file = OpenOptions::new().write(true).create_new(true).mode(place.mode).open(&path);
    let mut file = file.map_err(failed)?;
    let mut draft = Draft(Some(path.clone()));
    file.write_all(bytes).map_err(failed)?;
    // Whatever the umask took, and a rights' list of the folder gave.
    file.set_permissions(fs::Permissions::from_mode(place.mode)).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    if place.replace { fs::rename(&path, place.path) } else { rename_new(&path, place.path) }
        .map_err(failed)?;
    draft.0 = None;
    File::open(folder).and_then(|it| it.sync_all()).map_err(failed)
}

/// The folder that a path is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn taken(path: &Path) -> Box<Diagnostic> {
    Diagnostic::error(Code::Machine, format!("{} is there already", path.display()))
        .help("--force replaces it")
        .boxed()
}

/// Whether nobody else can put another file into the folder in this one's stead.
fn safe(folder: &Path) -> Result<(), Box<Diagnostic>> {
    let shown = folder.display();
    let about = |it: io::Error| {
        Diagnostic::error(Code::Machine, format!("the folder {shown} cannot be used: {it}"))
    };
    let found = fs::metadata(folder).map_err(|it| about(it).boxed())?;
    if !found.is_dir() {
        return Err(Diagnostic::error(Code::Machine, format!("{shown} is no folder")).boxed());
    }
    let (everybody, sticky) = (found.mode() & 0o002 != 0, found.mode() & 0o1000 != 0);
    if everybody && !sticky {
        let why = format!("everybody can replace files in the folder {shown}");
        let help = format!("chmod o-w {shown}");
        return Err(Diagnostic::error(Code::Machine, why).help(help).boxed());
    }
    Ok(())
}

/// Gives a file its name unless another has it.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system cannot; a second name and then no first one is the same.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("howdah-place-{:x}", fastrand::u64(..)));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_file_is_its_owners_alone_and_replaced_only_on_demand() {
        let folder = Folder::new();
        let path = folder.0.join("secret");
        let place = |replace| Place { path: &path, mode: 0o400, replace };
        write(&place(false), b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o400);
        let error = write(&place(false), b"two").unwrap_err();
        assert!(error.message().ends_with("is there already"), "{}", error.message());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&place(true), b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(folder.names(), ["secret"]);
    }

    #[test]
    fn a_race_for_the_name_has_one_winner() {
        let folder = Folder::new();
        let (from, to) = (folder.0.join("from"), folder.0.join("to"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert_eq!(rename_new(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&to).unwrap(), b"old");
    }

    #[test]
    fn places_that_are_none_are_refused_and_nothing_is_left() {
        let folder = Folder::new();
        let at = |path: &Path| {
            let place = Place { path, mode: 0o400, replace: true };
            write(&place, b"x").unwrap_err().message().to_owned()
        };
        assert!(at(&folder.0.join("none/secret")).contains("cannot be used"));
        assert!(at(&folder.0).contains("no plain file"));
        assert!(at(Path::new("/")).contains("names no file"));
        assert!(at(Path::new("/dev/null")).contains("no plain file"));
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(at(&folder.0.join("secret")).contains("everybody can replace"));
        // As in /tmp, where nobody can replace another's file.
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o1777)).unwrap();
        let path = folder.0.join("secret");
        write(&Place { path: &path, mode: 0o400, replace: false }, b"x").unwrap();
        assert_eq!(folder.names(), ["secret"]);
    }
}
