//! The values of tags as fields of a structure (Part 6, 5.2.5 and 5.2.6): without the type, which the definition tells.

use tagwire_model::{ArrayData, DataType, Dims, Value, ValueType};

use super::model_value::write_elements;
use super::{ByteString, UaString};
use crate::codec::{Decode, DecodeError, Encode, Reader, write_bytes, write_len, write_str};

/// Appends a value as a field. A scalar is its bytes, an array of one dimension is its length and its elements, one of
/// several dimensions is the array of its dimensions and the elements. Null is written as nothing.
pub fn encode_field(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Boolean(v) => v.encode(out),
        Value::Int8(v) => v.encode(out),
        Value::UInt8(v) => v.encode(out),
        Value::Int16(v) => v.encode(out),
        Value::UInt16(v) => v.encode(out),
        Value::Int32(v) => v.encode(out),
        Value::UInt32(v) => v.encode(out),
        Value::Int64(v) => v.encode(out),
        Value::UInt64(v) => v.encode(out),
        Value::Float(v) => v.encode(out),
        Value::Double(v) => v.encode(out),
        Value::DateTime(v) => v.encode(out),
        Value::String(text) => write_str(text, out),
        Value::ByteString(bytes) => write_bytes(bytes, out),
        Value::Array(array) => {
            let dims = array.dims();
            if dims.rank() > 1 {
                write_len(dims.rank(), out);
                u32::encode_items(dims.lens(), out);
            }
            let at = out.len();
            write_elements(array.data(), out);
            if dims.rank() > 1 {
                // The dimensions tell the number of elements already.
                out.drain(at..at + size_of::<i32>());
            }
        }
    }
}

/// Reads a field of a type. The lengths of an array may differ from those of the type; null text, bytes and arrays
/// count as empty ones.
///
/// # Errors
/// [`DecodeError::Shape`] when an array has another number of dimensions, and those of the codec.
pub fn decode_field(reader: &mut Reader<'_>, value_type: ValueType) -> Result<Value, DecodeError> {
    let (dims, count) = match value_type.dims.rank() {
        0 => return scalar(reader, value_type.data_type),
        1 => {
            let count = reader.array_len()?.unwrap_or_default();
            (Dims::one(count as u32), count)
        }
        rank => {
            let lens = Vec::<u32>::decode(reader)?;
            let dims = Dims::new(&lens).filter(|dims| dims.rank() == rank).ok_or(DecodeError::Shape)?;
            let count = dims.n_elements().ok_or(DecodeError::Shape)? as usize;
            // Each element takes one byte or more.
            if count > reader.remaining() {
                return Err(DecodeError::End);
            }
            (dims, count)
        }
    };
    let data = match value_type.data_type {
        DataType::Boolean => ArrayData::Boolean(bool::decode_items(reader, count)?),
        DataType::Int8 => ArrayData::Int8(i8::decode_items(reader, count)?),
        DataType::UInt8 => ArrayData::UInt8(u8::decode_items(reader, count)?),
        DataType::Int16 => ArrayData::Int16(i16::decode_items(reader, count)?),
        DataType::UInt16 => ArrayData::UInt16(u16::decode_items(reader, count)?),
        DataType::Int32 => ArrayData::Int32(i32::decode_items(reader, count)?),
        DataType::UInt32 => ArrayData::UInt32(u32::decode_items(reader, count)?),
        DataType::Int64 => ArrayData::Int64(i64::decode_items(reader, count)?),
        DataType::UInt64 => ArrayData::UInt64(u64::decode_items(reader, count)?),
        DataType::Float => ArrayData::Float(f32::decode_items(reader, count)?),
        DataType::Double => ArrayData::Double(f64::decode_items(reader, count)?),
        DataType::DateTime => ArrayData::DateTime(Decode::decode_items(reader, count)?),
        DataType::String => {
            ArrayData::String(UaString::decode_items(reader, count)?.into_iter().map(UaString::into_shared).collect())
        }
        DataType::ByteString => {
            let items = ByteString::decode_items(reader, count)?;
            ArrayData::ByteString(items.into_iter().map(ByteString::into_shared).collect())
        }
    };
    Value::array(dims, data).map_err(|_| DecodeError::Shape)
}

fn scalar(reader: &mut Reader<'_>, data_type: DataType) -> Result<Value, DecodeError> {
    Ok(match data_type {
        DataType::Boolean => Value::Boolean(reader.bool()?),
        DataType::Int8 => Value::Int8(reader.i8()?),
        DataType::UInt8 => Value::UInt8(reader.u8()?),
        DataType::Int16 => Value::Int16(reader.i16()?),
        DataType::UInt16 => Value::UInt16(reader.u16()?),
        DataType::Int32 => Value::Int32(reader.i32()?),
        DataType::UInt32 => Value::UInt32(reader.u32()?),
        DataType::Int64 => Value::Int64(reader.i64()?),
        DataType::UInt64 => Value::UInt64(reader.u64()?),
        DataType::Float => Value::Float(reader.f32()?),
        DataType::Double => Value::Double(reader.f64()?),
        DataType::DateTime => Value::DateTime(reader.timestamp()?),
        DataType::String => Value::text(reader.str()?.unwrap_or_default()),
        DataType::ByteString => Value::bytes(reader.byte_string()?.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use tagwire_model::Timestamp;

    use super::*;

    fn scalars() -> Vec<Value> {
        vec![
            Value::Boolean(true),
            Value::Int8(-1),
            Value::UInt8(200),
            Value::Int16(-300),
            Value::UInt16(60_000),
            Value::Int32(i32::MIN),
            Value::UInt32(u32::MAX),
            Value::Int64(i64::MIN),
            Value::UInt64(u64::MAX),
            Value::Float(f32::MIN_POSITIVE),
            Value::Double(f64::NAN),
            Value::DateTime(Timestamp::from_ticks(77)),
            Value::text("press 𝄞"),
            Value::bytes(&[0, 255]),
        ]
    }

    #[test]
    fn fields_of_every_type_and_shape_come_back_bit_by_bit() {
        for scalar in scalars() {
            let mut values = vec![scalar.clone()];
            let mut data = ArrayData::empty(scalar.value_type().expect("type").data_type);
            (0..6).for_each(|_| data.push(scalar.clone()).expect("same type"));
            for lens in [&[6][..], &[2, 3], &[1, 2, 3]] {
                values.push(Value::array(Dims::new(lens).expect("dims"), data.clone()).expect("array"));
            }
            for value in values {
                let mut bytes = Vec::new();
                encode_field(&value, &mut bytes);
                let mut reader = Reader::new(&bytes);
                let found = decode_field(&mut reader, value.value_type().expect("type")).expect("whole");
                assert!(found.same_as(&value), "{value}");
                assert_eq!(reader.remaining(), 0, "{value}");
                for end in 0..bytes.len() {
                    let cut = decode_field(&mut Reader::new(&bytes[..end]), value.value_type().expect("type"));
                    assert!(cut.is_err(), "{value} cut at {end}");
                }
            }
        }
    }

    #[test]
    fn a_matrix_is_its_dimensions_and_then_its_elements() {
        let value = Value::array(Dims::new(&[2, 1]).expect("dims"), ArrayData::UInt8(vec![7, 8])).expect("fits");
        let mut bytes = Vec::new();
        encode_field(&value, &mut bytes);
        assert_eq!(bytes, [2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7, 8]);
    }

    #[test]
    fn an_array_that_claims_more_than_there_is_takes_no_memory() {
        let matrix = ValueType::parse("u8[2,2]").expect("type");
        let claimed = [2, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xF, 0, 0, 1];
        assert!(decode_field(&mut Reader::new(&claimed), matrix).is_err());
        let flat = [4, 0, 0, 0, 1, 2, 3, 4];
        assert!(decode_field(&mut Reader::new(&flat), matrix).is_err(), "one dimension where two are needed");
    }
}
