//! Values that do not fit 64 bits, and arrays, as bytes.

use std::sync::Arc;

use tagwire_model::{ArrayData, DataType, Dims, Timestamp, Value};

use crate::bytes::{Reader, Short, put_blob};
use crate::values::ColumnType;

/// Text, bytes or an array with its length before it; anything else is an empty one.
pub(crate) fn put(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => put_blob(out, text.as_bytes()),
        Value::ByteString(bytes) => put_blob(out, bytes),
        value => put_blob(out, &content(value)),
    }
}

/// The same without the length.
pub(crate) fn content(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.as_bytes().to_vec(),
        Value::ByteString(bytes) => bytes.to_vec(),
        Value::Array(array) => {
            let mut out = vec![array.data().data_type().ua_id(), array.dims().rank() as u8];
            array.dims().lens().iter().for_each(|len| out.extend_from_slice(&len.to_le_bytes()));
            for idx in 0..array.data().len() {
                element(&mut out, &array.data().element(idx).unwrap_or(Value::Null));
            }
            out
        }
        _ => Vec::new(),
    }
}

/// Bytes that a fixed type takes.
pub(crate) const fn width(data_type: DataType) -> usize {
    match data_type {
        DataType::Boolean | DataType::Int8 | DataType::UInt8 => 1,
        DataType::Int16 | DataType::UInt16 => 2,
        DataType::Int32 | DataType::UInt32 | DataType::Float => 4,
        _ => 8,
    }
}

/// A scalar: its bytes, or its blob.
#[inline]
pub(crate) fn element(out: &mut Vec<u8>, value: &Value) {
    match value.to_bits() {
        Some((data_type, bits)) => out.extend_from_slice(&bits.to_le_bytes()[..width(data_type)]),
        None => put(out, value),
    }
}

/// Reads what [`element`] wrote.
#[inline]
pub(crate) fn take_element(reader: &mut Reader<'_>, data_type: DataType) -> Result<Value, Short> {
    if !data_type.is_fixed() {
        return take(reader, ColumnType::Scalar(data_type));
    }
    Ok(match data_type {
        DataType::Boolean => Value::Boolean(reader.u8()? != 0),
        DataType::Int8 => Value::Int8(reader.u8()? as i8),
        DataType::UInt8 => Value::UInt8(reader.u8()?),
        DataType::Int16 => Value::Int16(reader.u16()? as i16),
        DataType::UInt16 => Value::UInt16(reader.u16()?),
        DataType::Int32 => Value::Int32(reader.u32()? as i32),
        DataType::UInt32 => Value::UInt32(reader.u32()?),
        DataType::Float => Value::Float(f32::from_bits(reader.u32()?)),
        DataType::DateTime => Value::DateTime(Timestamp::from_ticks(reader.i64()?)),
        other => Value::from_bits(other, reader.u64()?),
    })
}

/// Reads what [`put`] wrote.
pub(crate) fn take(reader: &mut Reader<'_>, column_type: ColumnType) -> Result<Value, Short> {
    from_content(reader.blob()?, column_type)
}

/// Reads what [`content`] wrote.
pub(crate) fn from_content(bytes: &[u8], column_type: ColumnType) -> Result<Value, Short> {
    match column_type {
        ColumnType::Scalar(DataType::String) => {
            std::str::from_utf8(bytes).map(|text| Value::String(Arc::from(text))).map_err(|_| Short)
        }
        ColumnType::Scalar(_) => Ok(Value::ByteString(Arc::from(bytes))),
        ColumnType::Array => array(bytes),
    }
}

/// An array as bytes: a byte for the element type, a byte for the rank, a u32 for each dimension, then the elements, as in
/// `docs/formats/history.md`. Empty for what is no array.
pub fn array_to_bytes(value: &Value) -> Vec<u8> {
    if matches!(value, Value::Array(_)) { content(value) } else { Vec::new() }
}

/// The array that [`array_to_bytes`] made these bytes of; `None` for other bytes.
pub fn array_from_bytes(bytes: &[u8]) -> Option<Value> {
    array(bytes).ok()
}

fn array(bytes: &[u8]) -> Result<Value, Short> {
    let mut reader = Reader::new(bytes);
    let data_type = DataType::from_ua_id(reader.u8()?).ok_or(Short)?;
    let rank = usize::from(reader.u8()?);
    let mut lens = [0; 3];
    for len in lens.get_mut(..rank).ok_or(Short)? {
        *len = reader.u32()?;
    }
    let dims = Dims::new(&lens[..rank]).ok_or(Short)?;
    let n = dims.n_elements().ok_or(Short)?;
    if n as usize > reader.len() {
        return Err(Short);
    }
    let mut data = ArrayData::empty(data_type);
    for _ in 0..n {
        data.push(take_element(&mut reader, data_type)?).map_err(|_| Short)?;
    }
    if !reader.is_empty() {
        return Err(Short);
    }
    Value::array(dims, data).map_err(|_| Short)
}
