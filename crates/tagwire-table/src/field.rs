//! A field of a table from elsewhere.

use tagwire_model::{DataType, Timestamp, Value, ValueType};

use crate::{cell, time};

/// What stands in a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field {
    /// Nothing at all; an empty text in quotes is a text.
    Empty,
    Text(String),
    #[cfg(feature = "parquet")]
    Number(f64),
    #[cfg(feature = "parquet")]
    Integer(i128),
    #[cfg(feature = "parquet")]
    Flag(bool),
    #[cfg(feature = "parquet")]
    Time(Timestamp),
}

impl Field {
    /// The text; nothing for anything else.
    pub(crate) fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// As a point in time.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Text(text) => time::parse(text),
            #[cfg(feature = "parquet")]
            Self::Time(time) => Some(*time),
            #[cfg(feature = "parquet")]
            Self::Integer(number) => time::from_number(*number),
            _ => None,
        }
    }

    /// As a whole number from 0 to 2^32 - 1.
    pub(crate) fn code(&self) -> Option<u32> {
        match self {
            Self::Text(text) => match text.trim().strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => text.trim().parse().ok(),
            },
            #[cfg(feature = "parquet")]
            Self::Integer(number) => u32::try_from(*number).ok(),
            #[cfg(feature = "parquet")]
            Self::Number(number) if number.fract() == 0.0 && (0.0..4_294_967_296.0).contains(number) => {
                Some(*number as u32)
            }
            _ => None,
        }
    }

    /// As a value of a type, exactly or not at all; `comma` says that fractions may be written with one.
    pub(crate) fn value(&self, wanted: ValueType, comma: bool) -> Option<Value> {
        match self {
            Self::Empty => None,
            Self::Text(text) => cell::parse(text, wanted).or_else(|| {
                let may_be = comma && wanted.is_scalar() && wanted.data_type.is_number() && text.contains(',');
                if may_be { cell::parse(&text.replace(',', "."), wanted) } else { None }
            }),
            #[cfg(feature = "parquet")]
            _ if !wanted.is_scalar() => None,
            #[cfg(feature = "parquet")]
            Self::Number(number) => cell::from_number(*number, wanted.data_type),
            #[cfg(feature = "parquet")]
            Self::Integer(number) => cell::parse(&number.to_string(), wanted),
            #[cfg(feature = "parquet")]
            Self::Flag(flag) => match wanted.data_type {
                DataType::String => Some(Value::text(&flag.to_string())),
                _ => Value::Boolean(*flag).convert(wanted).ok(),
            },
            #[cfg(feature = "parquet")]
            Self::Time(time) if wanted.data_type == DataType::DateTime => Some(Value::DateTime(*time)),
            #[cfg(feature = "parquet")]
            Self::Time(_) => None,
        }
    }

    /// The type that a tag gets whose first value this is.
    pub(crate) fn natural_type(&self, comma: bool) -> ValueType {
        let double = ValueType::scalar(DataType::Double);
        ValueType::scalar(match self {
            Self::Empty => DataType::Double,
            Self::Text(text) if matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false") => {
                DataType::Boolean
            }
            Self::Text(_) if self.value(double, comma).is_some() => DataType::Double,
            Self::Text(_) => DataType::String,
            #[cfg(feature = "parquet")]
            Self::Number(_) => DataType::Double,
            #[cfg(feature = "parquet")]
            Self::Integer(_) => DataType::Int64,
            #[cfg(feature = "parquet")]
            Self::Flag(_) => DataType::Boolean,
            #[cfg(feature = "parquet")]
            Self::Time(_) => DataType::DateTime,
        })
    }
}
