//! Bad input: each file under `tests/malformed` gives the diagnostics that stand beside it in
//! `NAME.expected`. Drop in a file, get a test; `HOWDAH_BLESS=1` writes what is expected.

use howdah::{
    config,
    definition::file,
    diagnostic::{Diagnostics, SourceFile},
};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What is wrong with the file that is shown as `name` and holds `bytes`.
type Judge = fn(name: &Path, bytes: Vec<u8>) -> Diagnostics;

/// The files of the folder `kind` that end in `extension`, in the order of their names.
fn files(kind: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/malformed").join(kind);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension() == Some(OsStr::new(extension))).collect();
    files.sort();
    files
}

/// Judges every file of the folder; gives how many there are.
fn walk(kind: &str, extension: &str, judge: Judge) -> usize {
    let bless = std::env::var_os("HOWDAH_BLESS").is_some();
    let mut wrong = Vec::new();
    let files = files(kind, extension);
    for path in &files {
        let name = Path::new(path.file_name().unwrap());
        let text = judge(name, fs::read(path).unwrap()).render(false);
        let expected = path.with_extension("expected");
        if text.is_empty() {
            wrong.push(format!("{}: gives no diagnostic", name.display()));
        } else if bless {
            fs::write(expected, text).unwrap();
        } else if fs::read_to_string(expected).unwrap_or_default() != text {
            wrong.push(format!("{}: gives\n{text}", name.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    files.len()
}

/// The environment that the manifests are read in.
fn environment(name: &str) -> Option<String> {
    let value = match name {
        "EMPTY" => "",
        "WORD" => "word",
        "SECRET" => "a secret that no diagnostic shows",
        _ => return None,
    };
    Some(value.to_owned())
}

/// What `read` finds wrong, errors or warnings.
fn judged<T>(
    name: &Path,
    bytes: Vec<u8>,
    read: impl FnOnce(&Arc<SourceFile>) -> Result<(T, Diagnostics), Diagnostics>,
) -> Diagnostics {
    let source = match SourceFile::from_bytes(name, bytes) {
        Ok(source) => source,
        Err(diagnostic) => return diagnostic.into(),
    };
    match read(&source) {
        Ok((_, warnings)) => warnings,
        Err(diagnostics) => diagnostics,
    }
}

fn endpoint(name: &Path, bytes: Vec<u8>) -> Diagnostics {
    judged(name, bytes, |source| file::read(source, "a"))
}

fn manifest(name: &Path, bytes: Vec<u8>) -> Diagnostics {
    judged(name, bytes, |source| config::read(source, &environment, &[]))
}

#[test]
fn every_malformed_endpoint_file_is_explained() {
    assert!(walk("endpoints", "sql", endpoint) >= 50);
}

#[test]
fn every_malformed_manifest_is_explained() {
    assert!(walk("manifests", "toml", manifest) >= 50);
}
