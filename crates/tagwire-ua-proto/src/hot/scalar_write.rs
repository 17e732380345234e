//! The kind of write that nearly all are, read without the detour over all that a write may be.

use tagwire_model::DataType;

use super::request::WriteValueRef;
use super::value::fixed_value;
use crate::codec::{Decode, DecodeError, Reader};

/// Form byte of a NodeId with a text (Part 6, 5.2.2.9).
const TEXT_FORM: u8 = 3;

/// Mask of a DataValue that has a value and nothing else (Part 6, 5.2.2.17).
const VALUE_ONLY: u8 = 1;

/// One scalar of a fixed type, without status and times, for an attribute, as a whole, of a node named by text.
#[derive(Clone, Copy, Debug)]
pub struct ScalarWriteRef<'a> {
    /// Index of the namespace.
    pub namespace: u16,
    /// The attribute, one of [`crate::ids::attribute`] or a number that does not exist.
    pub attribute_id: u32,
    /// The text that names the node, not empty and not checked to be UTF-8.
    pub name: &'a [u8],
    /// Type of the value.
    pub data_type: DataType,
    /// The 64 bits that a table slot holds for the value.
    pub bits: u64,
    encoded: &'a [u8],
}

impl<'a> ScalarWriteRef<'a> {
    /// Reads a write of this kind; `None`, with the reader left where it is, for any other and for what ends too early.
    #[inline]
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let rest = reader.rest();
        let (&[TEXT_FORM, n0, n1, l0, l1, l2, l3], tail) = rest.split_first_chunk()? else { return None };
        let len = usize::try_from(i32::from_le_bytes([l0, l1, l2, l3])).ok().filter(|len| *len > 0)?;
        let (name, tail) = tail.split_at_checked(len)?;
        let (&[a0, a1, a2, a3, r0, r1, r2, r3, VALUE_ONLY, kind], tail) = tail.split_first_chunk()? else {
            return None;
        };
        // Null and empty both mean the whole value.
        if !matches!(i32::from_le_bytes([r0, r1, r2, r3]), -1 | 0) {
            return None;
        }
        let mut behind = reader.within(tail);
        let (data_type, bits) = fixed_value(kind, &mut behind).ok()??;
        let encoded = reader.bytes(rest.len() - behind.remaining()).ok()?;
        Some(Self {
            namespace: u16::from_le_bytes([n0, n1]),
            attribute_id: u32::from_le_bytes([a0, a1, a2, a3]),
            name,
            data_type,
            bits,
            encoded,
        })
    }

    /// The same write in the form that any has.
    ///
    /// # Errors
    /// [`DecodeError::Utf8`] when the name is no text.
    pub fn to_write(&self) -> Result<WriteValueRef<'a>, DecodeError> {
        WriteValueRef::decode(&mut Reader::new(self.encoded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encode;
    use crate::hot::ValueRef;
    use crate::services::WriteValue;
    use crate::types::{DataValue, NodeId, Variant};

    fn encoded(node_id: NodeId, range: &str, value: DataValue) -> Vec<u8> {
        WriteValue { node_id, attribute_id: 13, index_range: range.into(), value }.to_bytes()
    }

    #[test]
    fn scalar_writes_are_read_as_any_write_is() {
        let values: [Variant; 5] = [true.into(), (-3_i16).into(), u32::MAX.into(), 1.5_f32.into(), (-0.0_f64).into()];
        for value in values {
            let mut bytes = encoded(NodeId::string(2, "line.tag"), "", DataValue::new(value));
            bytes.extend([1, 2, 3]);
            let mut reader = Reader::new(&bytes);
            let scalar = ScalarWriteRef::read(&mut reader).expect("scalar");
            assert_eq!(reader.rest(), [1, 2, 3]);
            let write = scalar.to_write().expect("write");
            assert_eq!(write, WriteValueRef::decode(&mut Reader::new(&bytes)).expect("write"));
            assert_eq!((write.node_id.to_owned(), scalar.namespace), (NodeId::string(2, "line.tag"), 2));
            assert_eq!((scalar.name, scalar.attribute_id), (&b"line.tag"[..], write.attribute_id));
            assert_eq!(write.value.value, ValueRef::Fixed(scalar.data_type, scalar.bits));
            for end in 0..bytes.len() - 3 {
                let mut reader = Reader::new(&bytes[..end]);
                assert!(ScalarWriteRef::read(&mut reader).is_none());
                assert_eq!(reader.remaining(), end);
            }
        }
    }

    #[test]
    fn every_other_write_is_left_alone() {
        let tag = || NodeId::string(2, "line.tag");
        let others = [
            encoded(NodeId::ns0(7), "", DataValue::new(1.5_f64)),
            encoded(NodeId::string(2, ""), "", DataValue::new(1.5_f64)),
            encoded(tag(), "0:1", DataValue::new(1.5_f64)),
            encoded(tag(), "", DataValue::new(Variant::from("text"))),
            encoded(tag(), "", DataValue::default()),
            encoded(tag(), "", DataValue { status: Some(tagwire_model::Status::GOOD), ..DataValue::new(1.5_f64) }),
        ];
        for bytes in others {
            let mut reader = Reader::new(&bytes);
            assert!(ScalarWriteRef::read(&mut reader).is_none());
            assert_eq!(reader.remaining(), bytes.len());
        }
    }
}
