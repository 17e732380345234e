//! The address lens: what an address means on the wire, and what a controller has there.

use std::fmt;

use tagwire_driver::AddressError;
use tagwire_model::{DataType, Value, ValueType};

use crate::address::Address;
use crate::codec::path::{Segment, segments};
use crate::codec::service;
use crate::codec::tag::DataTag;
use crate::decode::{Elements, bit_of, own_type, text_of};
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
    let assumed = ValueType::scalar(if is_bit { DataType::Boolean } else { DataType::Int32 });
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
    /// What else to do with a structure.
    pub hint: Option<String>,
}

/// What the controller tells about the structure at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub name: String,
    pub is_string: bool,
    /// A member that people see.
    pub member: Option<String>,
}

impl Found {
    /// What the first element at an address is, and its bit if the address names one; without a layout only the content
    /// can tell whether a structure is a string.
    pub(crate) fn new(address: &Address, tag: DataTag, data: &[u8], layout: Option<&Layout>) -> Self {
        let is_text = tag.is_structure()
            && match layout {
                Some(layout) => layout.is_string,
                None => tag == DataTag::STRING || is_like_text(data),
            };
        let value = match text_of(data).filter(|_| is_text) {
            Some(text) => Some(Value::text(&text)),
            None if tag.is_structure() => Some(Value::bytes(data)),
            None => tag.code.decode(data).map(|(value, _)| value),
        };
        let type_name = match (tag.code.name(), layout) {
            (Some(name), _) => name.to_owned(),
            (None, Some(layout)) if tag.is_structure() => format!("structure {}", layout.name),
            (None, _) if tag.is_structure() => format!("structure with handle 0x{:04X}", tag.handle),
            (None, _) => format!("type 0x{:04X}", tag.code.0),
        };
        let hint = (tag.is_structure() && !is_text).then(|| {
            let member = layout.and_then(|layout| layout.member.as_deref()).unwrap_or("MEMBER");
            format!("name a member for its value, as in {address}.{member}")
        });
        let value_type = own_type(tag, is_text).map(ValueType::scalar);
        let mut found = Self { type_name, value_type, value, data: data.to_vec(), hint };
        if let Some(bit) = address.bit {
            found.take_bit(bit, tag, data);
        }
        found
    }

    /// Puts a bit in place of the whole number.
    fn take_bit(&mut self, bit: u8, tag: DataTag, data: &[u8]) {
        let boolean = ValueType::scalar(DataType::Boolean);
        let whole = Elements { tag, data, n: 1 };
        let value = bit_of(bit, whole).ok();
        self.value_type = value.is_some().then_some(boolean);
        self.type_name = match value {
            Some(_) => format!("bit {bit} of {}", self.type_name),
            None => format!("{} without a bit {bit}", self.type_name),
        };
        self.value = value;
        self.hint = None;
    }
}

/// Whether a structure begins with a length, and all behind it is text as far as it goes.
fn is_like_text(data: &[u8]) -> bool {
    data.len() > 8 && text_of(data).is_some_and(|text| !text.chars().any(char::is_control))
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
        let found = |address: &str, tag, data: &[u8], layout: Option<&Layout>| {
            let found = Found::new(&Address::parse(address).expect(address), tag, data, layout);
            let value_type = found.value_type.map_or_else(String::new, |value_type| value_type.to_string());
            (found.type_name, value_type, found.value, found.hint)
        };
        let (name, value_type, value, _) = found("a", DataTag::plain(TypeCode::REAL), &1.5_f32.to_le_bytes(), None);
        assert_eq!((name.as_str(), value_type.as_str(), value), ("REAL", "f32", Some(Value::Float(1.5))));
        let mut text = vec![3, 0, 0, 0, b'a', 0xE9, b'b'];
        text.resize(88, 0);
        let (_, value_type, value, hint) = found("a", DataTag::STRING, &text, None);
        assert_eq!((value_type.as_str(), value, hint), ("string", Some(Value::text("a\u{e9}b")), None));
        let (_, value_type, value, _) = found("a", DataTag::structure(9), &text, None);
        assert_eq!((value_type.as_str(), value), ("string", Some(Value::text("a\u{e9}b"))));
        let mut layout = Layout { name: "Motor".to_owned(), is_string: false, member: Some("Speed".to_owned()) };
        let (name, value_type, value, hint) = found("M", DataTag::structure(9), &text, Some(&layout));
        assert_eq!(
            (name.as_str(), value_type.as_str(), value),
            ("structure Motor", "bytes", Some(Value::bytes(&text)))
        );
        assert_eq!(hint.as_deref(), Some("name a member for its value, as in M.Speed"));
        layout.is_string = true;
        let (_, value_type, ..) = found("M", DataTag::structure(9), &text, Some(&layout));
        assert_eq!(value_type, "string");
        let (_, value_type, ..) = found("M", DataTag::structure(7), &[9, 0, 0, 0, 1, 2, 3, 4], None);
        assert_eq!(value_type, "bytes");
    }

    #[test]
    fn a_bit_of_an_integer_is_a_bool() {
        let status = Address::parse("Program:Main.Status.3").expect("an address");
        let found = Found::new(&status, DataTag::plain(TypeCode::DINT), &[8, 0, 0, 0], None);
        assert_eq!(found.value_type.map(|t| t.to_string()).as_deref(), Some("bool"));
        assert_eq!((found.type_name.as_str(), found.value), ("bit 3 of DINT", Some(Value::Boolean(true))));
        let found = Found::new(&status, DataTag::plain(TypeCode::REAL), &[8, 0, 0, 0], None);
        assert_eq!((found.value_type, found.value), (None, None));
    }
}
