//! The documentation: its links lead somewhere, its examples work, its lists are complete.

mod dependencies;
mod examples;
mod links;

use crate::support::service::project;
use std::{fs, path::PathBuf};

/// A page of the documentation.
struct Page {
    /// Its path from the root of the project.
    name: String,
    text: String,
}

/// Every Markdown file of the project but for those of templates.
fn pages() -> Vec<Page> {
    let root = project("");
    let mut folders: Vec<PathBuf> = vec![root.clone(), project("docs")];
    let mut pages = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && folder != root {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                pages.push(Page { name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(pages.len() > 10, "the pages are found");
    pages
}

/// A fenced block: what stands behind its fence, and its text.
struct Block {
    info: String,
    text: String,
    /// The line of its fence, from 1.
    line: usize,
}

/// The page without its fenced blocks, line for line, and the blocks.
fn parts(page: &str) -> (String, Vec<Block>) {
    let (mut prose, mut blocks) = (String::new(), Vec::<Block>::new());
    let mut inside = false;
    for (index, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(info) => {
                inside = true;
                let info = info.to_owned();
                blocks.push(Block { info, text: String::new(), line: index + 1 });
            }
            None if inside => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => prose.push_str(line),
        }
        prose.push('\n');
    }
    assert!(!inside, "a fence is not closed");
    (prose, blocks)
}
