//! What a value is: the PostgreSQL types that are served, and how each is written.
//!
//! Owns the types, the reading of arguments (text or JSON to what PostgreSQL takes) and the writing
//! of results (PostgreSQL's binary form to JSON text). Does not own the protocol that carries them
//! (`postgres`), nor how rows are laid out in an answer (`encode`).

pub mod argument;
mod calendar;
mod catalog;
mod digits;
mod interval;
pub mod json;
mod network;
mod numeric;
mod plain;
pub mod schema;
pub(crate) mod short;
pub mod text;
pub(crate) mod wire;

pub use argument::Invalid;
pub use wire::Malformed;

use std::sync::Arc;

/// A PostgreSQL type that Howdah can serve. Anything else is refused at start with the hint to
/// cast it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `oid`
    Oid,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `numeric`, exact
    Numeric,
    /// `text`
    Text,
    /// `character varying`
    Varchar,
    /// `character`, blank-padded
    Bpchar,
    /// `"char"`, one byte
    Char,
    /// `name`
    Name,
    /// `uuid`
    Uuid,
    /// `date`
    Date,
    /// `time without time zone`
    Time,
    /// `time with time zone`
    Timetz,
    /// `timestamp without time zone`
    Timestamp,
    /// `timestamp with time zone`
    Timestamptz,
    /// `interval`
    Interval,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `bytea`
    Bytea,
    /// `inet`
    Inet,
    /// `cidr`
    Cidr,
    /// `macaddr`
    Macaddr,
    /// `macaddr8`
    Macaddr8,
    /// An array of any number of dimensions.
    Array(Arc<Type>),
    /// An enumeration.
    Enum(Arc<Enumeration>),
    /// A domain over another type.
    Domain(Arc<Domain>),
    /// A range over another type.
    Range(Arc<Type>),
    /// A multirange over another type (PostgreSQL 14 and later).
    Multirange(Arc<Type>),
    /// A composite type, of a table's row too.
    Composite(Arc<Composite>),
}

/// An enumeration's name and labels, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Enumeration {
    /// The type's name.
    pub name: String,
    /// The labels in the order of the type.
    pub labels: Vec<String>,
}

/// A domain's name and the type it narrows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    /// The type's name.
    pub name: String,
    /// The type beneath.
    pub base: Type,
}

/// A composite type's name and fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Composite {
    /// The type's name.
    pub name: String,
    /// The fields in their order.
    pub fields: Vec<(String, Type)>,
}

/// An argument as it goes to PostgreSQL in a Bind message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// SQL NULL.
    Null,
    /// The type's text form (format code 0).
    Text(Vec<u8>),
    /// The type's binary form (format code 1).
    Binary(Vec<u8>),
}

impl Argument {
    /// Its size, in bytes.
    pub fn size(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Text(bytes) | Self::Binary(bytes) => bytes.len(),
        }
    }

    /// The argument as text, `None` for NULL: for what is answered without a database. `ty` is the
    /// type that it was read as.
    pub fn to_text(&self, ty: &Type) -> Option<String> {
        let bytes = match self {
            Self::Null => return None,
            Self::Text(bytes) => bytes.clone(),
            Self::Binary(bytes) => {
                let mut out = Vec::new();
                // What was just written from text in this form can be read back.
                text::write(ty, Some(bytes), &mut out).ok()?;
                out
            }
        };
        String::from_utf8(bytes).ok()
    }
}
