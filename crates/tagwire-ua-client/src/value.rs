//! Values of the wire and of the model.

use opcua_types::type_loader::ByteStringBody;
use opcua_types::{
    Array as WireArray, ByteString, DataValue, DateTime, StatusCode, UAString, Variant, VariantScalarTypeId,
};
use tagwire_model::{ArrayData, DataType, Dims, Sample, Status, Timestamp, Value};

use crate::structure::{self, SourceSample, Structured};

/// The end of the year 9999, which stands for the end of time (Part 6, 5.2.2.5).
const END_TICKS: i64 = 2_650_467_743_990_000_000;

/// Longest text made of a value that the model has no type for, in characters.
const MAX_DESCRIPTION: usize = 4_096;
/// Most bytes of a structure that are shown.
const MAX_BYTES: usize = 64;

pub(crate) fn to_sample(found: DataValue) -> Sample {
    let time = |time: Option<DateTime>| time.map_or(Timestamp::NONE, to_timestamp);
    Sample {
        value: found.value.map_or(Value::Null, |value| to_value(&value)),
        status: Status(found.status.unwrap_or(StatusCode::Good).bits()),
        source_time: time(found.source_timestamp),
        server_time: time(found.server_timestamp),
    }
}

/// As [`to_sample`], with the structures; a single one of the server's own comes as the bytes of its body.
pub(crate) fn to_source_sample(found: DataValue) -> SourceSample {
    let structured = found.value.as_ref().and_then(structure::of_variant).map(Box::new);
    let body = match (&found.value, structured.as_deref()) {
        (Some(Variant::ExtensionObject(object)), Some(Structured::One(structure)))
            if object.inner_is::<ByteStringBody>() =>
        {
            Some(Value::ByteString(structure.body.clone()))
        }
        _ => None,
    };
    let sample = match body {
        Some(value) => Sample { value, ..to_sample(DataValue { value: None, ..found }) },
        None => to_sample(found),
    };
    SourceSample { sample, structured }
}

/// A time; those outside of what OPC UA can tell become the nearest that it can (Part 6, 5.2.2.5).
fn to_timestamp(time: DateTime) -> Timestamp {
    // The library's own conversion goes through two more calendar dates, for each sample of a read.
    let time = time.as_chrono();
    let ticks = Timestamp::UNIX_EPOCH_TICKS
        + time.timestamp() * Timestamp::TICKS_PER_SECOND
        + i64::from(time.timestamp_subsec_nanos() / 100);
    Timestamp::from_ticks(match ticks {
        ..=0 => 0,
        END_TICKS.. => i64::MAX,
        ticks => ticks,
    })
}

/// The value; what the model has no type for becomes text.
pub(crate) fn to_value(variant: &Variant) -> Value {
    match variant {
        Variant::Empty => Value::Null,
        Variant::Boolean(v) => Value::Boolean(*v),
        Variant::SByte(v) => Value::Int8(*v),
        Variant::Byte(v) => Value::UInt8(*v),
        Variant::Int16(v) => Value::Int16(*v),
        Variant::UInt16(v) => Value::UInt16(*v),
        Variant::Int32(v) => Value::Int32(*v),
        Variant::UInt32(v) => Value::UInt32(*v),
        Variant::Int64(v) => Value::Int64(*v),
        Variant::UInt64(v) => Value::UInt64(*v),
        Variant::Float(v) => Value::Float(*v),
        Variant::Double(v) => Value::Double(*v),
        Variant::DateTime(v) => Value::DateTime(to_timestamp(**v)),
        Variant::String(v) => Value::text(v.as_ref()),
        Variant::ByteString(v) => Value::bytes(v.as_ref()),
        Variant::Guid(v) => Value::text(&v.to_string()),
        Variant::StatusCode(v) => Value::text(&v.to_string()),
        Variant::XmlElement(v) => Value::text(&v.to_string()),
        Variant::QualifiedName(v) => Value::text(v.name.as_ref()),
        Variant::LocalizedText(v) => Value::text(v.text.as_ref()),
        Variant::NodeId(v) => Value::text(&v.to_string()),
        Variant::ExpandedNodeId(v) => Value::text(&v.to_string()),
        Variant::Variant(v) => to_value(v),
        Variant::DataValue(v) => v.value.as_ref().map_or(Value::Null, to_value),
        Variant::ExtensionObject(v) => match (&v.body, v.inner_as::<ByteStringBody>()) {
            (_, Some(raw)) => Value::text(&raw_structure(&raw.encoding_id().to_string(), raw.raw_body().as_ref())),
            (Some(body), None) => Value::text(&described(body)),
            (None, None) => Value::Null,
        },
        Variant::DiagnosticInfo(v) => Value::text(&described(v)),
        Variant::Array(array) => array_value(array),
    }
}

/// The encoding of a structure that nothing here decodes, and its bytes.
fn raw_structure(encoding: &str, body: &[u8]) -> String {
    let bytes: String = body.iter().take(MAX_BYTES).map(|byte| format!(" {byte:02X}")).collect();
    let rest = if body.len() > MAX_BYTES { " …" } else { "" };
    format!("structure {encoding}, {} bytes:{bytes}{rest}", body.len())
}

fn described(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take(MAX_DESCRIPTION).collect()
}

fn array_value(array: &WireArray) -> Value {
    let data_type = model_type(array.value_type).unwrap_or(DataType::String);
    let mut data = ArrayData::empty(data_type);
    for element in &array.values {
        let value = match to_value(element) {
            // A null text or byte string within an array has no counterpart but the empty one.
            Value::Null => empty(data_type),
            value => value,
        };
        if data.push(value).is_err() {
            return Value::text(&described(array));
        }
    }
    let n = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let declared = array.dimensions.as_deref().and_then(Dims::new).filter(|dims| dims.n_elements() == Some(n));
    let dims = declared.filter(|dims| dims.rank() > 1).unwrap_or_else(|| Dims::one(n));
    Value::array(dims, data).unwrap_or(Value::Null)
}

fn empty(data_type: DataType) -> Value {
    match data_type {
        DataType::String => Value::text(""),
        DataType::ByteString => Value::bytes(&[]),
        other => Value::from_bits(other, 0),
    }
}

const fn model_type(kind: VariantScalarTypeId) -> Option<DataType> {
    Some(match kind {
        VariantScalarTypeId::Boolean => DataType::Boolean,
        VariantScalarTypeId::SByte => DataType::Int8,
        VariantScalarTypeId::Byte => DataType::UInt8,
        VariantScalarTypeId::Int16 => DataType::Int16,
        VariantScalarTypeId::UInt16 => DataType::UInt16,
        VariantScalarTypeId::Int32 => DataType::Int32,
        VariantScalarTypeId::UInt32 => DataType::UInt32,
        VariantScalarTypeId::Int64 => DataType::Int64,
        VariantScalarTypeId::UInt64 => DataType::UInt64,
        VariantScalarTypeId::Float => DataType::Float,
        VariantScalarTypeId::Double => DataType::Double,
        VariantScalarTypeId::String => DataType::String,
        VariantScalarTypeId::DateTime => DataType::DateTime,
        VariantScalarTypeId::ByteString => DataType::ByteString,
        _ => return None,
    })
}

const fn wire_type(data_type: DataType) -> VariantScalarTypeId {
    match data_type {
        DataType::Boolean => VariantScalarTypeId::Boolean,
        DataType::Int8 => VariantScalarTypeId::SByte,
        DataType::UInt8 => VariantScalarTypeId::Byte,
        DataType::Int16 => VariantScalarTypeId::Int16,
        DataType::UInt16 => VariantScalarTypeId::UInt16,
        DataType::Int32 => VariantScalarTypeId::Int32,
        DataType::UInt32 => VariantScalarTypeId::UInt32,
        DataType::Int64 => VariantScalarTypeId::Int64,
        DataType::UInt64 => VariantScalarTypeId::UInt64,
        DataType::Float => VariantScalarTypeId::Float,
        DataType::Double => VariantScalarTypeId::Double,
        DataType::String => VariantScalarTypeId::String,
        DataType::DateTime => VariantScalarTypeId::DateTime,
        DataType::ByteString => VariantScalarTypeId::ByteString,
    }
}

/// Type and dimensions of a value that the model can hold without becoming text.
pub(crate) fn variant_type(variant: &Variant) -> Option<(DataType, Dims)> {
    match variant {
        Variant::Array(array) => {
            let value = array_value(array).value_type()?;
            Some((model_type(array.value_type)?, value.dims))
        }
        scalar => Some((model_type(scalar.scalar_type_id()?)?, Dims::SCALAR)),
    }
}

pub(crate) fn to_variant(value: &Value) -> Variant {
    match value {
        Value::Null => Variant::Empty,
        Value::Boolean(v) => Variant::Boolean(*v),
        Value::Int8(v) => Variant::SByte(*v),
        Value::UInt8(v) => Variant::Byte(*v),
        Value::Int16(v) => Variant::Int16(*v),
        Value::UInt16(v) => Variant::UInt16(*v),
        Value::Int32(v) => Variant::Int32(*v),
        Value::UInt32(v) => Variant::UInt32(*v),
        Value::Int64(v) => Variant::Int64(*v),
        Value::UInt64(v) => Variant::UInt64(*v),
        Value::Float(v) => Variant::Float(*v),
        Value::Double(v) => Variant::Double(*v),
        Value::DateTime(v) => Variant::DateTime(Box::new(DateTime::from(v.ticks()))),
        Value::String(v) => Variant::String(UAString::from(v.as_ref())),
        Value::ByteString(v) => Variant::ByteString(ByteString::from(v.as_ref())),
        Value::Array(array) => {
            let data = array.data();
            let values: Vec<Variant> =
                (0..data.len()).filter_map(|idx| data.element(idx)).map(|element| to_variant(&element)).collect();
            let dims = array.dims();
            Variant::Array(Box::new(WireArray {
                value_type: wire_type(data.data_type()),
                values,
                dimensions: (dims.rank() > 1).then(|| dims.lens().to_vec()),
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use opcua_types::{LocalizedText, QualifiedName};

    #[test]
    fn times_are_those_of_the_library() {
        assert_eq!(END_TICKS, DateTime::endtimes_ticks());
        for ticks in [-1, 0, 1, 9_999_999, DateTime::now().ticks(), END_TICKS - 1] {
            let time = DateTime::from(ticks);
            assert_eq!(to_timestamp(time), Timestamp::from_ticks(time.checked_ticks()), "{ticks}");
        }
        for time in [DateTime::from(END_TICKS), DateTime::endtimes(), DateTime::from(i64::MAX)] {
            assert_eq!(to_timestamp(time), Timestamp::from_ticks(i64::MAX));
        }
    }

    #[test]
    fn a_structure_that_nothing_decodes_is_its_encoding_and_bytes() {
        let body = ByteStringBody::new(vec![0xB8, 0x24].into(), opcua_types::NodeId::new(2, "_types.Motor.Binary"));
        let value = to_value(&Variant::ExtensionObject(opcua_types::ExtensionObject::new(body)));
        assert_eq!(value, Value::text("structure ns=2;s=_types.Motor.Binary, 2 bytes: B8 24"));
        assert!(raw_structure("i=1", &[0; 100]).ends_with("00 …"));
    }

    #[test]
    fn values_come_back_as_they_went_out() {
        let time = Timestamp::parse_rfc3339("2024-02-29T23:59:59.1234567Z").expect("time");
        let matrix = Value::array(Dims::new(&[2, 3]).expect("dims"), ArrayData::Int16(vec![1, 2, 3, 4, 5, -6]));
        let texts: Vec<Arc<str>> = vec![Arc::from("a"), Arc::from("äöü 🙂")];
        for value in [
            Value::Null,
            Value::Boolean(true),
            Value::Int8(-1),
            Value::UInt64(u64::MAX),
            Value::Int64(i64::MIN),
            Value::Float(1.5),
            Value::Double(f64::MAX),
            Value::text("äöü 🙂"),
            Value::bytes(&[0, 255]),
            Value::DateTime(time),
            Value::array(Dims::one(2), ArrayData::String(texts)).expect("array"),
            Value::array(Dims::one(0), ArrayData::Double(Vec::new())).expect("array"),
            matrix.expect("matrix"),
        ] {
            assert_eq!(to_value(&to_variant(&value)), value);
        }
        assert!(to_value(&to_variant(&Value::Double(f64::NAN))).same_as(&Value::Double(f64::NAN)));
    }

    #[test]
    fn what_the_model_has_no_type_for_becomes_text() {
        let text = Variant::LocalizedText(Box::new(LocalizedText::new("en", "warm")));
        assert_eq!(to_value(&text), Value::text("warm"));
        let name = Variant::QualifiedName(Box::new(QualifiedName::new(1, "Speed")));
        assert_eq!(to_value(&name), Value::text("Speed"));
        assert_eq!(to_value(&Variant::StatusCode(StatusCode::BadTimeout)), Value::text("BadTimeout"));
        assert_eq!(variant_type(&text), None);
    }

    #[test]
    fn dimensions_that_lie_are_not_believed() {
        let array = WireArray {
            value_type: VariantScalarTypeId::Int32,
            values: vec![Variant::Int32(1), Variant::Int32(2)],
            dimensions: Some(vec![u32::MAX, u32::MAX]),
        };
        let value = to_value(&Variant::Array(Box::new(array)));
        assert_eq!(value.to_string(), "[1, 2]");
    }
}
