//! QualifiedName and LocalizedText.

use std::fmt;

use super::UaString;
use crate::codec::{Decode, DecodeError, Encode, Reader};

/// A name with the namespace it is unique in (Part 3, 8.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QualifiedName {
    /// Index of the namespace.
    pub namespace: u16,
    /// The name; null stands for no name at all.
    pub name: UaString,
}

impl QualifiedName {
    /// A name in a namespace.
    pub fn new(namespace: u16, name: impl Into<UaString>) -> Self {
        Self { namespace, name: name.into() }
    }

    /// Whether there is no name.
    pub fn is_null(&self) -> bool {
        self.namespace == 0 && self.name.is_empty()
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace != 0 {
            write!(f, "{}:", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

impl Encode for QualifiedName {
    fn encode(&self, out: &mut Vec<u8>) {
        self.namespace.encode(out);
        self.name.encode(out);
    }
}

impl<'a> Decode<'a> for QualifiedName {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { namespace: reader.u16()?, name: UaString::decode(reader)? })
    }
}

/// Text for people, with the language it is in (Part 3, 8.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LocalizedText {
    /// Language as `en-US`; null when not known.
    pub locale: UaString,
    /// The text.
    pub text: UaString,
}

impl LocalizedText {
    /// Text in no stated language.
    pub fn new(text: impl Into<UaString>) -> Self {
        Self { locale: UaString::NULL, text: text.into() }
    }

    /// Text in a language.
    pub fn with_locale(locale: impl Into<UaString>, text: impl Into<UaString>) -> Self {
        Self { locale: locale.into(), text: text.into() }
    }
}

impl fmt::Display for LocalizedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Encode for LocalizedText {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(!self.locale.is_null()) | u8::from(!self.text.is_null()) << 1);
        if !self.locale.is_null() {
            self.locale.encode(out);
        }
        if !self.text.is_null() {
            self.text.encode(out);
        }
    }
}

impl<'a> Decode<'a> for LocalizedText {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mask = reader.u8()?;
        if mask > 0x03 {
            return Err(DecodeError::Form);
        }
        let locale = if mask & 0x01 != 0 { UaString::decode(reader)? } else { UaString::NULL };
        let text = if mask & 0x02 != 0 { UaString::decode(reader)? } else { UaString::NULL };
        Ok(Self { locale, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localized_text_carries_only_what_is_there() {
        assert_eq!(LocalizedText::default().to_bytes(), [0]);
        assert_eq!(LocalizedText::new("a").to_bytes(), [2, 1, 0, 0, 0, b'a']);
        let both = LocalizedText::with_locale("en", "a");
        assert_eq!(both.to_bytes(), [3, 2, 0, 0, 0, b'e', b'n', 1, 0, 0, 0, b'a']);
        assert_eq!(LocalizedText::from_bytes(&both.to_bytes()), Ok(both));
        assert_eq!(LocalizedText::from_bytes(&[4]), Err(DecodeError::Form));
    }

    #[test]
    fn qualified_name_round_trips() {
        let name = QualifiedName::new(2, "press");
        assert_eq!(name.to_bytes(), [2, 0, 5, 0, 0, 0, b'p', b'r', b'e', b's', b's']);
        assert_eq!(QualifiedName::from_bytes(&name.to_bytes()), Ok(name.clone()));
        assert_eq!(name.to_string(), "2:press");
    }
}
