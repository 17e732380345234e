//! Elements out of values.

use tagwire_model::{ConvertError, Value, ValueType};

use crate::codec::tag::{DataTag, Modify};
use crate::codec::to_latin1;
use crate::codec::types::TypeCode;
use crate::decode::micros_of;
use crate::exact;
use crate::item::{Form, Item};

/// What is known about the elements of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Their type.
    pub tag: DataTag,
    /// Bytes of one; 0 where they vary.
    pub size: usize,
}

/// What a write consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encoded {
    /// Whole elements.
    Elements { tag: DataTag, n: u16, data: Vec<u8> },
    /// Single bits of elements, each with its number counted from the first element.
    Bits(Vec<(u32, Modify)>),
}

impl Item {
    /// The elements of a value.
    ///
    /// # Errors
    /// [`ConvertError`] when the value does not fit the elements.
    pub(crate) fn encode(&self, value: &Value, known: Known) -> Result<Encoded, ConvertError> {
        let value = exact::convert(value, self.value_type)?;
        let code = known.tag.code;
        match self.form {
            Form::Bit(bit) => {
                let (size, on) = (code.size().unwrap_or(0), value == Value::Boolean(true));
                if !code.has_bits() || usize::from(bit) >= 8 * size {
                    return Err(ConvertError::Type);
                }
                Ok(Encoded::Bits(vec![(0, Modify::bit(size as u8, bit, on))]))
            }
            Form::Packed(first) if code == TypeCode::DWORD => Ok(packed(&value, first)),
            Form::Bytes => {
                let Value::ByteString(bytes) = &value else { return Err(ConvertError::Type) };
                if !known.tag.is_structure() || bytes.len() != known.size {
                    return Err(ConvertError::Dimensions);
                }
                Ok(Encoded::Elements { tag: known.tag, n: 1, data: bytes.to_vec() })
            }
            Form::Text | Form::Value | Form::Packed(_) | Form::Time => {
                let mut data = Vec::new();
                let n = match &value {
                    Value::Array(array) => {
                        for idx in 0..array.data().len() {
                            let element = array.data().element(idx).ok_or(ConvertError::Dimensions)?;
                            self.append(&element, known, &mut data)?;
                        }
                        array.data().len()
                    }
                    scalar => {
                        self.append(scalar, known, &mut data)?;
                        1
                    }
                };
                Ok(Encoded::Elements { tag: known.tag, n: u16::try_from(n).map_err(|_| ConvertError::Range)?, data })
            }
        }
    }

    fn append(&self, value: &Value, known: Known, data: &mut Vec<u8>) -> Result<(), ConvertError> {
        match (self.form, value) {
            (Form::Text, Value::String(text)) if known.tag.is_structure() => {
                data.extend_from_slice(&string_bytes(text, known.size)?);
                Ok(())
            }
            (Form::Time, Value::DateTime(time)) => known.tag.code.encode(&Value::Int64(micros_of(*time)), data),
            _ if known.tag.is_structure() => Err(ConvertError::Type),
            _ => {
                let data_type = known.tag.code.data_type().ok_or(ConvertError::Type)?;
                known.tag.code.encode(&exact::convert(value, ValueType::scalar(data_type))?, data)
            }
        }
    }

    /// What the elements probably are, as long as the controller has not told; `None` for structures.
    pub(crate) fn guess(&self) -> Option<Known> {
        let code = match self.form {
            Form::Packed(_) => TypeCode::DWORD,
            Form::Bit(_) => return None,
            _ => TypeCode::of(self.value_type.data_type)?,
        };
        Some(Known { tag: DataTag::plain(code), size: code.size()? })
    }
}

/// Bits that change in packed words.
fn packed(value: &Value, first: u8) -> Encoded {
    let bits: Vec<bool> = match value {
        Value::Array(array) => {
            (0..array.data().len()).map(|idx| array.data().element(idx) == Some(Value::Boolean(true))).collect()
        }
        scalar => vec![*scalar == Value::Boolean(true)],
    };
    let mut words: Vec<(u32, Modify)> = Vec::new();
    for (at, on) in (usize::from(first)..).zip(bits) {
        let (word, mask) = ((at / 32) as u32, 1_u64 << (at % 32));
        if words.last().is_none_or(|(last, _)| *last != word) {
            words.push((word, Modify { size: 4, or: 0, and: u64::MAX }));
        }
        if let Some((_, modify)) = words.last_mut() {
            if on {
                modify.or |= mask;
            } else {
                modify.and &= !mask;
            }
        }
    }
    let is_whole = first == 0 && words.iter().all(|(_, modify)| (modify.or | !modify.and) as u32 == u32::MAX);
    if !is_whole {
        return Encoded::Bits(words);
    }
    let data: Vec<u8> = words.iter().flat_map(|(_, modify)| (modify.or as u32).to_le_bytes()).collect();
    Encoded::Elements { tag: DataTag::plain(TypeCode::DWORD), n: words.len() as u16, data }
}

/// A structure of length and characters with this text.
///
/// # Errors
/// [`ConvertError::Range`] when the text is longer than the structure or has characters beyond ISO 8859-1.
pub(crate) fn string_bytes(text: &str, size: usize) -> Result<Vec<u8>, ConvertError> {
    let characters = to_latin1(text).ok_or(ConvertError::Range)?;
    if size < 4 || characters.len() > size - 4 {
        return Err(ConvertError::Range);
    }
    let mut bytes = (characters.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&characters);
    bytes.resize(size, 0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::decode::Elements;

    fn item(address: &str, value_type: &str) -> Item {
        let value_type = ValueType::parse(value_type).expect("type");
        Item::new(Address::parse(address).expect("address"), value_type, true).expect("item")
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        let plain = |code: TypeCode| Known { tag: DataTag::plain(code), size: code.size().unwrap_or(0) };
        let string = Known { tag: DataTag::structure(0x0FCE), size: 88 };
        for (value_type, text, known) in [
            ("i32", "-5", plain(TypeCode::DINT)),
            ("f64", "2.5", plain(TypeCode::REAL)),
            ("i64", "7", plain(TypeCode::SINT)),
            ("bool", "true", plain(TypeCode::BOOL)),
            ("i16[2,2]", "[[1, 2], [3, 4]]", plain(TypeCode::DINT)),
            ("string", "grün", string),
            ("string[2]", "[a, bc]", string),
            ("string", "x", plain(TypeCode::SHORT_STRING)),
            ("datetime", "2024-05-01T12:00:00Z", plain(TypeCode::LINT)),
            ("bytes", "00FF", Known { tag: DataTag::structure(1), size: 2 }),
        ] {
            let item = item("a", value_type);
            let value = Value::parse(text, item.value_type).expect(text);
            let Ok(Encoded::Elements { tag, n, data }) = item.encode(&value, known) else { panic!("{value_type}") };
            let back = item.decode(Elements { tag, data: &data, n: n.into() }).expect(text);
            assert_eq!(back.to_string(), value.to_string());
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        let known = Known { tag: DataTag::plain(TypeCode::SINT), size: 1 };
        assert_eq!(item("a", "i32").encode(&Value::Int32(200), known), Err(ConvertError::Range));
        let string = Known { tag: DataTag::structure(1), size: 8 };
        assert_eq!(item("a", "string").encode(&Value::text("12345"), string), Err(ConvertError::Range));
        assert_eq!(item("a", "i32").encode(&Value::Int32(1), string), Err(ConvertError::Type));
    }

    #[test]
    fn a_fraction_is_not_written_to_an_integer() {
        let known = Known { tag: DataTag::plain(TypeCode::DINT), size: 4 };
        assert_eq!(item("a", "f32").encode(&Value::Float(33.5), known), Err(ConvertError::Range));
        assert_eq!(item("a", "i32").encode(&Value::Double(33.5), known), Err(ConvertError::Range));
        assert!(item("a", "f32").encode(&Value::Float(33.0), known).is_ok());
    }

    #[test]
    fn bits_of_packed_words_change_alone() {
        let known = Known { tag: DataTag::plain(TypeCode::DWORD), size: 4 };
        let encoded = item("a[33]", "bool").encode(&Value::Boolean(true), known).expect("a bit");
        assert_eq!(encoded, Encoded::Bits(vec![(0, Modify { size: 4, or: 2, and: u64::MAX })]));
        let value_type = ValueType::parse("bool[32]").expect("type");
        let all = Value::parse(&format!("[{}]", ["true"; 32].join(",")), value_type).expect("bits");
        let encoded = item("a", "bool[32]").encode(&all, known).expect("a word");
        assert!(matches!(encoded, Encoded::Elements { n: 1, ref data, .. } if *data == [0xFF; 4]), "{encoded:?}");
    }
}
