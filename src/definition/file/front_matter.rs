//! Front matter: finding it, and reading its keys.

use super::{
    DEFAULT_MAX_ROWS, Delivery, Endpoint, GREATEST_MAX_ROWS, Repeats, ResultShape, copy, delivery,
    page, plan, repeat,
};
use crate::{
    definition::{
        guard::{self, Guard},
        parameter::{self, Parameter},
        placeholder::{self, Statement},
        route::{Method, PathTemplate},
    },
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    name::{self, Identifier},
    table::{self, Item, Table},
};
use std::{ops::Range, sync::Arc};

const HELP: &str =
    "begin the file with a block comment in TOML, such as\n/*\nget = \"/things\"\n*/";

/// The bytes of the front matter's comment, `/*` and `*/` included.
pub(super) type Place = Range<usize>;

/// What the front matter says.
pub(super) struct Said {
    method: Method,
    pub(super) path: PathTemplate,
    pub(super) path_span: Range<usize>,
    summary: Option<String>,
    description: Option<String>,
    tags: Vec<String>,
    result: ResultShape,
    envelope: Option<String>,
    max_rows: u32,
    page: Option<page::Page>,
    delivery: Delivery,
    repeats: Repeats,
    lane: Option<Identifier>,
    guard: Guard,
    audit: Option<Range<usize>>,
    batch: bool,
    plan: plan::PlanMode,
    pub(super) parameters: Vec<Parameter>,
    copy: Option<copy::Copy>,
}

impl Said {
    /// The endpoint, with its statement.
    pub(super) fn endpoint(
        self,
        source: &Arc<SourceFile>,
        name: &str,
        statement: Statement,
    ) -> Endpoint {
        Endpoint {
            source: Arc::clone(source),
            name: name.to_owned(),
            method: self.method,
            path: self.path,
            summary: self.summary,
            description: self.description,
            tags: self.tags,
            result: self.result,
            envelope: self.envelope,
            max_rows: self.max_rows,
            page: self.page,
            delivery: self.delivery,
            repeats: self.repeats,
            lane: self.lane,
            guard: self.guard,
            audit: self.audit,
            batch: self.batch,
            plan: self.plan,
            parameters: self.parameters,
            statement,
            copy: self.copy,
        }
    }
}

/// Finds the leading block comment. A byte order mark and white space before it are no harm.
///
/// When there is none, the error comes with the bytes that may still be read as SQL.
pub(super) fn find(source: &Arc<SourceFile>) -> Result<Place, (Diagnostics, Option<Range<usize>>)> {
    let text = source.text();
    let start = text.len() - text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).len();
    let rest = &text[start..];
    if !rest.starts_with("/*") {
        let line = start..start + rest.find('\n').unwrap_or(rest.len());
        let help = if rest.starts_with("--") {
            "front matter stands between `/*` and `*/`; a `--` comment may follow it"
        } else {
            HELP
        };
        let diagnostic = Diagnostic::error(Code::FrontMatter, "the file has no front matter")
            .at(source, line)
            .help(help);
        return Err((diagnostic.into(), Some(start..text.len())));
    }
    if rest.starts_with("/**") && !rest.starts_with("/**/") {
        let diagnostic =
            Diagnostic::error(Code::FrontMatter, "the front matter begins with a second `*`")
                .at(source, start..start + 3)
                .help("write `/*`, and TOML without a `*` before each line");
        return Err((diagnostic.into(), None));
    }
    placeholder::block_comment_end(text, start).map(|end| start..end).ok_or_else(|| {
        let inner = text[start + 2..].find("/*").map(|at| start + 2 + at);
        let (open, label, help) = match inner {
            Some(at) => (
                at..at + 2,
                "this opens a comment within the comment",
                "comments nest in PostgreSQL; close this one too, or write `/\\u002a` in a string",
            ),
            None => (start..start + 2, "it begins here", "close it with `*/`"),
        };
        let diagnostic = Diagnostic::error(Code::FrontMatter, "the front matter has no end")
            .at(source, open)
            .label(label)
            .help(help);
        (diagnostic.into(), None)
    })
}

/// Reads the front matter at `place`; nothing when it does not even say a method and a path. The flag
/// says whether rows are loaded in the place of a statement.
///
/// # Errors
/// The front matter does not end where it was meant to, so nothing else in the file can be told.
pub(super) fn read(
    source: &Arc<SourceFile>,
    place: &Place,
) -> Result<(Option<Said>, bool, Diagnostics), Diagnostics> {
    let inside = place.start + 2..place.end - 2;
    let text = &source.text()[inside.clone()];
    let ((said, is_copy), diagnostics) = table::read(source, text, inside.start, None, |root| {
        let said = keys(root);
        root.finish();
        said
    });
    if diagnostics.iter().any(|it| it.code() == Code::TomlSyntax) {
        if ends_within_string(text) {
            let diagnostic =
                Diagnostic::error(Code::FrontMatter, "the front matter ends within a string")
                    .at(source, inside.end..place.end)
                    .label("this ends the comment")
                    .help("`*/` ends a comment wherever it stands; write `*\\u002f` in the string");
            return Err(diagnostic.into());
        }
        return Ok((None, is_copy, diagnostics));
    }
    Ok((said, is_copy, diagnostics))
}

/// Whether a TOML string is open at the end of `text`.
fn ends_within_string(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '#']) {
        rest = &rest[at..];
        let mark = if rest.starts_with("\"\"\"") || rest.starts_with("'''") { 3 } else { 1 };
        let (mark, body) = rest.split_at(mark);
        let mut here = 0;
        let bytes = body.as_bytes();
        let end = loop {
            match bytes.get(here) {
                None => return mark != "#",
                Some(b'\n') if mark.len() == 1 => break here + 1,
                Some(b'\\') if mark.starts_with('"') => here += 2,
                Some(_) if bytes[here..].starts_with(mark.as_bytes()) && mark != "#" => {
                    break here + mark.len();
                }
                Some(_) => here += 1,
            }
        };
        rest = body.get(end..).unwrap_or_default();
    }
    false
}

/// What the keys say, and whether `copy` is among them.
fn keys(root: &Table<'_, '_>) -> (Option<Said>, bool) {
    let mut is_copy = false;
    (said(root, &mut is_copy), is_copy)
}

fn said(root: &Table<'_, '_>, is_copy: &mut bool) -> Option<Said> {
    let route = route(root);
    let summary = root.take("summary").and_then(|item| item.string());
    let description = root.take("description").and_then(|item| item.string());
    let tags = root.take("tags").map(|item| tags(&item)).unwrap_or_default();
    let result = root.take("result");
    let result = result.and_then(|item| Some((shape(&item)?, item)));
    let envelope = root.take("envelope").and_then(|item| Some((envelope(&item)?, item)));
    let max_rows = root.take("max_rows").and_then(|item| Some((max_rows(&item)?, item)));
    let paged = page::take(root);
    let delivery = delivery::take(root);
    let repeats = repeat::take(root);
    let lane = root.take("lane").and_then(|item| lane(&item));
    let guard = guard::read(root);
    let audit = root.take("audit");
    let batch = root.take("batch").and_then(|item| item.boolean()).unwrap_or(true);
    let plan = root.take("plan").and_then(|item| Some((plan::read(&item)?, item)));
    let mut bulk = copy::read(root);
    *is_copy = bulk.is_copy;
    let declared = root.take("parameters");
    let parameters = declared.as_ref().and_then(Item::table);
    if bulk.is_copy {
        let others = [
            result.as_ref().map(|(_, item)| item),
            envelope.as_ref().map(|(_, item)| item),
            declared.as_ref(),
            plan.as_ref().map(|(_, item)| item),
            delivery.deadline.as_ref(),
        ];
        copy::refuse_others(root, route.as_ref(), &others);
    }
    if let (Some(copy), Some((rows, _))) = (&mut bulk.copy, &max_rows) {
        copy.max_rows = u64::from(*rows);
    }

    let shape = result.as_ref().map_or(ResultShape::Rows, |(shape, _)| *shape);
    if let Some((ResultShape::None, item)) = &result
        && route.as_ref().is_some_and(|(method, ..)| *method == Method::Get)
    {
        let help = "a GET answers with what it read: \"rows\", \"row\" or \"value\"";
        item.refuse(Code::Conflict, "is \"none\" although the method is GET", Some(help));
    }
    if let (ResultShape::None, Some((_, item))) = (shape, &envelope) {
        item.refuse(Code::Conflict, "wraps a result that is \"none\"", Some("leave it out"));
    }
    if let Some((_, item)) = &max_rows
        && shape != ResultShape::Rows
        && !bulk.is_copy
    {
        let why = format!("is for \"rows\", and the result is \"{}\"", shape.as_str());
        item.refuse(Code::Conflict, &why, Some("leave it out"));
    }
    let method = route.as_ref().map(|(method, ..)| *method);
    let delivery = delivery.read(method, shape);
    let page = paged.read(&page::Beside {
        method,
        shape,
        is_copy: bulk.is_copy,
        max_rows: max_rows.as_ref().map(|(_, item)| item),
        streams: delivery.stream == Some(true),
    });
    let many = max_rows.as_ref().is_some_and(|(rows, _)| *rows > DEFAULT_MAX_ROWS);
    let audit = audit.filter(|item| item.boolean() == Some(true));
    if let Some(item) = &audit {
        delivery::refuse_audited(item, &delivery, repeats.is_cached());
    }
    let streams = shape == ResultShape::Rows && audit.is_none() && delivery.stream.unwrap_or(many);
    let repeats = repeats.read(method, streams);
    if let (true, Some((_, item))) = (streams && !bulk.is_copy, &plan) {
        plan::refuse_streamed(item);
    }
    let Some((method, path, path_span)) = route else {
        // The parameters are read all the same, for the sake of their own mistakes.
        if let (Some(table), Ok(root)) = (parameters, PathTemplate::parse("/")) {
            parameter::read(&table, &root, Method::Post);
        }
        return None;
    };
    let parameters = match parameters {
        None => parameter::implied(&path, &path_span),
        Some(table) => {
            let mut parameters = parameter::read(&table, &path, method);
            for parameter in parameters.iter_mut().filter(|it| !it.declared) {
                parameter.span = path_span.clone();
            }
            parameters
        }
    };
    paged.refuse_parameters(&parameters);
    // What is wrong with `copy` was told; a statement is not missing for it.
    if bulk.is_copy && bulk.copy.is_none() {
        return None;
    }
    Some(Said {
        method,
        path,
        path_span,
        summary,
        description,
        tags,
        result: shape,
        envelope: envelope.map(|(name, _)| name),
        max_rows: match &page {
            Some(page) => page.max_size,
            None => max_rows.map_or(DEFAULT_MAX_ROWS, |(rows, _)| rows),
        },
        page,
        delivery,
        repeats,
        lane,
        guard,
        audit: audit.map(|item| item.file_span()),
        batch,
        plan: plan.map(|(plan, _)| plan).unwrap_or_default(),
        parameters,
        copy: bulk.copy,
    })
}

/// The one method, its path, and where in the file the path stands.
fn route(root: &Table<'_, '_>) -> Option<(Method, PathTemplate, Range<usize>)> {
    let mut found: Option<(Method, Item<'_, '_>)> = None;
    for method in Method::ALL {
        let Some(item) = root.take(method.key()) else { continue };
        match &found {
            Some((first, _)) => {
                let why = format!("is a second method beside `{}`", first.key());
                let help = "a file is one endpoint; make one for each method";
                item.refuse(Code::Conflict, &why, Some(help));
            }
            None => found = Some((method, item)),
        }
    }
    let Some((method, item)) = found else {
        let diagnostic = Diagnostic::error(Code::MissingKey, "no method and path are given")
            .help("write one of `get`, `post`, `put`, `patch` and `delete`: `get = \"/things\"`");
        root.report(diagnostic, root.span());
        return None;
    };
    match PathTemplate::parse(&item.string()?) {
        Ok(path) => Some((method, path, item.file_span())),
        Err(why) => {
            item.refuse(Code::Route, &why, None);
            None
        }
    }
}

fn tags(item: &Item<'_, '_>) -> Vec<String> {
    let items = item.array().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| {
            let tag = item.string()?;
            if tag.trim().is_empty() {
                item.refuse(Code::InvalidValue, "is empty", None);
            }
            Some(tag)
        })
        .collect()
}

fn shape(item: &Item<'_, '_>) -> Option<ResultShape> {
    let written = item.string()?;
    let shape = ResultShape::ALL.into_iter().find(|shape| shape.as_str() == written);
    if shape.is_none() {
        let near = name::nearest(&written, ResultShape::ALL.map(ResultShape::as_str));
        let help = match near {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "it is one of \"rows\", \"row\", \"value\" and \"none\"".to_owned(),
        };
        item.refuse(
            Code::InvalidValue,
            &format!("is \"{written}\", which is no shape of a result"),
            Some(&help),
        );
    }
    shape
}

fn envelope(item: &Item<'_, '_>) -> Option<String> {
    let name = item.string()?;
    if name.is_empty() {
        item.refuse(Code::InvalidValue, "is empty", Some("name the member, or leave it out"));
        return None;
    }
    Some(name)
}

fn max_rows(item: &Item<'_, '_>) -> Option<u32> {
    let rows = match item.json()? {
        serde_json::Value::Number(number) => number.as_i64(),
        _ => None,
    };
    let rows = rows.and_then(|rows| u32::try_from(rows).ok());
    let rows = rows.filter(|rows| (1..=GREATEST_MAX_ROWS).contains(rows));
    if rows.is_none() {
        item.refuse(Code::InvalidValue, "takes an integer from 1 to 1,000,000,000", None);
    }
    rows
}

fn lane(item: &Item<'_, '_>) -> Option<Identifier> {
    let written = item.string()?;
    match Identifier::parse(&written) {
        Ok(lane) => Some(lane),
        Err(why) => {
            item.refuse(Code::InvalidValue, why, Some("a lane's name is the key of its table"));
            None
        }
    }
}
