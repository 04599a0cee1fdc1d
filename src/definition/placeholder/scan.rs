//! The scanner: cuts SQL into tokens where PostgreSQL would.
//!
//! It follows the flex rules of `src/backend/parser/scan.l` and, for placeholders, those of psql
//! (`src/fe_utils/psqlscan.l`), with `standard_conforming_strings` on. It owns where a token begins
//! and ends; it does not own what may stand in a statement (`placeholder`).

use std::ops::Range;

/// What a token is, as far as placeholders need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space, as PostgreSQL 16 and later have it: vertical tabs too.
    Space,
    /// `-- …` or `/* … */`.
    Comment,
    /// A keyword or an unquoted identifier.
    Word,
    /// A number without its sign.
    Number,
    /// A literal in quotes or dollar quotes, with its prefix and its continuation lines.
    Literal,
    /// `"…"` or `U&"…"`.
    QuotedIdentifier,
    /// `:name`; the flag says whether it touches what stands on its left.
    Placeholder {
        /// Directly behind a word, a number, a literal or another placeholder.
        touches: bool,
    },
    /// The `:` of an array slice that has a name directly behind it, as in `[1:n]`.
    SliceColon,
    /// `:'` or `:"` or `:{`, which only psql understands: the colon.
    PsqlColon,
    /// `$1`.
    Positional,
    /// `;`
    Semicolon,
    /// `\`
    Backslash,
    /// A character that looks like white space and is none to PostgreSQL.
    FalseSpace,
    /// Anything else, one character (`::` and `:=` are two).
    Other,
}

/// A token and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// What has no end, and the bytes that open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unterminated {
    /// As an error names it: `string`.
    pub(super) what: &'static str,
    pub(super) open: Range<usize>,
    /// What would end it.
    pub(super) closing: String,
}

/// Whether the last token can be the left side of a slice's colon.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Space, an operator, an opening bracket, the beginning.
    Free,
    /// A word, number, literal or placeholder.
    Operand,
    /// `)` or `]`.
    Closed,
}

/// Cuts `text`, from byte `at` to byte `end`, into tokens without gaps.
pub(super) struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    left: Left,
    /// The brackets that are open, `(` and `[`.
    brackets: Vec<u8>,
}

impl<'t> Scanner<'t> {
    /// Of `text` from byte `at` to byte `end`, both at the edge of a character.
    pub(super) fn new(text: &'t str, range: Range<usize>) -> Self {
        let text = &text[..range.end];
        Self {
            text,
            bytes: text.as_bytes(),
            at: range.start,
            left: Left::Free,
            brackets: Vec::new(),
        }
    }

    fn byte(&self, at: usize) -> u8 {
        // A NUL behind the end is part of no token.
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn past(&self, from: usize, keep: impl Fn(u8) -> bool) -> usize {
        from + self.bytes[from..].iter().take_while(|byte| keep(**byte)).count()
    }

    fn seek(&self, from: usize, needle: &str) -> Option<usize> {
        self.text.get(from..)?.find(needle).map(|at| from + at)
    }

    fn token(&mut self) -> Result<(Kind, usize), Unterminated> {
        let at = self.at;
        Ok(match self.bytes[at] {
            byte if is_space(byte) => (Kind::Space, self.past(at, is_space)),
            b'-' if self.byte(at + 1) == b'-' => {
                (Kind::Comment, self.past(at, |byte| !is_newline(byte)))
            }
            b'/' if self.byte(at + 1) == b'*' => (Kind::Comment, block_comment(self.text, at)?),
            b'\'' => (Kind::Literal, self.string(at, at, false)?),
            b'"' => (Kind::QuotedIdentifier, self.quoted_identifier(at, at)?),
            b'$' => self.dollar(at)?,
            b':' => self.colon(at),
            b';' => (Kind::Semicolon, at + 1),
            b'\\' => (Kind::Backslash, at + 1),
            byte if byte.is_ascii_digit() => (Kind::Number, self.number(at)),
            b'.' if self.byte(at + 1).is_ascii_digit() => (Kind::Number, self.number(at)),
            byte if is_name_start(byte) => self.word(at)?,
            _ => (Kind::Other, at + 1),
        })
    }

    /// A word, or a literal or identifier that a prefix of one letter opens.
    fn word(&self, at: usize) -> Result<(Kind, usize), Unterminated> {
        if let Some(width) = self.text[at..].chars().next().filter(|c| is_false_space(*c)) {
            return Ok((Kind::FalseSpace, at + width.len_utf8()));
        }
        let after = (self.byte(at + 1), self.byte(at + 2));
        Ok(match (self.bytes[at].to_ascii_lowercase(), after) {
            (b'e', (b'\'', _)) => (Kind::Literal, self.string(at, at + 1, true)?),
            (b'b' | b'x' | b'n', (b'\'', _)) => (Kind::Literal, self.string(at, at + 1, false)?),
            (b'u', (b'&', b'\'')) => (Kind::Literal, self.string(at, at + 2, false)?),
            (b'u', (b'&', b'"')) => (Kind::QuotedIdentifier, self.quoted_identifier(at, at + 2)?),
            _ => (Kind::Word, self.cut(at, |byte| is_name_part(byte) || byte == b'$')),
        })
    }

    /// The end of what `keep` keeps from `at` on, before any false space.
    fn cut(&self, at: usize, keep: impl Fn(u8) -> bool) -> usize {
        let end = self.past(at, keep);
        self.text[at..end].find(is_false_space).map_or(end, |cut| at + cut)
    }

    /// The end of the number at `at`: digits, a fraction, an exponent. What follows of `0x1F` and
    /// `1_000` reads as a word, which changes nothing here.
    fn number(&self, at: usize) -> usize {
        let digit = |byte: u8| byte.is_ascii_digit();
        let mut end = self.past(at, digit);
        if self.byte(end) == b'.' && self.byte(end + 1) != b'.' {
            end = self.past(end + 1, digit);
        }
        if self.byte(end).eq_ignore_ascii_case(&b'e') {
            let sign = usize::from(matches!(self.byte(end + 1), b'+' | b'-'));
            if digit(self.byte(end + 1 + sign)) {
                end = self.past(end + 1 + sign, digit);
            }
        }
        end
    }

    /// The end of the string whose token begins at `token` and whose quote is at `quote`, with the
    /// segments that continue it on later lines (they keep its escapes).
    fn string(&self, token: usize, quote: usize, escapes: bool) -> Result<usize, Unterminated> {
        let mut at = quote + 1;
        while at < self.bytes.len() {
            match self.bytes[at] {
                b'\\' if escapes => at += 2,
                b'\'' if self.byte(at + 1) == b'\'' => at += 2,
                b'\'' => match self.continuation(at + 1) {
                    Some(next) => at = next + 1,
                    None => return Ok(at + 1),
                },
                _ => at += 1,
            }
        }
        Err(Unterminated { what: "string", open: token..quote + 1, closing: "'".into() })
    }

    /// The quote that continues a string which ended at `from`: white space with a newline in it,
    /// `--` comments too, and a quote.
    fn continuation(&self, from: usize) -> Option<usize> {
        let mut at = from;
        let mut newline = false;
        loop {
            match self.byte(at) {
                byte if is_space(byte) => {
                    newline |= is_newline(byte);
                    at += 1;
                }
                b'-' if self.byte(at + 1) == b'-' => {
                    at = self.past(at, |byte| !is_newline(byte));
                }
                b'\'' if newline => return Some(at),
                _ => return None,
            }
        }
    }

    fn quoted_identifier(&self, token: usize, quote: usize) -> Result<usize, Unterminated> {
        let mut at = quote + 1;
        while let Some(end) = self.seek(at, "\"") {
            if self.byte(end + 1) != b'"' {
                return Ok(end + 1);
            }
            at = end + 2;
        }
        Err(Unterminated {
            what: "quoted identifier",
            open: token..quote + 1,
            closing: "\"".into(),
        })
    }

    /// `$1`, a dollar quote, or a lone `$`.
    fn dollar(&self, at: usize) -> Result<(Kind, usize), Unterminated> {
        if self.byte(at + 1).is_ascii_digit() {
            let end = self.past(at + 1, |byte| byte.is_ascii_digit());
            return Ok((Kind::Positional, end));
        }
        let tag_end = match self.byte(at + 1) {
            byte if is_name_start(byte) => self.past(at + 1, is_name_part),
            _ => at + 1,
        };
        if self.byte(tag_end) != b'$' {
            return Ok((Kind::Other, at + 1));
        }
        let tag = &self.text[at..=tag_end];
        match self.seek(tag_end + 1, tag) {
            Some(end) => Ok((Kind::Literal, end + tag.len())),
            None => Err(Unterminated {
                what: "dollar-quoted string",
                open: at..tag_end + 1,
                closing: tag.into(),
            }),
        }
    }

    fn colon(&self, at: usize) -> (Kind, usize) {
        let in_subscript = self.brackets.last() == Some(&b'[');
        match self.byte(at + 1) {
            b':' | b'=' => (Kind::Other, at + 2),
            byte if is_name_start(byte) && self.cut(at + 1, is_name_part) > at + 1 => {
                if in_subscript && self.left != Left::Free {
                    return (Kind::SliceColon, at + 1);
                }
                let end = self.cut(at + 1, is_name_part);
                (Kind::Placeholder { touches: self.left == Left::Operand }, end)
            }
            b'\'' | b'"' | b'{' if !in_subscript => (Kind::PsqlColon, at + 1),
            _ => (Kind::Other, at + 1),
        }
    }

    fn remember(&mut self, kind: Kind, first: u8) {
        match (kind, first) {
            (Kind::Other, b'(' | b'[') => self.brackets.push(first),
            (Kind::Other, b')' | b']') => drop(self.brackets.pop()),
            _ => {}
        }
        self.left = match (kind, first) {
            (
                Kind::Word
                | Kind::Number
                | Kind::Literal
                | Kind::QuotedIdentifier
                | Kind::Placeholder { .. }
                | Kind::Positional,
                _,
            )
            | (Kind::Other, b'$') => Left::Operand,
            (Kind::Other, b')' | b']') => Left::Closed,
            _ => Left::Free,
        };
    }
}

impl Iterator for Scanner<'_> {
    type Item = Result<Token, Unterminated>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let start = self.at;
        Some(match self.token() {
            Ok((kind, end)) => {
                self.at = end;
                self.remember(kind, self.bytes[start]);
                Ok(Token { kind, span: start..end })
            }
            Err(unterminated) => {
                self.at = self.bytes.len();
                Err(unterminated)
            }
        })
    }
}

/// The end of the block comment that `text` has at `at`. Comments nest.
pub(super) fn block_comment(text: &str, at: usize) -> Result<usize, Unterminated> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut here = at;
    while here + 1 < bytes.len() {
        match (bytes[here], bytes[here + 1]) {
            (b'/', b'*') => {
                depth += 1;
                here += 2;
            }
            (b'*', b'/') => {
                depth -= 1;
                here += 2;
                if depth == 0 {
                    return Ok(here);
                }
            }
            _ => here += 1,
        }
    }
    Err(Unterminated { what: "comment", open: at..at + 2, closing: "*/".into() })
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Every byte of a character beyond ASCII is a letter to PostgreSQL.
fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_name_part(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit()
}

/// Characters that an editor shows as white space or not at all, and PostgreSQL takes for letters.
fn is_false_space(c: char) -> bool {
    !c.is_ascii()
        && (c.is_whitespace()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{202a}'..='\u{202e}'))
}
