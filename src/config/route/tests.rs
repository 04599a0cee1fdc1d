use crate::{
    config,
    definition::{
        parameter::{Origin, Presence},
        route::{Action, Method, Route, Template},
    },
    diagnostic::SourceFile,
};
use serde_json::json;

/// The routes of a manifest that has these.
fn routes(text: &str) -> Vec<Route> {
    let text = format!("[service]\nname = \"a\"\n{text}");
    let source = SourceFile::new("howdah.toml", text);
    let environment = |name: &str| (name == "CONTAINER_NAME").then(|| "flask-{app}".to_owned());
    match config::read(&source, &environment, &[]) {
        Ok((config, warnings)) => {
            assert!(warnings.is_empty(), "{}", warnings.render(false));
            config.routes
        }
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    }
}

#[test]
fn a_reply_is_text_or_json() {
    let routes = routes(
        r#"
        [[route]]
        get = "/"
        reply = "Hello, {name}!"
        summary = "Says hello"
        [route.parameters]
        name = { pattern = "[A-Za-z0-9]{1,30}", default = "World" }

        [[route]]
        delete = "/things/{id}"
        status = 410
        reply = { gone = "{id}", braces = "{{}}", list = [1, true, "${CONTAINER_NAME}"] }
        "#,
    );
    let [hello, gone] = routes.as_slice() else { panic!("two routes") };
    assert_eq!((hello.method, hello.path.as_str()), (Method::Get, "/"));
    assert_eq!(hello.summary.as_deref(), Some("Says hello"));
    let body = Template::Text("Hello, {name}!".into());
    assert_eq!(hello.action, Action::Reply { status: 200, body });
    assert_eq!(hello.parameters[0].presence, Presence::Default("World".into()));
    assert_eq!(hello.parameters[0].origin, Origin::Query);
    assert_eq!((gone.method, gone.path.as_str()), (Method::Delete, "/things/{id}"));
    assert_eq!(gone.parameters[0].origin, Origin::Path);
    let list = json!([1, true, "flask-{{app}}"]);
    let body = Template::Json(json!({ "gone": "{id}", "braces": "{{}}", "list": list }));
    assert_eq!(gone.action, Action::Reply { status: 410, body });
    assert_eq!(&gone.source.text()[gone.span.clone()], "[[route]]");
}

#[test]
fn a_probe_has_two_bodies() {
    let routes = routes(
        r#"
        [[route]]
        get = "/health"
        probe = "database"
        up = { container = "${CONTAINER_NAME}", status = "Healthy!" }
        down = "down since {now}"
        "#,
    );
    let up = Template::Json(json!({ "container": "flask-{{app}}", "status": "Healthy!" }));
    let down = Template::Text("down since {now}".into());
    assert_eq!(routes[0].action, Action::Probe { up, down });
}

#[test]
fn tools_take_their_own_parameter() {
    let routes = routes(
        r#"
        [[route]]
        get = "/ping"
        tool = "ping"

        [[route]]
        get = "/ping/{ip}"
        tool = "ping"
        allow = ["10.0.0.0/8"]

        [[route]]
        post = "/calculate"
        tool = "calculate"
        parameters.expr = { max_length = 100, from = "query" }

        [[route]]
        post = "/calculate/body"
        tool = "calculate"

        [[route]]
        get = "/info"
        tool = "info"
        "#,
    );
    let origins: Vec<_> = routes
        .iter()
        .map(|route| match route.parameters.as_slice() {
            [] => None,
            [one] => Some((one.name.as_str(), one.origin.clone())),
            _ => panic!("at most one parameter"),
        })
        .collect();
    assert_eq!(
        origins,
        [
            Some(("ip", Origin::Query)),
            Some(("ip", Origin::Path)),
            Some(("expr", Origin::Query)),
            Some(("expr", Origin::Body)),
            None,
        ]
    );
    let Action::Ping { allow } = &routes[0].action else { panic!("a ping") };
    let allow: Vec<_> = allow.iter().map(|it| format!("{}/{}", it.address, it.prefix)).collect();
    assert_eq!(allow, ["127.0.0.0/8", "::1/128"], "the loopback networks");
    assert_eq!(routes[2].parameters[0].facets.max_length, Some(100));
    assert_eq!(routes[4].action, Action::Info);
}

#[test]
fn the_same_path_may_have_other_methods() {
    let routes = routes(
        "[[route]]\nget = \"/a/{x}\"\nreply = \"1\"\n[[route]]\nput = \"/a/{x}\"\nreply = \"2\"\n\
         [[route]]\nget = \"/a/b\"\nreply = \"3\"\n",
    );
    assert_eq!(routes.len(), 3);
}
