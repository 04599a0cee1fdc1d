//! What is written can be read by the rooms it is for.

use super::*;
use crate::{
    config,
    definition::{file, route::Method},
    diagnostic::SourceFile,
    migration::Migrations,
};

/// A path that goes away with its value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("howdah-new-{name}-{}", std::process::id())))
    }

    fn read(&self, name: &str) -> std::sync::Arc<SourceFile> {
        SourceFile::new(name, fs::read_to_string(self.0.join(name)).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_new_service_is_a_valid_one() {
    let folder = Folder::new("valid");
    let written = create(&folder.0, "freight-rates").unwrap();
    assert_eq!(written.len(), TEMPLATE.len());
    for path in &written {
        let text = fs::read_to_string(folder.0.join(path)).unwrap();
        assert!(!text.contains("{{name") && !text.contains("{{database"), "{}", path.display());
    }
    let (config, warnings) = config::read(&folder.read("howdah.toml"), &|_| None, &[])
        .unwrap_or_else(|found| panic!("{}", found.render(false)));
    assert!(warnings.is_empty(), "{}", warnings.render(false));
    assert_eq!(config.service.name, "freight-rates");
    assert_eq!(config.database.unwrap().user, "freight_rates");
    assert_eq!(config.routes.len(), 1);
    let methods = ["list", "one", "write"].map(|name| {
        let source = folder.read(&format!("endpoints/notes/{name}.sql"));
        let (endpoint, warnings) = file::read(&source, &format!("notes/{name}"))
            .unwrap_or_else(|found| panic!("{}", found.render(false)));
        assert!(warnings.is_empty(), "{}", warnings.render(false));
        endpoint.method
    });
    assert_eq!(methods, [Method::Get, Method::Get, Method::Post]);
    assert_eq!(Migrations::parse(&[folder.read("migrations/0001_notes.sql")]).unwrap().len(), 1);
}

#[test]
fn nothing_is_written_over() {
    let folder = Folder::new("full");
    fs::create_dir_all(folder.0.join(".git")).unwrap();
    create(&folder.0, "notes").unwrap();
    fs::write(folder.0.join("howdah.toml"), "mine").unwrap();
    let refusal = create(&folder.0, "notes").unwrap_err();
    assert_eq!(refusal.code(), Code::Conflict);
    assert_eq!(fs::read_to_string(folder.0.join("howdah.toml")).unwrap(), "mine");
}

#[test]
fn names_that_would_not_do_are_explained_before_anything_is_made() {
    let folder = Folder::new("names");
    for (name, why) in [
        ("", "is empty"),
        ("Rates", "does not begin with a lower-case letter"),
        ("1rates", "does not begin with a lower-case letter"),
        ("a b", "has a character other"),
        ("a\"; DROP", "has a character other"),
        ("pg-rates", "keeps for itself"),
        ("howdah-owner", "keeps for itself"),
        (&"x".repeat(64), "is longer"),
    ] {
        let refusal = create(&folder.0, name).unwrap_err();
        assert!(refusal.message().contains(why), "{}", refusal.message());
    }
    assert!(!folder.0.exists());
}

#[test]
fn a_folder_suggests_its_name() {
    assert_eq!(name_for(Path::new("/srv/Freight Rates")), "freight-rates");
    assert_eq!(name_for(Path::new("a/1_b_2")), "b-2");
    assert_eq!(name_for(Path::new("/")), "");
}
