//! What a condition of a plan says of a table's columns, read from the text in which EXPLAIN writes
//! it: `((p.orig_code = $3) AND (p.day >= $1))`.
//!
//! What is not understood is [`Term::Opaque`], about which no advice is given.

/// A comparison of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// `column = something`, or one of some things.
    Equal(String),
    /// `column < something` and the like.
    Range(String),
    /// `column LIKE something`.
    Like {
        /// The column.
        column: String,
        /// What the pattern begins with, when it is written in the statement: empty for a wildcard.
        prefix: Option<String>,
        /// Whether it is ILIKE.
        any_case: bool,
    },
    /// The column is cast before it is compared.
    Cast {
        /// The column.
        column: String,
        /// The type that it is cast to, as the server writes it.
        to: String,
        /// Whether it is compared for equality.
        equal: bool,
    },
    /// The column goes through a function before it is compared.
    Call {
        /// The function's name.
        function: String,
        /// The column.
        column: String,
        /// Whether it is compared for equality.
        equal: bool,
    },
    /// A parameter that may be absent: `$1 IS NULL OR column = $1`.
    Optional,
    /// Something else.
    Opaque,
}

/// A word of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a keyword, without its quotes.
    Word(String),
    /// `'…'`, without its quotes.
    Text(String),
    /// `$1`.
    Parameter(usize),
    /// A parenthesis, a dot, a bracket, a comma, or an operator.
    Sign(String),
}

/// The words of a condition.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let take = |belongs: fn(char) -> bool| rest.find(|it| !belongs(it)).unwrap_or(rest.len());
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else if first == '"' || first == '\'' {
            let (inner, length) = quoted(rest, first);
            found.push(if first == '"' { Token::Word(inner) } else { Token::Text(inner) });
            length
        } else if first == '$' && rest[1..].starts_with(|it: char| it.is_ascii_digit()) {
            let digits = rest[1..].find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len() - 1);
            found.push(Token::Parameter(rest[1..=digits].parse().unwrap_or(0)));
            1 + digits
        } else if first.is_alphanumeric() || first == '_' {
            let length = take(|it| it.is_alphanumeric() || it == '_' || it == '$');
            found.push(Token::Word(rest[..length].to_owned()));
            length
        } else if rest.starts_with("::") {
            found.push(Token::Sign("::".to_owned()));
            2
        } else if "()[],.:".contains(first) {
            found.push(Token::Sign(first.to_string()));
            first.len_utf8()
        } else if "+-*/<>=~!@#%^&|`?".contains(first) {
            let length = take(|it| "+-*/<>=~!@#%^&|`?".contains(it));
            found.push(Token::Sign(rest[..length].to_owned()));
            length
        } else {
            found.push(Token::Sign(first.to_string()));
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    found
}

/// What stands between the quotes that `text` begins with, and how long it is with them.
fn quoted(text: &str, quote: char) -> (String, usize) {
    let mut inner = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != quote {
            inner.push(character);
        } else if characters.peek().is_some_and(|(_, next)| *next == quote) {
            inner.push(quote);
            characters.next();
        } else {
            return (inner, at + 1);
        }
    }
    (inner, text.len())
}

fn is_sign(token: Option<&Token>, sign: &str) -> bool {
    matches!(token, Some(Token::Sign(it)) if it == sign)
}

fn is_word(token: Option<&Token>, word: &str) -> bool {
    matches!(token, Some(Token::Word(it)) if it == word)
}

/// Without the parentheses around the whole.
fn bare(mut tokens: &[Token]) -> &[Token] {
    while is_sign(tokens.first(), "(") && closing(tokens) == Some(tokens.len() - 1) {
        tokens = &tokens[1..tokens.len() - 1];
    }
    tokens
}

/// Where the parenthesis that `tokens` begin with is closed.
fn closing(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign(it) if it == "(" || it == "[" => depth += 1,
            Token::Sign(it) if it == ")" || it == "]" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The places of the tokens that stand in no parentheses and are `wanted`.
fn at_top(tokens: &[Token], wanted: impl Fn(&Token) -> bool) -> Vec<usize> {
    let mut depth = 0_i32;
    let mut places = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign(it) if it == "(" || it == "[" => depth += 1,
            Token::Sign(it) if it == ")" || it == "]" => depth -= 1,
            token if depth == 0 && wanted(token) => places.push(at),
            _ => {}
        }
    }
    places
}

/// What a condition says of the columns of the table that the statement calls `alias`.
pub(super) fn terms(text: &str, alias: &str) -> Vec<Term> {
    let all = tokens(text);
    let all = bare(&all);
    let cuts = at_top(all, |it| is_word(Some(it), "AND"));
    let mut found = Vec::new();
    let mut start = 0;
    for end in cuts.into_iter().chain([all.len()]) {
        if start <= end {
            found.push(term(bare(&all[start..end]), alias));
        }
        start = end + 1;
    }
    found
}

/// The operators that an index over a column knows how to serve.
const COMPARES: [&str; 9] = ["=", "<", "<=", ">", ">=", "~~", "~~*", "LIKE", "ILIKE"];

fn term(tokens: &[Token], alias: &str) -> Term {
    if !at_top(tokens, |it| is_word(Some(it), "OR")).is_empty() {
        let mentions_null = tokens.windows(3).any(|it| {
            matches!(it[0], Token::Parameter(_))
                && is_word(it.get(1), "IS")
                && is_word(it.get(2), "NULL")
        });
        return if mentions_null && mentions(tokens, alias) {
            Term::Optional
        } else {
            Term::Opaque
        };
    }
    let operators =
        at_top(tokens, |it| matches!(it, Token::Sign(it) if COMPARES.contains(&it.as_str())));
    let [at] = operators[..] else { return Term::Opaque };
    let Token::Sign(operator) = &tokens[at] else { return Term::Opaque };
    let (left, right) = (&tokens[..at], &tokens[at + 1..]);
    // What stands on the other side must be known before the row is.
    match (mentions(left, alias), mentions(right, alias)) {
        (true, false) => compared(left, operator, right, alias),
        (false, true) => compared(right, operator, left, alias),
        _ => Term::Opaque,
    }
}

/// Whether a column of the table is in it.
fn mentions(tokens: &[Token], alias: &str) -> bool {
    tokens.windows(2).any(|it| is_word(it.first(), alias) && is_sign(it.get(1), "."))
}

/// The column's name when this is a column and nothing else.
fn column(tokens: &[Token], alias: &str) -> Option<String> {
    match bare(tokens) {
        [Token::Word(table), Token::Sign(dot), Token::Word(name)]
            if table == alias && dot == "." =>
        {
            Some(name.clone())
        }
        _ => None,
    }
}

fn compared(side: &[Token], operator: &str, other: &[Token], alias: &str) -> Term {
    let side = bare(side);
    let equal = operator == "=";
    if operator.starts_with('~') {
        // text LIKE casts a varchar, which changes nothing.
        let inner =
            at_top(side, |it| is_sign(Some(it), "::")).first().map_or(side, |at| &side[..*at]);
        let Some(column) = column(inner, alias) else { return Term::Opaque };
        let prefix = pattern_prefix(other);
        return Term::Like { column, prefix, any_case: operator == "~~*" };
    }
    if let Some(column) = column(side, alias) {
        return if equal { Term::Equal(column) } else { Term::Range(column) };
    }
    if let [at] = at_top(side, |it| is_sign(Some(it), "::"))[..]
        && let Some(column) = column(&side[..at], alias)
    {
        let words = side[at + 1..].iter().map(|it| match it {
            Token::Word(word) => word.clone(),
            Token::Sign(sign) => sign.clone(),
            Token::Text(_) | Token::Parameter(_) => String::new(),
        });
        return Term::Cast { column, to: words.collect::<Vec<_>>().join(" "), equal };
    }
    match side {
        [Token::Word(function), Token::Sign(open), inner @ .., Token::Sign(close)]
            if open == "(" && close == ")" =>
        {
            // A cast within, of a varchar to text, changes nothing either.
            let inner = bare(inner);
            let cut = at_top(inner, |it| is_sign(Some(it), "::")).first().copied();
            let inner = cut.map_or(inner, |at| &inner[..at]);
            match column(inner, alias) {
                Some(column) => Term::Call { function: function.clone(), column, equal },
                None => Term::Opaque,
            }
        }
        _ => Term::Opaque,
    }
}

/// What a pattern begins with, as far as it is written down. `None` when all of it is an argument.
fn pattern_prefix(tokens: &[Token]) -> Option<String> {
    let first = bare(tokens).iter().find(|it| !is_sign(Some(it), "("))?;
    match first {
        Token::Text(text) => {
            let end = text.find(['%', '_', '\\']).unwrap_or(text.len());
            Some(text[..end].to_owned())
        }
        _ => None,
    }
}

/// The pairs of columns that a join compares: `((p.code = r.code) AND …)` as (table, column) each.
pub(super) fn pairs(text: &str) -> Vec<[(String, String); 2]> {
    let all = tokens(text);
    let all = bare(&all);
    let cuts = at_top(all, |it| is_word(Some(it), "AND"));
    let mut found = Vec::new();
    let mut start = 0;
    for end in cuts.into_iter().chain([all.len()]) {
        if start <= end
            && let [
                Token::Word(table),
                Token::Sign(dot),
                Token::Word(name),
                Token::Sign(equal),
                Token::Word(other_table),
                Token::Sign(other_dot),
                Token::Word(other_name),
            ] = bare(&all[start..end])
            && (dot.as_str(), equal.as_str(), other_dot.as_str()) == (".", "=", ".")
        {
            let one = (table.clone(), name.clone());
            found.push([one, (other_table.clone(), other_name.clone())]);
        }
        start = end + 1;
    }
    found
}

#[cfg(test)]
mod tests;
