//! Which route a request takes.

use super::door::Doors;
use crate::{
    access::{Policy, limit::Limiter},
    builtin::reply,
    definition::{
        file,
        parameter::{Origin, Typed},
        route::{self, Method, Network, PathTemplate},
    },
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    endpoint::{Endpoint, bulk::Bulk},
    value::Type,
};
use std::{ops::Range, sync::Arc};

/// What answers a route.
pub enum Action {
    /// A statement.
    Endpoint(Arc<Endpoint>),
    /// Rows to load.
    Bulk(Arc<Bulk>),
    /// A statement or rows to load that the database has not typed yet.
    Pending(Arc<file::Endpoint>),
    /// A fixed answer with placeholders.
    Reply {
        /// The status.
        status: u16,
        /// The body.
        body: reply::Prepared,
    },
    /// Whether the database can be reached.
    Probe {
        /// The body while it can, with status 200.
        up: reply::Prepared,
        /// The body while it cannot, with status 503.
        down: reply::Prepared,
    },
    /// An ICMP echo.
    Ping {
        /// The networks that may be asked.
        allow: Vec<Network>,
    },
    /// The value of an expression.
    Calculate,
    /// What this process is.
    Info,
}

/// A route with what it takes and what answers it.
pub struct Entry {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: PathTemplate,
    /// One line for the documentation.
    pub summary: Option<String>,
    /// The parameters of a route without SQL; an endpoint has its own.
    own_parameters: Vec<Typed>,
    /// Who may call it.
    pub policy: Policy,
    /// How often.
    pub limiters: Vec<Arc<Limiter>>,
    /// What answers.
    pub action: Action,
}

impl Entry {
    /// What the route takes.
    pub fn parameters(&self) -> &[Typed] {
        match &self.action {
            Action::Endpoint(endpoint) => &endpoint.parameters,
            _ => &self.own_parameters,
        }
    }
}

impl Entry {
    /// The method and the path: `GET /ports/{code}`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path.as_str())
    }

    /// Whether its requests go to the audit trail.
    pub fn is_audited(&self) -> bool {
        let definition = match &self.action {
            Action::Endpoint(it) => &it.definition,
            Action::Bulk(it) => &it.definition,
            Action::Pending(it) => it,
            _ => return false,
        };
        definition.audit.is_some()
    }

    /// The path with the query that the parameters' examples make: something to try.
    pub fn example(&self) -> String {
        let mut path = self.path.as_str().to_owned();
        let mut query = String::new();
        for typed in self.parameters() {
            let parameter = &typed.parameter;
            let Some(example) = &parameter.example else { continue };
            let text = match example {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let escaped = escape(&text);
            match parameter.origin {
                Origin::Path => path = path.replace(&format!("{{{}}}", parameter.name), &escaped),
                Origin::Query => {
                    query.push(if query.is_empty() { '?' } else { '&' });
                    query += parameter.name.as_str();
                    query.push('=');
                    query += &escaped;
                }
                Origin::Body | Origin::Header(_) | Origin::Claim(_) => {}
            }
        }
        path + &query
    }
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
        out
    })
}

/// What a path leads to.
pub enum Found<'s, 'p> {
    /// A route, with the raw text of the path's named segments.
    Entry(&'s Entry, Vec<(&'s str, &'p str)>),
    /// A path that has other methods, for `Allow`.
    OtherMethods(String),
    /// Nothing.
    Nothing,
}

/// The routes of one path, by method.
#[derive(Default)]
struct Methods(Vec<(Method, usize)>);

/// Routes by path and method.
pub(super) struct Router {
    entries: Vec<Entry>,
    paths: matchit::Router<usize>,
    methods: Vec<Methods>,
}

/// Where a route was written, for the error that names it.
type Written = (Arc<SourceFile>, Range<usize>);

impl Router {
    /// Joins the manifest's routes and the endpoints; `actions` are those of the endpoint files.
    pub(super) fn build(doors: &Doors<'_>, actions: Vec<Action>) -> Result<Self, Diagnostics> {
        let mut router =
            Self { entries: Vec::new(), paths: matchit::Router::new(), methods: Vec::new() };
        let mut origins: Vec<Written> = Vec::new();
        let mut found = Diagnostics::new();
        for route in &doors.config.routes {
            let entry = without_sql(route, doors, &mut found);
            let origin = (Arc::clone(&route.source), route.span.clone());
            router.add(entry, origin, &mut origins, &mut found);
        }
        for action in actions {
            let file = match &action {
                Action::Bulk(bulk) => Arc::clone(&bulk.definition),
                Action::Endpoint(endpoint) => Arc::clone(&endpoint.definition),
                Action::Pending(file) => Arc::clone(file),
                _ => continue,
            };
            let (policy, limiters) = doors.of(&file.guard, &file.source, &mut found);
            doors.check_claims(&file.parameters, &policy, &file.source, &mut found);
            let entry = Entry {
                method: file.method,
                path: file.path.clone(),
                summary: file.summary.clone(),
                own_parameters: Vec::new(),
                policy,
                limiters,
                action,
            };
            let start = file.source.text().find(file.path.as_str()).unwrap_or(0);
            let origin = (Arc::clone(&file.source), start..start + file.path.as_str().len());
            router.add(entry, origin, &mut origins, &mut found);
        }
        found.into_result(Some(router)).map(|(router, _)| router)
    }

    fn add(
        &mut self,
        entry: Entry,
        origin: Written,
        origins: &mut Vec<Written>,
        found: &mut Diagnostics,
    ) {
        let (method, path) = (entry.method, entry.path.as_str().to_owned());
        let slot = self.entries.iter().position(|known| known.path == entry.path);
        let other = |index: usize, origins: &[Written]| {
            let (source, span) = &origins[index];
            format!("{}:{}", source.path(), source.position(span.start).0)
        };
        if let Some(twin) =
            self.entries.iter().position(|it| it.path == entry.path && it.method == method)
        {
            found.push(
                Diagnostic::error(
                    Code::Route,
                    format!("two routes want {} {path}", method.as_str()),
                )
                .at(&origin.0, origin.1)
                .note(format!("the other one stands at {}", other(twin, origins))),
            );
            return;
        }
        let index = self.entries.len();
        match slot.and_then(|first| {
            self.methods.iter_mut().find(|it| it.0.iter().any(|(_, at)| *at == first))
        }) {
            Some(methods) => methods.0.push((method, index)),
            None => {
                if let Err(error) = self.paths.insert(path.clone(), self.methods.len()) {
                    let mut diagnostic = Diagnostic::error(
                        Code::Route,
                        format!("{path} cannot be told apart from another route"),
                    )
                    .at(&origin.0, origin.1);
                    if let matchit::InsertError::Conflict { with } = &error {
                        diagnostic = diagnostic.note(format!("the other one is {with}"));
                    }
                    found.push(
                        diagnostic.help("give the segment that differs the same name in both"),
                    );
                    return;
                }
                self.methods.push(Methods(vec![(method, index)]));
            }
        }
        self.entries.push(entry);
        origins.push(origin);
    }

    pub(super) fn find<'s, 'p>(&'s self, method: &http::Method, path: &'p str) -> Found<'s, 'p> {
        let Ok(matched) = self.paths.at(path) else { return Found::Nothing };
        let methods = &self.methods[*matched.value].0;
        // HEAD is GET without the body, which the server leaves out (RFC 9110 §9.3.2).
        let wanted = if method == http::Method::HEAD { "GET" } else { method.as_str() };
        match methods.iter().find(|(known, _)| known.as_str() == wanted) {
            Some((_, index)) => {
                Found::Entry(&self.entries[*index], matched.params.iter().collect())
            }
            None => Found::OtherMethods(allow(methods)),
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// The value of the `Allow` field.
fn allow(methods: &[(Method, usize)]) -> String {
    let mut names: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.join(", ")
}

/// A manifest's route, its parameters typed: as stated, else text.
fn without_sql(route: &route::Route, doors: &Doors<'_>, found: &mut Diagnostics) -> Entry {
    let mut parameters = Vec::new();
    for parameter in &route.parameters {
        let ty = match &parameter.type_name {
            None => Some(Type::Text),
            Some(name) => Type::named(name),
        };
        let Some(ty) = ty else {
            found.push(
                Diagnostic::error(Code::ParameterType, "a route without SQL takes no such type")
                    .at(&route.source, parameter.place("type"))
                    .help("use a built-in type such as `text`, `int4`, `bool` or `date`"),
            );
            continue;
        };
        match Typed::new(&route.source, parameter.clone(), ty) {
            Ok(parameter) => parameters.push(parameter),
            Err(diagnostics) => found.append(diagnostics),
        }
    }
    let prepare = |body: &route::Template| reply::Prepared::new(body);
    let action = match &route.action {
        route::Action::Reply { status, body } => {
            Action::Reply { status: *status, body: prepare(body) }
        }
        route::Action::Probe { up, down } => Action::Probe { up: prepare(up), down: prepare(down) },
        route::Action::Ping { allow } => Action::Ping { allow: allow.clone() },
        route::Action::Calculate => Action::Calculate,
        route::Action::Info => Action::Info,
    };
    let (policy, limiters) = doors.of(&route.guard, &route.source, found);
    doors.check_claims(&route.parameters, &policy, &route.source, found);
    Entry {
        method: route.method,
        path: route.path.clone(),
        summary: route.summary.clone(),
        own_parameters: parameters,
        policy,
        limiters,
        action,
    }
}
