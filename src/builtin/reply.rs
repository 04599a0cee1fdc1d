//! Replies: bodies with `{placeholders}`, compiled once at start.
//!
//! Owns how a template becomes bytes. Does not own which placeholders a route may use (`config`
//! has refused the others) nor where their values come from. A value is written once, as text: it
//! is never looked at for placeholders again, and in JSON it cannot leave its string.

use crate::definition::route::Template;
use serde_json::Value;
use std::borrow::Cow;

/// A body, ready to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    segments: Vec<Segment>,
    format: Format,
}

/// A part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Bytes that are sent as they are.
    Literal(Vec<u8>),
    /// The value of a placeholder.
    Placeholder(Box<str>),
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Text,
}

impl Prepared {
    /// Compiles a template whose placeholders `config` has checked. A brace that closes or opens
    /// nothing is text.
    pub fn new(template: &Template) -> Self {
        let format = match template {
            Template::Json(_) => Format::Json,
            Template::Text(_) => Format::Text,
        };
        let mut prepared = Self { segments: Vec::new(), format };
        match template {
            Template::Json(document) => prepared.document(document),
            Template::Text(text) => prepared.text(text),
        }
        prepared
    }

    /// The media type of the body. Text is never HTML, whatever is in it.
    pub fn content_type(&self) -> &'static str {
        match self.format {
            Format::Json => "application/json",
            Format::Text => "text/plain; charset=utf-8",
        }
    }

    /// The names of the placeholders, in their order.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Placeholder(name) => Some(&**name),
        })
    }

    /// The body, with what `lookup` says for each placeholder. What it knows nothing of, such as
    /// an optional parameter that was left out, becomes empty text.
    pub fn render<'v>(&self, lookup: impl Fn(&str) -> Option<Cow<'v, str>>) -> Vec<u8> {
        let mut body = Vec::with_capacity(128);
        for segment in &self.segments {
            match segment {
                Segment::Literal(bytes) => body.extend_from_slice(bytes),
                Segment::Placeholder(name) => {
                    let value = lookup(name).unwrap_or_default();
                    match self.format {
                        Format::Json => body.extend_from_slice(within_string(&value).as_bytes()),
                        Format::Text => body.extend_from_slice(value.as_bytes()),
                    }
                }
            }
        }
        body
    }

    fn document(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                self.literal("\"");
                self.text(text);
                self.literal("\"");
            }
            Value::Array(items) => {
                self.literal("[");
                for (at, item) in items.iter().enumerate() {
                    self.literal(if at == 0 { "" } else { "," });
                    self.document(item);
                }
                self.literal("]");
            }
            Value::Object(members) => {
                self.literal("{");
                for (at, (name, member)) in members.iter().enumerate() {
                    self.literal(if at == 0 { "\"" } else { ",\"" });
                    self.literal(&within_string(name));
                    self.literal("\":");
                    self.document(member);
                }
                self.literal("}");
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => self.literal(&value.to_string()),
        }
    }

    /// Adds text with placeholders; `{{` and `}}` are braces.
    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            self.plain(before);
            let (brace, after) = from.split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                self.plain(brace);
                rest = after;
            } else if let Some((name, after)) = after.split_once('}').filter(|_| brace == "{") {
                self.segments.push(Segment::Placeholder(name.into()));
                rest = after;
            } else {
                self.plain(brace);
                rest = after;
            }
        }
        self.plain(rest);
    }

    /// Adds text as the format writes it.
    fn plain(&mut self, text: &str) {
        match self.format {
            Format::Json => self.literal(&within_string(text)),
            Format::Text => self.literal(text),
        }
    }

    fn literal(&mut self, text: &str) {
        match self.segments.last_mut() {
            Some(Segment::Literal(bytes)) => bytes.extend_from_slice(text.as_bytes()),
            _ if text.is_empty() => {}
            _ => self.segments.push(Segment::Literal(text.as_bytes().to_vec())),
        }
    }
}

/// The text as it stands between the quotation marks of a JSON string (RFC 8259 §7).
fn within_string(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
