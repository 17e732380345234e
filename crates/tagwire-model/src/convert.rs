//! Conversion of a value to the type that a tag declares, without silent loss.

use std::sync::Arc;

use thiserror::Error;

use crate::{ArrayData, DataType, Value, ValueType};

/// Why a value cannot become the wanted type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// The types have nothing in common, as text and numbers.
    #[error("value has a type that cannot be converted")]
    Type,
    /// The number does not fit the wanted type.
    #[error("value is out of the range of the type")]
    Range,
    /// Number or length of dimensions differ.
    #[error("value has other dimensions")]
    Dimensions,
}

impl Value {
    /// Converts numbers and Booleans to `wanted`: integers exactly or not at all, floats rounded half away from zero
    /// when an integer is wanted. Arrays convert element by element and must have the same dimensions.
    ///
    /// # Errors
    /// [`ConvertError`] says whether type, range or dimensions are wrong.
    pub fn convert(&self, wanted: ValueType) -> Result<Self, ConvertError> {
        match self {
            Self::Array(array) => {
                if array.dims() != wanted.dims {
                    return Err(ConvertError::Dimensions);
                }
                if array.data().data_type() == wanted.data_type {
                    return Ok(self.clone());
                }
                let mut data = ArrayData::empty(wanted.data_type);
                for idx in 0..array.data().len() {
                    let element = array.data().element(idx).ok_or(ConvertError::Dimensions)?;
                    data.push(element.convert_scalar(wanted.data_type)?).map_err(|_| ConvertError::Type)?;
                }
                Self::array(wanted.dims, data).map_err(|_| ConvertError::Dimensions)
            }
            _ if !wanted.is_scalar() => Err(ConvertError::Dimensions),
            _ => self.convert_scalar(wanted.data_type),
        }
    }

    fn convert_scalar(&self, wanted: DataType) -> Result<Self, ConvertError> {
        if self.value_type().is_some_and(|value_type| value_type.is_scalar() && value_type.data_type == wanted) {
            return Ok(self.clone());
        }
        if let Some(integer) = self.as_i128() {
            return from_i128(wanted, integer);
        }
        match (self, wanted) {
            (Self::Float(_) | Self::Double(_), DataType::Boolean | DataType::Float | DataType::Double) => {
                from_f64(wanted, self.as_f64().ok_or(ConvertError::Type)?)
            }
            (Self::Float(_) | Self::Double(_), _) if wanted.is_number() => {
                let rounded = self.as_f64().ok_or(ConvertError::Type)?.round();
                // 2^100 exceeds every integer type, so the cast below is exact or refused.
                if !rounded.is_finite() || rounded.abs() > 1.3e30 {
                    return Err(ConvertError::Range);
                }
                from_i128(wanted, rounded as i128)
            }
            _ => Err(ConvertError::Type),
        }
    }

    /// An integer or Boolean widened; `None` for everything else.
    pub fn as_i128(&self) -> Option<i128> {
        Some(match *self {
            Self::Boolean(v) => i128::from(v),
            Self::Int8(v) => i128::from(v),
            Self::UInt8(v) => i128::from(v),
            Self::Int16(v) => i128::from(v),
            Self::UInt16(v) => i128::from(v),
            Self::Int32(v) => i128::from(v),
            Self::UInt32(v) => i128::from(v),
            Self::Int64(v) => i128::from(v),
            Self::UInt64(v) => i128::from(v),
            _ => return None,
        })
    }

    /// Parses what a person typed as a value of this type: arrays as JSON-like brackets, bytes as hexadecimal.
    ///
    /// # Errors
    /// [`ConvertError::Type`] when the text is no such value, [`ConvertError::Range`] when the number does not fit.
    pub fn parse(text: &str, wanted: ValueType) -> Result<Self, ConvertError> {
        if wanted.is_scalar() {
            return parse_scalar(text, wanted.data_type);
        }
        let mut data = ArrayData::empty(wanted.data_type);
        for part in text.split([',', '[', ']']).map(str::trim).filter(|part| !part.is_empty()) {
            data.push(parse_scalar(part, wanted.data_type)?).map_err(|_| ConvertError::Type)?;
        }
        Self::array(wanted.dims, data).map_err(|_| ConvertError::Dimensions)
    }
}

fn parse_scalar(text: &str, wanted: DataType) -> Result<Value, ConvertError> {
    let trimmed = text.trim();
    match wanted {
        DataType::String => Ok(Value::text(text)),
        DataType::ByteString => parse_hex(trimmed).map(|bytes| Value::ByteString(Arc::from(bytes))),
        DataType::DateTime => crate::Timestamp::parse_rfc3339(trimmed).map(Value::DateTime).ok_or(ConvertError::Type),
        DataType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" => Ok(Value::Boolean(true)),
            "false" | "0" | "off" => Ok(Value::Boolean(false)),
            _ => Err(ConvertError::Type),
        },
        DataType::Float | DataType::Double => from_f64(wanted, trimmed.parse::<f64>().map_err(|_| ConvertError::Type)?),
        _ => {
            let integer = match trimmed.strip_prefix("0x") {
                Some(digits) => i128::from_str_radix(digits, 16),
                None => trimmed.parse::<i128>(),
            };
            match integer {
                Ok(integer) => from_i128(wanted, integer),
                Err(_) => match trimmed.parse::<f64>() {
                    Ok(number) => Value::Double(number).convert_scalar(wanted),
                    Err(_) => Err(ConvertError::Type),
                },
            }
        }
    }
}

fn parse_hex(text: &str) -> Result<Vec<u8>, ConvertError> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| *byte != b' ')
        .map(|byte| (byte as char).to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()
        .ok_or(ConvertError::Type)?;
    if !digits.len().is_multiple_of(2) {
        return Err(ConvertError::Type);
    }
    Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn from_i128(wanted: DataType, integer: i128) -> Result<Value, ConvertError> {
    fn fit<T: TryFrom<i128>>(integer: i128) -> Result<T, ConvertError> {
        T::try_from(integer).map_err(|_| ConvertError::Range)
    }
    Ok(match wanted {
        DataType::Boolean => Value::Boolean(integer != 0),
        DataType::Int8 => Value::Int8(fit(integer)?),
        DataType::UInt8 => Value::UInt8(fit(integer)?),
        DataType::Int16 => Value::Int16(fit(integer)?),
        DataType::UInt16 => Value::UInt16(fit(integer)?),
        DataType::Int32 => Value::Int32(fit(integer)?),
        DataType::UInt32 => Value::UInt32(fit(integer)?),
        DataType::Int64 => Value::Int64(fit(integer)?),
        DataType::UInt64 => Value::UInt64(fit(integer)?),
        DataType::Float => Value::Float(integer as f32),
        DataType::Double => Value::Double(integer as f64),
        DataType::String | DataType::DateTime | DataType::ByteString => return Err(ConvertError::Type),
    })
}

fn from_f64(wanted: DataType, number: f64) -> Result<Value, ConvertError> {
    match wanted {
        DataType::Boolean => Ok(Value::Boolean(number != 0.0)),
        DataType::Float => {
            let single = number as f32;
            if single.is_infinite() && number.is_finite() { Err(ConvertError::Range) } else { Ok(Value::Float(single)) }
        }
        DataType::Double => Ok(Value::Double(number)),
        _ => Err(ConvertError::Type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dims;

    fn to(value: Value, name: &str) -> Result<Value, ConvertError> {
        value.convert(ValueType::parse(name).expect("type"))
    }

    #[test]
    fn integers_convert_exactly_or_not_at_all() {
        assert_eq!(to(Value::Int64(255), "u8"), Ok(Value::UInt8(255)));
        assert_eq!(to(Value::Int64(256), "u8"), Err(ConvertError::Range));
        assert_eq!(to(Value::Int8(-1), "u64"), Err(ConvertError::Range));
        assert_eq!(to(Value::UInt64(u64::MAX), "f64"), Ok(Value::Double(u64::MAX as f64)));
    }

    #[test]
    fn floats_round_and_refuse_what_does_not_fit() {
        assert_eq!(to(Value::Double(2.5), "i16"), Ok(Value::Int16(3)));
        assert_eq!(to(Value::Double(f64::NAN), "i16"), Err(ConvertError::Range));
        assert_eq!(to(Value::Double(1e300), "f32"), Err(ConvertError::Range));
        assert_eq!(to(Value::Double(1e300), "u64"), Err(ConvertError::Range));
    }

    #[test]
    fn text_is_no_number() {
        assert_eq!(to(Value::text("1"), "i16"), Err(ConvertError::Type));
        assert_eq!(to(Value::Int16(1), "string"), Err(ConvertError::Type));
    }

    #[test]
    fn arrays_keep_their_dimensions() {
        let pair = Value::array(Dims::one(2), ArrayData::Int16(vec![1, 2])).expect("pair");
        assert_eq!(to(pair.clone(), "f64[2]").expect("converts").to_string(), "[1, 2]");
        assert_eq!(to(pair.clone(), "f64[3]"), Err(ConvertError::Dimensions));
        assert_eq!(to(pair, "f64"), Err(ConvertError::Dimensions));
    }

    #[test]
    fn parses_what_a_person_types() {
        let parse = |text: &str, name: &str| Value::parse(text, ValueType::parse(name).expect("type"));
        assert_eq!(parse("0x10", "u8"), Ok(Value::UInt8(16)));
        assert_eq!(parse("1e3", "i32"), Ok(Value::Int32(1000)));
        assert_eq!(parse("on", "bool"), Ok(Value::Boolean(true)));
        assert_eq!(parse("[1, 2.5]", "f32[2]").expect("array").to_string(), "[1, 2.5]");
        assert_eq!(parse("DE AD", "bytes"), Ok(Value::bytes(&[0xDE, 0xAD])));
        assert_eq!(parse("warm", "f64"), Err(ConvertError::Type));
        assert_eq!(parse("300", "u8"), Err(ConvertError::Range));
    }
}
