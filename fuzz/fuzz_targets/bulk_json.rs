//! A body of rows as a JSON array.
#![no_main]

use howdah::decode::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| howdah_fuzz::bulk(Format::Json, bytes));
