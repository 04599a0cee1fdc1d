//! The placeholder lexer: a diagnostic that can be shown, or the same text but for placeholders.
#![no_main]

use howdah::{definition::placeholder, diagnostic::SourceFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = SourceFile::new("a.sql", text);
    let statement = match placeholder::lex(&source, 0..text.len()) {
        Ok(statement) => statement,
        Err(errors) => {
            assert!(errors.has_errors());
            errors.render(false);
            return;
        }
    };
    let mut restored = String::new();
    let mut at = 0;
    for used in &statement.uses {
        restored.push_str(&statement.sql[at..used.sql_span.start]);
        restored.push_str(&text[used.file_span.clone()]);
        at = used.sql_span.end;
    }
    restored.push_str(&statement.sql[at..]);
    assert!(text[statement.offset..].starts_with(&restored));

    // A second look at the result finds nothing to replace but the numbers put in.
    let characters = u32::try_from(statement.sql.chars().count()).unwrap_or(u32::MAX);
    for position in [0, 1, characters / 2, characters, u32::MAX] {
        assert!(statement.file_offset_of_char(position) <= text.len());
        let span = statement.file_span_of_char(&source, position);
        assert!(text.get(span).is_some());
    }
});
