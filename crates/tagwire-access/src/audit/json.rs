//! JSON as the audit log has it: written straight into the record, with a bound on the length of every value.

use std::fmt::Display;
use std::io::Write as _;

use tagwire_model::{ArrayData, Value};

/// Longest text of one field or value in bytes; the rest is cut off and the length told.
pub(super) const MAX_TEXT: usize = 256;
/// Longest part of a byte string in bytes.
const MAX_BYTES: usize = 64;
/// Most elements of an array.
const MAX_ELEMENTS: usize = 16;

/// The fields of one object.
#[derive(Debug)]
pub struct Fields<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

/// The elements of one list.
#[derive(Debug)]
pub struct List<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

/// The place of one value.
#[derive(Debug)]
pub struct Json<'a>(&'a mut Vec<u8>);

impl<'a> Fields<'a> {
    /// Goes on with an object that has fields already.
    pub(super) const fn after_first(out: &'a mut Vec<u8>) -> Self {
        Self { out, is_first: false }
    }

    /// A field; its value must be written. `key` needs no escapes.
    pub fn field(&mut self, key: &'static str) -> Json<'_> {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        Json(self.out)
    }

    /// A field that names something: long text is cut and ends in `…`.
    pub fn text(&mut self, key: &'static str, text: &str) {
        self.field(key).name(text);
    }

    /// Bytes written so far, those of earlier records included: of use as a difference.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }
}

impl List<'_> {
    /// The next element; its value must be written.
    pub fn item(&mut self) -> Json<'_> {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        Json(self.out)
    }

    /// Bytes written so far, as [`Fields::len`].
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether the list has no element.
    pub const fn is_empty(&self) -> bool {
        self.is_first
    }
}

/// Whether a byte stands for itself in JSON text.
const fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// The longest beginning of a text with at most so many bytes.
fn beginning(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl Json<'_> {
    /// No value.
    pub fn null(self) {
        self.0.extend_from_slice(b"null");
    }

    /// True or false.
    pub fn boolean(self, value: bool) {
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A whole number.
    pub fn number(self, value: impl Display) {
        // Writing to memory cannot fail.
        let _ = write!(self.0, "{value}");
    }

    /// A number; text where JSON has none: `"NaN"`, `"inf"`, `"-inf"`.
    pub fn float(self, value: f64) {
        if value.is_finite() {
            let _ = serde_json::to_writer(self.0, &value);
        } else {
            let _ = write!(self.0, "\"{value}\"");
        }
    }

    /// A number of single precision, with the digits that tell it from its neighbours.
    pub fn float32(self, value: f32) {
        if value.is_finite() {
            let _ = serde_json::to_writer(self.0, &value);
        } else {
            let _ = write!(self.0, "\"{value}\"");
        }
    }

    fn whole_text(self, text: &str) {
        if text.bytes().all(is_plain) {
            self.quoted(text);
        } else {
            let _ = serde_json::to_writer(self.0, text);
        }
    }

    fn quoted(self, text: &str) {
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }

    /// What something prints as, for what prints short text without quotes, backslashes and control characters in most
    /// cases.
    pub fn shown(self, value: impl Display) {
        let start = self.0.len();
        self.0.push(b'"');
        let _ = write!(self.0, "{value}");
        if self.0.len() - start > MAX_TEXT || !self.0[start + 1..].iter().copied().all(is_plain) {
            let text = String::from_utf8_lossy(&self.0[start + 1..]).into_owned();
            self.0.truncate(start);
            return self.name(&text);
        }
        self.0.push(b'"');
    }

    /// Text that names something; a long one is cut and ends in `…`.
    pub fn name(self, text: &str) {
        if text.len() <= MAX_TEXT {
            self.whole_text(text);
        } else {
            self.whole_text(&format!("{}…", beginning(text, MAX_TEXT)));
        }
    }

    /// Text that is a value: `{"text":"beginning","length":5000}` when it is long, the length in bytes.
    pub fn text(self, text: &str) {
        if text.len() <= MAX_TEXT {
            return self.whole_text(text);
        }
        self.object(|fields| {
            fields.field("text").whole_text(beginning(text, MAX_TEXT));
            fields.field("length").number(text.len());
        });
    }

    /// Bytes: `{"hex":"00ff","length":2}`, at most the first 64.
    pub fn bytes(self, bytes: &[u8]) {
        self.object(|fields| {
            fields.field("hex").hex(&bytes[..bytes.len().min(MAX_BYTES)]);
            fields.field("length").number(bytes.len());
        });
    }

    /// Hexadecimal digits of all bytes.
    pub fn hex(self, bytes: &[u8]) {
        self.0.push(b'"');
        super::chain::push_hex(bytes, self.0);
        self.0.push(b'"');
    }

    /// An object.
    pub fn object(self, fill: impl FnOnce(&mut Fields<'_>)) {
        self.0.push(b'{');
        fill(&mut Fields { out: self.0, is_first: true });
        self.0.push(b'}');
    }

    /// A list.
    pub fn list(self, fill: impl FnOnce(&mut List<'_>)) {
        self.0.push(b'[');
        fill(&mut List { out: self.0, is_first: true });
        self.0.push(b']');
    }

    /// A list of `len` elements: `{"list":[…],"length":5000}` with the first 16 when it is long.
    pub fn elements<T>(self, elements: impl ExactSizeIterator<Item = T>, write: impl Fn(T, Json<'_>)) {
        let len = elements.len();
        let fill = |list: &mut List<'_>| {
            for element in elements.take(MAX_ELEMENTS) {
                write(element, list.item());
            }
        };
        if len <= MAX_ELEMENTS {
            return self.list(fill);
        }
        self.object(|fields| {
            fields.field("list").list(fill);
            fields.field("length").number(len);
        });
    }

    /// A value of a tag. The elements of a matrix stand row after row.
    pub fn value(self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Boolean(value) => self.boolean(*value),
            Value::Int8(value) => self.number(value),
            Value::UInt8(value) => self.number(value),
            Value::Int16(value) => self.number(value),
            Value::UInt16(value) => self.number(value),
            Value::Int32(value) => self.number(value),
            Value::UInt32(value) => self.number(value),
            Value::Int64(value) => self.number(value),
            Value::UInt64(value) => self.number(value),
            Value::Float(value) => self.float32(*value),
            Value::Double(value) => self.float(*value),
            Value::DateTime(value) => self.shown(value),
            Value::String(value) => self.text(value),
            Value::ByteString(value) => self.bytes(value),
            Value::Array(array) => match array.data() {
                ArrayData::Boolean(data) => self.elements(data.iter(), |value, at| at.boolean(*value)),
                ArrayData::Int8(data) => self.elements(data.iter(), |value, at| at.number(value)),
                ArrayData::UInt8(data) => self.elements(data.iter(), |value, at| at.number(value)),
                ArrayData::Int16(data) => self.elements(data.iter(), |value, at| at.number(value)),
                ArrayData::UInt16(data) => self.elements(data.iter(), |value, at| at.number(value)),
                ArrayData::Int32(data) => self.elements(data.iter(), |value, at| at.number(value)),
                ArrayData::UInt32(data) => self.elements(data.iter(), |value, at| at.number(value)),
                ArrayData::Int64(data) => self.elements(data.iter(), |value, at| at.number(value)),
                ArrayData::UInt64(data) => self.elements(data.iter(), |value, at| at.number(value)),
                ArrayData::Float(data) => self.elements(data.iter(), |value, at| at.float32(*value)),
                ArrayData::Double(data) => self.elements(data.iter(), |value, at| at.float(*value)),
                ArrayData::DateTime(data) => self.elements(data.iter(), |value, at| at.name(&value.to_string())),
                ArrayData::String(data) => self.elements(data.iter(), |value, at| at.text(value)),
                ArrayData::ByteString(data) => self.elements(data.iter(), |value, at| at.bytes(value)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_model::Dims;

    fn shown(value: &Value) -> String {
        let mut out = Vec::new();
        Json(&mut out).value(value);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn values_are_json_of_bounded_length() {
        let cases = [
            (Value::Null, "null"),
            (Value::Boolean(true), "true"),
            (Value::UInt64(u64::MAX), "18446744073709551615"),
            (Value::Float(0.1), "0.1"),
            (Value::Double(f64::NAN), "\"NaN\""),
            (Value::Double(f64::NEG_INFINITY), "\"-inf\""),
            (Value::text("a\"b\n"), r#""a\"b\n""#),
            (Value::bytes(&[0, 255]), r#"{"hex":"00ff","length":2}"#),
            (Value::array(Dims::new(&[2]).expect("one"), ArrayData::Int16([1, -2].into())).expect("fits"), "[1,-2]"),
        ];
        for (value, expected) in cases {
            assert_eq!(shown(&value), expected);
        }
        let long = shown(&Value::text(&"ä".repeat(5_000)));
        assert!(long.len() < 300 && long.ends_with("\",\"length\":10000}"), "{long}");
        let array = Value::array(Dims::new(&[5_000]).expect("one"), ArrayData::Double(vec![0.5; 5_000]));
        let long = shown(&array.expect("fits"));
        assert!(long.len() < 200 && long.ends_with(",\"length\":5000}"), "{long}");
        let long = shown(&Value::bytes(&[7; 5_000]));
        assert!(long.len() < 200, "{long}");
    }
}
