//! Routes: a method and a path template, and what answers without SQL.

use super::{guard::Guard, parameter::Parameter};
use crate::diagnostic::SourceFile;
use std::{ops::Range, sync::Arc};

/// The methods an endpoint may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Reads; HEAD is answered from it.
    Get,
    /// Writes.
    Post,
    /// Writes.
    Put,
    /// Writes.
    Patch,
    /// Writes.
    Delete,
}

impl Method {
    /// Every method, in the order of documentation.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The key in front matter and manifest: `get`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    /// The method as HTTP writes it: `GET`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether arguments without a stated place stand in the body.
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// A path with named segments, such as `/ports/{code}`; whole segments only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathTemplate {
    text: String,
    parameters: Vec<String>,
}

impl PathTemplate {
    /// Reads a template: it begins with `/`, and each `{name}` is a whole segment and an identifier.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("does not begin with `/`".into());
        }
        if text.contains("//") || (text.len() > 1 && text.ends_with('/')) {
            return Err("has an empty segment".into());
        }
        let mut parameters = Vec::new();
        for segment in text.split('/').skip(1) {
            if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                let name = crate::name::Identifier::parse(name)
                    .map_err(|why| format!("names a parameter that {why}"))?;
                if parameters.iter().any(|known| known == name.as_str()) {
                    return Err(format!("names `{name}` twice"));
                }
                parameters.push(name.as_str().to_owned());
            } else if !segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
                return Err(format!(
                    "has the segment `{segment}`; a segment is letters, digits, `-`, `.`, `_`, `~`, \
                     or one `{{name}}` as a whole"
                ));
            } else if segment == "." || segment == ".." {
                return Err("has a dot segment".into());
            }
        }
        Ok(Self { text: text.to_owned(), parameters })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its segments, in order.
    pub fn parameters(&self) -> &[String] {
        &self.parameters
    }
}

/// A route that needs no SQL, from the manifest's `[[route]]`.
#[derive(Clone, Debug)]
pub struct Route {
    /// The manifest, and where in it the route stands.
    pub source: Arc<SourceFile>,
    /// The bytes of the manifest that the route takes.
    pub span: Range<usize>,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: PathTemplate,
    /// One line for the documentation.
    pub summary: Option<String>,
    /// The parameters that the reply's placeholders or the tool use.
    pub parameters: Vec<Parameter>,
    /// Who may call it, and how often.
    pub guard: Guard,
    /// What answers.
    pub action: Action,
}

/// What answers a route without SQL.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A fixed answer with placeholders.
    Reply {
        /// The status, 200 unless stated.
        status: u16,
        /// The body.
        body: Template,
    },
    /// Whether the database can be reached: 200 with `up`, 503 with `down`.
    Probe {
        /// The body while it can.
        up: Template,
        /// The body while it cannot.
        down: Template,
    },
    /// An ICMP echo to the address in the parameter `ip`.
    Ping {
        /// The networks that may be asked, as `address/prefix`.
        allow: Vec<Network>,
    },
    /// The value of the expression in the parameter `expr`.
    Calculate,
    /// What this process is.
    Info,
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address; bits past the prefix are zero.
    pub address: std::net::IpAddr,
    /// Leading bits that count.
    pub prefix: u8,
}

impl Network {
    /// Whether `address` is in it. An IPv4 address within IPv6 (`::ffff:a.b.c.d`) is what it spells.
    pub fn contains(&self, address: std::net::IpAddr) -> bool {
        use std::net::IpAddr::{V4, V6};
        let (left, right, width) = match (self.address, address.to_canonical()) {
            (V4(network), V4(address)) => (network.to_bits().into(), address.to_bits().into(), 32),
            (V6(network), V6(address)) => (network.to_bits(), address.to_bits(), 128),
            _ => return false,
        };
        let past: u32 = width - u32::from(self.prefix).min(width);
        (left ^ right).checked_shr(past).unwrap_or(0_u128) == 0
    }
}

/// A body with placeholders: `{name}` of a declared parameter, `{now}`, `{hostname}`, `{user}`,
/// `{version}`, `{confinement}`; `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// A JSON document; placeholders stand in its strings.
    Json(serde_json::Value),
    /// Text.
    Text(String),
}
