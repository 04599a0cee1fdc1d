//! `[[route]]`: what is answered without SQL.

mod network;
mod parameters;
mod template;

use super::{environment::Environment, kind::shown};
use crate::{
    definition::{
        guard,
        route::{Action, Method, PathTemplate, Route},
    },
    diagnostic::{Code, Diagnostic},
    name,
    table::{Item, Table},
};
use template::Words;

pub(super) use network::parse as network;

/// The tools that a route may name.
const TOOLS: [&str; 3] = ["ping", "calculate", "info"];

/// The key `tool` with its text, when that could be read.
struct Tool<'t, 'e> {
    item: Item<'t, 'e>,
    name: Option<String>,
}

/// The manifest's routes; nothing when one of them is wrong.
pub(super) fn read(root: &Table<'_, '_>, environment: &Environment<'_>) -> Option<Vec<Route>> {
    let Some(item) = root.take("route") else { return Some(Vec::new()) };
    if item.is_table() {
        item.refuse(Code::WrongType, "is a list", Some("write `[[route]]`, once for each route"));
        return None;
    }
    let items = item.array()?;
    let read = items.iter().map(|item| read_one(&item.table()?, environment)).collect::<Vec<_>>();
    let mut routes: Vec<Route> = Vec::new();
    for (item, route) in items.iter().zip(read.iter().flatten()) {
        let twin = routes
            .iter()
            .find(|other| other.method == route.method && shape(&other.path) == shape(&route.path));
        if let Some(twin) = twin {
            let (line, _) = twin.source.position(twin.span.start);
            let message = format!(
                "`{} {}` answers the same requests as an earlier route",
                route.method.as_str(),
                route.path.as_str()
            );
            item.report(
                Diagnostic::error(Code::Route, message)
                    .note(format!("the earlier one begins in line {line}")),
            );
        }
        routes.push(route.clone());
    }
    read.iter().all(Option::is_some).then_some(routes)
}

/// The path with its parameters' names left out: two of the same shape want the same requests.
fn shape(path: &PathTemplate) -> Vec<&str> {
    path.as_str().split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect()
}

fn read_one(table: &Table<'_, '_>, environment: &Environment<'_>) -> Option<Route> {
    let route = read_method(table);
    let summary = match table.take("summary") {
        Some(item) => item.string().map(Some),
        None => Some(None),
    };
    let tool = table.take("tool").map(|item| Tool { name: item.string(), item });
    let tool_name = tool.as_ref().and_then(|tool| tool.name.as_deref());
    // A route whose path is wrong is read on, for the sake of its other mistakes.
    let root = PathTemplate::parse("/").ok();
    let (method, path) = match &route {
        Some((method, path)) => (*method, Some(path)),
        None => (Method::Get, root.as_ref()),
    };
    let parameters =
        path.map(|path| parameters::read(table, method, path, tool_name)).unwrap_or_default();
    let words = Words::new(&parameters, route.is_none(), environment);
    let action = read_action(table, tool.as_ref(), &words);
    let guard = guard::read(table);
    table.finish();
    let (method, path) = route?;
    Some(Route {
        source: std::sync::Arc::clone(table.source()),
        span: table.span(),
        method,
        path,
        summary: summary?,
        parameters,
        guard,
        action: action?,
    })
}

/// The method and path of the one method key that the route has.
fn read_method(table: &Table<'_, '_>) -> Option<(Method, PathTemplate)> {
    let named: Vec<_> = Method::ALL
        .into_iter()
        .filter_map(|method| Some((method, table.take(method.key())?)))
        .collect();
    match named.as_slice() {
        [] => {
            report_missing(table, "a route has one of `get`, `post`, `put`, `patch`, `delete`");
            None
        }
        [(method, item)] => {
            let text = item.string()?;
            match PathTemplate::parse(&text) {
                Ok(path) => Some((*method, path)),
                Err(why) => {
                    item.refuse(Code::Route, &why, None);
                    None
                }
            }
        }
        [_, others @ ..] => {
            for (_, item) in others {
                item.refuse(
                    Code::Conflict,
                    "is a second method",
                    Some("give each method a route of its own"),
                );
            }
            None
        }
    }
}

/// What answers: exactly one of `reply`, `probe` and `tool`.
fn read_action(
    table: &Table<'_, '_>,
    tool: Option<&Tool<'_, '_>>,
    words: &Words<'_>,
) -> Option<Action> {
    let reply = table.take("reply");
    let probe = table.take("probe");
    let items = [reply.as_ref(), probe.as_ref(), tool.map(|tool| &tool.item)];
    let mut given = items.into_iter().flatten();
    if given.next().is_none() {
        report_missing(table, "a route has one of `reply`, `probe`, `tool`");
        return None;
    }
    let mut alone = true;
    for item in given {
        alone = false;
        item.refuse(
            Code::Conflict,
            "is a second answer",
            Some("keep one of `reply`, `probe`, `tool`"),
        );
    }
    // Read whatever is there, so that all mistakes are found.
    let status = belongs(table, "status", "`reply`", reply.is_some());
    let up = belongs(table, "up", "`probe`", probe.is_some());
    let down = belongs(table, "down", "`probe`", probe.is_some());
    let is_ping = tool.is_some_and(|tool| tool.name.as_deref() == Some("ping"));
    let allow = belongs(table, "allow", "`tool = \"ping\"`", is_ping);
    let reply = reply.map(|item| (template::read(&item, words), read_status(status)));
    let probe = probe.map(|item| read_probe(table, &item, up, down, words));
    let tool = tool.map(|tool| read_tool(tool, allow));
    if !alone {
        return None;
    }
    match (reply, probe, tool) {
        (Some((body, status)), ..) => Some(Action::Reply { status: status?, body: body? }),
        (None, Some(probe), _) => probe,
        (None, None, tool) => tool?,
    }
}

fn read_status(item: Option<Item<'_, '_>>) -> Option<u16> {
    let Some(item) = item else { return Some(200) };
    let wanted = "an integer from 200 to 599";
    let text = item.scalar(wanted)?;
    let status = text.parse().ok().filter(|status| (200..=599).contains(status));
    if status.is_none() {
        item.refuse(Code::InvalidValue, &format!("takes {wanted}, not `{}`", shown(&text)), None);
    }
    status
}

fn read_probe(
    table: &Table<'_, '_>,
    probe: &Item<'_, '_>,
    up: Option<Item<'_, '_>>,
    down: Option<Item<'_, '_>>,
    words: &Words<'_>,
) -> Option<Action> {
    let subject = probe.string();
    if let Some(subject) = subject.as_deref().filter(|subject| *subject != "database") {
        let why = format!("takes `database`, not `{}`", shown(subject));
        probe.refuse(Code::InvalidValue, &why, None);
    }
    let body = |key: &str, item: Option<Item<'_, '_>>| {
        if item.is_none() {
            report_missing(table, &format!("a probe has `up` and `down`, and `{key}` is missing"));
        }
        template::read(&item?, words)
    };
    let (up, down) = (body("up", up), body("down", down));
    subject.filter(|subject| subject == "database")?;
    Some(Action::Probe { up: up?, down: down? })
}

fn read_tool(tool: &Tool<'_, '_>, allow: Option<Item<'_, '_>>) -> Option<Action> {
    let name = tool.name.as_deref()?;
    match name {
        "ping" => Some(Action::Ping { allow: network::read_allowed(allow)? }),
        "calculate" => Some(Action::Calculate),
        "info" => Some(Action::Info),
        _ => {
            let near = name::nearest(name, TOOLS).map(|near| format!("did you mean `{near}`?"));
            let why = format!("takes `ping`, `calculate` or `info`, not `{}`", shown(name));
            tool.item.refuse(Code::InvalidValue, &why, near.as_deref());
            None
        }
    }
}

/// The value of `key`, which only means something beside `owner`.
fn belongs<'t, 'e>(
    table: &Table<'t, 'e>,
    key: &'static str,
    owner: &str,
    is_owner_there: bool,
) -> Option<Item<'t, 'e>> {
    let item = table.take(key)?;
    if is_owner_there {
        return Some(item);
    }
    item.refuse(Code::Conflict, &format!("only means something beside {owner}"), None);
    None
}

fn report_missing(table: &Table<'_, '_>, message: &str) {
    table.report(Diagnostic::error(Code::MissingKey, message), table.span());
}

#[cfg(test)]
mod tests;
