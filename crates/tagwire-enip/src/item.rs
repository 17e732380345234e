//! What an address means for a declared type: which elements, and how the value lies in them.

use tagwire_driver::AddressError;
use tagwire_model::{DataType, ValueType};

use crate::address::{Address, bad};

/// How a value comes out of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Elements of an elementary type.
    Value,
    /// One bit of an integer.
    Bit(u8),
    /// Elements of an array of BOOL, 32 in a DWORD, beginning with this bit of the first one.
    Packed(u8),
    /// Text: a structure of length and characters, or one of the elementary texts.
    Text,
    /// A structure as it is.
    Bytes,
    /// Microseconds since 1970 in a LINT.
    Time,
}

/// One tag's place in a controller and its form there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it is.
    pub address: Address,
    /// Declared type.
    pub value_type: ValueType,
    /// Form of the value.
    pub form: Form,
    /// First element on the wire, in the last dimension.
    pub start: u32,
    /// Elements on the wire, at least 1.
    pub len: u32,
}

impl Item {
    /// Most elements of one request.
    pub const MAX_ELEMENTS: u32 = 65_535;

    /// Joins an address with the declared type. `packs` says whether the controller packs arrays of BOOL.
    ///
    /// # Errors
    /// [`AddressError`] when the type cannot lie at the address.
    pub fn new(address: Address, value_type: ValueType, packs: bool) -> Result<Self, AddressError> {
        let data_type = value_type.data_type;
        let n_elements = value_type.dims.n_elements().unwrap_or(u32::MAX);
        let index = address.last_index().unwrap_or(0);
        let is_element = address.last_index().is_some() || !value_type.is_scalar();
        let form = match (address.bit, data_type) {
            (Some(bit), DataType::Boolean) if value_type.is_scalar() => Form::Bit(bit),
            (Some(bit), _) => {
                let problem = format!("the address names bit {bit} and the type is {value_type}");
                return Err(bad(problem, "declare type = \"bool\", or leave the bit out of the address"));
            }
            (None, DataType::Boolean) if packs && is_element => Form::Packed((index % 32) as u8),
            (None, DataType::String) => Form::Text,
            (None, DataType::ByteString) => Form::Bytes,
            (None, DataType::DateTime) => Form::Time,
            (None, _) => Form::Value,
        };
        let (start, len) = match form {
            Form::Packed(bit) => (index / 32, u32::from(bit).saturating_add(n_elements).div_ceil(32)),
            _ => (index, n_elements),
        };
        if len > Self::MAX_ELEMENTS || start.checked_add(len).is_none() {
            let problem = format!("{value_type} has more than {} elements", Self::MAX_ELEMENTS);
            return Err(bad(problem, "declare a smaller array, and further ones for the rest"));
        }
        if form == Form::Bytes && !value_type.is_scalar() {
            return Err(bad("an array of bytes values is not read", "declare type = \"bytes\" for each element"));
        }
        Ok(Self { address, value_type, form, start, len })
    }

    /// The element after the last one.
    pub const fn end(&self) -> u32 {
        self.start.saturating_add(self.len)
    }

    /// Bytes that one element probably takes, as long as nothing better is known.
    pub const fn likely_size(&self) -> u32 {
        match self.form {
            Form::Packed(_) | Form::Bit(_) => 4,
            Form::Text => 88,
            Form::Bytes => 200,
            Form::Time => 8,
            Form::Value => match self.value_type.data_type {
                DataType::Boolean | DataType::Int8 | DataType::UInt8 => 1,
                DataType::Int16 | DataType::UInt16 => 2,
                DataType::Int64 | DataType::UInt64 | DataType::Double => 8,
                _ => 4,
            },
        }
    }

    /// The address as it goes over the wire: packed BOOLs are counted in words there.
    pub(crate) fn wire_address(&self) -> Address {
        match self.form {
            Form::Packed(_) if self.address.last_index().is_some() => self.address.with_last_index(self.start),
            _ => self.address.clone(),
        }
    }

    /// What stands before the element in the address, in small letters; items with the same base may share a request.
    pub fn base_key(&self) -> String {
        let mut key = self.address.clone();
        key.bit = None;
        if let Some(part) = key.parts.last_mut() {
            part.indices.pop();
            // A row of a grid is no neighbour of the grid itself.
            if !part.indices.is_empty() {
                part.name.push('#');
            }
        }
        key.to_string().to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(address: &str, value_type: &str) -> Result<Item, AddressError> {
        Item::new(Address::parse(address).expect(address), ValueType::parse(value_type).expect("type"), true)
    }

    #[test]
    fn an_item_knows_its_elements() {
        for (address, value_type, form, start, len) in [
            ("a", "f32", Form::Value, 0, 1),
            ("a[5]", "i32", Form::Value, 5, 1),
            ("a[5]", "i32[10]", Form::Value, 5, 10),
            ("a", "i32[2,3]", Form::Value, 0, 6),
            ("a.5", "bool", Form::Bit(5), 0, 1),
            ("a", "bool", Form::Value, 0, 1),
            ("a[33]", "bool", Form::Packed(1), 1, 1),
            ("a[30]", "bool[4]", Form::Packed(30), 0, 2),
            ("a", "bool[64]", Form::Packed(0), 0, 2),
            ("a[1].flag", "bool", Form::Value, 0, 1),
            ("a", "string", Form::Text, 0, 1),
        ] {
            let found = item(address, value_type).expect(address);
            assert_eq!((found.form, found.start, found.len), (form, start, len), "{address} {value_type}");
        }
        assert!(item("a.5", "i32").is_err());
        assert!(item("a.5", "bool[2]").is_err());
        assert!(item("a", "i32[70000]").is_err());
    }

    #[test]
    fn neighbours_have_one_base() {
        let base = |address: &str| item(address, "i32").expect(address).base_key();
        assert_eq!(base("Line[3].Data[7]"), base("line[3].data[9]"));
        assert_eq!(base("Data"), base("Data[9]"));
        assert_ne!(base("Line[3].Data"), base("Line[4].Data"));
        assert_ne!(base("Grid[1,2]"), base("Grid[2,2]"));
        assert_ne!(base("Grid[1,2]"), base("Grid[1]"));
    }
}
