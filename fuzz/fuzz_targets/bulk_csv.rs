//! A body of rows as CSV: the same rows and faults however it is cut, and no panic.
#![no_main]

use howdah::{
    decode::{Column, Columns, Decoder, Format, MAX_FAULTS, Next},
    value::Type,
};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

static COLUMNS: LazyLock<Arc<Columns>> = LazyLock::new(|| {
    let named = [("a", "text"), ("b", "int4"), ("c", "date"), ("d", "numeric"), ("e", "jsonb")];
    let column = |(name, ty): (&str, &str)| Column {
        name: name.to_owned(),
        ty: Type::named(ty).expect("the type is known"),
        nullable: name != "b",
    };
    Arc::new(Columns::new(named.map(column).into()))
});

fn read(body: &[u8], size: usize) -> (Vec<u8>, Vec<howdah::decode::Fault>) {
    let mut decoder = Decoder::new(Format::Csv, Arc::clone(&COLUMNS), 100, 16);
    let mut out = Vec::new();
    let mut chunks = body.chunks(size);
    if chunks.all(|chunk| decoder.push(chunk, &mut out) == Next::More) {
        decoder.finish(&mut out);
    }
    (out, decoder.faults().to_vec())
}

// The first byte says how the rest is cut.
fuzz_target!(|bytes: &[u8]| {
    let Some((size, body)) = bytes.split_first() else { return };
    let whole = read(body, body.len().max(1));
    assert!(whole.1.len() <= MAX_FAULTS);
    assert_eq!(read(body, usize::from(*size).max(1)), whole);
});
