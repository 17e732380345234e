//! Layouts of structures: attributes and definition of an instance of class 0x6C.

use super::bytes::latin1;
use super::types::TypeCode;
use super::{CodecError, Reader};

/// The attributes asked for: definition size, structure size, number of members, handle.
pub const ATTRIBUTES: [u16; 4] = [4, 5, 2, 1];

/// What the attributes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Size of the definition in units of four bytes.
    pub definition_size: u32,
    /// Bytes of a value.
    pub structure_size: u32,
    /// Number of members, hidden ones included.
    pub n_members: u16,
    /// Stands before every value.
    pub handle: u16,
}

impl Attributes {
    /// Appends the data of the request.
    pub fn encode_request(out: &mut Vec<u8>) {
        out.extend_from_slice(&(ATTRIBUTES.len() as u16).to_le_bytes());
        ATTRIBUTES.iter().for_each(|attribute| out.extend_from_slice(&attribute.to_le_bytes()));
    }

    /// Takes an answer apart.
    ///
    /// # Errors
    /// [`CodecError`] when an attribute is missing or failed.
    pub fn decode(data: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "template attributes");
        let n = reader.u16()?;
        let mut found = Self { definition_size: 0, structure_size: 0, n_members: 0, handle: 0 };
        let mut n_found = 0;
        for _ in 0..n {
            let (attribute, status) = (reader.u16()?, reader.u16()?);
            if status != 0 {
                return Err(CodecError::Value { what: "status of a template attribute", value: status.into() });
            }
            match attribute {
                4 => found.definition_size = reader.u32()?,
                5 => found.structure_size = reader.u32()?,
                2 => found.n_members = reader.u16()?,
                1 => found.handle = reader.u16()?,
                _ => return Err(CodecError::Value { what: "number of an attribute", value: attribute.into() }),
            }
            n_found += 1;
        }
        if n_found == ATTRIBUTES.len() { Ok(found) } else { Err(CodecError::Short("template attributes")) }
    }

    /// Appends an answer.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[4, 0, 4, 0, 0, 0]);
        out.extend_from_slice(&self.definition_size.to_le_bytes());
        out.extend_from_slice(&[5, 0, 0, 0]);
        out.extend_from_slice(&self.structure_size.to_le_bytes());
        out.extend_from_slice(&[2, 0, 0, 0]);
        out.extend_from_slice(&self.n_members.to_le_bytes());
        out.extend_from_slice(&[1, 0, 0, 0]);
        out.extend_from_slice(&self.handle.to_le_bytes());
    }

    /// Bytes of the definition that are worth reading (Logix data access, template read).
    pub const fn n_definition_bytes(&self) -> u32 {
        self.definition_size.saturating_mul(4).saturating_sub(23)
    }
}

/// One member of a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Name; hidden members begin with `ZZZZZZZZZZ` or `__`, or have none.
    pub name: String,
    /// Number of elements of an array, or number of the bit of a BOOL.
    pub info: u16,
    /// Elementary type in the low byte, or `0x8000` with the number of a template; `0x2000` for arrays.
    pub kind: u16,
    /// Bytes before it in the structure.
    pub offset: u32,
}

impl Member {
    /// Number of the template, for structures.
    pub const fn template(&self) -> Option<u16> {
        if self.kind & 0x8000 != 0 { Some(self.kind & 0x0FFF) } else { None }
    }

    /// The elementary type, unless it is a structure.
    pub const fn code(&self) -> Option<TypeCode> {
        if self.kind & 0x8000 == 0 { Some(TypeCode(self.kind & 0xFF)) } else { None }
    }

    /// Number of elements; `None` for a single value.
    pub const fn array_len(&self) -> Option<u32> {
        if self.kind & 0x6000 != 0 { Some(self.info as u32) } else { None }
    }

    /// Whether people see it.
    pub fn is_hidden(&self) -> bool {
        self.name.is_empty() || self.name.starts_with("ZZZZZZZZZZ") || self.name.starts_with("__")
    }
}

/// Name and members of a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Name of the type.
    pub name: String,
    /// Members in the order of the definition.
    pub members: Vec<Member>,
}

impl Definition {
    /// Takes a definition apart.
    ///
    /// # Errors
    /// [`CodecError::Short`] when there are fewer members than `n_members`.
    pub fn decode(data: &[u8], n_members: u16) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "template");
        let mut infos = Reader::new(reader.bytes(8 * usize::from(n_members))?, "template");
        let mut texts = reader.rest().split(|byte| *byte == 0).map(latin1);
        let whole = texts.next().unwrap_or_default();
        let name = whole.split(';').next().unwrap_or_default().to_owned();
        let mut members = Vec::new();
        while !infos.is_empty() {
            let (info, kind, offset) = (infos.u16()?, infos.u16()?, infos.u32()?);
            members.push(Member { name: texts.next().unwrap_or_default(), info, kind, offset });
        }
        Ok(Self { name, members })
    }

    /// Appends the definition, padded to units of four bytes as [`Attributes::definition_size`] counts them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for member in &self.members {
            out.extend_from_slice(&member.info.to_le_bytes());
            out.extend_from_slice(&member.kind.to_le_bytes());
            out.extend_from_slice(&member.offset.to_le_bytes());
        }
        out.extend_from_slice(self.name.as_bytes());
        // Two letters for each member tell who may use it, as controllers write them.
        out.extend_from_slice(b";n");
        self.members.iter().for_each(|_| out.extend_from_slice(b"EB"));
        out.push(0);
        for member in &self.members {
            out.extend_from_slice(member.name.as_bytes());
            out.push(0);
        }
    }

    /// Whether the structure is a string: a length and characters.
    pub fn is_string(&self) -> bool {
        let visible: Vec<&Member> = self.members.iter().filter(|member| !member.is_hidden()).take(3).collect();
        matches!(visible[..], [len, data]
            if len.name == "LEN" && data.name == "DATA" && data.code() == Some(TypeCode::SINT)
            && data.array_len().is_some() && data.offset == 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_definitions_come_back() {
        let attributes = Attributes { definition_size: 30, structure_size: 88, n_members: 2, handle: 0x0FCE };
        let mut out = Vec::new();
        attributes.encode(&mut out);
        assert_eq!(Attributes::decode(&out), Ok(attributes));
        assert!(Attributes::decode(&out[..out.len() - 1]).is_err());
        let member = |name: &str, info, kind, offset| Member { name: name.to_owned(), info, kind, offset };
        let definition = Definition {
            name: "STRING".to_owned(),
            members: vec![member("LEN", 0, 0xC4, 0), member("DATA", 82, 0x20C2, 4)],
        };
        out.clear();
        definition.encode(&mut out);
        assert_eq!(Definition::decode(&out, 2), Ok(definition.clone()));
        assert!(definition.is_string());
        assert!(Definition::decode(&out[..15], 2).is_err());
    }
}
