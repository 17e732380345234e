//! Services on tags (Logix data access): read, write, both in fragments, and changes of single bits.

use super::types::TypeCode;
use super::{CodecError, Reader};

/// Type of data in an answer or a write: elementary, or a structure with its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataTag {
    /// The type; [`TypeCode::STRUCTURE`] for structures.
    pub code: TypeCode,
    /// Tells structures apart: a checksum of the template; 0 for elementary types.
    pub handle: u16,
}

impl DataTag {
    /// The controller's own type STRING, the same in every program.
    pub const STRING: Self = Self::structure(0x0FCE);
    /// Bytes of a [`Self::STRING`]: length, 82 characters, filled up to a multiple of four.
    pub const STRING_SIZE: usize = 88;

    /// An elementary type.
    pub const fn plain(code: TypeCode) -> Self {
        Self { code, handle: 0 }
    }

    /// A structure.
    pub const fn structure(handle: u16) -> Self {
        Self { code: TypeCode::STRUCTURE, handle }
    }

    /// Whether it is a structure.
    pub const fn is_structure(self) -> bool {
        self.code.0 == TypeCode::STRUCTURE.0
    }

    /// Bytes of the type.
    pub const fn len(self) -> usize {
        if self.is_structure() { 4 } else { 2 }
    }

    /// Never: a type has a code.
    pub const fn is_empty(self) -> bool {
        false
    }

    /// Appends the type.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.code.0.to_le_bytes());
        if self.is_structure() {
            out.extend_from_slice(&self.handle.to_le_bytes());
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let code = TypeCode(reader.u16()?);
        let handle = if code == TypeCode::STRUCTURE { reader.u16()? } else { 0 };
        Ok(Self { code, handle })
    }
}

/// The type and the data of an answer to a read.
///
/// # Errors
/// [`CodecError::Short`] when there is no type.
pub fn decode_read(data: &[u8]) -> Result<(DataTag, &[u8]), CodecError> {
    let mut reader = Reader::new(data, "type");
    let tag = DataTag::decode(&mut reader)?;
    Ok((tag, reader.rest()))
}

/// The data of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// How many elements.
    pub n_elements: u16,
    /// In a fragmented read the bytes to leave out.
    pub offset: Option<u32>,
}

impl Read {
    /// Appends the data.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.n_elements.to_le_bytes());
        if let Some(offset) = self.offset {
            out.extend_from_slice(&offset.to_le_bytes());
        }
    }

    /// Takes the data of a request apart.
    ///
    /// # Errors
    /// [`CodecError::Short`] when it ends too early.
    pub fn decode(data: &[u8], is_fragmented: bool) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "read");
        let n_elements = reader.u16()?;
        Ok(Self { n_elements, offset: if is_fragmented { Some(reader.u32()?) } else { None } })
    }
}

/// The data of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    /// Type of the elements.
    pub tag: DataTag,
    /// How many elements the whole write has.
    pub n_elements: u16,
    /// In a fragmented write where the bytes go.
    pub offset: Option<u32>,
    /// The elements, or the fragment.
    pub data: &'a [u8],
}

impl<'a> Write<'a> {
    /// Appends the data.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.tag.encode(out);
        out.extend_from_slice(&self.n_elements.to_le_bytes());
        if let Some(offset) = self.offset {
            out.extend_from_slice(&offset.to_le_bytes());
        }
        out.extend_from_slice(self.data);
    }

    /// Takes the data of a request apart.
    ///
    /// # Errors
    /// [`CodecError::Short`] when it ends too early.
    pub fn decode(data: &'a [u8], is_fragmented: bool) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "write");
        let tag = DataTag::decode(&mut reader)?;
        let n_elements = reader.u16()?;
        let offset = if is_fragmented { Some(reader.u32()?) } else { None };
        Ok(Self { tag, n_elements, offset, data: reader.rest() })
    }
}

/// The data of a change of single bits: `value & and | or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modify {
    /// Bytes of the value: 1, 2, 4 or 8.
    pub size: u8,
    /// Bits that become 1.
    pub or: u64,
    /// Bits that stay.
    pub and: u64,
}

impl Modify {
    /// Sets or clears one bit of a value of `size` bytes.
    pub const fn bit(size: u8, bit: u8, on: bool) -> Self {
        let mask = 1_u64 << (bit % 64);
        Self { size, or: if on { mask } else { 0 }, and: if on { u64::MAX } else { !mask } }
    }

    /// Appends the data.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let size = usize::from(self.size).min(8);
        out.extend_from_slice(&u16::from(self.size).to_le_bytes());
        out.extend_from_slice(self.or.to_le_bytes().get(..size).unwrap_or_default());
        out.extend_from_slice(self.and.to_le_bytes().get(..size).unwrap_or_default());
    }

    /// Takes the data of a request apart.
    ///
    /// # Errors
    /// [`CodecError`] for another size or too few bytes.
    pub fn decode(data: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "masks");
        let size = reader.u16()?;
        let n_bytes = match size {
            1 | 2 | 4 | 8 => usize::from(size),
            _ => return Err(CodecError::Value { what: "size of a mask", value: size.into() }),
        };
        let mut mask = |fill: u8| {
            let mut wide = [fill; 8];
            let bytes = reader.bytes(n_bytes)?;
            wide.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            Ok::<u64, CodecError>(u64::from_le_bytes(wide))
        };
        Ok(Self { size: size as u8, or: mask(0)?, and: mask(0xFF)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_back() {
        let mut out = Vec::new();
        for read in [Read { n_elements: 3, offset: None }, Read { n_elements: 3, offset: Some(400) }] {
            out.clear();
            read.encode(&mut out);
            assert_eq!(Read::decode(&out, read.offset.is_some()), Ok(read));
        }
        for (tag, offset) in [(DataTag::plain(TypeCode::DINT), None), (DataTag::structure(0x0FCE), Some(8))] {
            let write = Write { tag, n_elements: 1, offset, data: &[1, 2, 3, 4] };
            out.clear();
            write.encode(&mut out);
            assert_eq!(Write::decode(&out, offset.is_some()), Ok(write));
            assert_eq!(decode_read(&out).map(|(found, _)| found), Ok(tag));
        }
    }

    #[test]
    fn masks_change_one_bit() {
        let mut out = Vec::new();
        Modify::bit(4, 5, true).encode(&mut out);
        assert_eq!(out, [4, 0, 0x20, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        out.clear();
        Modify::bit(1, 0, false).encode(&mut out);
        assert_eq!(out, [1, 0, 0, 0xFE]);
        let back = Modify::decode(&out).expect("masks");
        assert_eq!(0xFF_u64 & back.and | back.or, 0xFE);
        assert!(Modify::decode(&[3, 0, 1, 1, 1, 1, 1, 1]).is_err());
    }
}
