//! ExtensionObject: a structure that carries the name of its type.

use std::sync::Arc;

use super::NodeId;
use crate::codec::{Decode, DecodeError, Encode, MAX_DEPTH, Reader, write_sized};

/// A structure that has a binary encoding of its own.
pub trait Structure: Encode + for<'a> Decode<'a> {
    /// Numeric NodeId in namespace 0 of its DefaultBinary encoding.
    const ENCODING_ID: u32;
    /// Numeric NodeId in namespace 0 of its DataType.
    const DATA_TYPE_ID: u32;
}

/// A structure that was not decoded, with the id of its encoding (Part 6, 5.2.2.15).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExtensionObject {
    /// Id of the encoding of the body, null for no value.
    pub type_id: NodeId,
    /// The encoded structure.
    pub body: ExtensionBody,
}

/// The encoded structure of an [`ExtensionObject`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExtensionBody {
    /// No body.
    #[default]
    None,
    /// Binary encoding.
    Binary(Arc<[u8]>),
    /// XML encoding, as bytes.
    Xml(Arc<[u8]>),
}

impl ExtensionObject {
    /// The binary form of `structure`.
    pub fn new<T: Structure>(structure: &T) -> Self {
        Self { type_id: NodeId::ns0(T::ENCODING_ID), body: ExtensionBody::Binary(Arc::from(structure.to_bytes())) }
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        self.type_id.is_null() && self.body == ExtensionBody::None
    }

    /// Whether this claims to hold a `T` in binary form.
    pub fn is<T: Structure>(&self) -> bool {
        self.type_id.as_ns0() == Some(T::ENCODING_ID)
    }

    /// Decodes the body when the type is `T`; `None` for any other type. A body-less object counts as an empty body.
    ///
    /// # Errors
    /// As [`Decode::decode`], and [`DecodeError::BodyLength`] when the structure is shorter than the body.
    pub fn decode_as<T: Structure>(&self) -> Option<Result<T, DecodeError>> {
        if !self.is::<T>() {
            return None;
        }
        Some(match &self.body {
            ExtensionBody::None => T::from_bytes(&[]),
            ExtensionBody::Binary(body) => T::from_bytes(body).map_err(|error| match error {
                DecodeError::Trailing => DecodeError::BodyLength,
                other => other,
            }),
            ExtensionBody::Xml(_) => Err(DecodeError::Form),
        })
    }

    /// Appends a structure as an ExtensionObject without the detour over an owned body.
    pub fn write<T: Structure>(structure: &T, out: &mut Vec<u8>) {
        Self::write_raw(T::ENCODING_ID, out, |out| structure.encode(out));
    }

    /// Appends an ExtensionObject in binary form whose body is what `write` appends.
    #[inline]
    pub fn write_raw(encoding_id: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        NodeId::ns0(encoding_id).encode(out);
        out.push(1);
        write_sized(out, write);
    }
}

impl Encode for ExtensionObject {
    fn encode(&self, out: &mut Vec<u8>) {
        self.type_id.encode(out);
        match &self.body {
            ExtensionBody::None => out.push(0),
            ExtensionBody::Binary(body) => {
                out.push(1);
                body.encode(out);
            }
            ExtensionBody::Xml(body) => {
                out.push(2);
                body.encode(out);
            }
        }
    }
}

impl<'a> Decode<'a> for ExtensionObject {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let type_id = NodeId::decode(reader)?;
        let body = match reader.u8()? {
            0 => ExtensionBody::None,
            1 => ExtensionBody::Binary(Arc::from(reader.byte_string()?.unwrap_or_default())),
            2 => ExtensionBody::Xml(Arc::from(reader.byte_string()?.unwrap_or_default())),
            _ => return Err(DecodeError::Form),
        };
        Ok(Self { type_id, body })
    }
}

// A structure that holds ExtensionObjects is decoded by its user one level at a time, so nesting costs no stack here.
const _: () = assert!(MAX_DEPTH >= 100, "the specification asks for 100 levels");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::LocalizedText;

    impl Structure for LocalizedText {
        const ENCODING_ID: u32 = 9999;
        const DATA_TYPE_ID: u32 = 9998;
    }

    #[test]
    fn a_body_must_be_as_long_as_it_says() {
        let mut object = ExtensionObject::new(&LocalizedText::new("a"));
        assert_eq!(object.decode_as(), Some(Ok(LocalizedText::new("a"))));
        object.body = ExtensionBody::Binary(Arc::from([2, 1, 0, 0, 0, b'a', 0]));
        assert_eq!(object.decode_as::<LocalizedText>(), Some(Err(DecodeError::BodyLength)));
        object.body = ExtensionBody::Binary(Arc::from([2, 1, 0, 0, 0]));
        assert_eq!(object.decode_as::<LocalizedText>(), Some(Err(DecodeError::End)));
        object.type_id = NodeId::ns0(1);
        assert_eq!(object.decode_as::<LocalizedText>(), None);
    }

    #[test]
    fn a_claimed_body_beyond_the_message_is_refused() {
        let bytes = [0, 7, 1, 0xFF, 0xFF, 0xFF, 0x7F, 1];
        assert_eq!(ExtensionObject::from_bytes(&bytes), Err(DecodeError::End));
    }

    #[test]
    fn writing_through_and_writing_owned_give_the_same_bytes() {
        let mut out = Vec::new();
        ExtensionObject::write(&LocalizedText::new("a"), &mut out);
        assert_eq!(out, ExtensionObject::new(&LocalizedText::new("a")).to_bytes());
        assert_eq!(out, [1, 0, 0x0F, 0x27, 1, 6, 0, 0, 0, 2, 1, 0, 0, 0, b'a']);
    }
}
