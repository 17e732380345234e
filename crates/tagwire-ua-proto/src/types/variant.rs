//! Variant: a value of any built-in type, scalar or array (Part 6, 5.2.2.16).

use std::sync::Arc;

use tagwire_model::{Status, Timestamp};

use super::{
    ByteString, DataValue, DiagnosticInfo, ExpandedNodeId, ExtensionObject, Guid, LocalizedText, NodeId, QualifiedName,
    Structure, UaString, VariantArray, VariantItems, XmlElement,
};
use crate::codec::{Decode, DecodeError, Encode, Reader};

pub(super) const ARRAY_FLAG: u8 = 0x80;
pub(super) const DIMENSIONS_FLAG: u8 = 0x40;
/// Type number of a Variant, which exists as an array element only.
pub(super) const VARIANT_ID: u8 = 24;

macro_rules! scalars {
    ($($(#[$doc:meta])* $id:literal $name:ident($ty:ty);)*) => {
        /// A value of any built-in type. Cloning never copies text, bytes or elements.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub enum Variant {
            /// No value.
            #[default]
            Null,
            $($(#[$doc])* $name($ty),)*
            /// An array, or a matrix.
            Array(Arc<VariantArray>),
        }

        impl Variant {
            /// Number of the built-in type of the value or of each element (Part 6, Table 1), 0 for null. It is the
            /// numeric NodeId of the DataType in namespace 0 as well.
            pub fn type_id(&self) -> u8 {
                match self {
                    Self::Null => 0,
                    $(Self::$name(_) => $id,)*
                    Self::Array(array) => array.items().type_id(),
                }
            }

            fn decode_scalar(type_id: u8, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match type_id {
                    $($id => <$ty>::decode(reader).map(Self::$name),)*
                    0 => Ok(Self::Null),
                    // Numbers kept for later types are to be read as ByteString.
                    26..=31 => ByteString::decode(reader).map(Self::ByteString),
                    _ => Err(DecodeError::Form),
                }
            }
        }

        impl Encode for Variant {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    Self::Null => out.push(0),
                    $(Self::$name(value) => {
                        out.push($id);
                        value.encode(out);
                    })*
                    Self::Array(array) => array.encode_variant(out),
                }
            }
        }

        $(impl From<$ty> for Variant {
            fn from(value: $ty) -> Self {
                Self::$name(value)
            }
        })*
    };
}

scalars! {
    /// A Boolean.
    1 Boolean(bool);
    /// A signed byte.
    2 SByte(i8);
    /// An unsigned byte.
    3 Byte(u8);
    /// A signed 16-bit integer.
    4 Int16(i16);
    /// An unsigned 16-bit integer.
    5 UInt16(u16);
    /// A signed 32-bit integer; enumerations too.
    6 Int32(i32);
    /// An unsigned 32-bit integer.
    7 UInt32(u32);
    /// A signed 64-bit integer.
    8 Int64(i64);
    /// An unsigned 64-bit integer.
    9 UInt64(u64);
    /// An IEEE 754 single.
    10 Float(f32);
    /// An IEEE 754 double.
    11 Double(f64);
    /// Text.
    12 String(UaString);
    /// A point in time.
    13 DateTime(Timestamp);
    /// A Guid.
    14 Guid(Guid);
    /// Bytes.
    15 ByteString(ByteString);
    /// A piece of XML.
    16 XmlElement(XmlElement);
    /// The name of a node.
    17 NodeId(NodeId);
    /// The name of a node, perhaps on another server.
    18 ExpandedNodeId(Box<ExpandedNodeId>);
    /// A StatusCode.
    19 StatusCode(Status);
    /// A name in a namespace.
    20 QualifiedName(QualifiedName);
    /// Text with its language.
    21 LocalizedText(LocalizedText);
    /// A structure.
    22 ExtensionObject(Box<ExtensionObject>);
    /// A value with quality and times.
    23 DataValue(Box<DataValue>);
    /// Details of an error.
    25 DiagnosticInfo(Box<DiagnosticInfo>);
}

impl Variant {
    /// A structure as a value.
    pub fn structure<T: Structure>(structure: &T) -> Self {
        Self::ExtensionObject(Box::new(ExtensionObject::new(structure)))
    }

    /// Structures as a value.
    pub fn structures<T: Structure>(structures: &[T]) -> Self {
        Self::from(VariantItems::ExtensionObject(structures.iter().map(ExtensionObject::new).collect()))
    }

    /// Whether there is no value.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The array, when this is one.
    pub fn as_array(&self) -> Option<&VariantArray> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }

    /// The ValueRank that this value has: -1 for a scalar, else the number of dimensions (Part 3, 5.6.2).
    pub fn value_rank(&self) -> i32 {
        self.as_array().map_or(-1, |array| array.rank() as i32)
    }
}

impl<'a> Decode<'a> for Variant {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let head = reader.u8()?;
        let type_id = head & 0x3F;
        if head & ARRAY_FLAG != 0 {
            let array = VariantArray::decode_rest(type_id, head & DIMENSIONS_FLAG != 0, reader)?;
            return Ok(Self::Array(Arc::new(array)));
        }
        if head & DIMENSIONS_FLAG != 0 || type_id == VARIANT_ID {
            return Err(DecodeError::Form);
        }
        match type_id {
            23 | 25 => reader.nested(|reader| Self::decode_scalar(type_id, reader)),
            _ => Self::decode_scalar(type_id, reader),
        }
    }
}

impl From<&str> for Variant {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<VariantItems> for Variant {
    fn from(items: VariantItems) -> Self {
        Self::Array(Arc::new(VariantArray::new(items)))
    }
}

impl From<VariantArray> for Variant {
    fn from(array: VariantArray) -> Self {
        Self::Array(Arc::new(array))
    }
}

impl<T: Encode> Encode for Box<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        T::encode(self, out);
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Box<T> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        T::decode(reader).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Variant> {
        vec![
            Variant::Null,
            true.into(),
            (-1_i8).into(),
            255_u8.into(),
            i16::MIN.into(),
            u16::MAX.into(),
            (-7_i32).into(),
            u32::MAX.into(),
            i64::MIN.into(),
            u64::MAX.into(),
            1.5_f32.into(),
            (-0.0_f64).into(),
            "text".into(),
            Variant::String(UaString::NULL),
            Timestamp::from_ticks(5).into(),
            Guid([3; 16]).into(),
            ByteString::from(&[1, 2][..]).into(),
            XmlElement("<a/>".into()).into(),
            NodeId::string(2, "a.b").into(),
            Box::new(ExpandedNodeId::from(NodeId::ns0(85))).into(),
            Status::BAD_TIMEOUT.into(),
            QualifiedName::new(1, "q").into(),
            LocalizedText::new("l").into(),
            Box::new(ExtensionObject::default()).into(),
            Box::new(DataValue { value: Some(1_u8.into()), ..DataValue::default() }).into(),
            Box::new(DiagnosticInfo::default()).into(),
        ]
    }

    #[test]
    fn every_scalar_round_trips() {
        for value in one_of_each() {
            let bytes = value.to_bytes();
            assert_eq!(bytes[0], value.type_id());
            assert_eq!(Variant::from_bytes(&bytes), Ok(value));
        }
    }

    #[test]
    fn every_cut_of_a_value_is_refused_without_panic() {
        for value in one_of_each() {
            let bytes = value.to_bytes();
            for len in 0..bytes.len() {
                assert!(Variant::from_bytes(&bytes[..len]).is_err(), "{value:?} cut at {len}");
            }
        }
    }

    #[test]
    fn forms_that_do_not_exist_are_refused() {
        // A Variant directly in a Variant, dimensions without an array, numbers beyond the defined types.
        for head in [24_u8, 0x46, 32, 63] {
            assert_eq!(Variant::from_bytes(&[head, 0, 0, 0, 0]), Err(DecodeError::Form), "{head}");
        }
        assert_eq!(Variant::from_bytes(&[26, 1, 0, 0, 0, 9]), Ok(Variant::ByteString(ByteString::from(&[9][..]))));
    }

    #[test]
    fn ten_thousand_levels_are_refused() {
        // Array of one Variant that is an array of one Variant and so on.
        let arrays: Vec<u8> = [0x98, 1, 0, 0, 0].repeat(10_000);
        assert_eq!(Variant::from_bytes(&arrays), Err(DecodeError::Depth));
        // Variant of a DataValue of a Variant and so on.
        let values: Vec<u8> = [23, 1].repeat(10_000);
        assert_eq!(Variant::from_bytes(&values), Err(DecodeError::Depth));
    }

    #[test]
    fn a_value_stays_small() {
        assert!(size_of::<Variant>() <= 40, "{}", size_of::<Variant>());
    }
}
