//! A request's arguments: a problem with status 400, or one argument for each parameter.
#![no_main]

use howdah::{
    definition::{file, parameter::Typed},
    diagnostic::SourceFile,
    http::arguments::{self, Incoming, IncomingBody},
    value::Type,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const DECLARED: &str = "/*
post = '/a/{segment}'
[parameters]
day = { type = 'date', from = 'query', required = false }
at = { type = 'timestamptz', from = 'query', required = false }
price = { type = 'numeric', from = 'query', minimum = 0.1, maximum = 1e30, default = 1 }
code = { type = 'text', from = 'query', pattern = '[A-Z]{2,5}', required = false }
list = { type = 'int[]', from = 'query', enum = [1, 2, 3], required = false }
span = { type = 'daterange', from = 'query', required = false }
length = { type = 'interval', from = 'query', required = false }
network = { type = 'cidr', from = 'query', required = false }
document = { type = 'jsonb', required = false }
amount = { type = 'numeric', maximum = 10, required = false }
items = { type = 'text[]', max_length = 3, required = false }
*/ SELECT :segment, :day, :at, :price, :code, :list, :span, :length, :network, :document, :amount,
:items";

static PARAMETERS: LazyLock<Vec<Typed>> = LazyLock::new(|| {
    let source = SourceFile::new("a.sql", DECLARED);
    let (endpoint, _) = file::read(&source, "a").expect("the file is good");
    let typed = endpoint.parameters.into_iter().map(|parameter| {
        let ty = Type::named(parameter.type_name.as_deref().unwrap_or("text"));
        Typed::new(&source, parameter, ty.expect("the type is known")).expect("the facets fit")
    });
    typed.collect()
});

// The first line is the query, the second the path's segment, the rest the body.
fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || parts.next().and_then(|part| std::str::from_utf8(part).ok());
    let query = text();
    let segment = text().unwrap_or("x");
    let body = parts.next().unwrap_or_default();
    let headers = http::HeaderMap::new();
    for body in [IncomingBody::Json(body), IncomingBody::Form(body)] {
        let path = [("segment", segment)];
        let incoming = Incoming { path: &path, query, headers: &headers, claims: None, body };
        match arguments::read(&PARAMETERS, &incoming, 32) {
            Ok(arguments) => assert_eq!(arguments.len(), PARAMETERS.len()),
            Err(problem) => {
                assert_eq!(problem.status(), 400);
                problem.to_json("");
            }
        }
    }
});
