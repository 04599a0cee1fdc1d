//! What several fuzz targets share.

use howdah::{
    decode::{Column, Columns, Decoder, Fault, Format, MAX_FAULTS, Next},
    value::Type,
};
use std::sync::{Arc, LazyLock};

/// The most rows of a body.
const MAX_ROWS: u64 = 100;
/// How deep a value may nest.
const MAX_DEPTH: usize = 16;

static COLUMNS: LazyLock<Arc<Columns>> = LazyLock::new(|| {
    let named = [("a", "text"), ("b", "int4"), ("c", "date"), ("d", "numeric"), ("e", "jsonb")];
    let column = |(name, ty): (&str, &str)| Column {
        name: name.to_owned(),
        ty: Type::named(ty).expect("the type is known"),
        nullable: name != "b",
    };
    Arc::new(Columns::new(named.map(column).into()))
});

/// What a body that comes in chunks of `size` bytes is read as.
fn read(format: Format, body: &[u8], size: usize) -> (Vec<u8>, Vec<Fault>) {
    let mut decoder = Decoder::new(format, Arc::clone(&COLUMNS), MAX_ROWS, MAX_DEPTH);
    let mut out = Vec::new();
    let mut chunks = body.chunks(size);
    if chunks.all(|chunk| decoder.push(chunk, &mut out) == Next::More) {
        decoder.finish(&mut out);
    }
    (out, decoder.faults().to_vec())
}

/// A body of rows is the same rows and faults however it is cut, and never a panic. The first byte
/// says how the rest is cut.
pub fn bulk(format: Format, bytes: &[u8]) {
    let Some((size, body)) = bytes.split_first() else { return };
    let whole = read(format, body, body.len().max(1));
    assert!(whole.1.len() <= MAX_FAULTS);
    assert_eq!(read(format, body, usize::from(*size).max(1)), whole);
}
