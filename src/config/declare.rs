//! One declaration per setting: its type, kind, default and meaning. The reader, the documented
//! default and the reference are all made of it, so none of them can forget a key.

use super::kind::Kind;

/// A section of the manifest, as it is documented.
#[derive(Clone, Debug)]
pub(super) struct Described {
    /// Its table: `listen`, or `lanes.NAME` for the tables whose last name is the person's own.
    pub(super) path: &'static str,
    /// What it is about, a line each.
    pub(super) doc: &'static [&'static str],
    /// Its keys, in the order of documentation.
    pub(super) keys: Vec<Key>,
}

/// A key of a section, as it is documented.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// The key.
    pub(super) name: &'static str,
    /// What it means, a line each.
    pub(super) doc: &'static [&'static str],
    /// The name of its kind.
    pub(super) kind: String,
    /// Whether TOML writes its value in quotes.
    pub(super) is_quoted: bool,
    /// Whether TOML writes an array.
    pub(super) is_list: bool,
    /// What holds when it is left out.
    pub(super) preset: Preset,
}

/// What holds when a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    /// This text, read as if it stood in the file.
    Default(&'static str),
    /// Nothing may be left out; this is an example.
    Required(&'static str),
    /// Nothing; this is an example.
    Absent(&'static str),
    /// Something that depends on other settings: in words, and an example.
    Derived(&'static str, &'static str),
}

impl Key {
    pub(super) fn new(
        name: &'static str,
        doc: &'static [&'static str],
        kind: &impl Kind,
        preset: Preset,
    ) -> Self {
        Self {
            name,
            doc,
            kind: kind.label(),
            is_quoted: kind.is_quoted(),
            is_list: kind.is_list(),
            preset,
        }
    }
}

/// Declares sections. A key is `name: Type = KIND => PRESET;`, where the preset is one of
///
/// - `default("text")`: the text is read by the kind when the key is left out;
/// - `required("example")`: leaving it out is an error;
/// - `absent("example")`: the kind is [`super::kind::Optional`], and left out means `None`;
/// - `derived("in words", "example", expression)`: an `Option` of the value (`None` when what it
///   depends on is wrong) that may use the keys above, each an `Option`, and the section.
macro_rules! sections {
    ($(
        $(#[doc = $doc:literal])+
        $(#[derive($($derive:ident),+)])?
        [$path:literal] $name:ident |$section:ident| {
            $(
                $(#[doc = $key_doc:literal])+
                $key:ident: $type:ty = $kind:expr => $how:ident($($how_args:tt)+);
            )+
        }
    )+) => {$(
        $(#[doc = $doc])+
        $(#[derive($($derive),+)])?
        pub struct $name {
            $($(#[doc = $key_doc])+ pub $key: $type,)+
        }

        impl $name {
            /// The section with its keys, as it is documented.
            pub(super) fn describe() -> $crate::config::declare::Described {
                $crate::config::declare::Described {
                    path: $path,
                    doc: &[$($doc),+],
                    keys: vec![$(
                        $crate::config::declare::Key::new(
                            stringify!($key),
                            &[$($key_doc),+],
                            &$kind,
                            sections!(@preset $how($($how_args)+)),
                        ),
                    )+],
                }
            }

            /// The section as its sources give it; nothing when one of its values is wrong.
            pub(super) fn read($section: &$crate::config::section::Section<'_, '_, '_>) -> Option<Self> {
                $(let $key: Option<$type> =
                    sections!(@read $section, stringify!($key), $kind, $how($($how_args)+));)+
                $section.finish();
                $crate::config::declare::whole!(Self { $($key),+ })
            }
        }
    )+};
    (@preset default($text:expr)) => { $crate::config::declare::Preset::Default($text) };
    (@preset required($example:expr)) => { $crate::config::declare::Preset::Required($example) };
    (@preset absent($example:expr)) => { $crate::config::declare::Preset::Absent($example) };
    (@preset derived($words:expr, $example:expr, $value:expr)) => {
        $crate::config::declare::Preset::Derived($words, $example)
    };
    (@read $section:ident, $key:expr, $kind:expr, default($text:expr)) => {
        $section.or_default($key, &$kind, $text)
    };
    (@read $section:ident, $key:expr, $kind:expr, required($example:expr)) => {
        $section.required($key, &$kind, $example)
    };
    (@read $section:ident, $key:expr, $kind:expr, absent($example:expr)) => {
        $section.or_default($key, &$kind, "")
    };
    (@read $section:ident, $key:expr, $kind:expr, derived($words:expr, $example:expr, $value:expr)) => {
        $section.or_else($key, &$kind, || $value)
    };
}

/// The struct of the fields' values, each an `Option`; leaves the function with `None` where one is missing.
/// There is one way out: each `?` would have one of its own, which lets go of all the other fields.
macro_rules! whole {
    ($name:ident { $($field:ident),+ $(,)? }) => {{
        let ($(Some($field),)+) = ($($field,)+) else { return None };
        Some($name { $($field),+ })
    }};
}

pub(super) use {sections, whole};
