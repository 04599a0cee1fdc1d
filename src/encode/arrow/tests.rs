#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

use super::*;
use crate::encode::json::tests::data_row;
use arrow_array::{Array, cast::AsArray, types::*};
use arrow_ipc::reader::StreamReader;
use arrow_schema::DataType;
use proptest::prelude::*;

fn column(name: &str, ty: Type, modifier: i32) -> Column {
    Column { name: name.to_owned(), ty, modifier, nullable: true }
}

fn answer(columns: &[Column], rows: &[Vec<u8>]) -> Result<Vec<RecordBatch>, Malformed> {
    let plan = Arc::new(Plan::new(ResultShape::Rows, columns));
    let mut writer = Writer::new(&plan);
    let mut out = Vec::new();
    // What came before is forgotten.
    writer.begin(&mut out);
    if let Some(row) = rows.first() {
        writer.row(row, true, &mut out)?;
    }
    out.clear();
    writer.begin(&mut out);
    for (index, row) in rows.iter().enumerate() {
        writer.row(row, index == 0, &mut out)?;
    }
    writer.end(&mut out)?;
    let reader = StreamReader::try_new(out.as_slice(), None).unwrap();
    Ok(reader.map(Result::unwrap).collect())
}

/// `numeric(precision, scale)` as a modifier.
fn modifier(precision: i32, scale: i32) -> i32 {
    (precision << 16 | scale) + 4
}

#[test]
fn values_are_what_they_were() {
    let list = [
        &[0, 0, 0, 1],
        &[0; 8][..],
        &[0, 0, 0, 2, 0, 0, 0, 1],
        &[0, 0, 0, 4, 0, 0, 0, 9],
        &[255, 255, 255, 255],
    ]
    .concat();
    let columns = [
        column("decimal", Type::Numeric, modifier(10, 2)),
        column("any", Type::Numeric, -1),
        column("day", Type::Date, -1),
        column("at", Type::Timestamptz, -1),
        column("id", Type::Uuid, -1),
        column("list", Type::Array(Arc::new(Type::Int4)), -1),
        column("span", Type::Interval, -1),
        column("json", Type::Jsonb, -1),
    ];
    // -1234.5: digits 1234, 5000; weight 0; negative; one decimal shown.
    let number = [0, 2, 0, 0, 0x40, 0, 0, 1, 0x04, 0xd2, 0x13, 0x88];
    let span = [&1_500_000_i64.to_be_bytes()[..], &2_i32.to_be_bytes(), &3_i32.to_be_bytes()];
    let rows = [
        data_row(&[
            Some(&number),
            Some(&number),
            Some(&[0, 0, 0, 1]),
            Some(&1_i64.to_be_bytes()),
            Some(&[7; 16]),
            Some(&list),
            Some(&span.concat()),
            Some(b"\x01[1]"),
        ]),
        data_row(&[None; 8]),
    ];
    let batches = answer(&columns, &rows).unwrap();
    assert_eq!(batches.len(), 1);
    let batch = &batches[0];
    assert_eq!(batch.column(0).data_type(), &DataType::Decimal128(10, 2));
    assert_eq!(batch.column(0).as_primitive::<Decimal128Type>().value(0), -123_450);
    assert_eq!(batch.column(1).as_string::<i32>().value(0), "-1234.5");
    assert_eq!(batch.column(2).as_primitive::<Date32Type>().value(0), 10_958);
    let at = batch.column(3).as_primitive::<TimestampMicrosecondType>();
    assert_eq!(at.value(0), 946_684_800_000_001);
    assert_eq!(at.timezone(), Some("UTC"));
    assert_eq!(batch.column(4).as_fixed_size_binary().value(0), [7; 16]);
    let inner = batch.column(5).as_list::<i32>().value(0);
    let inner = inner.as_primitive::<Int32Type>();
    assert!(inner.value(0) == 9 && inner.is_null(1) && inner.len() == 2);
    let span = batch.column(6).as_primitive::<IntervalMonthDayNanoType>().value(0);
    assert_eq!((span.months, span.days, span.nanoseconds), (3, 2, 1_500_000_000));
    assert_eq!(batch.column(7).as_string::<i32>().value(0), "[1]");
    assert!(batch.columns().iter().all(|column| column.is_null(1)));
}

#[test]
fn batches_are_bounded_and_no_rows_are_a_schema() {
    let columns = [column("n", Type::Int4, -1)];
    assert!(answer(&columns, &[]).unwrap().is_empty());
    let rows: Vec<_> = (0..20_000_i32).map(|n| data_row(&[Some(&n.to_be_bytes())])).collect();
    let batches = answer(&columns, &rows).unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 20_000);
    assert!(batches.iter().all(|batch| batch.num_rows() <= BATCH_ROWS));
    let mut expected = 0;
    for batch in &batches {
        for value in batch.column(0).as_primitive::<Int32Type>().values() {
            assert_eq!(*value, expected);
            expected += 1;
        }
    }
}

#[test]
fn what_arrow_cannot_hold_is_an_error() {
    let nan = [0, 0, 0, 0, 0xc0, 0, 0, 0];
    let matrix =
        [&[0, 0, 0, 2], &[0; 8][..], &[0, 0, 0, 1, 0, 0, 0, 1].repeat(2), &[255; 4]].concat();
    for (ty, bytes) in [
        (Type::Date, &i32::MAX.to_be_bytes()[..]),
        (Type::Timestamp, &i64::MIN.to_be_bytes()),
        (Type::Numeric, &nan),
        (Type::Array(Arc::new(Type::Int4)), &matrix),
    ] {
        let columns = [column("it", ty, modifier(10, 2))];
        assert!(answer(&columns, &[data_row(&[Some(bytes)])]).is_err(), "{bytes:?}");
    }
}

#[test]
fn modifiers_that_no_decimal_has_are_text() {
    for (precision, scale) in [(39, 0), (5, 0x7ff), (0, 0), (2, 3)] {
        assert_eq!(decimal::declared(modifier(precision, scale)), None);
    }
    assert_eq!(decimal::declared(-1), None);
    assert_eq!(decimal::declared(modifier(38, 38)), Some((38, 38)));
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_malformed(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let types = (16..=6157).filter_map(Type::builtin);
        for ty in types {
            let mut builder = Builder::new(&ty, modifier(10, 2));
            let _ = builder.append(&ty, Some(&bytes));
        }
        let _ = decimal::scaled(&bytes, 2);
    }
}
