//! The endpoint files of the project's services. Those in the documentation are in `docs`.

use howdah::{definition::file, diagnostic::SourceFile};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What is wrong with an endpoint file, warnings too.
fn wrong(name: &str, text: &str) -> Option<String> {
    let source = SourceFile::new(name, text);
    match file::read(&source, "a") {
        Ok((_, warnings)) if warnings.is_empty() => None,
        Ok((_, diagnostics)) | Err(diagnostics) => Some(diagnostics.render(false)),
    }
}

#[test]
fn every_endpoint_of_the_services_is_good() {
    let mut folders = vec![in_project("services")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if shown.contains("/endpoints/") {
                let text = fs::read_to_string(&path).unwrap();
                if let Some(wrong) = wrong(&shown, &text) {
                    panic!("{wrong}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen >= 5, "the services are read");
}
