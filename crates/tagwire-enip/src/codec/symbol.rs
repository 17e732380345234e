//! The list of a controller's tags: Get Instance Attribute List on class 0x6B.

use super::types::TypeCode;
use super::{CodecError, Reader};

/// The attributes asked for: name, type, dimensions.
pub const ATTRIBUTES: [u16; 3] = [1, 2, 8];

/// The type of a tag as attribute 2 tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SymbolType(pub u16);

impl SymbolType {
    /// An elementary type with `rank` dimensions.
    pub const fn plain(code: TypeCode, rank: u8) -> Self {
        Self(code.0 & 0xFF | (rank as u16 & 3) << 13)
    }

    /// A structure with `rank` dimensions.
    pub const fn structure(template: u16, rank: u8) -> Self {
        Self(0x8000 | template & 0x0FFF | (rank as u16 & 3) << 13)
    }

    /// Number of the template, for structures.
    pub const fn template(self) -> Option<u16> {
        if self.0 & 0x8000 != 0 { Some(self.0 & 0x0FFF) } else { None }
    }

    /// The elementary type, unless it is a structure.
    pub const fn code(self) -> Option<TypeCode> {
        if self.0 & 0x8000 == 0 { Some(TypeCode(self.0 & 0xFF)) } else { None }
    }

    /// Number of dimensions, 0 to 3.
    pub const fn rank(self) -> usize {
        (self.0 >> 13 & 3) as usize
    }

    /// Whether the tag belongs to the controller itself.
    pub const fn is_system(self) -> bool {
        self.0 & 0x1000 != 0
    }
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Number of the instance; changes with the program.
    pub instance: u32,
    /// Name without its program.
    pub name: String,
    /// Type and number of dimensions.
    pub symbol_type: SymbolType,
    /// Lengths of the dimensions; 0 for those that are not there.
    pub dims: [u32; 3],
}

impl Symbol {
    /// Lengths of the dimensions that are there.
    pub fn lens(&self) -> &[u32] {
        self.dims.get(..self.symbol_type.rank()).unwrap_or_default()
    }

    /// Whether people see it: system tags, routines, tasks and maps are none of theirs.
    pub fn is_users(&self) -> bool {
        let is_io = [":I", ":O", ":C", ":S"].iter().any(|kind| self.name.contains(kind))
            && !["Map:", "Cxn:", "Task:", "Routine:", "Program:"].iter().any(|kind| self.name.starts_with(kind));
        !self.symbol_type.is_system() && !self.name.starts_with("__") && (!self.name.contains(':') || is_io)
    }

    /// The program that the entry stands for.
    pub fn program(&self) -> Option<&str> {
        self.name.strip_prefix("Program:")
    }
}

/// Appends the data of the request.
pub fn encode_request(out: &mut Vec<u8>) {
    out.extend_from_slice(&(ATTRIBUTES.len() as u16).to_le_bytes());
    ATTRIBUTES.iter().for_each(|attribute| out.extend_from_slice(&attribute.to_le_bytes()));
}

/// The entries of one answer with [`ATTRIBUTES`].
///
/// # Errors
/// [`CodecError::Short`] when it ends within an entry.
pub fn decode_page(data: &[u8]) -> Result<Vec<Symbol>, CodecError> {
    let mut reader = Reader::new(data, "tag list");
    let mut found = Vec::new();
    while !reader.is_empty() {
        let instance = reader.u32()?;
        let name = reader.text()?;
        let symbol_type = SymbolType(reader.u16()?);
        let dims = [reader.u32()?, reader.u32()?, reader.u32()?];
        found.push(Symbol { instance, name, symbol_type, dims });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_list_of_tags() {
        let page = [
            &[5, 0, 0, 0, 2, 0, b'a', b'b', 0xCA, 0x20, 10, 0, 0, 0][..],
            &[0; 8],
            &[9, 0, 0, 0, 1, 0, b'u', 0x34, 0x82],
            &[0; 12],
        ]
        .concat();
        let found = decode_page(&page).expect("a page");
        assert_eq!((found[0].instance, found[0].name.as_str(), found[0].lens()), (5, "ab", &[10][..]));
        assert_eq!(found[0].symbol_type.code(), Some(TypeCode::REAL));
        assert_eq!((found[1].symbol_type.template(), found[1].lens()), (Some(0x234), &[][..]));
        assert!(decode_page(&page[..page.len() - 1]).is_err());
    }

    #[test]
    fn only_tags_of_people_are_shown() {
        let symbol = |name: &str, symbol_type| Symbol {
            instance: 1,
            name: name.to_owned(),
            symbol_type: SymbolType(symbol_type),
            dims: [0; 3],
        };
        for (name, symbol_type, is_users) in [
            ("Pump", 0xC4, true),
            ("Local:1:I", 0x8123, true),
            ("Program:Main", 0x68, false),
            ("Map:Local", 0x69, false),
            ("__hidden", 0xC4, false),
            ("Sys", 0x10C4, false),
        ] {
            assert_eq!(symbol(name, symbol_type).is_users(), is_users, "{name}");
        }
    }
}
