//! Values of tags as literals, and back.

use tagwire_model::{ArrayData, DataType, Dims, Timestamp, Value, ValueType};

use crate::Literal;

/// A time as scripts read it: `2022-11-22 13:58:58.142000+00:00`, without the fraction where it is zero.
pub(crate) fn time(time: Timestamp) -> Literal {
    if time.is_none() {
        return Literal::None;
    }
    // The form of RFC 3339, `2022-11-22T13:58:58.142Z`.
    let text = time.to_string();
    let plain = text.trim_end_matches('Z').replacen('T', " ", 1);
    let (seconds, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let micros: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
    let fraction = if micros == "000000" { String::new() } else { format!(".{micros}") };
    Literal::Text(format!("{seconds}{fraction}+00:00"))
}

/// A value; arrays become tuples, of tuples where there are several dimensions.
pub(crate) fn to_literal(value: &Value) -> Literal {
    match value {
        Value::Null => Literal::None,
        Value::Boolean(v) => Literal::Bool(*v),
        // The shortest decimal of a single, so that 18.1 does not become 18.100000381.
        Value::Float(v) => Literal::Float(v.to_string().parse().unwrap_or_else(|_| f64::from(*v))),
        Value::Double(v) => Literal::Float(*v),
        Value::DateTime(v) => time(*v),
        Value::String(v) => Literal::text(v.as_ref()),
        Value::ByteString(v) => Literal::bytes(v),
        Value::Array(array) => nested(array.data(), array.dims().lens(), &mut 0),
        integer => integer.as_i128().map_or(Literal::None, Literal::Int),
    }
}

fn nested(data: &ArrayData, lens: &[u32], next: &mut usize) -> Literal {
    let Some((len, rest)) = lens.split_first() else {
        let element = data.element(*next).unwrap_or(Value::Null);
        *next += 1;
        return to_literal(&element);
    };
    Literal::Tuple((0..*len).map(|_| nested(data, rest, next)).collect())
}

/// The value in the type of a tag: numbers without loss, 0 and 1 as a switch, nothing else in place of another kind.
pub(crate) fn from_literal(literal: &Literal, wanted: ValueType) -> Option<Value> {
    if wanted.is_scalar() {
        return scalar(literal, wanted.data_type);
    }
    let mut data = ArrayData::empty(wanted.data_type);
    fill(literal, wanted.dims.lens(), wanted.data_type, &mut data)?;
    let dims = if wanted.dims.rank() == 1 { Dims::one(u32::try_from(data.len()).ok()?) } else { wanted.dims };
    Value::array(dims, data).ok()
}

fn fill(literal: &Literal, lens: &[u32], wanted: DataType, data: &mut ArrayData) -> Option<()> {
    match lens.split_first() {
        None => data.push(scalar(literal, wanted)?).ok(),
        Some((_, rest)) => literal.elements()?.iter().try_for_each(|element| fill(element, rest, wanted, data)),
    }
}

fn scalar(literal: &Literal, wanted: DataType) -> Option<Value> {
    let converted = |value: Value| value.convert(ValueType::scalar(wanted)).ok();
    match (literal, wanted) {
        (Literal::Bool(v), DataType::Boolean) => Some(Value::Boolean(*v)),
        (Literal::Int(v @ (0 | 1)), DataType::Boolean) => Some(Value::Boolean(*v == 1)),
        (Literal::Int(v), _) if wanted.is_number() => match (i64::try_from(*v), u64::try_from(*v)) {
            (Ok(v), _) => converted(Value::Int64(v)),
            (_, Ok(v)) => converted(Value::UInt64(v)),
            _ => None,
        },
        (Literal::Float(v), DataType::Float | DataType::Double) => converted(Value::Double(*v)),
        (Literal::Float(v), _) if wanted.is_number() && v.is_finite() && v.fract() == 0.0 => {
            converted(Value::Double(*v))
        }
        (Literal::Text(v), DataType::String) => Some(Value::text(v)),
        (Literal::Text(v), DataType::DateTime) => {
            Timestamp::parse_rfc3339(&v.replacen(' ', "T", 1).replace("+00:00", "Z")).map(Value::DateTime)
        }
        (bytes @ Literal::Dict(_), DataType::ByteString) => bytes.as_bytes().map(|bytes| Value::bytes(&bytes)),
        _ => None,
    }
}

/// The name of a type in OPC Classic.
pub(crate) fn variant_type(value_type: ValueType) -> String {
    let name = match value_type.data_type {
        DataType::Boolean => "VT_BOOL",
        DataType::Int8 => "VT_I1",
        DataType::UInt8 => "VT_UI1",
        DataType::Int16 => "VT_I2",
        DataType::UInt16 => "VT_UI2",
        DataType::Int32 => "VT_I4",
        DataType::UInt32 => "VT_UI4",
        DataType::Int64 => "VT_I8",
        DataType::UInt64 => "VT_UI8",
        DataType::Float => "VT_R4",
        DataType::Double => "VT_R8",
        DataType::String => "VT_BSTR",
        DataType::DateTime => "VT_DATE",
        DataType::ByteString => "VT_ARRAY | VT_UI1",
    };
    if value_type.is_scalar() || name.starts_with("VT_ARRAY") { name.to_owned() } else { format!("VT_ARRAY | {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_look_as_scripts_expect() {
        for (text, expected) in [
            ("2022-11-22T13:58:58Z", "2022-11-22 13:58:58+00:00"),
            ("2023-05-06T06:33:16.142Z", "2023-05-06 06:33:16.142000+00:00"),
            ("2023-05-06T06:33:16.1234567Z", "2023-05-06 06:33:16.123456+00:00"),
        ] {
            assert_eq!(time(Timestamp::parse_rfc3339(text).expect(text)), Literal::text(expected));
        }
        assert_eq!(time(Timestamp::NONE), Literal::None);
    }

    #[test]
    fn a_value_never_becomes_another_one_silently() {
        let wanted = |text| ValueType::parse(text).expect("type");
        for (literal, kind, expected) in [
            (Literal::Int(5), "i16", Some(Value::Int16(5))),
            (Literal::Int(70_000), "i16", None),
            (Literal::Int(5), "f64", Some(Value::Double(5.0))),
            (Literal::Float(5.0), "i32", Some(Value::Int32(5))),
            (Literal::Float(5.5), "i32", None),
            (Literal::Int(1), "bool", Some(Value::Boolean(true))),
            (Literal::Int(2), "bool", None),
            (Literal::Bool(true), "i32", None),
            (Literal::text("5"), "i32", None),
            (Literal::text("x"), "string", Some(Value::text("x"))),
            (Literal::bytes(&[1]), "bytes", Some(Value::bytes(&[1]))),
            (Literal::None, "i32", None),
            (Literal::Int(i128::MAX), "u64", None),
            (Literal::Int(1), "i32[2]", None),
        ] {
            assert_eq!(from_literal(&literal, wanted(kind)), expected, "{literal:?} {kind}");
        }
        let matrix = Literal::List(vec![
            Literal::Tuple(vec![Literal::Int(1), Literal::Int(2)]),
            Literal::Tuple(vec![Literal::Int(3), Literal::Int(4)]),
        ]);
        let value = from_literal(&matrix, wanted("i32[2,2]")).expect("matrix");
        assert_eq!(value.to_string(), "[[1, 2], [3, 4]]");
        let Literal::List(rows) = matrix else { panic!("list") };
        assert_eq!(to_literal(&value), Literal::Tuple(rows));
    }
}
