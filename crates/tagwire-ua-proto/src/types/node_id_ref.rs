//! NodeId, borrowed from the message: what the hot services look nodes up with.

use std::hash::Hash;

use super::{Guid, NodeId};
use crate::codec::{Decode, DecodeError, Reader};

/// What names a node within its namespace, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentifierRef<'a> {
    /// A number.
    Numeric(u32),
    /// Text.
    String(&'a str),
    /// A Guid.
    Guid(Guid),
    /// Bytes that mean something to the server only.
    Opaque(&'a [u8]),
}

/// The name of a node, borrowed. Equal ids are equal, and hash equally, however they were encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeIdRef<'a> {
    /// Index of the namespace.
    pub namespace: u16,
    /// The name within the namespace.
    pub identifier: IdentifierRef<'a>,
}

impl<'a> NodeIdRef<'a> {
    /// Whether this names no node (Part 3, 8.2.4).
    pub const fn is_null(&self) -> bool {
        self.namespace == 0
            && match self.identifier {
                IdentifierRef::Numeric(id) => id == 0,
                IdentifierRef::String(id) => id.is_empty(),
                IdentifierRef::Guid(Guid(id)) => u128::from_le_bytes(id) == 0,
                IdentifierRef::Opaque(id) => id.is_empty(),
            }
    }

    /// The owned form.
    pub fn to_owned(self) -> NodeId {
        NodeId::from(self)
    }

    /// Reads an id together with the bytes it is encoded in.
    ///
    /// # Errors
    /// As [`Decode::decode`].
    #[inline]
    pub fn decode_with_bytes(reader: &mut Reader<'a>) -> Result<(Self, &'a [u8]), DecodeError> {
        let start = reader.rest();
        let id = Self::decode(reader)?;
        Ok((id, start.get(..start.len() - reader.remaining()).unwrap_or_default()))
    }

    /// A hash that is the same for every encoding of the same id. It is fast and unkeyed: meant for tables whose
    /// entries the peer cannot choose.
    #[inline]
    pub fn hash64(&self) -> u64 {
        let seed = 0x9E37_79B9_7F4A_7C15 ^ u64::from(self.namespace);
        match self.identifier {
            IdentifierRef::Numeric(id) => fold(seed ^ (u64::from(id) << 16), 0xA076_1D64_78BD_642F),
            IdentifierRef::String(id) => hash_bytes(seed, id.as_bytes()),
            IdentifierRef::Guid(id) => hash_bytes(seed ^ 0x0200_0000, &id.0),
            IdentifierRef::Opaque(id) => hash_bytes(seed ^ 0x0100_0000, id),
        }
    }

    #[inline]
    pub(super) fn decode_rest(form: u8, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (namespace, identifier) = match form {
            0 => (0, IdentifierRef::Numeric(u32::from(reader.u8()?))),
            1 => (u16::from(reader.u8()?), IdentifierRef::Numeric(u32::from(reader.u16()?))),
            2 => (reader.u16()?, IdentifierRef::Numeric(reader.u32()?)),
            3 => (reader.u16()?, IdentifierRef::String(reader.str()?.unwrap_or_default())),
            4 => (reader.u16()?, IdentifierRef::Guid(Guid::decode(reader)?)),
            5 => (reader.u16()?, IdentifierRef::Opaque(reader.byte_string()?.unwrap_or_default())),
            _ => return Err(DecodeError::Form),
        };
        Ok(Self { namespace, identifier })
    }
}

impl<'a> Decode<'a> for NodeIdRef<'a> {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let form = reader.u8()?;
        Self::decode_rest(form, reader)
    }
}

impl PartialEq<NodeId> for NodeIdRef<'_> {
    #[inline]
    fn eq(&self, other: &NodeId) -> bool {
        *self == other.borrowed()
    }
}

#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline]
fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    const A: u64 = 0xE703_7ED1_A0B4_28DB;
    const B: u64 = 0x8EBC_6AF0_9C88_C6E3;
    let word = |chunk: &[u8]| chunk.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let mut state = seed ^ (bytes.len() as u64).wrapping_mul(A);
    let mut rest = bytes;
    while let Some((chunk, tail)) = rest.split_first_chunk::<16>() {
        state = fold(word(chunk) ^ A ^ state, word(&chunk[8..]) ^ B);
        rest = tail;
    }
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    fold(word(&last) ^ B ^ state, word(&last[8..]) ^ A)
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;
    use crate::codec::Encode;

    #[test]
    fn the_same_number_is_equal_in_every_encoding() {
        let forms: [&[u8]; 3] = [&[0, 85], &[1, 0, 85, 0], &[2, 0, 0, 85, 0, 0, 0]];
        let state = RandomState::new();
        for form in forms {
            let (id, bytes) = NodeIdRef::decode_with_bytes(&mut Reader::new(form)).expect("id");
            assert_eq!(bytes, form);
            assert_eq!(id, NodeId::ns0(85));
            assert_eq!(id.hash64(), NodeId::ns0(85).borrowed().hash64());
            assert_eq!(state.hash_one(id), state.hash_one(NodeId::ns0(85)));
        }
    }

    #[test]
    fn ids_that_differ_hash_differently() {
        let mut seen = std::collections::HashSet::new();
        for namespace in 0..4 {
            for number in 0..10_000 {
                assert!(seen.insert(NodeId::numeric(namespace, number).borrowed().hash64()));
                let text = format!("Ch1.Dev{}.Tag{number}", number / 1000);
                assert!(seen.insert(NodeId::string(namespace, text).borrowed().hash64()));
            }
        }
        assert_ne!(NodeId::string(1, "a\0").borrowed().hash64(), NodeId::string(1, "a").borrowed().hash64());
    }

    #[test]
    fn a_reader_stands_behind_the_id() {
        let mut bytes = NodeId::string(2, "line1.press.temp").to_bytes();
        bytes.push(13);
        let mut reader = Reader::new(&bytes);
        assert_eq!(NodeIdRef::decode(&mut reader), Ok(NodeId::string(2, "line1.press.temp").borrowed()));
        assert_eq!(reader.rest(), [13]);
    }
}
