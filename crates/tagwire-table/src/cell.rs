//! A value as a number, a text, or both: what a table can hold of it without loss.

use std::fmt::Write as _;

use serde_json::Value as Json;
use tagwire_history::{Values, View};
#[cfg(feature = "parquet")]
use tagwire_model::Timestamp;
use tagwire_model::{Array, ArrayData, DataType, Dims, Status, Value, ValueType};

/// Integers up to this size are exact as doubles.
const MAX_EXACT: u64 = 1 << 53;

/// What stands in the columns `value` and `text` for one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell<'a> {
    /// The number, as near as a double comes; Booleans count as 0 and 1.
    pub(crate) value: Option<f64>,
    /// The exact value, where `value` is not.
    pub(crate) text: Option<&'a str>,
}

impl Cell<'_> {
    const NOTHING: Self = Cell { value: None, text: None };

    const fn number(value: f64) -> Self {
        Self { value: Some(value), text: None }
    }
}

/// Hands the cells of all samples of a view to `each`. A sample whose status is Bad has no value.
pub(crate) fn each_cell(view: &View<'_>, scratch: &mut String, mut each: impl FnMut(usize, Cell<'_>)) {
    let (values, range) = view.values();
    let (statuses, missing) = (view.statuses(), view.missing());
    let has_value = |idx: usize| {
        !Status(statuses[idx]).is_bad() && !missing.is_some_and(|missing| missing.get(idx).copied().unwrap_or(false))
    };
    macro_rules! numbers {
        ($v:expr) => {
            for (idx, number) in $v[range].iter().enumerate() {
                each(idx, if has_value(idx) { Cell::number(f64::from(*number)) } else { Cell::NOTHING });
            }
        };
    }
    macro_rules! wide {
        ($v:expr, $size:expr) => {
            for (idx, number) in $v[range].iter().enumerate() {
                let value = Some(*number as f64);
                match (has_value(idx), $size(*number) > MAX_EXACT) {
                    (false, _) => each(idx, Cell::NOTHING),
                    (true, false) => each(idx, Cell { value, text: None }),
                    (true, true) => {
                        scratch.clear();
                        let _ = write!(scratch, "{number}");
                        each(idx, Cell { value, text: Some(scratch) });
                    }
                }
            }
        };
    }
    match values {
        Values::Boolean(v) => {
            for (idx, flag) in v[range].iter().enumerate() {
                each(idx, if has_value(idx) { Cell::number(f64::from(u8::from(*flag))) } else { Cell::NOTHING });
            }
        }
        Values::Int8(v) => numbers!(v),
        Values::UInt8(v) => numbers!(v),
        Values::Int16(v) => numbers!(v),
        Values::UInt16(v) => numbers!(v),
        Values::Int32(v) => numbers!(v),
        Values::UInt32(v) => numbers!(v),
        Values::Float(v) => numbers!(v),
        Values::Double(v) => numbers!(v),
        Values::Int64(v) => wide!(v, i64::unsigned_abs),
        Values::UInt64(v) => wide!(v, |number: u64| number),
        Values::DateTime(_) | Values::String(_) | Values::ByteString(_) | Values::Array(_) => {
            for (idx, place) in range.enumerate() {
                if !has_value(idx) {
                    each(idx, Cell::NOTHING);
                    continue;
                }
                scratch.clear();
                put_text(scratch, &values.value(place));
                each(idx, Cell { value: None, text: Some(scratch) });
            }
        }
    }
}

/// The exact text of a value: texts bare, bytes in hexadecimal, arrays as JSON.
pub(crate) fn put_text(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        // The shortest digits that mean this number, with an exponent where it is large or small.
        Value::Float(number) => drop(write!(out, "{number:?}")),
        Value::Double(number) => drop(write!(out, "{number:?}")),
        Value::Array(array) => put_dimension(out, array, array.dims().lens(), &mut 0),
        value => drop(write!(out, "{value}")),
    }
}

fn put_dimension(out: &mut String, array: &Array, lens: &[u32], next: &mut usize) {
    let Some((len, inner)) = lens.split_first() else {
        let element = array.data().element(*next).unwrap_or(Value::Null);
        *next += 1;
        let is_bare = match &element {
            Value::Boolean(_) => true,
            other => other.as_f64().is_some_and(f64::is_finite),
        };
        if is_bare {
            return put_text(out, &element);
        }
        let mut text = String::new();
        put_text(&mut text, &element);
        return out.push_str(&Json::String(text).to_string());
    };
    out.push('[');
    for idx in 0..*len {
        if idx > 0 {
            out.push(',');
        }
        put_dimension(out, array, inner, next);
    }
    out.push(']');
}

/// The value of this type that a text stands for; `None` when it is none.
pub(crate) fn parse(text: &str, wanted: ValueType) -> Option<Value> {
    if wanted.is_scalar() {
        return parse_scalar(text, wanted.data_type);
    }
    let json: Json = serde_json::from_str(text).ok()?;
    let mut data = ArrayData::empty(wanted.data_type);
    let mut lens = Vec::new();
    shape(&json, &mut lens);
    take(&json, lens.len(), wanted.data_type, &mut data)?;
    Value::array(Dims::new(&lens)?, data).ok()
}

fn parse_scalar(text: &str, wanted: DataType) -> Option<Value> {
    match wanted {
        DataType::String => Some(Value::text(text)),
        DataType::DateTime => crate::time::parse(text).map(Value::DateTime),
        // What is neither 0 nor 1 is no Boolean here, although any number could count as one.
        DataType::Boolean => match text.trim() {
            "1" | "1.0" | "true" | "True" | "TRUE" | "on" => Some(Value::Boolean(true)),
            "0" | "0.0" | "false" | "False" | "FALSE" | "off" => Some(Value::Boolean(false)),
            _ => None,
        },
        DataType::Float => text.trim().parse::<f32>().ok().map(Value::Float),
        DataType::Double => text.trim().parse::<f64>().ok().map(Value::Double),
        // A fraction is no integer here, although it could be rounded.
        DataType::ByteString => Value::parse(text, ValueType::scalar(wanted)).ok(),
        _ => {
            let is_whole = text.trim().parse::<f64>().is_ok_and(|number| number.fract() == 0.0);
            if is_whole { Value::parse(text, ValueType::scalar(wanted)).ok() } else { None }
        }
    }
}

/// The lengths of nested lists, by their first elements.
fn shape(json: &Json, lens: &mut Vec<u32>) {
    let mut at = json;
    while let Json::Array(list) = at {
        lens.push(u32::try_from(list.len()).unwrap_or(u32::MAX));
        let Some(first) = list.first() else { return };
        at = first;
    }
}

fn take(json: &Json, depth: usize, wanted: DataType, data: &mut ArrayData) -> Option<()> {
    match json {
        Json::Array(list) if depth > 0 => list.iter().try_for_each(|json| take(json, depth - 1, wanted, data)),
        _ if depth > 0 => None,
        Json::String(text) => data.push(parse_scalar(text, wanted)?).ok(),
        Json::Bool(flag) if wanted == DataType::Boolean => data.push(Value::Boolean(*flag)).ok(),
        Json::Number(number) => data.push(parse_scalar(&number.to_string(), wanted)?).ok(),
        _ => None,
    }
}

/// The number as a value of this type, exactly or not at all; singles may be rounded.
#[cfg(feature = "parquet")]
pub(crate) fn from_number(number: f64, wanted: DataType) -> Option<Value> {
    match wanted {
        DataType::Double => Some(Value::Double(number)),
        DataType::Float => Some(Value::Float(number as f32)),
        DataType::Boolean if number == 0.0 || number == 1.0 => Some(Value::Boolean(number == 1.0)),
        wanted if wanted.is_number() && number.fract() == 0.0 && number.abs() <= MAX_EXACT as f64 => {
            Value::Int64(number as i64).convert(ValueType::scalar(wanted)).ok()
        }
        DataType::String => {
            let mut text = String::new();
            put_text(&mut text, &Value::Double(number));
            Some(Value::text(&text))
        }
        _ => None,
    }
}

/// A time in nanoseconds since 1970; `None` when that does not fit 64 bits.
#[cfg(feature = "parquet")]
pub(crate) const fn unix_nanos(ticks: i64) -> Option<i64> {
    match ticks.checked_sub(Timestamp::UNIX_EPOCH_TICKS) {
        Some(since) => since.checked_mul(100),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tagwire_model::Timestamp;

    use super::*;

    #[test]
    fn every_type_comes_back_from_its_text() {
        let array = |dims: &[u32], data| Value::array(Dims::new(dims).expect("dims"), data).expect("array");
        let values = [
            Value::Boolean(true),
            Value::Int8(-128),
            Value::UInt8(255),
            Value::Int16(i16::MIN),
            Value::UInt16(u16::MAX),
            Value::Int32(i32::MIN),
            Value::UInt32(u32::MAX),
            Value::Int64(i64::MIN),
            Value::Int64(i64::MAX),
            Value::UInt64(u64::MAX),
            Value::Float(f32::MIN_POSITIVE),
            Value::Float(0.1),
            Value::Double(1.0 / 3.0),
            Value::Double(f64::MAX),
            Value::Double(f64::NEG_INFINITY),
            Value::DateTime(Timestamp::parse_rfc3339("1601-01-01T00:00:00.0000001Z").expect("time")),
            Value::text("a, \"b\"\nä"),
            Value::text(""),
            Value::bytes(&[0, 255]),
            Value::bytes(&[]),
            array(&[3], ArrayData::UInt64(vec![0, 1, u64::MAX])),
            array(&[2, 2], ArrayData::Double(vec![0.1, f64::INFINITY, -1e300, 5e-324])),
            array(&[1, 2, 1], ArrayData::String(vec![Arc::from("x,\"]"), Arc::from("")])),
            array(&[2], ArrayData::Boolean(vec![true, false])),
            array(&[1], ArrayData::ByteString(vec![Arc::from([1, 2])])),
            array(&[1], ArrayData::DateTime(vec![Timestamp::from_ticks(133_600_000_000_000_001)])),
        ];
        for value in values {
            let mut text = String::new();
            put_text(&mut text, &value);
            let back = parse(&text, value.value_type().expect("typed")).unwrap_or_else(|| panic!("{text}"));
            assert!(back.same_as(&value), "{text}: {back:?}");
        }
    }

    #[test]
    fn what_is_no_such_value_is_refused() {
        for (text, name) in [
            ("1.5", "i32"),
            ("300", "u8"),
            ("-1", "u64"),
            ("abc", "f64"),
            ("", "f64"),
            ("2", "bool"),
            ("yesterday", "datetime"),
            ("ABC", "bytes"),
            ("[1,[2]]", "i32[2]"),
            ("[[1],[2,3]]", "i32[2,2]"),
            ("[1", "i32[1]"),
            ("1", "i32[1]"),
        ] {
            assert_eq!(parse(text, ValueType::parse(name).expect("type")), None, "{text} {name}");
        }
    }
}
