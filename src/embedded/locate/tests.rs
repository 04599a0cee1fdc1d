//! Finding binaries among scripts that only know their version.

use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

/// A folder of its own for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("howdah-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    /// Binaries that say they are of `version`.
    fn binaries(&self, folder: &str, version: &str) -> PathBuf {
        let folder = self.0.join(folder);
        fs::create_dir_all(&folder).unwrap();
        for name in ["initdb", "postgres"] {
            let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
            fs::write(folder.join(name), script).unwrap();
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(folder.join(name), executable).unwrap();
        }
        folder
    }

    fn environment(&self, path: &[&Path]) -> Environment {
        Environment {
            storage: self.0.join("storage"),
            cache: self.0.join("cache"),
            binaries: None,
            path: std::env::join_paths(path.iter().chain([&Path::new("/usr/bin")])).unwrap(),
            child: None,
            download: false,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn versions(found: &[Binaries]) -> Vec<&str> {
    found.iter().map(|binaries| binaries.version.as_str()).collect()
}

#[test]
fn path_comes_first_then_the_newest() {
    let folder = Folder::new("newest");
    let on_path = folder.binaries("mine", "14.1");
    folder.binaries("lib/13/bin", "13.2");
    folder.binaries("lib/17/bin", "17.0 (Debian 17.0-1)");
    folder.binaries("lib/9/bin", "9.6.24");
    folder.binaries("cache/postgresql-16.1.0/bin", "16.1");
    fs::create_dir_all(folder.0.join("links")).unwrap();
    symlink(on_path.join("initdb"), folder.0.join("links/initdb")).unwrap();
    let environment = folder.environment(&[&folder.0.join("links"), &on_path]);
    let mut refused = Vec::new();
    let place = format!("{}/lib/*/bin", folder.0.display());
    let mut found = installed(&environment, &[&place], &mut refused);
    found.retain(|binaries| binaries.folder.starts_with(&folder.0));
    assert_eq!(versions(&found), ["14.1", "17.0 (Debian 17.0-1)", "16.1", "13.2"]);
    assert!(refused.iter().any(|why| why.contains("is 9.6.24, not one of 13 to 18")));
    assert_eq!(fit(found.clone(), None).unwrap().major, 14);
    assert_eq!(fit(found.clone(), Some(16)).unwrap().major, 16);
    let refusal = fit(found, Some(15)).unwrap_err();
    assert_eq!(refusal.code(), Code::Machine);
    assert!(refusal.message().contains("made by PostgreSQL 15"), "{}", refusal.message());
}

#[tokio::test]
async fn the_named_folder_is_the_only_one() {
    let folder = Folder::new("named");
    let mut environment = folder.environment(&[]);
    environment.binaries = Some(folder.binaries("named", "18beta1"));
    assert_eq!(find(&environment, None, &|_| ()).await.unwrap().major, 18);
    environment.binaries = Some(folder.0.join("nowhere"));
    let refusal = find(&environment, None, &|_| ()).await.unwrap_err();
    assert!(refusal.message().starts_with("HOWDAH_POSTGRES_BIN"), "{}", refusal.message());
    environment.binaries = Some(folder.binaries("old", "12.22"));
    let refusal = find(&environment, None, &|_| ()).await.unwrap_err();
    assert!(refusal.help_text().unwrap().contains("apt install postgresql"));
}

#[test]
fn a_binary_that_does_not_run_is_passed_over() {
    let folder = Folder::new("broken");
    let broken = folder.binaries("broken", "15.1");
    fs::write(broken.join("postgres"), "#!/bin/sh\nexit 3\n").unwrap();
    let environment = folder.environment(&[&broken]);
    let why = Binaries::probe(&environment, &broken).unwrap().unwrap_err();
    assert!(why.contains("does not run"), "{why}");
    fs::remove_file(broken.join("postgres")).unwrap();
    assert_eq!(Binaries::probe(&environment, &broken), None);
}
