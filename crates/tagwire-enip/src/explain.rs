//! The address lens: what an address means on the wire, and what a controller has there.

use std::fmt;

use tagwire_driver::AddressError;
use tagwire_model::{Value, ValueType};

use crate::address::Address;
use crate::codec::path::{Segment, segments};
use crate::codec::service;
use crate::codec::tag::DataTag;
use crate::decode::{Elements, own_type, text_of};
use crate::item::{Form, Item};

/// What an address means for a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The address, written as it was understood.
    pub address: String,
    /// Name of the program; `None` for the controller's own tags.
    pub program: Option<String>,
    /// The segments of the path in words.
    pub segments: Vec<String>,
    /// The path on the wire.
    pub path: Vec<u8>,
    /// First element, counted from 0, and number of elements.
    pub elements: (u32, u32),
    /// The type; `None` when it is whatever the controller has there.
    pub value_type: Option<ValueType>,
    /// How the value lies in its elements, in words.
    pub storage: &'static str,
    /// The service that reads it.
    pub read_service: u8,
    /// The service that writes it.
    pub write_service: u8,
}

/// Explains an address; without a type, for that of its bit or for one element.
///
/// # Errors
/// [`AddressError`] as when a tag with this address is checked.
pub fn explain(address: &str, value_type: Option<ValueType>) -> Result<Explanation, AddressError> {
    let address = Address::parse(address)?;
    let is_bit = address.bit.is_some();
    let assumed =
        ValueType::scalar(if is_bit { tagwire_model::DataType::Boolean } else { tagwire_model::DataType::Int32 });
    let item = Item::new(address, value_type.unwrap_or(assumed), true)?;
    let mut path = Vec::new();
    item.wire_address().encode(&mut path);
    let words = segments(&path).map_while(Result::ok).map(|segment| match segment {
        Segment::Symbol(name) => format!("symbol {}", String::from_utf8_lossy(name)),
        Segment::Element(number) => format!("element {number}"),
        other => format!("{other:?}"),
    });
    let changes_bits = matches!(item.form, Form::Bit(_)) || matches!(item.form, Form::Packed(_));
    Ok(Explanation {
        address: item.address.to_string(),
        program: item.address.program.clone(),
        segments: words.collect(),
        elements: (item.start, item.len),
        value_type: value_type.or_else(|| is_bit.then_some(assumed)),
        storage: match item.form {
            Form::Value => "elements of an elementary type, converted to the declared one",
            Form::Bit(_) => "one bit of an integer",
            Form::Packed(_) => "bits of an array of BOOL, 32 in each element",
            Form::Text => "a length of 4 bytes and characters, or one of the elementary texts",
            Form::Bytes => "a structure as it is",
            Form::Time => "microseconds since 1970 in a LINT",
        },
        read_service: service::READ_TAG,
        write_service: if changes_bits { service::READ_MODIFY_WRITE_TAG } else { service::WRITE_TAG },
        path,
    })
}

/// What a controller has at an address.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Name of the type in the specification, or `structure` with its handle.
    pub type_name: String,
    /// Type to declare; `None` for types without a plain meaning.
    pub value_type: Option<ValueType>,
    /// The value; `None` where there is none that can be shown.
    pub value: Option<Value>,
    /// The bytes of one element.
    pub data: Vec<u8>,
}

impl Found {
    pub(crate) fn new(tag: DataTag, data: &[u8]) -> Self {
        // A structure that begins with a length of what follows is a string, most probably.
        let text = text_of(data).filter(|text| {
            let len = data.first_chunk::<4>().map_or(-1, |len| i32::from_le_bytes(*len));
            tag.is_structure()
                && usize::try_from(len).is_ok_and(|len| len == text.len() && len + 4 <= data.len())
                && data.len() > 8
                && text.chars().all(|c| !c.is_control())
        });
        let elements = Elements { tag, data, n: 1 };
        let value = match &text {
            Some(text) => Some(Value::text(text)),
            None if tag.is_structure() => Some(Value::bytes(data)),
            None => tag.code.decode(elements.data).map(|(value, _)| value),
        };
        let type_name = match tag.code.name() {
            Some(name) => name.to_owned(),
            None if tag.is_structure() => format!("structure with handle 0x{:04X}", tag.handle),
            None => format!("type 0x{:04X}", tag.code.0),
        };
        let value_type = own_type(tag, text.is_some()).map(ValueType::scalar);
        Self { type_name, value_type, value, data: data.to_vec() }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "address   {}", self.address)?;
        match &self.program {
            Some(program) => writeln!(f, "scope     program {program}")?,
            None => writeln!(f, "scope     controller")?,
        }
        writeln!(f, "path      {}", self.segments.join(", "))?;
        let bytes: Vec<String> = self.path.iter().map(|byte| format!("{byte:02X}")).collect();
        writeln!(f, "on wire   {}", bytes.join(" "))?;
        let (first, n) = self.elements;
        writeln!(f, "elements  {n}, from number {first}")?;
        let named = |code: u8| format!("service 0x{code:02X} ({})", service::name(code));
        writeln!(f, "read      {}", named(self.read_service))?;
        writeln!(f, "write     {}", named(self.write_service))?;
        match self.value_type {
            Some(value_type) => writeln!(f, "type      {value_type}: {}", self.storage),
            None => writeln!(f, "type      that of the tag; the configuration must declare it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::types::TypeCode;

    #[test]
    fn an_explanation_prints_what_a_person_asks_for() {
        let value_type = ValueType::parse("bool").expect("type");
        let lens = explain("Program:Main.Flags[33]", Some(value_type)).expect("an address");
        assert_eq!(
            lens.to_string(),
            "address   Program:Main.Flags[33]\nscope     program Main\n\
             path      symbol Program:Main, symbol Flags, element 1\n\
             on wire   91 0C 50 72 6F 67 72 61 6D 3A 4D 61 69 6E 91 05 46 6C 61 67 73 00 28 01\n\
             elements  1, from number 1\nread      service 0x4C (read tag)\n\
             write     service 0x4E (read modify write tag)\n\
             type      bool: bits of an array of BOOL, 32 in each element\n"
        );
        assert!(explain("a.5.b", None).is_err());
    }

    #[test]
    fn what_a_controller_has_tells_which_type_to_declare() {
        let real = Found::new(DataTag::plain(TypeCode::REAL), &1.5_f32.to_le_bytes());
        assert_eq!((real.type_name.as_str(), real.value), ("REAL", Some(Value::Float(1.5))));
        let mut string = vec![2, 0, 0, 0, b'a', b'b'];
        string.resize(88, 0);
        let string = Found::new(DataTag::structure(0x0FCE), &string);
        assert_eq!(string.value, Some(Value::text("ab")));
        let other = Found::new(DataTag::structure(7), &[9, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(other.value_type.map(|t| t.to_string()).as_deref(), Some("bytes"));
    }
}
