//! Conversion that keeps fractions: a number is never rounded to an integer.

use tagwire_model::{ConvertError, DataType, Value, ValueType};

/// Converts a value; where an integer is wanted, a number with a fraction is out of range.
///
/// # Errors
/// [`ConvertError`] as [`Value::convert`].
pub(crate) fn convert(value: &Value, wanted: ValueType) -> Result<Value, ConvertError> {
    let is_integer = wanted.data_type.is_number() && !is_float(wanted.data_type);
    if is_integer && has_fraction(value) {
        return Err(ConvertError::Range);
    }
    value.convert(wanted)
}

const fn is_float(data_type: DataType) -> bool {
    matches!(data_type, DataType::Float | DataType::Double)
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.fract() != 0.0,
        Value::Double(number) => number.fract() != 0.0,
        Value::Array(array) if is_float(array.data().data_type()) => {
            (0..array.data().len()).any(|idx| array.data().element(idx).is_some_and(|element| has_fraction(&element)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_refused_where_an_integer_is_wanted() {
        let to = |value: Value, name: &str| convert(&value, ValueType::parse(name).expect("type"));
        assert_eq!(to(Value::Float(33.5), "i32"), Err(ConvertError::Range));
        assert_eq!(to(Value::Double(-0.25), "u64"), Err(ConvertError::Range));
        assert_eq!(to(Value::Float(f32::NAN), "i32"), Err(ConvertError::Range));
        assert_eq!(to(Value::Float(f32::INFINITY), "i32"), Err(ConvertError::Range));
        assert_eq!(to(Value::Float(-33.0), "i32"), Ok(Value::Int32(-33)));
        assert_eq!(to(Value::Float(3e9), "i32"), Err(ConvertError::Range));
        assert_eq!(to(Value::Float(0.5), "f64"), Ok(Value::Double(0.5)));
        let row = Value::parse("[1, 2.5]", ValueType::parse("f32[2]").expect("type")).expect("a row");
        assert_eq!(to(row, "i32[2]"), Err(ConvertError::Range));
    }
}
