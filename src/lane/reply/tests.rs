#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]
#![allow(clippy::cast_possible_truncation, reason = "the limits of a length fit into its bits")]

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_head_is_read_as_soon_as_it_is_there_and_only_with_a_length_that_can_be(
        tag in prop_oneof![any::<u8>(), Just(DATA_ROW_TAG), Just(COPY_DATA_TAG)],
        length in prop_oneof![
            any::<u32>(),
            0_u32..16,
            // Around both limits.
            (LONGEST_OTHER as u32 - 8)..(LONGEST_OTHER as u32 + 8),
            (LONGEST as u32 - 8)..(LONGEST as u32 + 8),
        ],
        behind in prop::collection::vec(any::<u8>(), 0..32),
    ) {
        let mut bytes = vec![tag];
        bytes.extend(length.to_be_bytes());
        bytes.extend(behind);
        for short in 0..HEAD {
            prop_assert!(head(&bytes[..short]).unwrap().is_none());
        }
        let carries_values = matches!(tag, DATA_ROW_TAG | COPY_DATA_TAG);
        let longest = if carries_values { LONGEST } else { LONGEST_OTHER };
        match head(&bytes) {
            Ok(found) => {
                prop_assert_eq!(found, Some((tag, length as usize + 1)));
                prop_assert!((4..=longest).contains(&(length as usize)));
            }
            Err(_) => prop_assert!(!(4..=longest).contains(&(length as usize))),
        }
    }

    #[test]
    fn messages_are_cut_where_they_end_however_they_are_split(
        bodies in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..200)), 0..20),
        piece in 1_usize..64,
    ) {
        let mut stream = Vec::new();
        for (tag, body) in &bodies {
            stream.push(*tag);
            stream.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
            stream.extend(body);
        }
        let (mut held, mut cut) = (Vec::new(), Vec::new());
        for bytes in stream.chunks(piece) {
            held.extend(bytes);
            while let Some((tag, size)) = head(&held).unwrap() {
                let Some(message) = held.get(..size) else { break };
                cut.push((tag, message[HEAD..].to_vec()));
                held.drain(..size);
            }
        }
        prop_assert!(held.is_empty());
        prop_assert_eq!(cut, bodies);
    }
}

#[test]
fn errors_without_fields_or_with_broken_ones_are_refusals_all_the_same() {
    for body in [b"".as_slice(), b"\0", b"SERROR\0", b"C22012", b"C\xff\xfe\0M\0\0"] {
        let mut message = vec![ERROR_RESPONSE_TAG];
        message.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        message.extend(body);
        refusal(&message).unwrap();
    }
}
