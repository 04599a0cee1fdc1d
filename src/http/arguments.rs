//! A request's arguments: from path, query, header fields and body to what PostgreSQL takes.
//!
//! Owns how each part of a request spells names and values, and that everything wrong with them is
//! told at once. Does not own what a value may be (`definition::parameter`), how the body is read
//! and bounded, nor which media types there are (`http`).
//!
//! A request that cannot be read at all (bad percent-encoding, a NUL, invalid UTF-8, broken JSON)
//! is malformed; what can be read is judged argument by argument. A parameter is given once: a
//! repeated name is an error also for arrays, which are lists with commas.

mod decode;
mod json;
#[cfg(test)]
mod tests;

pub use decode::segment as decode_segment;

use crate::{
    access::Claims,
    definition::parameter::{Origin, Typed},
    name,
    problem::{ArgumentError, Code, Location, Problem},
    value::Argument,
};
use ::http::HeaderMap;
use serde_json::Value;
use std::collections::HashSet;

/// The most errors that one answer lists.
const LISTED: usize = 100;
/// The most characters of a name that nothing knows that are shown.
const SHOWN: usize = 64;

/// What a request brings.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'r> {
    /// The path's named segments, percent-encoded as they came.
    pub path: &'r [(&'r str, &'r str)],
    /// What stands behind the `?`, as it came.
    pub query: Option<&'r str>,
    /// The header fields.
    pub headers: &'r HeaderMap,
    /// What is said of the caller, when they signed in.
    pub claims: Option<&'r Claims>,
    /// The body.
    pub body: IncomingBody<'r>,
}

/// The body by its media type.
#[derive(Clone, Copy, Debug)]
pub enum IncomingBody<'r> {
    /// There is none.
    None,
    /// `application/json`; nothing but white space is the empty object.
    Json(&'r [u8]),
    /// `application/x-www-form-urlencoded`
    Form(&'r [u8]),
}

/// One argument for each of `parameters`, in their order; a JSON body may nest `json_depth` arrays
/// and objects, itself included.
///
/// # Errors
/// `malformed-request` and `malformed-body` for what cannot be read; else `invalid-arguments` with
/// every argument that is unknown, repeated, missing, ill-typed or out of range; `forbidden` for a
/// claim that the caller has not.
pub fn read(
    parameters: &[Typed],
    incoming: &Incoming<'_>,
    json_depth: usize,
) -> Result<Vec<Argument>, Problem> {
    let mut reader = Reader::new(parameters);
    reader.claims(incoming.claims)?;
    for (name, raw) in incoming.path {
        reader.text(Location::Path, name, &decode::segment(raw)?);
    }
    for pair in decode::pairs(incoming.query.unwrap_or_default()) {
        let (name, value) = pair.map_err(|fault| fault.in_request("query"))?;
        reader.text(Location::Query, &name, &value);
    }
    reader.headers(incoming.headers);
    match incoming.body {
        IncomingBody::None => {}
        IncomingBody::Json(bytes) => json::read(bytes, json_depth, &mut reader)?,
        IncomingBody::Form(bytes) => {
            for pair in decode::pairs(decode::form(bytes)?) {
                let (name, value) = pair.map_err(decode::Fault::in_body)?;
                reader.text(Location::Body, &name, &value);
            }
        }
    }
    reader.finish()
}

/// What became of one parameter.
#[derive(Clone)]
enum Slot {
    Absent,
    Refused,
    Accepted(Argument),
}

/// Collects arguments and all that is wrong with them.
struct Reader<'p> {
    parameters: &'p [Typed],
    slots: Vec<Slot>,
    errors: Vec<ArgumentError>,
    unknown: HashSet<(&'static str, String)>,
    unlisted: bool,
}

impl<'p> Reader<'p> {
    fn new(parameters: &'p [Typed]) -> Self {
        Self {
            parameters,
            slots: vec![Slot::Absent; parameters.len()],
            errors: Vec::new(),
            unknown: HashSet::new(),
            unlisted: false,
        }
    }

    fn refuse(&mut self, location: Location, parameter: &str, detail: String) {
        if self.errors.len() >= LISTED {
            self.unlisted = true;
            return;
        }
        self.errors.push(ArgumentError { location, parameter: shown(parameter), detail });
    }

    /// Takes the argument `name` at `location`, decoded.
    fn text(&mut self, location: Location, name: &str, value: &str) {
        self.take(location, name, |typed| typed.accept_text(value));
    }

    /// Takes the member `name` of a JSON body.
    fn member(&mut self, name: &str, raw: &str) {
        self.take(Location::Body, name, |typed| typed.accept_json(raw));
    }

    fn take(
        &mut self,
        location: Location,
        name: &str,
        accept: impl FnOnce(&Typed) -> Result<Argument, String>,
    ) {
        let parameters = self.parameters;
        let known = parameters.iter().position(|typed| {
            typed.parameter.name.as_str() == name && place(&typed.parameter.origin) == location
        });
        match known.map(|at| (at, &parameters[at])) {
            // Header fields that nobody asked for are no mistake.
            Some((at, typed)) if !matches!(typed.parameter.origin, Origin::Header(_)) => {
                self.fill(at, location, name, accept);
            }
            _ => self.refuse_unknown(location, name),
        }
    }

    fn fill(
        &mut self,
        at: usize,
        location: Location,
        name: &str,
        accept: impl FnOnce(&Typed) -> Result<Argument, String>,
    ) {
        if !matches!(self.slots[at], Slot::Absent) {
            self.repeated(location, name);
            self.slots[at] = Slot::Refused;
            return;
        }
        self.slots[at] = match accept(&self.parameters[at]) {
            Ok(argument) => Slot::Accepted(argument),
            Err(detail) => {
                self.refuse(location, name, detail);
                Slot::Refused
            }
        };
    }

    fn repeated(&mut self, location: Location, name: &str) {
        let detail = format!("`{name}` is given more than once");
        if !self.errors.iter().any(|it| it.location == location && it.detail == detail) {
            self.refuse(location, name, detail);
        }
    }

    fn refuse_unknown(&mut self, location: Location, name: &str) {
        if self.errors.len() >= LISTED {
            self.unlisted = true;
            return;
        }
        let name = shown(name);
        if !self.unknown.insert((location.as_str(), name.clone())) {
            return;
        }
        let here = self.parameters.iter().filter(|it| place(&it.parameter.origin) == location);
        let detail = match name::nearest(&name, here.map(|it| it.parameter.name.as_str())) {
            Some(near) => format!("there is no parameter `{name}`; did you mean `{near}`?"),
            None => format!("there is no parameter `{name}`"),
        };
        self.refuse(location, &name, detail);
    }

    fn headers(&mut self, headers: &HeaderMap) {
        let parameters = self.parameters;
        for (at, typed) in parameters.iter().enumerate() {
            let Origin::Header(field) = &typed.parameter.origin else { continue };
            for value in headers.get_all(field) {
                self.fill(at, Location::Header, field, |typed| {
                    match std::str::from_utf8(value.as_bytes()) {
                        Ok(text) => typed.accept_text(text),
                        Err(_) => Err(format!("`{field}` is not UTF-8")),
                    }
                });
            }
        }
    }

    /// Takes what is said of the caller. A text stands for a value of any type, as it does in a
    /// query: `sub` is always a text.
    fn claims(&mut self, claims: Option<&Claims>) -> Result<(), Problem> {
        for (slot, typed) in self.slots.iter_mut().zip(self.parameters) {
            let Origin::Claim(name) = &typed.parameter.origin else { continue };
            let accepted = match claims.and_then(|claims| claims.find(name)) {
                None if typed.default.is_some() => continue,
                None => None,
                Some(Value::String(text)) => typed.accept_text(text).ok(),
                Some(value) => typed.accept_json(&value.to_string()).ok(),
            };
            *slot = Slot::Accepted(accepted.ok_or_else(|| {
                let detail = format!(
                    "The caller has no claim `{name}`, or not in a form that is taken here."
                );
                Problem::new(Code::Forbidden).detail(detail)
            })?);
        }
        Ok(())
    }

    /// Puts in what is left out, or tells all that is wrong.
    fn finish(mut self) -> Result<Vec<Argument>, Problem> {
        let mut arguments = Vec::with_capacity(self.parameters.len());
        for (at, slot) in std::mem::take(&mut self.slots).into_iter().enumerate() {
            let typed = &self.parameters[at];
            match (slot, &typed.default, &typed.parameter.origin) {
                (Slot::Accepted(argument), ..) => arguments.push(argument),
                (Slot::Absent, Some(default), _) => arguments.push(default.clone()),
                (Slot::Refused, ..) => {}
                (Slot::Absent, None, origin) => {
                    let name = match origin {
                        Origin::Header(field) => field,
                        _ => typed.parameter.name.as_str(),
                    };
                    self.refuse(place(origin), name, format!("`{name}` is missing"));
                }
            }
        }
        if !self.errors.is_empty() {
            let problem = Problem::arguments(self.errors);
            return Err(if self.unlisted {
                problem.detail(format!("More is wrong than the first {LISTED} mistakes listed."))
            } else {
                problem
            });
        }
        Ok(arguments)
    }
}

fn place(origin: &Origin) -> Location {
    match origin {
        Origin::Path => Location::Path,
        Origin::Query => Location::Query,
        Origin::Body => Location::Body,
        Origin::Header(_) | Origin::Claim(_) => Location::Header,
    }
}

/// As much of a caller's own name as goes back to them.
fn shown(name: &str) -> String {
    match name.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…", &name[..cut]),
        None => name.to_owned(),
    }
}
