//! The value of a Write, borrowed where it is a scalar.

use tagwire_model::{DataType, Status, Timestamp, Value};

use crate::codec::{Decode, DecodeError, Reader};
use crate::types::{ModelError, Variant};

/// A value as it lies in the receive buffer.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// A scalar of a fixed type and the 64 bits that a table slot holds for it.
    Fixed(DataType, u64),
    /// Text; null counts as empty.
    Text(&'a str),
    /// Bytes; null counts as none.
    Bytes(&'a [u8]),
    /// Anything else.
    Other(Variant),
}

impl ValueRef<'_> {
    /// The value as a tag holds it.
    ///
    /// # Errors
    /// [`ModelError`] when no tag can hold it.
    pub fn to_model(&self) -> Result<Value, ModelError> {
        match self {
            Self::Null => Ok(Value::Null),
            Self::Fixed(data_type, bits) => Ok(Value::from_bits(*data_type, *bits)),
            Self::Text(text) => Ok(Value::text(text)),
            Self::Bytes(bytes) => Ok(Value::bytes(bytes)),
            Self::Other(variant) => Value::try_from(variant),
        }
    }

    /// The value as a Variant.
    pub fn to_variant(&self) -> Variant {
        match self {
            Self::Other(variant) => variant.clone(),
            Self::Null => Variant::Null,
            Self::Fixed(data_type, bits) => Variant::from(&Value::from_bits(*data_type, *bits)),
            Self::Text(text) => Variant::from(*text),
            Self::Bytes(bytes) => Variant::from(crate::types::ByteString::from(*bytes)),
        }
    }
}

impl<'a> Decode<'a> for ValueRef<'a> {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut behind = reader.clone();
        let kind = behind.u8()?;
        let value = match fixed_value(kind, &mut behind)? {
            Some((data_type, bits)) => Self::Fixed(data_type, bits),
            None => match kind {
                0 => Self::Null,
                12 => Self::Text(behind.str()?.unwrap_or_default()),
                15 => Self::Bytes(behind.byte_string()?.unwrap_or_default()),
                _ => return Variant::decode(reader).map(Self::Other),
            },
        };
        *reader = behind;
        Ok(value)
    }
}

/// The scalar of a fixed type that follows its type byte; `None` for every other type.
#[inline]
pub(super) fn fixed_value(kind: u8, reader: &mut Reader<'_>) -> Result<Option<(DataType, u64)>, DecodeError> {
    Ok(Some(match kind {
        1 => (DataType::Boolean, u64::from(reader.bool()?)),
        2 => (DataType::Int8, reader.i8()? as u64),
        3 => (DataType::UInt8, u64::from(reader.u8()?)),
        4 => (DataType::Int16, reader.i16()? as u64),
        5 => (DataType::UInt16, u64::from(reader.u16()?)),
        6 => (DataType::Int32, reader.i32()? as u64),
        7 => (DataType::UInt32, u64::from(reader.u32()?)),
        8 => (DataType::Int64, reader.u64()?),
        9 => (DataType::UInt64, reader.u64()?),
        10 => (DataType::Float, u64::from(reader.u32()?)),
        11 => (DataType::Double, reader.u64()?),
        13 => (DataType::DateTime, reader.u64()?),
        _ => return Ok(None),
    }))
}

/// A DataValue as it lies in the receive buffer. Picoseconds are passed over.
#[derive(Clone, Debug, PartialEq)]
pub struct DataValueRef<'a> {
    /// The value; missing counts as null.
    pub value: ValueRef<'a>,
    /// How good the value is, when given.
    pub status: Option<Status>,
    /// When the value was true at its source, when given.
    pub source_time: Option<Timestamp>,
    /// When the sender confirmed it, when given.
    pub server_time: Option<Timestamp>,
}

impl<'a> Decode<'a> for DataValueRef<'a> {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mask = reader.u8()?;
        if mask & 0xC0 != 0 {
            return Err(DecodeError::Form);
        }
        let value = if mask & 0x01 != 0 { ValueRef::decode(reader)? } else { ValueRef::Null };
        if mask & 0x3E == 0 {
            return Ok(Self { value, status: None, source_time: None, server_time: None });
        }
        let status = if mask & 0x02 != 0 { Some(Status(reader.u32()?)) } else { None };
        let source_time = if mask & 0x04 != 0 { Some(reader.timestamp()?) } else { None };
        if mask & 0x10 != 0 {
            reader.u16()?;
        }
        let server_time = if mask & 0x08 != 0 { Some(reader.timestamp()?) } else { None };
        if mask & 0x20 != 0 {
            reader.u16()?;
        }
        Ok(Self { value, status, source_time, server_time })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encode;
    use crate::types::{ByteString, DataValue, NodeId};

    #[test]
    fn views_read_what_the_structure_reads() {
        let variants: Vec<Variant> = vec![
            Variant::Null,
            true.into(),
            (-1_i8).into(),
            255_u8.into(),
            i16::MIN.into(),
            u16::MAX.into(),
            (-7_i32).into(),
            u32::MAX.into(),
            i64::MIN.into(),
            u64::MAX.into(),
            1.5_f32.into(),
            f64::NEG_INFINITY.into(),
            "水".into(),
            ByteString::from(vec![1, 2]).into(),
            Timestamp::from_ticks(-9).into(),
            vec![1_i16, 2].into(),
            NodeId::ns0(7).into(),
        ];
        for variant in variants {
            for mask in 0..64_u8 {
                let value = DataValue {
                    value: (mask & 1 != 0).then(|| variant.clone()),
                    status: (mask & 2 != 0).then_some(Status::BAD),
                    source_time: (mask & 4 != 0).then(|| Timestamp::from_ticks(1)),
                    server_time: (mask & 8 != 0).then(|| Timestamp::from_ticks(2)),
                    source_picos: (mask & 16 != 0).then_some(3),
                    server_picos: (mask & 32 != 0).then_some(4),
                };
                let bytes = value.to_bytes();
                let view = DataValueRef::from_bytes(&bytes).expect("view");
                assert_eq!(view.value.to_variant(), value.value.clone().unwrap_or_default());
                assert_eq!((view.status, view.source_time), (value.status, value.source_time));
                assert_eq!(view.server_time, value.server_time);
            }
            assert_eq!(
                ValueRef::from_bytes(&variant.to_bytes()).expect("view").to_model().ok(),
                Value::try_from(&variant).ok()
            );
        }
    }
}
