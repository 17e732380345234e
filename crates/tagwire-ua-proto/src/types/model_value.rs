//! Between Variants and the values of tags.

use tagwire_model::{ArrayData, DataType, Dims, Status, Value};
use thiserror::Error;

use super::variant::{ARRAY_FLAG, DIMENSIONS_FLAG};
use super::{ByteString, UaString, Variant, VariantArray, VariantItems};
use crate::codec::{Encode, write_bytes, write_len, write_str};

/// Why a Variant cannot become the value of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// Tags hold no values of this type.
    #[error("tags hold no values of this type")]
    Type,
    /// Tags have at most three dimensions.
    #[error("tags have at most three dimensions")]
    Rank,
}

impl ModelError {
    /// The code to answer a write with.
    pub const fn status(self) -> Status {
        Status::BAD_TYPE_MISMATCH
    }
}

impl From<&Value> for Variant {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(v) => Self::Boolean(*v),
            Value::Int8(v) => Self::SByte(*v),
            Value::UInt8(v) => Self::Byte(*v),
            Value::Int16(v) => Self::Int16(*v),
            Value::UInt16(v) => Self::UInt16(*v),
            Value::Int32(v) => Self::Int32(*v),
            Value::UInt32(v) => Self::UInt32(*v),
            Value::Int64(v) => Self::Int64(*v),
            Value::UInt64(v) => Self::UInt64(*v),
            Value::Float(v) => Self::Float(*v),
            Value::Double(v) => Self::Double(*v),
            Value::DateTime(v) => Self::DateTime(*v),
            Value::String(v) => Self::String(UaString::from(v.clone())),
            Value::ByteString(v) => Self::ByteString(ByteString::from(v.clone())),
            Value::Array(array) => {
                let items = match array.data() {
                    ArrayData::Boolean(v) => v.clone().into(),
                    ArrayData::Int8(v) => v.clone().into(),
                    ArrayData::UInt8(v) => v.clone().into(),
                    ArrayData::Int16(v) => v.clone().into(),
                    ArrayData::UInt16(v) => v.clone().into(),
                    ArrayData::Int32(v) => v.clone().into(),
                    ArrayData::UInt32(v) => v.clone().into(),
                    ArrayData::Int64(v) => v.clone().into(),
                    ArrayData::UInt64(v) => v.clone().into(),
                    ArrayData::Float(v) => v.clone().into(),
                    ArrayData::Double(v) => v.clone().into(),
                    ArrayData::DateTime(v) => v.clone().into(),
                    ArrayData::String(v) => VariantItems::String(v.iter().cloned().map(UaString::from).collect()),
                    ArrayData::ByteString(v) => {
                        VariantItems::ByteString(v.iter().cloned().map(ByteString::from).collect())
                    }
                };
                Self::from(VariantArray::of_tag(array.dims().lens(), items))
            }
        }
    }
}

/// Null text and null bytes become empty ones.
impl TryFrom<&Variant> for Value {
    type Error = ModelError;

    fn try_from(value: &Variant) -> Result<Self, ModelError> {
        Ok(match value {
            Variant::Null => Self::Null,
            Variant::Boolean(v) => Self::Boolean(*v),
            Variant::SByte(v) => Self::Int8(*v),
            Variant::Byte(v) => Self::UInt8(*v),
            Variant::Int16(v) => Self::Int16(*v),
            Variant::UInt16(v) => Self::UInt16(*v),
            Variant::Int32(v) => Self::Int32(*v),
            Variant::UInt32(v) => Self::UInt32(*v),
            Variant::Int64(v) => Self::Int64(*v),
            Variant::UInt64(v) => Self::UInt64(*v),
            Variant::Float(v) => Self::Float(*v),
            Variant::Double(v) => Self::Double(*v),
            Variant::DateTime(v) => Self::DateTime(*v),
            Variant::String(v) => Self::String(v.clone().into_shared()),
            Variant::ByteString(v) => Self::ByteString(v.clone().into_shared()),
            Variant::Array(array) => {
                let data = match array.items() {
                    VariantItems::Boolean(v) => ArrayData::Boolean(v.clone()),
                    VariantItems::SByte(v) => ArrayData::Int8(v.clone()),
                    VariantItems::Byte(v) => ArrayData::UInt8(v.clone()),
                    VariantItems::Int16(v) => ArrayData::Int16(v.clone()),
                    VariantItems::UInt16(v) => ArrayData::UInt16(v.clone()),
                    VariantItems::Int32(v) => ArrayData::Int32(v.clone()),
                    VariantItems::UInt32(v) => ArrayData::UInt32(v.clone()),
                    VariantItems::Int64(v) => ArrayData::Int64(v.clone()),
                    VariantItems::UInt64(v) => ArrayData::UInt64(v.clone()),
                    VariantItems::Float(v) => ArrayData::Float(v.clone()),
                    VariantItems::Double(v) => ArrayData::Double(v.clone()),
                    VariantItems::DateTime(v) => ArrayData::DateTime(v.clone()),
                    VariantItems::String(v) => {
                        ArrayData::String(v.iter().cloned().map(UaString::into_shared).collect())
                    }
                    VariantItems::ByteString(v) => {
                        ArrayData::ByteString(v.iter().cloned().map(ByteString::into_shared).collect())
                    }
                    _ => return Err(ModelError::Type),
                };
                let dims = match array.matrix_dims() {
                    [] => Dims::one(data.len() as u32),
                    dims => Dims::new(dims).ok_or(ModelError::Rank)?,
                };
                Self::array(dims, data).map_err(|_| ModelError::Rank)?
            }
            _ => return Err(ModelError::Type),
        })
    }
}

/// Appends the value as a Variant.
impl Encode for Value {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::String(text) => {
                out.push(DataType::String.ua_id());
                write_str(text, out);
            }
            Self::ByteString(bytes) => {
                out.push(DataType::ByteString.ua_id());
                write_bytes(bytes, out);
            }
            Self::Array(array) => {
                let dims = array.dims();
                let flags = if dims.rank() > 1 { ARRAY_FLAG | DIMENSIONS_FLAG } else { ARRAY_FLAG };
                out.push(array.data().data_type().ua_id() | flags);
                write_elements(array.data(), out);
                if dims.rank() > 1 {
                    write_len(dims.rank(), out);
                    u32::encode_items(dims.lens(), out);
                }
            }
            _ => match self.to_bits() {
                Some((data_type, bits)) => write_bits(data_type, bits, out),
                None => out.push(0),
            },
        }
    }
}

/// Appends a scalar of a fixed type, given by the 64 bits of its table slot, as a Variant.
/// A type that does not fit a slot is written as null.
#[inline]
pub(crate) fn write_bits(data_type: DataType, bits: u64, out: &mut Vec<u8>) {
    let id = data_type.ua_id();
    let raw = bits.to_le_bytes();
    match data_type {
        DataType::Boolean | DataType::Int8 | DataType::UInt8 => out.extend_from_slice(&[id, raw[0]]),
        DataType::Int16 | DataType::UInt16 => out.extend_from_slice(&[id, raw[0], raw[1]]),
        DataType::Int32 | DataType::UInt32 | DataType::Float => {
            out.extend_from_slice(&[id, raw[0], raw[1], raw[2], raw[3]]);
        }
        DataType::Int64 | DataType::UInt64 | DataType::Double | DataType::DateTime => {
            let [a, b, c, d, e, f, g, h] = raw;
            out.extend_from_slice(&[id, a, b, c, d, e, f, g, h]);
        }
        DataType::String | DataType::ByteString => out.push(0),
    }
}

pub(super) fn write_elements(data: &ArrayData, out: &mut Vec<u8>) {
    match data {
        ArrayData::Boolean(v) => v.encode(out),
        ArrayData::Int8(v) => v.encode(out),
        ArrayData::UInt8(v) => v.encode(out),
        ArrayData::Int16(v) => v.encode(out),
        ArrayData::UInt16(v) => v.encode(out),
        ArrayData::Int32(v) => v.encode(out),
        ArrayData::UInt32(v) => v.encode(out),
        ArrayData::Int64(v) => v.encode(out),
        ArrayData::UInt64(v) => v.encode(out),
        ArrayData::Float(v) => v.encode(out),
        ArrayData::Double(v) => v.encode(out),
        ArrayData::DateTime(v) => v.encode(out),
        ArrayData::String(v) => v.encode(out),
        ArrayData::ByteString(v) => v.encode(out),
    }
}

#[cfg(test)]
mod tests {
    use tagwire_model::Timestamp;

    use super::*;
    use crate::codec::Decode;

    fn values() -> Vec<Value> {
        let mut values = vec![
            Value::Null,
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
            Value::Double(f64::INFINITY),
            Value::DateTime(Timestamp::from_ticks(77)),
            Value::text("press 𝄞"),
            Value::bytes(&[0, 255]),
        ];
        let scalars: Vec<Value> = values.iter().filter(|value| **value != Value::Null).cloned().collect();
        for scalar in scalars {
            let mut data = ArrayData::empty(scalar.value_type().expect("type").data_type);
            (0..6).for_each(|_| data.push(scalar.clone()).expect("same type"));
            values.push(Value::array(Dims::one(6), data.clone()).expect("array"));
            values.push(Value::array(Dims::new(&[2, 3]).expect("dims"), data.clone()).expect("matrix"));
            values.push(Value::array(Dims::new(&[1, 2, 3]).expect("dims"), data).expect("cube"));
        }
        values
    }

    #[test]
    fn values_survive_the_way_through_a_variant_bit_by_bit() {
        for value in values() {
            let variant = Variant::from(&value);
            assert_eq!(value.to_bytes(), variant.to_bytes(), "{value}");
            let decoded = Variant::from_bytes(&value.to_bytes()).expect("variant");
            assert!(Value::try_from(&decoded).expect("value").same_as(&value), "{value}");
        }
    }

    #[test]
    fn what_no_tag_can_hold_is_refused() {
        assert_eq!(Value::try_from(&Variant::from(Status::GOOD)), Err(ModelError::Type));
        let deep = VariantArray::matrix(&[1, 1, 1, 1], VariantItems::Byte(vec![1])).expect("fits");
        assert_eq!(Value::try_from(&Variant::from(deep)), Err(ModelError::Rank));
    }
}
