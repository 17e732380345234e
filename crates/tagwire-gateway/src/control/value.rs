//! Values of tags in commands and answers.

use serde_json::{Value as Json, json};
use tagwire_model::{Array, Value};

/// Numbers as numbers; what JSON has no number for as text.
pub fn value_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => json!(flag),
        Value::Int8(v) => json!(v),
        Value::UInt8(v) => json!(v),
        Value::Int16(v) => json!(v),
        Value::UInt16(v) => json!(v),
        Value::Int32(v) => json!(v),
        Value::UInt32(v) => json!(v),
        Value::Int64(v) => json!(v),
        Value::UInt64(v) => json!(v),
        // A single widened to a double would show digits that it does not have.
        Value::Float(v) if v.is_finite() => json!(v.to_string().parse::<f64>().unwrap_or_else(|_| f64::from(*v))),
        Value::Double(v) if v.is_finite() => json!(v),
        Value::Float(_) | Value::Double(_) | Value::DateTime(_) | Value::String(_) | Value::ByteString(_) => {
            json!(value.to_string())
        }
        Value::Array(array) => array_json(array, array.dims().lens(), &mut 0),
    }
}

fn array_json(array: &Array, lens: &[u32], next: &mut usize) -> Json {
    match lens.split_first() {
        None => {
            let element = array.data().element(*next).unwrap_or(Value::Null);
            *next += 1;
            value_json(&element)
        }
        Some((len, inner)) => (0..*len).map(|_| array_json(array, inner, next)).collect(),
    }
}
