//! One column's values on their way into a batch.

use super::decimal;
use crate::value::{Malformed, Type, text, wire::Wire};
use arrow_array::{
    ArrayRef, ListArray,
    builder::{
        ArrayBuilder, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder,
        FixedSizeBinaryBuilder, Float32Builder, Float64Builder, Int16Builder, Int32Builder,
        Int64Builder, IntervalMonthDayNanoBuilder, StringBuilder, Time64MicrosecondBuilder,
        TimestampMicrosecondBuilder, UInt32Builder,
    },
    types::IntervalMonthDayNano,
};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, IntervalUnit, TimeUnit};
use std::sync::Arc;

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// The Arrow type of a type, whose modifier is that of its column.
pub(super) fn data_type(ty: &Type, modifier: i32) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int2 => DataType::Int16,
        Type::Int4 => DataType::Int32,
        Type::Int8 => DataType::Int64,
        Type::Oid => DataType::UInt32,
        Type::Float4 => DataType::Float32,
        Type::Float8 => DataType::Float64,
        Type::Numeric => match decimal::declared(modifier) {
            Some((precision, scale)) => DataType::Decimal128(precision, scale),
            None => DataType::Utf8,
        },
        Type::Uuid => DataType::FixedSizeBinary(16),
        Type::Date => DataType::Date32,
        Type::Time => DataType::Time64(TimeUnit::Microsecond),
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        Type::Bytea => DataType::Binary,
        Type::Array(element) => DataType::List(item(element.base(), modifier)),
        _ => DataType::Utf8,
    }
}

/// The field of a list's elements.
fn item(element: &Type, modifier: i32) -> Arc<Field> {
    Arc::new(Field::new("item", data_type(element, modifier), true))
}

/// Gathers the values of one column.
pub(super) enum Builder {
    Bool(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Oid(UInt32Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Decimal(Decimal128Builder, i8),
    Uuid(FixedSizeBinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    Bytes(BinaryBuilder),
    Text(StringBuilder, Vec<u8>),
    List { element: Box<Self>, field: Arc<Field>, ends: Vec<i32>, valid: Vec<bool> },
}

impl Builder {
    pub(super) fn new(ty: &Type, modifier: i32) -> Self {
        match ty {
            Type::Bool => Self::Bool(BooleanBuilder::new()),
            Type::Int2 => Self::Int2(Int16Builder::new()),
            Type::Int4 => Self::Int4(Int32Builder::new()),
            Type::Int8 => Self::Int8(Int64Builder::new()),
            Type::Oid => Self::Oid(UInt32Builder::new()),
            Type::Float4 => Self::Float4(Float32Builder::new()),
            Type::Float8 => Self::Float8(Float64Builder::new()),
            Type::Numeric => match decimal::declared(modifier) {
                Some((_, scale)) => {
                    let ty = data_type(ty, modifier);
                    Self::Decimal(Decimal128Builder::new().with_data_type(ty), scale)
                }
                None => Self::Text(StringBuilder::new(), Vec::new()),
            },
            Type::Uuid => Self::Uuid(FixedSizeBinaryBuilder::new(16)),
            Type::Date => Self::Date(Date32Builder::new()),
            Type::Time => Self::Time(Time64MicrosecondBuilder::new()),
            Type::Timestamp | Type::Timestamptz => {
                let ty = data_type(ty, modifier);
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(ty))
            }
            Type::Interval => Self::Interval(IntervalMonthDayNanoBuilder::new()),
            Type::Bytea => Self::Bytes(BinaryBuilder::new()),
            Type::Array(element) => {
                let element = element.base();
                Self::List {
                    element: Box::new(Self::new(element, modifier)),
                    field: item(element, modifier),
                    ends: vec![0],
                    valid: Vec::new(),
                }
            }
            _ => Self::Text(StringBuilder::new(), Vec::new()),
        }
    }

    /// Appends a value in PostgreSQL's binary form.
    pub(super) fn append(&mut self, ty: &Type, value: Option<&[u8]>) -> Result<(), Malformed> {
        let Some(bytes) = value else {
            self.append_null();
            return Ok(());
        };
        let mut wire = Wire::new(bytes, "value of the column's type");
        match self {
            Self::Bool(builder) => builder.append_value(wire.byte()? != 0),
            Self::Int2(builder) => builder.append_value(wire.i16()?),
            Self::Int4(builder) => builder.append_value(wire.i32()?),
            Self::Int8(builder) => builder.append_value(wire.i64()?),
            Self::Oid(builder) => builder.append_value(wire.u32()?),
            Self::Float4(builder) => builder.append_value(f32::from_bits(wire.u32()?)),
            Self::Float8(builder) => builder.append_value(f64::from_be_bytes(wire.array()?)),
            Self::Decimal(builder, scale) => {
                builder.append_value(decimal::scaled(bytes, *scale)?);
                return Ok(());
            }
            Self::Uuid(builder) => {
                let id = wire.array::<16>()?;
                builder.append_value(id).map_err(|_| Malformed::new("uuid"))?;
            }
            Self::Date(builder) => {
                let days = wire.i32()?;
                let finite = !matches!(days, i32::MIN | i32::MAX);
                let days = days.checked_add(EPOCH_DAYS).filter(|_| finite);
                builder.append_value(days.ok_or(Malformed::new("finite date"))?);
            }
            Self::Time(builder) => builder.append_value(wire.i64()?),
            Self::Timestamp(builder) => {
                let micros = wire.i64()?;
                let finite = !matches!(micros, i64::MIN | i64::MAX);
                let micros = micros.checked_add(EPOCH_MICROS).filter(|_| finite);
                builder.append_value(micros.ok_or(Malformed::new("finite timestamp"))?);
            }
            Self::Interval(builder) => {
                let (micros, days, months) = (wire.i64()?, wire.i32()?, wire.i32()?);
                let nanos =
                    micros.checked_mul(1000).ok_or(Malformed::new("interval in nanoseconds"))?;
                builder.append_value(IntervalMonthDayNano::new(months, days, nanos));
            }
            Self::Bytes(builder) => {
                builder.append_value(bytes);
                return Ok(());
            }
            Self::Text(builder, scratch) => return append_text(builder, scratch, ty, bytes),
            Self::List { element, ends, valid, .. } => {
                let Type::Array(of) = ty else { return Err(wire.malformed()) };
                append_list(element, of.base(), bytes)?;
                let end = i32::try_from(element.len()).map_err(|_| wire.malformed())?;
                ends.push(end);
                valid.push(true);
                return Ok(());
            }
        }
        wire.end()
    }

    fn append_null(&mut self) {
        match self {
            Self::Bool(builder) => builder.append_null(),
            Self::Int2(builder) => builder.append_null(),
            Self::Int4(builder) => builder.append_null(),
            Self::Int8(builder) => builder.append_null(),
            Self::Oid(builder) => builder.append_null(),
            Self::Float4(builder) => builder.append_null(),
            Self::Float8(builder) => builder.append_null(),
            Self::Decimal(builder, _) => builder.append_null(),
            Self::Uuid(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::Interval(builder) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
            Self::Text(builder, _) => builder.append_null(),
            Self::List { ends, valid, .. } => {
                ends.push(ends.last().copied().unwrap_or(0));
                valid.push(false);
            }
        }
    }

    fn builder(&mut self) -> Option<&mut dyn ArrayBuilder> {
        Some(match self {
            Self::Bool(builder) => builder,
            Self::Int2(builder) => builder,
            Self::Int4(builder) => builder,
            Self::Int8(builder) => builder,
            Self::Oid(builder) => builder,
            Self::Float4(builder) => builder,
            Self::Float8(builder) => builder,
            Self::Decimal(builder, _) => builder,
            Self::Uuid(builder) => builder,
            Self::Date(builder) => builder,
            Self::Time(builder) => builder,
            Self::Timestamp(builder) => builder,
            Self::Interval(builder) => builder,
            Self::Bytes(builder) => builder,
            Self::Text(builder, _) => builder,
            Self::List { .. } => return None,
        })
    }

    fn len(&mut self) -> usize {
        if let Self::List { valid, .. } = self {
            return valid.len();
        }
        self.builder().map_or(0, |builder| builder.len())
    }

    /// The values so far as an array; the builder is empty then.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        if let Some(builder) = self.builder() {
            return Ok(builder.finish());
        }
        let Self::List { element, field, ends, valid } = self else {
            return Err(ArrowError::ComputeError("a column of no kind".to_owned()));
        };
        let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(ends, vec![0])));
        let nulls = NullBuffer::from(std::mem::take(valid));
        let list = ListArray::try_new(Arc::clone(field), offsets, element.finish()?, Some(nulls))?;
        Ok(Arc::new(list))
    }
}

fn append_text(
    builder: &mut StringBuilder,
    scratch: &mut Vec<u8>,
    ty: &Type,
    bytes: &[u8],
) -> Result<(), Malformed> {
    let not_utf8 = |_| Malformed::new("UTF-8 text");
    if matches!(ty, Type::Text | Type::Varchar | Type::Bpchar | Type::Name | Type::Enum(_)) {
        builder.append_value(std::str::from_utf8(bytes).map_err(not_utf8)?);
        return Ok(());
    }
    scratch.clear();
    text::write(ty, Some(bytes), scratch)?;
    builder.append_value(std::str::from_utf8(scratch).map_err(not_utf8)?);
    Ok(())
}

/// Appends the elements of an array of one dimension, in the form of PostgreSQL's `array_send`.
fn append_list(element: &mut Builder, ty: &Type, bytes: &[u8]) -> Result<(), Malformed> {
    let mut wire = Wire::new(bytes, "array of one dimension");
    let dimensions = wire.i32()?;
    let _has_nulls = wire.i32()?;
    let _element_oid = wire.u32()?;
    if dimensions == 0 {
        return wire.end();
    }
    let length = wire.i32()?;
    let _lower_bound = wire.i32()?;
    if dimensions != 1 {
        return Err(wire.malformed());
    }
    for _ in 0..length {
        element.append(ty, wire.value()?)?;
    }
    wire.end()
}
