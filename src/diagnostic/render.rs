//! How diagnostics are shown: to a person with a caret, to a program as JSON.

use super::{Diagnostic, Diagnostics, Severity};
use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

impl Diagnostics {
    /// All of them for a terminal, or plain when it is none.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for diagnostic in self.iter() {
            text.push_str(renderer.render(&[report(diagnostic)]).trim_end());
            text.push_str("\n\n");
        }
        text
    }

    /// All of them as a JSON array: `severity`, `code`, `message`, and where they are known `file`,
    /// `line`, `column`, `end_line`, `end_column` (from 1, in characters), `label`, `sqlstate`,
    /// `notes`, `help`.
    pub fn to_json(&self) -> Value {
        self.iter().map(to_json).collect()
    }
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    }
}

fn report(diagnostic: &Diagnostic) -> Group<'_> {
    let title =
        level(diagnostic.severity).primary_title(diagnostic.message()).id(diagnostic.code.slug());
    let mut elements: Vec<Element<'_>> = Vec::new();
    if let Some(place) = &diagnostic.place {
        let source = &place.source;
        match &place.span {
            Some(span) => {
                let mut annotation = AnnotationKind::Primary.span(span.clone());
                if let Some(label) = &diagnostic.label {
                    annotation = annotation.label(label.as_str());
                }
                elements.push(
                    Snippet::source(source.text())
                        .path(source.path())
                        .annotation(annotation)
                        .into(),
                );
            }
            None => elements.push(annotate_snippets::Origin::path(source.path()).into()),
        }
    }
    if let Some(sqlstate) = &diagnostic.sqlstate {
        elements.push(Level::NOTE.message(format!("SQLSTATE {sqlstate}")).into());
    }
    for note in &diagnostic.notes {
        elements.push(Level::NOTE.message(note.as_str()).into());
    }
    if let Some(help) = &diagnostic.help {
        elements.push(Level::HELP.message(help.as_str()).into());
    }
    title.elements(elements)
}

fn to_json(diagnostic: &Diagnostic) -> Value {
    let mut object = json!({
        "severity": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "code": diagnostic.code.slug(),
        "message": diagnostic.message,
    });
    if let Some(place) = &diagnostic.place {
        object["file"] = place.source.path().into();
        if let Some(span) = &place.span {
            let (line, column) = place.source.position(span.start);
            let (end_line, end_column) = place.source.position(span.end);
            object["line"] = line.into();
            object["column"] = column.into();
            object["end_line"] = end_line.into();
            object["end_column"] = end_column.into();
        }
    }
    for (key, value) in [
        ("label", &diagnostic.label),
        ("sqlstate", &diagnostic.sqlstate),
        ("help", &diagnostic.help),
    ] {
        if let Some(value) = value {
            object[key] = value.as_str().into();
        }
    }
    if !diagnostic.notes.is_empty() {
        object["notes"] = diagnostic.notes.clone().into();
    }
    object
}

#[cfg(test)]
mod tests {
    use super::super::{Code, Diagnostic, Diagnostics, SourceFile};

    #[test]
    fn a_caret_stands_under_the_word() {
        let source = SourceFile::new("howdah.toml", "[service]\nnmae = \"é\"\n");
        let all: Diagnostics = Diagnostic::error(Code::UnknownKey, "unknown key `nmae`")
            .at(&source, 10..14)
            .label("nothing reads this")
            .help("did you mean `name`?")
            .into();
        let text = all.render(false);
        assert!(text.contains("error[unknown-key]: unknown key `nmae`"), "{text}");
        assert!(text.contains("howdah.toml:2:1"), "{text}");
        assert!(text.contains("^^^^ nothing reads this"), "{text}");
        assert_eq!(all.to_json()[0]["line"], 2);
        assert_eq!(all.to_json()[0]["end_column"], 5);
    }

    #[test]
    fn a_span_past_the_end_is_still_shown() {
        let source = SourceFile::new("a.sql", "é");
        let all: Diagnostics =
            Diagnostic::error(Code::Unterminated, "no end").at(&source, 1..99).into();
        assert!(all.render(false).contains("a.sql:1:1"));
    }
}
