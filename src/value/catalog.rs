//! The types by the names and the numbers that PostgreSQL gives them.
//!
//! Owns the built-in OIDs (PostgreSQL's `src/include/catalog/pg_type.dat`, the same in 13 to 18) and
//! the names that front matter may use. Does not own types that a database makes itself: those are
//! read from its catalogue (`postgres`).

use super::Type;
use std::sync::Arc;

/// Type, OID, OID of its array, SQL name, further names.
type Entry = (Type, u32, u32, &'static str, &'static [&'static str]);

/// What a range or multirange is over: its subtype, its OID, that of its array, its SQL name.
type Over = (Type, u32, u32, &'static str);

const BASE: &[Entry] = &[
    (Type::Bool, 16, 1000, "boolean", &["bool"]),
    (Type::Bytea, 17, 1001, "bytea", &[]),
    (Type::Char, 18, 1002, "\"char\"", &[]),
    (Type::Name, 19, 1003, "name", &[]),
    (Type::Int8, 20, 1016, "bigint", &["int8"]),
    (Type::Int2, 21, 1005, "smallint", &["int2"]),
    (Type::Int4, 23, 1007, "integer", &["int", "int4"]),
    (Type::Text, 25, 1009, "text", &[]),
    (Type::Oid, 26, 1028, "oid", &[]),
    (Type::Json, 114, 199, "json", &[]),
    (Type::Cidr, 650, 651, "cidr", &[]),
    (Type::Float4, 700, 1021, "real", &["float4"]),
    (Type::Float8, 701, 1022, "double precision", &["float8", "float"]),
    (Type::Macaddr8, 774, 775, "macaddr8", &[]),
    (Type::Macaddr, 829, 1040, "macaddr", &[]),
    (Type::Inet, 869, 1041, "inet", &[]),
    (Type::Bpchar, 1042, 1014, "character", &["char", "bpchar"]),
    (Type::Varchar, 1043, 1015, "character varying", &["varchar"]),
    (Type::Date, 1082, 1182, "date", &[]),
    (Type::Time, 1083, 1183, "time without time zone", &["time"]),
    (Type::Timestamp, 1114, 1115, "timestamp without time zone", &["timestamp"]),
    (Type::Timestamptz, 1184, 1185, "timestamp with time zone", &["timestamptz"]),
    (Type::Interval, 1186, 1187, "interval", &[]),
    (Type::Timetz, 1266, 1270, "time with time zone", &["timetz"]),
    (Type::Numeric, 1700, 1231, "numeric", &["decimal"]),
    (Type::Uuid, 2950, 2951, "uuid", &[]),
    (Type::Jsonb, 3802, 3807, "jsonb", &[]),
];

const RANGES: &[Over] = &[
    (Type::Int4, 3904, 3905, "int4range"),
    (Type::Numeric, 3906, 3907, "numrange"),
    (Type::Timestamp, 3908, 3909, "tsrange"),
    (Type::Timestamptz, 3910, 3911, "tstzrange"),
    (Type::Date, 3912, 3913, "daterange"),
    (Type::Int8, 3926, 3927, "int8range"),
];

const MULTIRANGES: &[Over] = &[
    (Type::Int4, 4451, 6150, "int4multirange"),
    (Type::Numeric, 4532, 6151, "nummultirange"),
    (Type::Timestamp, 4533, 6152, "tsmultirange"),
    (Type::Timestamptz, 4534, 6153, "tstzmultirange"),
    (Type::Date, 4535, 6155, "datemultirange"),
    (Type::Int8, 4536, 6157, "int8multirange"),
];

/// Every built-in type with its OID, its array's OID and its SQL name.
fn builtins() -> impl Iterator<Item = (Type, u32, u32, &'static str)> {
    let base = BASE.iter().map(|(ty, oid, array, name, _)| (ty.clone(), *oid, *array, *name));
    let ranges = RANGES
        .iter()
        .map(|(over, oid, array, name)| (Type::Range(Arc::new(over.clone())), *oid, *array, *name));
    let multiranges = MULTIRANGES.iter().map(|(over, oid, array, name)| {
        (Type::Multirange(Arc::new(over.clone())), *oid, *array, *name)
    });
    base.chain(ranges).chain(multiranges)
}

impl Type {
    /// The built-in type, range, multirange or array of one with this OID; `None` for a type that
    /// the database made itself or that is not served.
    pub fn builtin(oid: u32) -> Option<Self> {
        builtins().find_map(|(ty, own, array, _)| {
            if own == oid {
                Some(ty)
            } else if array == oid {
                Some(Self::Array(Arc::new(ty)))
            } else {
                None
            }
        })
    }

    /// The OID of a built-in type or of an array of one. A range over a built-in type counts as the
    /// built-in range; what only the database knows has none.
    pub fn builtin_oid(&self) -> Option<u32> {
        match self {
            Self::Array(element) => {
                builtins().find(|(ty, ..)| ty == element.as_ref()).map(|(_, _, array, _)| array)
            }
            _ => builtins().find(|(ty, ..)| ty == self).map(|(_, oid, ..)| oid),
        }
    }

    /// The built-in type that a person calls `name`: `int`, `double precision`, `timestamptz`,
    /// `uuid[]`, `daterange`. Letters' case and runs of blanks do not matter. A modifier, such as
    /// in `varchar(10)`, is no part of a type's name.
    pub fn named(name: &str) -> Option<Self> {
        let words = name.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        let mut element = words.as_str();
        // However many dimensions are written, PostgreSQL has one array type.
        while let Some(shorter) = element.strip_suffix("[]") {
            element = shorter.trim_end();
        }
        let array = element.len() != words.len();
        let ty = BASE
            .iter()
            .find(|(.., sql, further)| *sql == element || further.contains(&element))
            .map(|(ty, ..)| ty.clone())
            .or_else(|| builtins().find(|(.., sql)| *sql == element).map(|(ty, ..)| ty))?;
        Some(if array { Self::Array(Arc::new(ty)) } else { ty })
    }

    /// The SQL name, as PostgreSQL's `format_type` prints it.
    pub fn name(&self) -> String {
        match self {
            Self::Array(element) => format!("{}[]", element.name()),
            Self::Enum(enumeration) => enumeration.name.clone(),
            Self::Domain(domain) => domain.name.clone(),
            Self::Composite(composite) => composite.name.clone(),
            _ => builtins().find(|(ty, ..)| ty == self).map_or_else(
                || match self {
                    Self::Range(over) => format!("range of {}", over.name()),
                    Self::Multirange(over) => format!("multirange of {}", over.name()),
                    _ => String::new(),
                },
                |(.., name)| name.to_owned(),
            ),
        }
    }

    /// The type beneath all domains.
    pub fn base(&self) -> &Self {
        let mut ty = self;
        while let Self::Domain(domain) = ty {
            ty = &domain.base;
        }
        ty
    }

    /// Whether a value is characters, so that a length or a pattern means something.
    pub fn is_textual(&self) -> bool {
        matches!(
            self.base(),
            Self::Text | Self::Varchar | Self::Bpchar | Self::Char | Self::Name | Self::Enum(_)
        )
    }

    /// Whether a value is a number, so that a least and a greatest mean something.
    pub fn is_numeric(&self) -> bool {
        self.is_integer() || matches!(self.base(), Self::Float4 | Self::Float8 | Self::Numeric)
    }

    /// Whether a value is a whole number.
    pub fn is_integer(&self) -> bool {
        matches!(self.base(), Self::Int2 | Self::Int4 | Self::Int8 | Self::Oid)
    }

    /// Whether values can stand in a list with commas: not those that hold others, nor JSON.
    pub(super) fn is_listable(&self) -> bool {
        !self.is_nested() && !matches!(self.base(), Self::Json | Self::Jsonb)
    }

    /// Whether a value holds other values: arrays, ranges, multiranges, composites.
    pub fn is_nested(&self) -> bool {
        matches!(
            self.base(),
            Self::Array(_) | Self::Range(_) | Self::Multirange(_) | Self::Composite(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_is_found_by_its_number_and_by_its_name() {
        for (ty, oid, array, name) in builtins() {
            assert_eq!(Type::builtin(oid), Some(ty.clone()), "{name}");
            assert_eq!(ty.builtin_oid(), Some(oid), "{name}");
            assert_eq!(Type::named(name), Some(ty.clone()), "{name}");
            assert_eq!(ty.name(), name);
            let arrays = Type::Array(Arc::new(ty));
            assert_eq!(Type::builtin(array), Some(arrays.clone()), "{name}[]");
            assert_eq!(arrays.builtin_oid(), Some(array), "{name}[]");
            assert_eq!(Type::named(&format!("{name}[]")), Some(arrays), "{name}[]");
        }
    }

    #[test]
    fn names_are_read_as_a_person_writes_them() {
        for (name, ty) in [
            ("INT", Type::Int4),
            ("Double  Precision", Type::Float8),
            (" timestamp with\ttime zone ", Type::Timestamptz),
            ("char", Type::Bpchar),
            ("\"char\"", Type::Char),
            ("decimal", Type::Numeric),
            ("uuid [] []", Type::Array(Arc::new(Type::Uuid))),
            ("daterange", Type::Range(Arc::new(Type::Date))),
        ] {
            assert_eq!(Type::named(name), Some(ty), "{name}");
        }
        for name in ["", "[]", "strin", "varchar(10)", "point", "int]", "int[", "xml"] {
            assert_eq!(Type::named(name), None, "{name}");
        }
    }

    #[test]
    fn a_domain_is_what_lies_beneath() {
        let port = Type::Domain(Arc::new(crate::value::Domain {
            name: "port".to_owned(),
            base: Type::Text,
        }));
        assert_eq!(port.base(), &Type::Text);
        assert!(port.is_textual() && !port.is_numeric() && !port.is_nested());
        assert_eq!(port.builtin_oid(), None);
    }
}
