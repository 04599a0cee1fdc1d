//! The keys of front matter that say what becomes of a request that comes again.

use crate::{
    definition::route::Method,
    diagnostic::Code,
    name::MAX_IDENTIFIER_BYTES,
    table::{Item, Table},
};
use std::{ops::Range, time::Duration};

/// Whether a write that comes again is carried out once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idempotency {
    /// It is carried out as often as it comes.
    #[default]
    Unkept,
    /// With an `Idempotency-Key` it is carried out once.
    Offered,
    /// It needs an `Idempotency-Key`.
    Required,
}

/// For how long an answer is given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// How old it may be, in whole seconds.
    pub ttl: Duration,
    /// The channel on which a notification ends it sooner.
    pub channel: Option<String>,
    /// The bytes of the file that say so.
    pub span: Range<usize>,
}

/// What becomes of a request that comes again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Of a write.
    pub idempotency: Idempotency,
    /// The bytes of the file that say so; empty when nothing is said.
    pub idempotency_span: Range<usize>,
    /// Of a read.
    pub cache: Option<Cache>,
}

impl Repeats {
    /// Whether first answers are kept.
    pub fn keeps_answers(&self) -> bool {
        self.idempotency != Idempotency::Unkept
    }
}

/// The keys, taken out of the root.
pub(super) struct Taken<'t, 'e> {
    idempotent: Option<Item<'t, 'e>>,
    cache: Option<Item<'t, 'e>>,
}

/// Takes the keys out of the root.
pub(super) fn take<'t, 'e>(root: &Table<'t, 'e>) -> Taken<'t, 'e> {
    Taken { idempotent: root.take("idempotent"), cache: root.take("cache") }
}

impl Taken<'_, '_> {
    /// Whether answers are to be given again.
    pub(super) fn is_cached(&self) -> bool {
        self.cache.is_some()
    }

    /// What the keys say, for an endpoint of this method, whose answers are streamed or not.
    pub(super) fn read(&self, method: Option<Method>, streams: bool) -> Repeats {
        let cache = self.cache.as_ref().and_then(|item| {
            if method.is_some_and(|method| method != Method::Get) {
                let help = "a change is made each time it is asked for; leave it out";
                item.refuse(Code::Conflict, "is for GET", Some(help));
            } else if streams {
                let help = "write `stream = false`, or a smaller `max_rows`";
                item.refuse(Code::Conflict, "is for answers that are given whole", Some(help));
            }
            cache(item)
        });
        let Some(item) = &self.idempotent else {
            return Repeats { cache, ..Repeats::default() };
        };
        let idempotency = idempotency(item).unwrap_or_default();
        if idempotency != Idempotency::Unkept && method == Some(Method::Get) {
            let help = "a GET changes nothing, so it can be sent again as it is; leave it out";
            item.refuse(Code::Conflict, "is for writes, and the method is GET", Some(help));
        }
        Repeats { idempotency, idempotency_span: item.file_span(), cache }
    }
}

/// The longest time for which an answer is given again.
const LONGEST: Duration = Duration::from_hours(24);

fn cache(item: &Item<'_, '_>) -> Option<Cache> {
    if !item.is_table() {
        let written = item.string_of("a duration such as \"10s\", or a table with `ttl`")?;
        return Some(Cache { ttl: ttl(item, &written)?, channel: None, span: item.file_span() });
    }
    let table = item.table()?;
    let (within, channel) = (table.require("ttl"), table.take("channel"));
    table.finish();
    let within = within.and_then(|item| ttl(&item, &item.string()?));
    let channel = match channel {
        Some(item) => Some(name(&item)?),
        None => None,
    };
    Some(Cache { ttl: within?, channel, span: item.file_span() })
}

fn ttl(item: &Item<'_, '_>, written: &str) -> Option<Duration> {
    let read = humantime::parse_duration(written.trim()).ok();
    let good = |it: &Duration| it.subsec_nanos() == 0 && !it.is_zero() && *it <= LONGEST;
    let ttl = read.filter(good);
    if ttl.is_none() {
        let help = "such as \"10s\", \"5m\" or \"1h\"";
        item.refuse(Code::InvalidValue, "takes whole seconds from 1s to 1day", Some(help));
    }
    ttl
}

/// The name of a channel, which is an identifier: it may have any characters, as between quotes.
fn name(item: &Item<'_, '_>) -> Option<String> {
    let name = item.string()?;
    if name.is_empty() || name.len() > MAX_IDENTIFIER_BYTES || name.contains('\0') {
        let help = "a channel has a name of 1 to 63 bytes";
        item.refuse(Code::InvalidValue, "is no name of a channel", Some(help));
        return None;
    }
    Some(name)
}

fn idempotency(item: &Item<'_, '_>) -> Option<Idempotency> {
    match item.raw_string() {
        Some("required") => Some(Idempotency::Required),
        Some(_) => {
            let help = "write `idempotent = true`, or `idempotent = \"required\"`";
            item.refuse(Code::InvalidValue, "takes true, false or \"required\"", Some(help));
            None
        }
        None => item
            .boolean()
            .map(|offered| if offered { Idempotency::Offered } else { Idempotency::Unkept }),
    }
}
