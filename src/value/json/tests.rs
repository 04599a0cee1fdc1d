#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::value::{Composite, Enumeration, argument, text};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

fn written(ty: &Type, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    write(ty, Some(bytes), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// One of every kind, and some within each other.
static TYPES: LazyLock<Vec<Type>> = LazyLock::new(|| {
    let mut types: Vec<Type> = (16..=6157).filter_map(Type::builtin).collect();
    types.push(Type::Enum(Arc::new(Enumeration {
        name: "colour".to_owned(),
        labels: vec!["red".to_owned()],
    })));
    let fields = types.iter().take(3).map(|ty| (ty.name(), ty.clone())).collect();
    let row = Type::Composite(Arc::new(Composite { name: "row".to_owned(), fields }));
    types.push(Type::Array(Arc::new(row.clone())));
    types.push(row);
    types
});

proptest! {
    #[test]
    fn any_bytes_are_written_or_malformed(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for ty in TYPES.iter() {
            let mut out = Vec::new();
            if write(ty, Some(&bytes), &mut out).is_ok() && !matches!(ty, Type::Json | Type::Jsonb) {
                prop_assert!(
                    serde_json::from_slice::<&serde_json::value::RawValue>(&out).is_ok(),
                    "{}: {}", ty.name(), String::from_utf8_lossy(&out)
                );
            }
            let _ = text::write(ty, Some(&bytes), &mut out);
        }
    }

    /// The wire form of arrays is likely enough to be hit only when it is built.
    #[test]
    fn hostile_arrays_end(
        lengths in prop::collection::vec(any::<i32>(), 0..8),
        flags in any::<i32>(),
        rest in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = i32::try_from(lengths.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(&flags.to_be_bytes());
        bytes.extend_from_slice(&23_u32.to_be_bytes());
        for length in lengths {
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&1_i32.to_be_bytes());
        }
        bytes.extend_from_slice(&rest);
        let mut out = Vec::new();
        let _ = write(&Type::Array(Arc::new(Type::Text)), Some(&bytes), &mut out);
        prop_assert!(out.len() < 4096);
    }

    #[test]
    fn floats_read_back_as_the_same_number(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let text = written(&Type::Float8, &bits.to_be_bytes());
        prop_assert!(!text.ends_with(".0"), "{}", text);
        prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits);
        let argument = argument::from_json(&Type::Float8, &text).unwrap();
        prop_assert_eq!(argument, crate::value::Argument::Binary(bits.to_be_bytes().to_vec()));
    }

    #[test]
    fn reals_read_back_as_the_same_number(bits in any::<u32>()) {
        let number = f32::from_bits(bits);
        prop_assume!(number.is_finite());
        let text = written(&Type::Float4, &bits.to_be_bytes());
        prop_assert_eq!(text.parse::<f32>().unwrap().to_bits(), bits);
    }

    #[test]
    fn whole_numbers_read_back(number in any::<i64>()) {
        let text = written(&Type::Int8, &number.to_be_bytes());
        prop_assert_eq!(&text, &number.to_string());
        let bytes = crate::value::Argument::Binary(number.to_be_bytes().to_vec());
        prop_assert_eq!(argument::from_json(&Type::Int8, &text).unwrap(), bytes.clone());
        prop_assert_eq!(argument::from_json(&Type::Int8, &format!("\"{text}\"")).unwrap(), bytes);
    }

    #[test]
    fn base64_reads_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = written(&Type::Bytea, &bytes);
        let argument = argument::from_json(&Type::Bytea, &text).unwrap();
        prop_assert_eq!(argument, crate::value::Argument::Binary(bytes));
    }

    #[test]
    fn addresses_and_uuids_read_back(octets in any::<[u8; 16]>(), bits in 0..=128_u8) {
        let inet = [&[3, bits, 0, 16], octets.as_slice()].concat();
        for (ty, bytes) in [(Type::Inet, inet), (Type::Uuid, octets.to_vec()),
            (Type::Macaddr8, octets[..8].to_vec()), (Type::Macaddr, octets[..6].to_vec())]
        {
            let argument = argument::from_json(&ty, &written(&ty, &bytes)).unwrap();
            prop_assert_eq!(argument, crate::value::Argument::Binary(bytes));
        }
    }
}

/// IPv6 with runs of zeros, which chance does not make.
#[test]
fn each_run_of_zeros_reads_back() {
    for mask in 0..=255_u16 {
        let octets: Vec<u8> =
            (0..8).flat_map(|group| if mask >> group & 1 == 1 { [0, 0] } else { [1, 2] }).collect();
        let bytes = [&[3, 64, 1, 16], octets.as_slice()].concat();
        let text = written(&Type::Inet, &bytes);
        let address = text.trim_matches('"').strip_suffix("/64").unwrap();
        let address: std::net::Ipv6Addr = address.parse().unwrap();
        assert_eq!(address.octets().as_slice(), octets, "{text}");
    }
}

#[test]
fn what_is_cut_short_or_too_long_is_malformed() {
    let interval = [0_u8; 16];
    for (ty, bytes) in [
        (Type::Bool, [1].as_slice()),
        (Type::Int2, &[0; 2]),
        (Type::Int4, &[0; 4]),
        (Type::Int8, &[0; 8]),
        (Type::Float4, &[0; 4]),
        (Type::Float8, &[0; 8]),
        (Type::Numeric, &[0, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
        (Type::Uuid, &[0; 16]),
        (Type::Date, &[0; 4]),
        (Type::Time, &[0; 8]),
        (Type::Timetz, &[0; 12]),
        (Type::Timestamp, &[0; 8]),
        (Type::Interval, &interval),
        (Type::Inet, &[2, 32, 0, 4, 1, 2, 3, 4]),
        (Type::Macaddr, &[0; 6]),
        (Type::Char, &[0x41]),
    ] {
        write(&ty, Some(bytes), &mut Vec::new()).unwrap();
        for length in 0..bytes.len() {
            assert!(write(&ty, Some(&bytes[..length]), &mut Vec::new()).is_err(), "{}", ty.name());
        }
        let longer = [bytes, &[0]].concat();
        assert!(write(&ty, Some(&longer), &mut Vec::new()).is_err(), "{}", ty.name());
    }
}

#[test]
fn depth_is_bounded() {
    let mut ty = Type::Int4;
    let mut bytes = 7_i32.to_be_bytes().to_vec();
    for depth in 1..80 {
        ty = Type::Composite(Arc::new(Composite {
            name: String::new(),
            fields: vec![("in".to_owned(), ty)],
        }));
        let length = i32::try_from(bytes.len()).unwrap().to_be_bytes();
        bytes = [&[0, 0, 0, 1, 0, 0, 0, 0], length.as_slice(), &bytes].concat();
        let written = write(&ty, Some(&bytes), &mut Vec::new());
        assert_eq!(written.is_ok(), depth < MAX_DEPTH, "{depth}");
    }
}
