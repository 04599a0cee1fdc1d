//! Changes as editors make them.

use super::*;
use std::fs;
use tokio::time::timeout;

/// A folder of its own for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("howdah-watch-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("endpoints/deep")).unwrap();
        fs::create_dir_all(path.join(".git")).unwrap();
        fs::write(path.join("howdah.toml"), "a").unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.0.join(from), self.0.join(to)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn changed(watch: &mut Watch) -> Vec<String> {
    let changed = timeout(Duration::from_secs(5), watch.changed()).await.expect("a change");
    changed.files.iter().map(|file| file.display().to_string()).collect()
}

async fn quiet(watch: &mut Watch) {
    let limit = QUIET + POLL_INTERVAL * 2;
    let changed = timeout(limit, watch.changed()).await;
    assert!(changed.is_err(), "{changed:?}");
}

#[tokio::test]
async fn a_save_is_one_change() {
    let folder = Folder::new("save");
    let mut watch = Watch::start(&folder.0).unwrap();
    assert!(!watch.polls());
    folder.write("howdah.toml", "b");
    folder.write("howdah.toml", "c");
    folder.write("endpoints/deep/new.sql", "SELECT 1");
    assert_eq!(changed(&mut watch).await, ["endpoints/deep/new.sql", "howdah.toml"]);
    quiet(&mut watch).await;
    fs::remove_file(folder.0.join("endpoints/deep/new.sql")).unwrap();
    assert_eq!(changed(&mut watch).await, ["endpoints/deep/new.sql"]);
}

#[tokio::test]
async fn editors_that_replace_by_rename_are_seen_and_their_own_files_are_not() {
    let folder = Folder::new("rename");
    let mut watch = Watch::start(&folder.0).unwrap();
    for own in [".howdah.toml.swp", "4913", "howdah.toml~", ".git/index", "#a#", "a.sql.tmp"] {
        folder.write(own, "x");
    }
    assert_eq!(fs::read(folder.0.join("howdah.toml")).unwrap(), b"a");
    quiet(&mut watch).await;
    // As `sed -i` does it.
    folder.write("sedXy12", "x");
    folder.rename("sedXy12", "howdah.toml");
    assert_eq!(changed(&mut watch).await, ["howdah.toml"]);
    folder.write("came", "and");
    fs::remove_file(folder.0.join("came")).unwrap();
    quiet(&mut watch).await;
    folder.rename("howdah.toml", "howdah.toml~");
    folder.rename("a.sql.tmp", "howdah.toml");
    assert_eq!(changed(&mut watch).await, ["howdah.toml"]);
    folder.write("howdah.toml", "still watched");
    assert_eq!(changed(&mut watch).await, ["howdah.toml"]);
}

#[tokio::test]
async fn folders_that_are_made_are_watched_too() {
    let folder = Folder::new("folders");
    let mut watch = Watch::start(&folder.0).unwrap();
    fs::create_dir(folder.0.join("migrations")).unwrap();
    assert_eq!(changed(&mut watch).await, ["migrations"]);
    folder.write("migrations/0001_a.sql", "SELECT 1");
    assert_eq!(changed(&mut watch).await, ["migrations/0001_a.sql"]);
}

#[tokio::test]
async fn a_stream_of_changes_is_told_within_a_second() {
    let folder = Folder::new("stream");
    let mut watch = Watch::start(&folder.0).unwrap();
    let path = folder.0.join("howdah.toml");
    let writer = tokio::spawn(async move {
        for round in 0..60 {
            fs::write(&path, round.to_string()).unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let since = Instant::now();
    assert_eq!(changed(&mut watch).await, ["howdah.toml"]);
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    writer.abort();
}

#[tokio::test]
async fn nothing_is_lost_when_waiting_is_given_up() {
    let folder = Folder::new("cancel");
    let mut watch = Watch::start(&folder.0).unwrap();
    folder.write("howdah.toml", "b");
    let early = timeout(Duration::from_millis(50), watch.changed()).await;
    assert!(early.is_err());
    assert_eq!(changed(&mut watch).await, ["howdah.toml"]);
}

#[tokio::test]
async fn polling_sees_the_same() {
    let folder = Folder::new("poll");
    let mut watch = Watch::polling(&folder.0).unwrap();
    assert!(watch.polls());
    tokio::time::sleep(Duration::from_millis(20)).await;
    folder.write("howdah.toml", "longer");
    folder.write("endpoints/a.sql", "SELECT 1");
    let mut seen = changed(&mut watch).await;
    if seen.len() < 2 {
        seen.extend(changed(&mut watch).await);
        seen.sort();
    }
    assert_eq!(seen, ["endpoints/a.sql", "howdah.toml"]);
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let Err(refusal) = Watch::start(Path::new("/nowhere/at/all")) else { panic!("watched") };
    assert!(refusal.message().starts_with("cannot watch /nowhere/at/all"));
}
