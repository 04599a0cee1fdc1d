//! Files with several statements: where each begins.

use super::scan::{Kind, Scanner};
use std::ops::Range;

/// The bytes of the word that each statement of `text` begins with; a statement that begins with
/// something else has none. Ends early where a quote or comment has no end.
pub fn first_words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut begins = true;
    for token in Scanner::new(text, 0..text.len()).map_while(Result::ok) {
        match token.kind {
            Kind::Space | Kind::Comment => {}
            Kind::Semicolon => begins = true,
            kind => {
                if begins && kind == Kind::Word {
                    words.push(token.span);
                }
                begins = false;
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::first_words;

    #[test]
    fn each_statement_has_its_first_word() {
        let text = "-- begin;\nBEGIN; /* ; */ create table t (a text default ';');\n\
                    DO $$ BEGIN; COMMIT; END $$; (SELECT 1);; commit";
        let words: Vec<_> = first_words(text).into_iter().map(|span| &text[span]).collect();
        assert_eq!(words, ["BEGIN", "create", "DO", "commit"]);
        assert_eq!(first_words("SELECT 'x; COMMIT").len(), 1);
        assert!(first_words("").is_empty());
    }
}
