//! The services that need no SQL, from their manifests to what they answer.

use super::{info::Facts, reply::Prepared};
use crate::{
    config,
    definition::{
        parameter::{Parameter, Presence},
        route::{Action, Route},
    },
    diagnostic::SourceFile,
};
use serde_json::Value;
use std::borrow::Cow;

fn routes(manifest: &str, environment: &dyn Fn(&str) -> Option<String>) -> Vec<Route> {
    match config::read(&SourceFile::new("howdah.toml", manifest), environment, &[]) {
        Ok((config, warnings)) => {
            assert!(warnings.is_empty(), "{}", warnings.render(false));
            config.routes
        }
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    }
}

/// The body of the reply at `path`, with these arguments.
fn body(routes: &[Route], path: &str, arguments: &[(&str, &str)]) -> String {
    let route = routes.iter().find(|route| route.path.as_str() == path).unwrap();
    let Action::Reply { status: 200, body } = &route.action else { panic!("{:?}", route.action) };
    let facts = Facts::gather("1.0.0");
    let rendered = Prepared::new(body).render(|name| {
        let argument = arguments.iter().find(|(known, _)| *known == name);
        argument.map(|(_, value)| Cow::Borrowed(*value)).or_else(|| facts.word(name))
    });
    String::from_utf8(rendered).unwrap()
}

#[test]
fn toolbox_has_its_three_tools() {
    let routes = routes(include_str!("../../services/toolbox/howdah.toml"), &|_| None);
    let [hello, ping, calculate] = routes.as_slice() else { panic!("three routes") };
    assert_eq!(body(&routes, "/", &[("name", "Ada")]), "Hello, Ada!");
    let [Parameter { presence, facets, .. }] = hello.parameters.as_slice() else { panic!("one") };
    assert_eq!(*presence, Presence::Default("World".into()));
    assert_eq!(facets.max_length, Some(30));
    let (_, pattern) = facets.pattern.as_ref().unwrap();
    for (name, fits) in
        [("Ada", true), ("R2D2", true), ("", false), ("<b>", false), ("a b", false), ("é", false)]
    {
        assert_eq!(pattern.is_match(name), fits, "{name}");
    }
    let Action::Ping { allow } = &ping.action else { panic!("{:?}", ping.action) };
    assert!(allow.iter().all(|network| network.address.is_loopback()));
    assert_eq!(calculate.action, Action::Calculate);
}

#[test]
fn about_tells_what_is_true() {
    let routes = routes(include_str!("../../services/about/howdah.toml"), &|name| {
        (name == "ENVIRONMENT").then(|| "{now} \"production\"".into())
    });
    let about: Value = serde_json::from_str(&body(&routes, "/", &[])).unwrap();
    assert_eq!(about["message"], "Hello from secure Docker app!");
    assert_eq!(about["environment"], "{now} \"production\"");
    assert_eq!(about["security_note"], Facts::gather("").confinement());
    let time = about["server_time"].as_str().unwrap();
    assert!(time.len() == 32 && time.starts_with("20") && time.ends_with("+00:00"), "{time}");
    assert_eq!(body(&routes, "/health", &[]), r#"{"status":"healthy"}"#);
    assert!(routes.iter().any(|route| route.action == Action::Info));
}
