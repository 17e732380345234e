//! Times and values as the tables hold them.

use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use tagwire_history::{ColumnType, array_from_bytes, array_to_bytes};
use tagwire_model::{DataType, Timestamp, Value};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// Ticks of 100 ns from 1601-01-01 to 2000-01-01, where PostgreSQL begins to count.
const EPOCH: i64 = 125_911_584_000_000_000;
/// Microseconds of the earliest and behind the latest time that PostgreSQL takes.
const EARLIEST: i64 = -211_813_488_000_000_000;
const LATEST: i64 = 9_223_371_331_200_000_000;

/// A time as PostgreSQL has it: microseconds since 2000-01-01, and the tenths of a microsecond beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    pub(crate) micros: i64,
    pub(crate) rest: i16,
}

impl Instant {
    /// `None` for what PostgreSQL does not take, millennia before Christ.
    pub(crate) fn of(time: i64) -> Option<Self> {
        let found = Self::nearest(time);
        (found.micros > EARLIEST
            && i128::from(time) - i128::from(EPOCH) == i128::from(found.ticks()) - i128::from(EPOCH))
        .then_some(found)
    }

    /// The time itself, or the first or last one that PostgreSQL takes.
    pub(crate) fn nearest(time: i64) -> Self {
        let since = i128::from(time) - i128::from(EPOCH);
        let micros = i64::try_from(since.div_euclid(10)).unwrap_or(EARLIEST);
        if micros < EARLIEST {
            return Self { micros: EARLIEST, rest: 0 };
        }
        Self { micros: micros.min(LATEST - 1), rest: since.rem_euclid(10) as i16 }
    }

    pub(crate) const fn ticks(self) -> i64 {
        self.micros.saturating_mul(10).saturating_add(EPOCH).saturating_add(self.rest as i64)
    }
}

/// Microseconds since 2000-01-01 as a parameter or a column of type `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Micros(pub(crate) i64);

impl ToSql for Micros {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.put_i64(self.0);
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?)))
    }

    accepts!(TIMESTAMPTZ);
}

/// Microseconds of now, for columns that people read.
pub(crate) fn micros_of(time: Timestamp) -> Micros {
    Micros(Instant::nearest(time.ticks()).micros)
}

/// The one column of a row that holds its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    /// What fits none of the others: bytes, arrays, text with a zero in it, whole numbers from 2^63 on.
    Bytes(Arc<[u8]>),
}

impl Cell {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::None,
            Value::Boolean(v) => Self::Bool(*v),
            Value::Int8(v) => Self::Int(i64::from(*v)),
            Value::UInt8(v) => Self::Int(i64::from(*v)),
            Value::Int16(v) => Self::Int(i64::from(*v)),
            Value::UInt16(v) => Self::Int(i64::from(*v)),
            Value::Int32(v) => Self::Int(i64::from(*v)),
            Value::UInt32(v) => Self::Int(i64::from(*v)),
            Value::Int64(v) => Self::Int(*v),
            Value::UInt64(v) => match i64::try_from(*v) {
                Ok(v) => Self::Int(v),
                Err(_) => Self::Bytes(Arc::from(v.to_be_bytes())),
            },
            Value::Float(v) => Self::Float(f64::from(*v)),
            Value::Double(v) => Self::Float(*v),
            Value::DateTime(v) => Self::Int(v.ticks()),
            Value::String(text) if text.contains('\0') => Self::Bytes(Arc::from(text.as_bytes())),
            Value::String(text) => Self::Text(Arc::clone(text)),
            Value::ByteString(bytes) => Self::Bytes(Arc::clone(bytes)),
            Value::Array(_) => Self::Bytes(Arc::from(array_to_bytes(value))),
        }
    }

    /// The value of a tag of this type; `None` for what such a tag never has.
    pub(crate) fn value(self, column_type: ColumnType) -> Option<Value> {
        let ColumnType::Scalar(data_type) = column_type else {
            return match self {
                Self::None => Some(Value::Null),
                Self::Bytes(bytes) => array_from_bytes(&bytes),
                _ => None,
            };
        };
        Some(match (self, data_type) {
            (Self::None, _) => Value::Null,
            (Self::Bool(v), DataType::Boolean) => Value::Boolean(v),
            (Self::Int(v), DataType::Int8) => Value::Int8(v.try_into().ok()?),
            (Self::Int(v), DataType::UInt8) => Value::UInt8(v.try_into().ok()?),
            (Self::Int(v), DataType::Int16) => Value::Int16(v.try_into().ok()?),
            (Self::Int(v), DataType::UInt16) => Value::UInt16(v.try_into().ok()?),
            (Self::Int(v), DataType::Int32) => Value::Int32(v.try_into().ok()?),
            (Self::Int(v), DataType::UInt32) => Value::UInt32(v.try_into().ok()?),
            (Self::Int(v), DataType::Int64) => Value::Int64(v),
            (Self::Int(v), DataType::UInt64) => Value::UInt64(v.try_into().ok()?),
            (Self::Int(v), DataType::DateTime) => Value::DateTime(Timestamp::from_ticks(v)),
            (Self::Bytes(v), DataType::UInt64) => Value::UInt64(u64::from_be_bytes((*v).try_into().ok()?)),
            (Self::Float(v), DataType::Float) => Value::Float(v as f32),
            (Self::Float(v), DataType::Double) => Value::Double(v),
            (Self::Text(v), DataType::String) => Value::String(v),
            (Self::Bytes(v), DataType::String) => Value::text(std::str::from_utf8(&v).ok()?),
            (Self::Bytes(v), DataType::ByteString) => Value::ByteString(v),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_model::{ArrayData, Dims};

    #[test]
    fn times_keep_every_tick() {
        for ticks in [0, 1, 9, EPOCH - 1, EPOCH, EPOCH + 1, 133_600_000_000_000_007, i64::MAX] {
            assert_eq!(Instant::of(ticks).map(Instant::ticks), Some(ticks), "{ticks}");
        }
        assert_eq!(Instant::of(i64::MIN), None);
        assert_eq!(Instant::nearest(i64::MIN), Instant { micros: EARLIEST, rest: 0 });
        assert_eq!(Instant::of(EPOCH - 1), Some(Instant { micros: -1, rest: 9 }));
    }

    #[test]
    fn values_of_every_type_come_back() {
        let values = [
            Value::Boolean(true),
            Value::Int8(-5),
            Value::UInt8(200),
            Value::Int16(-300),
            Value::UInt16(60_000),
            Value::Int32(i32::MIN),
            Value::UInt32(u32::MAX),
            Value::Int64(i64::MIN),
            Value::UInt64(5),
            Value::UInt64(u64::MAX),
            Value::Float(1.1),
            Value::Double(-0.0),
            Value::DateTime(Timestamp::from_ticks(-3)),
            Value::text("pump"),
            Value::text("pu\0mp"),
            Value::bytes(&[1, 2, 3]),
            Value::array(Dims::one(2), ArrayData::String(vec!["a".into(), "".into()])).expect("fits"),
        ];
        for value in values {
            let value_type = value.value_type().expect("typed");
            let column_type =
                if value_type.is_scalar() { ColumnType::Scalar(value_type.data_type) } else { ColumnType::Array };
            let back = Cell::of(&value).value(column_type).expect("fits");
            assert!(back.same_as(&value), "{back:?} {value:?}");
            assert_eq!(Cell::of(&Value::Null).value(column_type), Some(Value::Null));
        }
        assert_eq!(Cell::Int(300).value(ColumnType::Scalar(DataType::UInt8)), None);
        assert_eq!(Cell::Bytes(Arc::from([1])).value(ColumnType::Array), None);
    }
}
