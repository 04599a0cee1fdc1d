//! What holds for every text that somebody calls a manifest.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::secret::Secret;
use proptest::prelude::*;

/// A manifest that uses every key, one line each.
fn whole() -> Vec<String> {
    let text = Config::documented_default();
    let in_force = |line: &str| !line.is_empty() && !line.starts_with("# ");
    text.lines()
        .filter(|line| in_force(line))
        .map(|line| line.trim_start_matches('#').to_owned())
        .collect()
}

/// Lines and pieces that break a manifest in many ways.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("${".to_owned()),
        Just("${A:-".to_owned()),
        Just("{{{".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("\n[lanes.\"é\"]\n".to_owned()),
        Just("\n[[route]]\n".to_owned()),
        Just("\nroute = [{ get = \"/{a}\", reply = [\"{a}{\"] }]\n".to_owned()),
        "[-+0-9a-z.:/ ]{0,8}",
        "\\PC{0,12}",
        any::<String>(),
    ]
}

fn judge(text: &str) -> String {
    let environment = |name: &str| match name {
        "A" => Some("}{\"${A}".to_owned()),
        "DATABASE_URL" => Some(String::new()),
        _ => None,
    };
    // A connection URL that says nothing, so that the keys are looked at.
    let files = |_: &Path| Ok(Secret::new("postgresql://".to_owned()));
    match read_with_files(&SourceFile::new("howdah.toml", text), &environment, &[], &files) {
        Ok((_, warnings)) => {
            assert!(!warnings.has_errors());
            warnings.render(false)
        }
        Err(diagnostics) => {
            assert!(diagnostics.has_errors(), "an error without a diagnostic");
            diagnostics.render(false)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_explained(text in any::<String>()) {
        judge(&text);
    }

    #[test]
    fn a_broken_manifest_is_explained(
        breaks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), piece()), 1..6),
    ) {
        let mut lines = whole();
        for (line, column, piece) in breaks {
            let line = line.get_mut(&mut lines);
            let places: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
            line.insert_str(*column.get(&places), &piece);
        }
        // Whatever stands before it: on a line of its own a secret is seen.
        lines.push("password = \"hunter2".to_owned());
        let shown = judge(&lines.join("\n"));
        prop_assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn any_value_of_any_key_is_taken_or_refused(
        line in any::<prop::sample::Index>(), value in prop_oneof![piece(), "[0-9]{1,25}(ms|s|m|h|d|y| MiB)?"],
    ) {
        let mut lines = whole();
        let line = line.get_mut(&mut lines);
        if let Some((key, _)) = line.clone().split_once(" = ") {
            *line = format!("{key} = {}", toml::Value::String(value));
        }
        judge(&lines.join("\n"));
    }
}
