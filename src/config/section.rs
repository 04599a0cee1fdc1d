//! Reading a section from everything that may set it: flags, the environment, the file, defaults.

use super::{
    environment::Environment,
    kind::{Kind, shown},
    secrecy,
    slot::{Fill, Slot},
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    name,
    secret::Secret,
    table::{Item, Table},
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
    sync::Arc,
};
use zeroize::Zeroizing;

/// What all sections are read from, beside the file.
pub(super) struct Sources<'s> {
    /// The manifest.
    pub(super) file: &'s Arc<SourceFile>,
    /// The environment.
    pub(super) environment: &'s Environment<'s>,
    /// `key = value` from flags; the last one of a key counts.
    pub(super) overrides: &'s [(String, String)],
    /// Reads the secret in a file.
    pub(super) files: &'s SecretFiles<'s>,
    /// What is wrong outside the manifest's text.
    pub(super) outside: RefCell<Diagnostics>,
    /// Every key that a flag may set.
    pub(super) keys: RefCell<BTreeSet<String>>,
}

/// Reads the secret in a file, or says why it cannot.
pub type SecretFiles<'s> = dyn Fn(&Path) -> Result<Secret, Box<Diagnostic>> + 's;

/// A section that is being read.
pub(super) struct Section<'s, 't, 'e> {
    sources: &'s Sources<'s>,
    path: String,
    table: Option<Table<'t, 'e>>,
    /// Something stands in its place in the file that is no table, which has been reported.
    is_no_table: bool,
    places: RefCell<BTreeMap<&'static str, Place>>,
    /// What goes before the file, with where it is from, in words.
    supplied: RefCell<BTreeMap<&'static str, (Zeroizing<String>, String)>>,
}

/// Where a key's value came from.
#[derive(Clone, Debug)]
enum Place {
    File(Range<usize>),
    /// In words.
    Outside(String),
    /// In words: what another key's value says of this one.
    Supplied(String),
}

/// The environment variable that sets `key`: `HOWDAH_LISTEN_HTTP` for `listen.http`.
pub(super) fn variable_of(key: &str) -> String {
    format!("HOWDAH_{}", key.replace('.', "_").to_ascii_uppercase())
}

impl<'s> Sources<'s> {
    /// The sources of one manifest.
    pub(super) fn new(
        file: &'s Arc<SourceFile>,
        environment: &'s Environment<'s>,
        overrides: &'s [(String, String)],
        files: &'s SecretFiles<'s>,
    ) -> Self {
        let (outside, keys) = (RefCell::default(), RefCell::default());
        Self { file, environment, overrides, files, outside, keys }
    }

    /// Reports each flag that sets nothing. Every section has been read before.
    pub(super) fn check_overrides(&self) {
        let keys = self.keys.borrow();
        for (key, _) in self.overrides {
            if keys.contains(key) {
                continue;
            }
            let help = name::nearest(key, keys.iter().map(String::as_str)).map_or_else(
                || "`howdah config` lists every key".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("`--set` names the unknown key `{}`", shown(key));
            self.outside.borrow_mut().push(Diagnostic::error(Code::UnknownKey, message).help(help));
        }
    }
}

impl<'s, 't, 'e> Section<'s, 't, 'e> {
    /// The section at `path`, which is `item` in the file if it stands there.
    pub(super) fn new(
        sources: &'s Sources<'s>,
        path: impl Into<String>,
        item: Option<&Item<'t, 'e>>,
    ) -> Self {
        let table = item.and_then(Item::table);
        let is_no_table = item.is_some() && table.is_none();
        let (places, supplied) = (RefCell::default(), RefCell::default());
        Self { sources, path: path.into(), table, is_no_table, places, supplied }
    }

    /// Gives `key` a value that goes before the file's and is shown in no message, from `place`, in words.
    pub(super) fn supply(&self, key: &'static str, text: Zeroizing<String>, place: &str) {
        self.supplied.borrow_mut().insert(key, (text, place.to_owned()));
    }

    /// Whether the value of `key`, which has been read, is one that was supplied.
    pub(super) fn is_supplied(&self, key: &str) -> bool {
        matches!(self.places.borrow().get(key), Some(Place::Supplied(_)))
    }

    /// Whether a flag, the environment or the file has `key`.
    pub(super) fn gives(&self, key: &'static str) -> bool {
        let in_file = || self.table.as_ref().and_then(|table| table.take(key)).is_some();
        self.outside(&self.full(key)).is_some() || in_file()
    }

    /// The secret in the file at `path`.
    pub(super) fn secret_file(&self, path: &Path) -> Result<Secret, Box<Diagnostic>> {
        (self.sources.files)(path)
    }

    /// The last word of the section's path: a lane's name.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// The table at `key` within the section: for tables of tables.
    pub(super) fn table(&self, key: &'static str) -> Option<Table<'t, 'e>> {
        self.table.as_ref()?.table(key)
    }

    /// Whether anything but a default sets one of `keys`, or the file has the table.
    pub(super) fn is_given(&self, keys: impl IntoIterator<Item = &'static str>) -> bool {
        self.table.is_some() || keys.into_iter().any(|key| self.outside(&self.full(key)).is_some())
    }

    /// The value of `key`, else of `default`.
    pub(super) fn or_default<V>(
        &self,
        key: &'static str,
        kind: &dyn Kind<Value = V>,
        default: &str,
    ) -> Option<V> {
        self.given(key, kind).unwrap_or_else(|| kind.parse(default).ok())
    }

    /// The value of `key`, else what `default` says.
    pub(super) fn or_else<V>(
        &self,
        key: &'static str,
        kind: &dyn Kind<Value = V>,
        default: impl FnOnce() -> Option<V>,
    ) -> Option<V> {
        self.given(key, kind).unwrap_or_else(default)
    }

    /// The value of `key`; its absence is an error.
    pub(super) fn required<V>(
        &self,
        key: &'static str,
        kind: &dyn Kind<Value = V>,
        example: &str,
    ) -> Option<V> {
        self.given(key, kind).unwrap_or_else(|| {
            self.missing(key, example);
            None
        })
    }

    fn missing(&self, key: &str, example: &str) {
        if self.is_no_table {
            return;
        }
        let missing =
            Diagnostic::error(Code::MissingKey, format!("`{}` is missing", self.full(key)));
        match &self.table {
            Some(table) => {
                let missing = missing.help(format!("add `{key} = \"{example}\"`"));
                table.report(missing, table.span());
            }
            None => self.sources.outside.borrow_mut().push(
                missing
                    .help(format!("add a table `[{}]` with `{key} = \"{example}\"`", self.path))
                    .in_file(self.sources.file),
            ),
        }
    }

    /// The value of `key` as it stands in the file, where it is of no kind that text can give.
    pub(super) fn item(&self, key: &'static str) -> Option<Item<'t, 'e>> {
        self.table.as_ref()?.take(key)
    }

    /// Reports `diagnostic` where the value of `key` came from.
    pub(super) fn report(&self, key: &str, diagnostic: Diagnostic) {
        match (self.places.borrow().get(key), &self.table) {
            (Some(Place::File(span)), Some(table)) => table.report(diagnostic, span.clone()),
            (Some(Place::Outside(place) | Place::Supplied(place)), _) => self
                .sources
                .outside
                .borrow_mut()
                .push(diagnostic.note(format!("`{}` is set by {place}", self.full(key)))),
            (_, Some(table)) => table.report(diagnostic, table.span()),
            (_, None) => {
                self.sources.outside.borrow_mut().push(diagnostic.in_file(self.sources.file));
            }
        }
    }

    /// Counts `keys` among the known ones of a section that is not read.
    pub(super) fn know(&self, keys: impl IntoIterator<Item = &'static str>) {
        self.sources.keys.borrow_mut().extend(keys.into_iter().map(|key| self.full(key)));
    }

    /// Reports the keys that nothing reads.
    pub(super) fn finish(&self) {
        if let Some(table) = &self.table {
            table.finish();
        }
    }

    fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// The text that a flag or the environment gives to the full `key`, and where, in words.
    fn outside(&self, key: &str) -> Option<(String, String)> {
        let flag = self.sources.overrides.iter().rev().find(|(name, _)| name == key);
        if let Some((_, text)) = flag {
            return Some((text.clone(), format!("`--set {key}=…`")));
        }
        let variable = variable_of(key);
        let text = (self.sources.environment)(&variable)?;
        Some((text, format!("the environment variable `{variable}`")))
    }

    /// The value of `key` from the first source that has it: `None` when none has,
    /// `Some(None)` when the value is wrong, which has been reported.
    #[expect(clippy::option_option, reason = "absent and wrong lead to different ends")]
    #[inline(never)]
    fn given<V>(&self, key: &'static str, kind: &dyn Kind<Value = V>) -> Option<Option<V>> {
        let mut slot = Slot { kind, value: None };
        match self.fill(key, &mut slot) {
            Filled::Absent => None,
            Filled::Wrong => Some(None),
            Filled::Right => Some(slot.value),
        }
    }

    fn fill(&self, key: &'static str, slot: &mut dyn Fill) -> Filled {
        let full = self.full(key);
        self.sources.keys.borrow_mut().insert(full.clone());
        // Taken even when it is overridden, for it is a known key all the same.
        let item = self.table.as_ref().and_then(|table| table.take(key));
        if let Some((text, place)) = self.outside(&full) {
            self.places.borrow_mut().insert(key, Place::Outside(place.clone()));
            if slot.is_secret() && place.starts_with("`--set") {
                self.sources.outside.borrow_mut().push(
                    Diagnostic::error(
                        Code::LiteralSecret,
                        format!("`{full}` is not taken from the command line"),
                    )
                    .note("every user of the machine can read the arguments of a process")
                    .help(secret_help(key)),
                );
                return Filled::Wrong;
            }
            return match slot.fill(&text) {
                Ok(()) => Filled::Right,
                Err(why) => {
                    let refused = refusal(&place, slot, &text, &why);
                    self.sources.outside.borrow_mut().push(refused);
                    Filled::Wrong
                }
            };
        }
        if let Some((text, place)) = self.supplied.borrow().get(key) {
            self.places.borrow_mut().insert(key, Place::Supplied(place.clone()));
            return match slot.fill(text) {
                Ok(()) => Filled::Right,
                Err(why) => {
                    let message = format!("`{key}` of {place} takes {}", slot.wanted());
                    let refused = Diagnostic::error(Code::InvalidValue, message);
                    let refused = if why.is_empty() { refused } else { refused.note(why) };
                    self.sources.outside.borrow_mut().push(refused);
                    Filled::Wrong
                }
            };
        }
        let Some(item) = item else { return Filled::Absent };
        self.places.borrow_mut().insert(key, Place::File(item.span()));
        match self.of_item(key, &item, slot) {
            Some(()) => Filled::Right,
            None => Filled::Wrong,
        }
    }

    fn of_item(&self, key: &str, item: &Item<'_, '_>, slot: &mut dyn Fill) -> Option<()> {
        if slot.is_secret() && !item.raw_string().is_some_and(secrecy::is_reference_only) {
            self.literal_secret(key, item);
            return None;
        }
        let wanted = slot.wanted();
        if slot.is_list() {
            return of_list(item, slot);
        }
        let text = if slot.takes_bare() { item.scalar(&wanted)? } else { item.string_of(&wanted)? };
        slot.fill(&text)
            .map_err(|why| {
                item.report(refusal(&format!("`{}`", item.path()), slot, &text, &why));
            })
            .ok()
    }

    fn literal_secret(&self, key: &str, item: &Item<'_, '_>) {
        let span = item.file_span();
        // The value may take more lines than could be known before it was read.
        let source = secrecy::blotted_at(self.sources.file, std::slice::from_ref(&span));
        self.sources.outside.borrow_mut().push(
            Diagnostic::error(
                Code::LiteralSecret,
                format!("`{}` stands in the file as plain text", item.path()),
            )
            .at(&source, span)
            .label("whoever reads the file knows the secret")
            .help(secret_help(key)),
        );
    }
}

/// What became of a slot.
enum Filled {
    /// No source has the key.
    Absent,
    /// Its value is wrong, which has been reported.
    Wrong,
    Right,
}

/// An array of texts, none with what would cut it in two.
fn of_list(item: &Item<'_, '_>, slot: &mut dyn Fill) -> Option<()> {
    let mut texts = Vec::new();
    for item in item.array()? {
        let text = item.string()?;
        if text.is_empty() || text.contains([',', ' ', '\t', '\r', '\n']) {
            let why = "is empty, or has a comma or a space in it";
            item.refuse(Code::InvalidValue, why, Some("write each value by itself"));
            return None;
        }
        slot.fill(&text)
            .map_err(|why| {
                let subject = format!("`{}`", item.path());
                item.report(refusal(&subject, slot, &text, &why));
            })
            .ok()?;
        texts.push(text);
    }
    slot.fill(&texts.join(",")).ok()
}

/// What to write instead of a literal secret.
fn secret_help(key: &str) -> String {
    format!("write the secret to a file of its own and name it with `{key}_file`")
}

fn refusal(subject: &str, slot: &dyn Fill, text: &str, why: &str) -> Diagnostic {
    let mut message = format!("{subject} takes {}", slot.wanted());
    if !slot.is_secret() {
        message = format!("{message}, not `{}`", shown(text));
    }
    let refused = Diagnostic::error(Code::InvalidValue, message);
    if why.is_empty() { refused } else { refused.label(why) }
}
