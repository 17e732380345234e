//! Conversions between built-in types (Part 4, 7.7.3, conversion rules).

use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::types::{ByteString, ExpandedNodeId, Guid, LocalizedText, NodeId, QualifiedName, Variant};

/// Numbers of the built-in types.
pub(super) mod id {
    pub(in super::super) const BOOLEAN: u8 = 1;
    pub(in super::super) const SBYTE: u8 = 2;
    pub(in super::super) const BYTE: u8 = 3;
    pub(in super::super) const INT16: u8 = 4;
    pub(in super::super) const UINT16: u8 = 5;
    pub(in super::super) const INT32: u8 = 6;
    pub(in super::super) const UINT32: u8 = 7;
    pub(in super::super) const INT64: u8 = 8;
    pub(in super::super) const UINT64: u8 = 9;
    pub(in super::super) const FLOAT: u8 = 10;
    pub(in super::super) const DOUBLE: u8 = 11;
    pub(in super::super) const STRING: u8 = 12;
    pub(in super::super) const DATE_TIME: u8 = 13;
    pub(in super::super) const GUID: u8 = 14;
    pub(in super::super) const BYTE_STRING: u8 = 15;
    pub(in super::super) const NODE_ID: u8 = 17;
    pub(in super::super) const EXPANDED_NODE_ID: u8 = 18;
    pub(in super::super) const STATUS_CODE: u8 = 19;
    pub(in super::super) const QUALIFIED_NAME: u8 = 20;
    pub(in super::super) const LOCALIZED_TEXT: u8 = 21;
}

/// The rank of a type: of two operands the one of the higher rank is converted to the type of the lower.
pub(super) fn rank(type_id: u8) -> Option<usize> {
    const BY_RANK: [u8; 18] = [
        id::DOUBLE,
        id::FLOAT,
        id::INT64,
        id::UINT64,
        id::INT32,
        id::UINT32,
        id::STATUS_CODE,
        id::INT16,
        id::UINT16,
        id::SBYTE,
        id::BYTE,
        id::BOOLEAN,
        id::GUID,
        id::STRING,
        id::EXPANDED_NODE_ID,
        id::NODE_ID,
        id::LOCALIZED_TEXT,
        id::QUALIFIED_NAME,
    ];
    BY_RANK.iter().position(|ranked| *ranked == type_id)
}

/// Whether Cast leads to this data type at all.
pub(super) fn is_castable(data_type: u32) -> bool {
    u8::try_from(data_type)
        .is_ok_and(|type_id| rank(type_id).is_some() || matches!(type_id, id::DATE_TIME | id::BYTE_STRING))
}

/// Converts where that loses nothing by its nature; `None` where it is not allowed or fails.
pub(super) fn implicit(value: &Variant, to: u8) -> Option<Variant> {
    let from = value.type_id();
    if from == to {
        return Some(value.clone());
    }
    is_implicit(from, to).then(|| convert(value, to)).flatten()
}

/// Converts because a client wants it; `None` where it is not allowed or fails.
pub(super) fn cast(value: &Variant, data_type: u32) -> Option<Variant> {
    let to = u8::try_from(data_type).ok()?;
    if value.type_id() == to { Some(value.clone()) } else { convert(value, to) }
}

fn is_implicit(from: u8, to: u8) -> bool {
    use id::*;
    const fn is_number(type_id: u8) -> bool {
        matches!(type_id, SBYTE..=DOUBLE)
    }
    match from {
        BOOLEAN => is_number(to),
        BYTE => matches!(to, SBYTE | INT16..=DOUBLE),
        SBYTE => matches!(to, INT16..=DOUBLE),
        INT16 => matches!(to, INT32..=DOUBLE),
        UINT16 => matches!(to, INT16 | INT32..=DOUBLE | STATUS_CODE),
        INT32 => matches!(to, INT64..=DOUBLE),
        UINT32 => matches!(to, INT32 | INT64..=DOUBLE),
        INT64 => matches!(to, FLOAT | DOUBLE),
        UINT64 => matches!(to, INT64 | FLOAT | DOUBLE),
        FLOAT => to == DOUBLE,
        STATUS_CODE => matches!(to, INT32..=UINT64),
        STRING => to == BOOLEAN || to == GUID || is_number(to),
        NODE_ID => matches!(to, EXPANDED_NODE_ID | STRING),
        EXPANDED_NODE_ID => to == STRING,
        LOCALIZED_TEXT => to == STRING,
        QUALIFIED_NAME => matches!(to, STRING | LOCALIZED_TEXT),
        _ => false,
    }
}

/// A number of any type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(i128),
    Real(f64),
}

/// The number that a value is; texts are none.
pub(super) fn number(value: &Variant) -> Option<Number> {
    Some(match value {
        Variant::Boolean(value) => Number::Integer((*value).into()),
        Variant::SByte(value) => Number::Integer((*value).into()),
        Variant::Byte(value) => Number::Integer((*value).into()),
        Variant::Int16(value) => Number::Integer((*value).into()),
        Variant::UInt16(value) => Number::Integer((*value).into()),
        Variant::Int32(value) => Number::Integer((*value).into()),
        Variant::UInt32(value) => Number::Integer((*value).into()),
        Variant::Int64(value) => Number::Integer((*value).into()),
        Variant::UInt64(value) => Number::Integer((*value).into()),
        Variant::StatusCode(value) => Number::Integer(value.0.into()),
        Variant::Float(value) => Number::Real((*value).into()),
        Variant::Double(value) => Number::Real(*value),
        _ => return None,
    })
}

impl Number {
    /// As a value of a type; `None` when it does not fit. Reals are rounded to the nearest integer, halves to the even
    /// one.
    pub(super) fn to(self, type_id: u8) -> Option<Variant> {
        if matches!(type_id, id::FLOAT | id::DOUBLE) {
            let real = match self {
                Self::Integer(value) => value as f64,
                Self::Real(value) => value,
            };
            if type_id == id::DOUBLE {
                return Some(real.into());
            }
            let narrow = real as f32;
            return (narrow.is_finite() || !real.is_finite()).then(|| narrow.into());
        }
        let integer = match self {
            Self::Integer(value) => value,
            Self::Real(value) if value.is_finite() => value.round_ties_even() as i128,
            Self::Real(_) => return None,
        };
        match type_id {
            id::BOOLEAN => Some((integer != 0).into()),
            id::SBYTE => i8::try_from(integer).ok().map(Variant::from),
            id::BYTE => u8::try_from(integer).ok().map(Variant::from),
            id::INT16 => i16::try_from(integer).ok().map(Variant::from),
            id::UINT16 => u16::try_from(integer).ok().map(Variant::from),
            id::INT32 => i32::try_from(integer).ok().map(Variant::from),
            id::UINT32 => u32::try_from(integer).ok().map(Variant::from),
            id::INT64 => i64::try_from(integer).ok().map(Variant::from),
            id::UINT64 => u64::try_from(integer).ok().map(Variant::from),
            id::STATUS_CODE => u32::try_from(integer).ok().map(|code| Status(code).into()),
            _ => None,
        }
    }
}

fn convert(value: &Variant, to: u8) -> Option<Variant> {
    if let Some(number) = number(value) {
        return match to {
            id::STRING if !matches!(value, Variant::StatusCode(_)) => text_of(value).map(|text| text.as_str().into()),
            id::STATUS_CODE if !matches!(number, Number::Integer(_)) => None,
            _ => number.to(to),
        };
    }
    match (value, to) {
        (Variant::String(text), _) => parse(text.as_str(), to),
        (Variant::DateTime(_) | Variant::Guid(_), id::STRING) => text_of(value).map(|text| text.as_str().into()),
        (Variant::Guid(guid), id::BYTE_STRING) => Some(ByteString::from(&guid.0[..]).into()),
        (Variant::ByteString(bytes), id::GUID) => bytes.as_slice().try_into().ok().map(|bytes| Guid(bytes).into()),
        (Variant::NodeId(node), id::EXPANDED_NODE_ID) => Some(Box::new(ExpandedNodeId::from(node.clone())).into()),
        (Variant::ExpandedNodeId(node), id::NODE_ID) => node.is_local().then(|| node.node_id.clone().into()),
        (Variant::NodeId(_) | Variant::ExpandedNodeId(_), id::STRING) => {
            text_of(value).map(|text| text.as_str().into())
        }
        (Variant::LocalizedText(text), id::STRING) => Some(text.text.clone().into()),
        (Variant::QualifiedName(name), id::STRING) => Some(name.name.clone().into()),
        (Variant::QualifiedName(name), id::LOCALIZED_TEXT) => Some(LocalizedText::new(name.name.clone()).into()),
        _ => None,
    }
}

fn text_of(value: &Variant) -> Option<String> {
    Some(match value {
        Variant::Float(value) => value.to_string(),
        Variant::Double(value) => value.to_string(),
        Variant::DateTime(value) => value.to_string(),
        Variant::Guid(value) => value.to_string(),
        Variant::NodeId(value) => value.to_string(),
        Variant::ExpandedNodeId(value) => value.to_string(),
        Variant::Boolean(value) => value.to_string(),
        other => match number(other)? {
            Number::Integer(value) => value.to_string(),
            Number::Real(value) => value.to_string(),
        },
    })
}

fn parse(text: &str, to: u8) -> Option<Variant> {
    let text = text.trim();
    match to {
        id::BOOLEAN => match text {
            "1" => Some(true.into()),
            "0" => Some(false.into()),
            _ if text.eq_ignore_ascii_case("true") => Some(true.into()),
            _ if text.eq_ignore_ascii_case("false") => Some(false.into()),
            _ => None,
        },
        id::FLOAT | id::DOUBLE => text.parse().ok().and_then(|value| Number::Real(value).to(to)),
        id::SBYTE..=id::UINT64 => text.parse().ok().and_then(|value| Number::Integer(value).to(to)),
        id::GUID => text.parse::<Guid>().ok().map(Variant::from),
        id::DATE_TIME => Timestamp::parse_rfc3339(text).map(Variant::from),
        id::NODE_ID => text.parse::<NodeId>().ok().map(Variant::from),
        id::EXPANDED_NODE_ID => text.parse::<NodeId>().ok().map(|node| Box::new(ExpandedNodeId::from(node)).into()),
        id::LOCALIZED_TEXT => Some(LocalizedText::new(text).into()),
        id::QUALIFIED_NAME => Some(qualified(text).into()),
        _ => None,
    }
}

fn qualified(text: &str) -> QualifiedName {
    match text.split_once(':').map(|(namespace, name)| (namespace.parse(), name)) {
        Some((Ok(namespace), name)) => QualifiedName::new(namespace, name),
        _ => QualifiedName::new(0, text),
    }
}
