//! Every link within the project leads to a file, and its `#fragment` to a heading.

use super::{pages, parts};
use crate::support::service::project;
use std::path::Path;

/// The targets of the links in a text, with their lines.
fn targets(prose: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose.lines().enumerate() {
        // What stands between backticks is no link.
        let plain: String = line.split('`').step_by(2).collect();
        for rest in plain.split("](").skip(1) {
            if let Some((target, _)) = rest.split_once(')') {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

/// The fragment that a heading has on GitHub.
fn fragment(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_' | ' '));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

fn has_heading(page: &str, wanted: &str) -> bool {
    let (prose, _) = parts(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| fragment(line.trim_start_matches('#'))).any(|it| it == wanted)
}

/// Why a link does not lead anywhere.
fn broken(from: &str, text: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(from).parent().unwrap();
    let path = project("").join(folder).join(file);
    if !file.is_empty() && !path.exists() {
        return Some(format!("there is no {file}"));
    }
    if fragment.is_empty() {
        return None;
    }
    let page =
        if file.is_empty() { text.to_owned() } else { std::fs::read_to_string(path).ok()? };
    (!has_heading(&page, fragment)).then(|| format!("no heading makes #{fragment}"))
}

#[test]
fn every_link_leads_somewhere() {
    let (mut links, mut wrong) = (0, Vec::new());
    for page in pages() {
        for (line, target) in targets(&parts(&page.text).0) {
            links += 1;
            if let Some(why) = broken(&page.name, &page.text, &target) {
                wrong.push(format!("{}:{line}: {why}", page.name));
            }
        }
    }
    assert!(links > 20, "the links are found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_link_to_nowhere_is_found() {
    let text =
        "# On `up`, and more\n[a](docs/nothing.md) [b](#on-up-and-more)\n[c](#nothing) `[d](e)`\n";
    let found = targets(text);
    assert_eq!(found.len(), 3);
    let wrong = found.iter().filter(|(_, it)| broken("README.md", text, it).is_some());
    assert_eq!(wrong.map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
}
