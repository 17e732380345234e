//! Arrays and matrices of a Variant.

use tagwire_model::{Status, Timestamp};

use super::variant::{ARRAY_FLAG, DIMENSIONS_FLAG, VARIANT_ID};
use super::{
    ByteString, DataValue, DiagnosticInfo, ExpandedNodeId, ExtensionObject, Guid, LocalizedText, NodeId, QualifiedName,
    UaString, Variant, XmlElement,
};
use crate::codec::{Decode, DecodeError, Encode, Reader};

macro_rules! arrays {
    ($($id:literal $name:ident($ty:ty);)*) => {
        /// The elements of an array, all of one type.
        #[derive(Clone, Debug, PartialEq)]
        pub enum VariantItems {
            $(
                #[doc = concat!("Elements of type ", stringify!($name), ".")]
                $name(Vec<$ty>),
            )*
        }

        impl VariantItems {
            /// Number of the built-in type of each element (Part 6, Table 1).
            pub const fn type_id(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $id,)*
                }
            }

            /// The number of elements.
            pub const fn len(&self) -> usize {
                match self {
                    $(Self::$name(items) => items.len(),)*
                }
            }

            fn decode(type_id: u8, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match type_id {
                    $($id => Vec::decode(reader).map(Self::$name),)*
                    26..=31 => Vec::decode(reader).map(Self::ByteString),
                    _ => Err(DecodeError::Form),
                }
            }

            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$name(items) => items.encode(out),)*
                }
            }
        }

        $(impl From<Vec<$ty>> for VariantItems {
            fn from(items: Vec<$ty>) -> Self {
                Self::$name(items)
            }
        }

        impl From<Vec<$ty>> for Variant {
            fn from(items: Vec<$ty>) -> Self {
                Self::from(VariantItems::$name(items))
            }
        })*

        /// Evaluates an expression for the vector within [`VariantItems`], whatever its element type.
        macro_rules! each_items {
            ($items_expr:expr, $items:ident => $body:expr) => {
                match $items_expr {
                    $(VariantItems::$name($items) => $body,)*
                }
            };
        }
    };
}

arrays! {
    1 Boolean(bool);
    2 SByte(i8);
    3 Byte(u8);
    4 Int16(i16);
    5 UInt16(u16);
    6 Int32(i32);
    7 UInt32(u32);
    8 Int64(i64);
    9 UInt64(u64);
    10 Float(f32);
    11 Double(f64);
    12 String(UaString);
    13 DateTime(Timestamp);
    14 Guid(Guid);
    15 ByteString(ByteString);
    16 XmlElement(XmlElement);
    17 NodeId(NodeId);
    18 ExpandedNodeId(ExpandedNodeId);
    19 StatusCode(Status);
    20 QualifiedName(QualifiedName);
    21 LocalizedText(LocalizedText);
    22 ExtensionObject(ExtensionObject);
    23 DataValue(DataValue);
    24 Variant(Variant);
    25 DiagnosticInfo(DiagnosticInfo);
}

pub(super) use each_items;

impl VariantItems {
    /// Whether there is no element.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An array whose number of elements equals the product of its dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct VariantArray {
    /// Empty for one dimension.
    dims: Vec<u32>,
    items: VariantItems,
}

impl VariantArray {
    /// An array of one dimension.
    pub const fn new(items: VariantItems) -> Self {
        Self { dims: Vec::new(), items }
    }

    /// An array of one or more dimensions, last one varying fastest.
    ///
    /// # Errors
    /// [`DecodeError::Shape`] when the dimensions do not multiply to the number of elements.
    pub fn matrix(dims: &[u32], items: VariantItems) -> Result<Self, DecodeError> {
        let product = dims.iter().try_fold(1_usize, |product, dim| product.checked_mul(*dim as usize));
        if product != Some(items.len()) {
            return Err(DecodeError::Shape);
        }
        Ok(Self { dims: if dims.len() > 1 { dims.to_vec() } else { Vec::new() }, items })
    }

    /// The array of a tag, whose dimensions are known to fit its elements.
    pub(super) fn of_tag(dims: &[u32], items: VariantItems) -> Self {
        Self { dims: if dims.len() > 1 { dims.to_vec() } else { Vec::new() }, items }
    }

    /// The elements.
    pub const fn items(&self) -> &VariantItems {
        &self.items
    }

    /// The number of dimensions, 1 or more.
    pub fn rank(&self) -> usize {
        self.dims.len().max(1)
    }

    /// The length of each dimension.
    pub fn dims(&self) -> Vec<u32> {
        if self.dims.is_empty() { vec![self.items.len() as u32] } else { self.dims.clone() }
    }

    /// The lengths as given: empty for one dimension.
    pub(super) fn matrix_dims(&self) -> &[u32] {
        &self.dims
    }

    pub(super) fn encode_variant(&self, out: &mut Vec<u8>) {
        let dims_flag = if self.dims.is_empty() { 0 } else { DIMENSIONS_FLAG };
        out.push(self.items.type_id() | ARRAY_FLAG | dims_flag);
        self.items.encode(out);
        if !self.dims.is_empty() {
            self.dims.encode(out);
        }
    }

    /// Reads what follows the type byte of an array; a null array becomes an empty one.
    pub(super) fn decode_rest(type_id: u8, has_dims: bool, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = match type_id {
            23 | VARIANT_ID | 25 => reader.nested(|reader| VariantItems::decode(type_id, reader))?,
            _ => VariantItems::decode(type_id, reader)?,
        };
        if !has_dims {
            return Ok(Self::new(items));
        }
        let dims = Vec::<u32>::decode(reader)?;
        if dims.is_empty() {
            return Ok(Self::new(items));
        }
        Self::matrix(&dims, items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: Variant) {
        assert_eq!(Variant::from_bytes(&value.to_bytes()), Ok(value));
    }

    #[test]
    fn arrays_of_every_type_round_trip() {
        round_trip(vec![true, false].into());
        round_trip(vec![-1_i8].into());
        round_trip(vec![1_u8, 2].into());
        round_trip(vec![-1_i16].into());
        round_trip(vec![1_u16].into());
        round_trip(vec![-1_i32].into());
        round_trip(vec![1_u32].into());
        round_trip(vec![-1_i64].into());
        round_trip(vec![1_u64].into());
        round_trip(vec![1.5_f32].into());
        round_trip(vec![1.5_f64].into());
        round_trip(vec![UaString::from("a"), UaString::NULL].into());
        round_trip(vec![Timestamp::from_ticks(1)].into());
        round_trip(vec![Guid([1; 16])].into());
        round_trip(vec![ByteString::NULL, ByteString::from(vec![1])].into());
        round_trip(vec![XmlElement("<a/>".into())].into());
        round_trip(vec![NodeId::ns0(1), NodeId::string(1, "a")].into());
        round_trip(vec![ExpandedNodeId::from(NodeId::ns0(1))].into());
        round_trip(vec![Status::BAD_TIMEOUT].into());
        round_trip(vec![QualifiedName::new(1, "a")].into());
        round_trip(vec![LocalizedText::new("a")].into());
        round_trip(vec![ExtensionObject::default()].into());
        round_trip(vec![DataValue { value: Some(1_u8.into()), ..DataValue::default() }].into());
        round_trip(vec![Variant::Null, vec![1_u8].into()].into());
        round_trip(vec![DiagnosticInfo::default()].into());
        round_trip(Vec::<f64>::new().into());
    }

    #[test]
    fn a_matrix_carries_its_dimensions_behind_its_elements() {
        let matrix = VariantArray::matrix(&[2, 3], VariantItems::Byte(vec![1, 2, 3, 4, 5, 6])).expect("fits");
        let bytes = Variant::from(matrix.clone()).to_bytes();
        assert_eq!(bytes, [0xC3, 6, 0, 0, 0, 1, 2, 3, 4, 5, 6, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
        round_trip(matrix.into());
    }

    #[test]
    fn dimensions_that_overflow_or_do_not_fit_are_refused() {
        for dims in [[2_u32, 2], [0x1_0000, 0x1_0000], [u32::MAX, u32::MAX], [0, 5]] {
            let mut bytes = vec![0xC3, 6, 0, 0, 0, 1, 2, 3, 4, 5, 6, 2, 0, 0, 0];
            dims.iter().for_each(|dim| dim.encode(&mut bytes));
            assert_eq!(Variant::from_bytes(&bytes), Err(DecodeError::Shape), "{dims:?}");
        }
    }

    #[test]
    fn a_null_array_is_empty_and_one_dimension_is_no_matrix() {
        assert_eq!(Variant::from_bytes(&[0x83, 0xFF, 0xFF, 0xFF, 0xFF]), Ok(Vec::<u8>::new().into()));
        assert_eq!(Variant::from_bytes(&[0xC3, 1, 0, 0, 0, 7, 1, 0, 0, 0, 1, 0, 0, 0]), Ok(vec![7_u8].into()));
    }
}
