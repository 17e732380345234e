//! Values: scalars, and arrays of up to three dimensions.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::{DataType, Dims, Timestamp, ValueType};

/// One value of a tag. Cloning never copies text, bytes or elements.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A Boolean.
    Boolean(bool),
    /// A signed byte.
    Int8(i8),
    /// An unsigned byte.
    UInt8(u8),
    /// A signed 16-bit integer.
    Int16(i16),
    /// An unsigned 16-bit integer.
    UInt16(u16),
    /// A signed 32-bit integer.
    Int32(i32),
    /// An unsigned 32-bit integer.
    UInt32(u32),
    /// A signed 64-bit integer.
    Int64(i64),
    /// An unsigned 64-bit integer.
    UInt64(u64),
    /// An IEEE 754 single.
    Float(f32),
    /// An IEEE 754 double.
    Double(f64),
    /// A point in time.
    DateTime(Timestamp),
    /// UTF-8 text.
    String(Arc<str>),
    /// Opaque bytes.
    ByteString(Arc<[u8]>),
    /// An array of one to three dimensions.
    Array(Arc<Array>),
}

impl Value {
    /// A text value.
    pub fn text(text: &str) -> Self {
        Self::String(Arc::from(text))
    }

    /// An opaque value.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::ByteString(Arc::from(bytes))
    }

    /// An array value.
    pub fn array(dims: Dims, data: ArrayData) -> Result<Self, ShapeError> {
        Array::new(dims, data).map(|array| Self::Array(Arc::new(array)))
    }

    /// Type and dimensions; `None` for [`Value::Null`].
    pub fn value_type(&self) -> Option<ValueType> {
        let data_type = match self {
            Self::Null => return None,
            Self::Boolean(_) => DataType::Boolean,
            Self::Int8(_) => DataType::Int8,
            Self::UInt8(_) => DataType::UInt8,
            Self::Int16(_) => DataType::Int16,
            Self::UInt16(_) => DataType::UInt16,
            Self::Int32(_) => DataType::Int32,
            Self::UInt32(_) => DataType::UInt32,
            Self::Int64(_) => DataType::Int64,
            Self::UInt64(_) => DataType::UInt64,
            Self::Float(_) => DataType::Float,
            Self::Double(_) => DataType::Double,
            Self::DateTime(_) => DataType::DateTime,
            Self::String(_) => DataType::String,
            Self::ByteString(_) => DataType::ByteString,
            Self::Array(array) => return Some(ValueType { data_type: array.data().data_type(), dims: array.dims() }),
        };
        Some(ValueType::scalar(data_type))
    }

    /// The type and the 64 bits of a scalar that fits a table slot; `None` for text, bytes, arrays and null.
    #[inline]
    pub fn to_bits(&self) -> Option<(DataType, u64)> {
        Some(match *self {
            Self::Boolean(v) => (DataType::Boolean, u64::from(v)),
            Self::Int8(v) => (DataType::Int8, v as u64),
            Self::UInt8(v) => (DataType::UInt8, u64::from(v)),
            Self::Int16(v) => (DataType::Int16, v as u64),
            Self::UInt16(v) => (DataType::UInt16, u64::from(v)),
            Self::Int32(v) => (DataType::Int32, v as u64),
            Self::UInt32(v) => (DataType::UInt32, u64::from(v)),
            Self::Int64(v) => (DataType::Int64, v as u64),
            Self::UInt64(v) => (DataType::UInt64, v),
            Self::Float(v) => (DataType::Float, u64::from(v.to_bits())),
            Self::Double(v) => (DataType::Double, v.to_bits()),
            Self::DateTime(v) => (DataType::DateTime, v.ticks() as u64),
            Self::Null | Self::String(_) | Self::ByteString(_) | Self::Array(_) => return None,
        })
    }

    /// The scalar with these bits; [`Value::Null`] for a type that does not fit 64 bits.
    #[inline]
    pub fn from_bits(data_type: DataType, bits: u64) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(bits != 0),
            DataType::Int8 => Self::Int8(bits as i8),
            DataType::UInt8 => Self::UInt8(bits as u8),
            DataType::Int16 => Self::Int16(bits as i16),
            DataType::UInt16 => Self::UInt16(bits as u16),
            DataType::Int32 => Self::Int32(bits as i32),
            DataType::UInt32 => Self::UInt32(bits as u32),
            DataType::Int64 => Self::Int64(bits as i64),
            DataType::UInt64 => Self::UInt64(bits),
            DataType::Float => Self::Float(f32::from_bits(bits as u32)),
            DataType::Double => Self::Double(f64::from_bits(bits)),
            DataType::DateTime => Self::DateTime(Timestamp::from_ticks(bits as i64)),
            DataType::String | DataType::ByteString => Self::Null,
        }
    }

    /// Whether both hold the same value bit for bit, so that NaN equals NaN and 0.0 differs from -0.0.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self.to_bits(), other.to_bits()) {
            (Some(a), Some(b)) => a == b,
            (None, None) => match (self, other) {
                (Self::Array(a), Self::Array(b)) => a.same_as(b),
                _ => self == other,
            },
            _ => false,
        }
    }

    /// A number as a double; `None` for what is no number. Booleans count as 0 and 1.
    pub fn as_f64(&self) -> Option<f64> {
        Some(match *self {
            Self::Boolean(v) => f64::from(u8::from(v)),
            Self::Int8(v) => f64::from(v),
            Self::UInt8(v) => f64::from(v),
            Self::Int16(v) => f64::from(v),
            Self::UInt16(v) => f64::from(v),
            Self::Int32(v) => f64::from(v),
            Self::UInt32(v) => f64::from(v),
            Self::Int64(v) => v as f64,
            Self::UInt64(v) => v as f64,
            Self::Float(v) => f64::from(v),
            Self::Double(v) => v,
            Self::Null | Self::DateTime(_) | Self::String(_) | Self::ByteString(_) | Self::Array(_) => return None,
        })
    }
}

/// What a person reads: numbers shortest, text bare, bytes in hexadecimal, arrays in brackets.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(v) => write!(f, "{v}"),
            Self::Int8(v) => write!(f, "{v}"),
            Self::UInt8(v) => write!(f, "{v}"),
            Self::Int16(v) => write!(f, "{v}"),
            Self::UInt16(v) => write!(f, "{v}"),
            Self::Int32(v) => write!(f, "{v}"),
            Self::UInt32(v) => write!(f, "{v}"),
            Self::Int64(v) => write!(f, "{v}"),
            Self::UInt64(v) => write!(f, "{v}"),
            Self::Float(v) => write!(f, "{v}"),
            Self::Double(v) => write!(f, "{v}"),
            Self::DateTime(v) => write!(f, "{v}"),
            Self::String(v) => f.write_str(v),
            Self::ByteString(v) => v.iter().try_for_each(|byte| write!(f, "{byte:02X}")),
            Self::Array(array) => write_dimension(f, array, array.dims().lens(), &mut 0),
        }
    }
}

fn write_dimension(f: &mut fmt::Formatter<'_>, array: &Array, lens: &[u32], next: &mut usize) -> fmt::Result {
    let Some((len, inner)) = lens.split_first() else {
        let element = array.data().element(*next).unwrap_or(Value::Null);
        *next += 1;
        return write!(f, "{element}");
    };
    f.write_str("[")?;
    for idx in 0..*len {
        if idx > 0 {
            f.write_str(", ")?;
        }
        write_dimension(f, array, inner, next)?;
    }
    f.write_str("]")
}

/// The elements of an array, last dimension varying fastest.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant holds elements of the scalar type of its name")]
pub enum ArrayData {
    Boolean(Vec<bool>),
    Int8(Vec<i8>),
    UInt8(Vec<u8>),
    Int16(Vec<i16>),
    UInt16(Vec<u16>),
    Int32(Vec<i32>),
    UInt32(Vec<u32>),
    Int64(Vec<i64>),
    UInt64(Vec<u64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    DateTime(Vec<Timestamp>),
    String(Vec<Arc<str>>),
    ByteString(Vec<Arc<[u8]>>),
}

/// Runs `$body` with `$v` bound to the vector inside, whatever its element type.
macro_rules! each_array {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            ArrayData::Boolean($v) => $body,
            ArrayData::Int8($v) => $body,
            ArrayData::UInt8($v) => $body,
            ArrayData::Int16($v) => $body,
            ArrayData::UInt16($v) => $body,
            ArrayData::Int32($v) => $body,
            ArrayData::UInt32($v) => $body,
            ArrayData::Int64($v) => $body,
            ArrayData::UInt64($v) => $body,
            ArrayData::Float($v) => $body,
            ArrayData::Double($v) => $body,
            ArrayData::DateTime($v) => $body,
            ArrayData::String($v) => $body,
            ArrayData::ByteString($v) => $body,
        }
    };
}

impl ArrayData {
    /// Type of each element.
    pub const fn data_type(&self) -> DataType {
        match self {
            Self::Boolean(_) => DataType::Boolean,
            Self::Int8(_) => DataType::Int8,
            Self::UInt8(_) => DataType::UInt8,
            Self::Int16(_) => DataType::Int16,
            Self::UInt16(_) => DataType::UInt16,
            Self::Int32(_) => DataType::Int32,
            Self::UInt32(_) => DataType::UInt32,
            Self::Int64(_) => DataType::Int64,
            Self::UInt64(_) => DataType::UInt64,
            Self::Float(_) => DataType::Float,
            Self::Double(_) => DataType::Double,
            Self::DateTime(_) => DataType::DateTime,
            Self::String(_) => DataType::String,
            Self::ByteString(_) => DataType::ByteString,
        }
    }

    /// No elements yet, of this type.
    pub fn empty(data_type: DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(Vec::new()),
            DataType::Int8 => Self::Int8(Vec::new()),
            DataType::UInt8 => Self::UInt8(Vec::new()),
            DataType::Int16 => Self::Int16(Vec::new()),
            DataType::UInt16 => Self::UInt16(Vec::new()),
            DataType::Int32 => Self::Int32(Vec::new()),
            DataType::UInt32 => Self::UInt32(Vec::new()),
            DataType::Int64 => Self::Int64(Vec::new()),
            DataType::UInt64 => Self::UInt64(Vec::new()),
            DataType::Float => Self::Float(Vec::new()),
            DataType::Double => Self::Double(Vec::new()),
            DataType::DateTime => Self::DateTime(Vec::new()),
            DataType::String => Self::String(Vec::new()),
            DataType::ByteString => Self::ByteString(Vec::new()),
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        each_array!(self, v => v.len())
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One element as a scalar; `None` past the end.
    pub fn element(&self, idx: usize) -> Option<Value> {
        Some(match self {
            Self::Boolean(v) => Value::Boolean(*v.get(idx)?),
            Self::Int8(v) => Value::Int8(*v.get(idx)?),
            Self::UInt8(v) => Value::UInt8(*v.get(idx)?),
            Self::Int16(v) => Value::Int16(*v.get(idx)?),
            Self::UInt16(v) => Value::UInt16(*v.get(idx)?),
            Self::Int32(v) => Value::Int32(*v.get(idx)?),
            Self::UInt32(v) => Value::UInt32(*v.get(idx)?),
            Self::Int64(v) => Value::Int64(*v.get(idx)?),
            Self::UInt64(v) => Value::UInt64(*v.get(idx)?),
            Self::Float(v) => Value::Float(*v.get(idx)?),
            Self::Double(v) => Value::Double(*v.get(idx)?),
            Self::DateTime(v) => Value::DateTime(*v.get(idx)?),
            Self::String(v) => Value::String(v.get(idx)?.clone()),
            Self::ByteString(v) => Value::ByteString(v.get(idx)?.clone()),
        })
    }

    /// Appends a scalar of the element type.
    ///
    /// # Errors
    /// [`ShapeError::ElementType`] when `value` has another type.
    pub fn push(&mut self, value: Value) -> Result<(), ShapeError> {
        match (self, value) {
            (Self::Boolean(v), Value::Boolean(x)) => v.push(x),
            (Self::Int8(v), Value::Int8(x)) => v.push(x),
            (Self::UInt8(v), Value::UInt8(x)) => v.push(x),
            (Self::Int16(v), Value::Int16(x)) => v.push(x),
            (Self::UInt16(v), Value::UInt16(x)) => v.push(x),
            (Self::Int32(v), Value::Int32(x)) => v.push(x),
            (Self::UInt32(v), Value::UInt32(x)) => v.push(x),
            (Self::Int64(v), Value::Int64(x)) => v.push(x),
            (Self::UInt64(v), Value::UInt64(x)) => v.push(x),
            (Self::Float(v), Value::Float(x)) => v.push(x),
            (Self::Double(v), Value::Double(x)) => v.push(x),
            (Self::DateTime(v), Value::DateTime(x)) => v.push(x),
            (Self::String(v), Value::String(x)) => v.push(x),
            (Self::ByteString(v), Value::ByteString(x)) => v.push(x),
            _ => return Err(ShapeError::ElementType),
        }
        Ok(())
    }
}

/// An array whose number of elements equals the product of its dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    dims: Dims,
    data: ArrayData,
}

impl Array {
    /// An array of one to three dimensions.
    ///
    /// # Errors
    /// [`ShapeError::Length`] when `dims` is scalar or its product is not the number of elements.
    pub fn new(dims: Dims, data: ArrayData) -> Result<Self, ShapeError> {
        let fits = dims.rank() > 0 && dims.n_elements().is_some_and(|n| n as usize == data.len());
        if fits { Ok(Self { dims, data }) } else { Err(ShapeError::Length) }
    }

    /// Length of each dimension.
    pub const fn dims(&self) -> Dims {
        self.dims
    }

    /// The elements, last dimension varying fastest.
    pub const fn data(&self) -> &ArrayData {
        &self.data
    }

    fn same_as(&self, other: &Self) -> bool {
        if self.dims != other.dims {
            return false;
        }
        match (&self.data, &other.data) {
            (ArrayData::Float(a), ArrayData::Float(b)) => {
                a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()))
            }
            (ArrayData::Double(a), ArrayData::Double(b)) => {
                a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()))
            }
            (a, b) => a == b,
        }
    }
}

/// Why elements do not form the array that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// The product of the dimensions is not the number of elements.
    #[error("number of elements differs from the product of the dimensions")]
    Length,
    /// An element has another type than the array.
    #[error("element has another type than the array")]
    ElementType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_round_trip_for_every_fixed_type() {
        let values = [
            Value::Boolean(true),
            Value::Int8(-1),
            Value::UInt8(255),
            Value::Int16(i16::MIN),
            Value::UInt16(u16::MAX),
            Value::Int32(-7),
            Value::UInt32(u32::MAX),
            Value::Int64(i64::MIN),
            Value::UInt64(u64::MAX),
            Value::Float(-0.0),
            Value::Double(f64::NAN),
            Value::DateTime(Timestamp::from_ticks(-5)),
        ];
        for value in values {
            let (data_type, bits) = value.to_bits().expect("fixed");
            assert!(Value::from_bits(data_type, bits).same_as(&value), "{value}");
        }
    }

    #[test]
    fn sameness_is_bitwise() {
        assert!(Value::Double(f64::NAN).same_as(&Value::Double(f64::NAN)));
        assert!(!Value::Double(0.0).same_as(&Value::Double(-0.0)));
        assert!(!Value::Int32(1).same_as(&Value::UInt32(1)));
        assert!(!Value::Null.same_as(&Value::Boolean(false)));
    }

    #[test]
    fn matrix_prints_row_by_row_and_length_is_checked() {
        let dims = Dims::new(&[2, 2]).expect("two");
        let matrix = Value::array(dims, ArrayData::Int32(vec![1, 2, 3, 4])).expect("fits");
        assert_eq!(matrix.to_string(), "[[1, 2], [3, 4]]");
        assert_eq!(Value::array(dims, ArrayData::Int32(vec![1])), Err(ShapeError::Length));
    }
}
