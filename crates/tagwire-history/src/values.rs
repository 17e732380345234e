//! Columns of values of one type.

use std::sync::Arc;

use tagwire_model::{DataType, Timestamp, Value};

/// The type of the values of a tag: a scalar, or arrays of any shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// Scalars of one type.
    Scalar(DataType),
    /// Arrays.
    Array,
}

impl ColumnType {
    /// The number that stands in the files.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Scalar(data_type) => data_type.ua_id(),
            Self::Array => 0,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        if code == 0 { Some(Self::Array) } else { DataType::from_ua_id(code).map(Self::Scalar) }
    }

    /// Whether a value belongs into such a column; no value fits every one.
    pub fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null) | (Self::Array, Value::Array(_)) => true,
            (_, Value::Array(_)) | (Self::Array, _) => false,
            (Self::Scalar(data_type), value) => match value.to_bits() {
                Some((found, _)) => found == data_type,
                None => value.value_type().is_some_and(|found| found.data_type == data_type),
            },
        }
    }

    /// Whether a value fits 64 bits.
    pub(crate) const fn is_fixed(self) -> bool {
        matches!(self, Self::Scalar(data_type) if data_type.is_fixed())
    }

    /// Whether sums, minima and maxima make sense.
    pub(crate) const fn is_summed(self) -> bool {
        matches!(self, Self::Scalar(data_type) if data_type.is_number() || matches!(data_type, DataType::Boolean))
    }
}

/// Values of one type, one after the other; a place without a value holds zero or nothing.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant holds values of the type of its name")]
pub enum Values {
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
    /// 100 ns ticks since 1601.
    DateTime(Vec<i64>),
    String(Vec<Arc<str>>),
    ByteString(Vec<Arc<[u8]>>),
    Array(Vec<Value>),
}

/// Runs `$body` with `$v` bound to the vector inside.
macro_rules! each_values {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            Values::Boolean($v) => $body,
            Values::Int8($v) => $body,
            Values::UInt8($v) => $body,
            Values::Int16($v) => $body,
            Values::UInt16($v) => $body,
            Values::Int32($v) => $body,
            Values::UInt32($v) => $body,
            Values::Int64($v) => $body,
            Values::UInt64($v) => $body,
            Values::Float($v) => $body,
            Values::Double($v) => $body,
            Values::DateTime($v) => $body,
            Values::String($v) => $body,
            Values::ByteString($v) => $body,
            Values::Array($v) => $body,
        }
    };
}

/// Runs `$body` for both when they are of one type.
macro_rules! both_values {
    ($a:expr, $b:expr, $x:ident, $y:ident => $body:expr) => {
        match ($a, $b) {
            (Values::Boolean($x), Values::Boolean($y)) => $body,
            (Values::Int8($x), Values::Int8($y)) => $body,
            (Values::UInt8($x), Values::UInt8($y)) => $body,
            (Values::Int16($x), Values::Int16($y)) => $body,
            (Values::UInt16($x), Values::UInt16($y)) => $body,
            (Values::Int32($x), Values::Int32($y)) => $body,
            (Values::UInt32($x), Values::UInt32($y)) => $body,
            (Values::Int64($x), Values::Int64($y)) => $body,
            (Values::UInt64($x), Values::UInt64($y)) => $body,
            (Values::Float($x), Values::Float($y)) => $body,
            (Values::Double($x), Values::Double($y)) => $body,
            (Values::DateTime($x), Values::DateTime($y)) => $body,
            (Values::String($x), Values::String($y)) => $body,
            (Values::ByteString($x), Values::ByteString($y)) => $body,
            (Values::Array($x), Values::Array($y)) => $body,
            _ => {}
        }
    };
}

impl Values {
    /// No values yet.
    pub fn empty(column_type: ColumnType) -> Self {
        let ColumnType::Scalar(data_type) = column_type else { return Self::Array(Vec::new()) };
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

    /// The type of the values.
    pub const fn column_type(&self) -> ColumnType {
        ColumnType::Scalar(match self {
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
            Self::Array(_) => return ColumnType::Array,
        })
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        each_values!(self, v => v.len())
    }

    /// Whether there is no place.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One value; [`Value::Null`] past the end.
    pub fn value(&self, idx: usize) -> Value {
        self.checked(idx).unwrap_or(Value::Null)
    }

    fn checked(&self, idx: usize) -> Option<Value> {
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
            Self::DateTime(v) => Value::DateTime(Timestamp::from_ticks(*v.get(idx)?)),
            Self::String(v) => Value::String(v.get(idx)?.clone()),
            Self::ByteString(v) => Value::ByteString(v.get(idx)?.clone()),
            Self::Array(v) => v.get(idx)?.clone(),
        })
    }

    /// Appends a value of the column's type, or an empty place for what is not.
    pub fn push(&mut self, value: &Value) {
        match (&mut *self, value) {
            (Self::Boolean(v), Value::Boolean(x)) => v.push(*x),
            (Self::Int8(v), Value::Int8(x)) => v.push(*x),
            (Self::UInt8(v), Value::UInt8(x)) => v.push(*x),
            (Self::Int16(v), Value::Int16(x)) => v.push(*x),
            (Self::UInt16(v), Value::UInt16(x)) => v.push(*x),
            (Self::Int32(v), Value::Int32(x)) => v.push(*x),
            (Self::UInt32(v), Value::UInt32(x)) => v.push(*x),
            (Self::Int64(v), Value::Int64(x)) => v.push(*x),
            (Self::UInt64(v), Value::UInt64(x)) => v.push(*x),
            (Self::Float(v), Value::Float(x)) => v.push(*x),
            (Self::Double(v), Value::Double(x)) => v.push(*x),
            (Self::DateTime(v), Value::DateTime(x)) => v.push(x.ticks()),
            (Self::String(v), Value::String(x)) => v.push(x.clone()),
            (Self::ByteString(v), Value::ByteString(x)) => v.push(x.clone()),
            (Self::Array(v), Value::Array(_)) => v.push(value.clone()),
            _ => self.push_nothing(),
        }
    }

    /// Appends an empty place.
    pub(crate) fn push_nothing(&mut self) {
        match self {
            Self::Boolean(v) => v.push(false),
            Self::Int8(v) => v.push(0),
            Self::UInt8(v) => v.push(0),
            Self::Int16(v) => v.push(0),
            Self::UInt16(v) => v.push(0),
            Self::Int32(v) => v.push(0),
            Self::UInt32(v) => v.push(0),
            Self::Int64(v) | Self::DateTime(v) => v.push(0),
            Self::UInt64(v) => v.push(0),
            Self::Float(v) => v.push(0.0),
            Self::Double(v) => v.push(0.0),
            Self::String(v) => v.push(Arc::from("")),
            Self::ByteString(v) => v.push(Arc::from([])),
            Self::Array(v) => v.push(Value::Null),
        }
    }

    /// Appends places `from..to` of another column of the same type; one of another type adds nothing.
    pub(crate) fn extend_from(&mut self, other: &Self, from: usize, to: usize) {
        both_values!(self, other, a, b => a.extend_from_slice(&b[from..to]));
    }

    /// Takes away all places from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        each_values!(self, v => v.truncate(len));
    }

    /// Takes away the first places.
    pub(crate) fn drop_front(&mut self, n: usize) {
        each_values!(self, v => { v.drain(..n); });
    }

    pub(crate) fn clear(&mut self) {
        self.truncate(0);
    }

    pub(crate) fn reverse(&mut self) {
        each_values!(self, v => v.reverse());
    }

    /// The 64 bits of a scalar, or 0.
    pub(crate) fn bits(&self, idx: usize) -> u64 {
        self.value(idx).to_bits().map_or(0, |(_, bits)| bits)
    }
}
