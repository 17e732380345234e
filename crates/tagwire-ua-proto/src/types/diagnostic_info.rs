//! DiagnosticInfo.

use tagwire_model::Status;

use super::UaString;
use crate::codec::{Decode, DecodeError, Encode, Reader};

/// Vendor specific details about an error (Part 6, 5.2.2.12). The indices point into the string table of the response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiagnosticInfo {
    /// Index of the symbolic name.
    pub symbolic_id: Option<i32>,
    /// Index of the namespace URI of the symbolic name.
    pub namespace_uri: Option<i32>,
    /// Index of the locale of the text.
    pub locale: Option<i32>,
    /// Index of the text.
    pub localized_text: Option<i32>,
    /// Details for those who diagnose.
    pub additional_info: Option<UaString>,
    /// The code of an inner error.
    pub inner_status: Option<Status>,
    /// Details of the inner error.
    pub inner: Option<Box<Self>>,
}

impl Encode for DiagnosticInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        let mask = u8::from(self.symbolic_id.is_some())
            | u8::from(self.namespace_uri.is_some()) << 1
            | u8::from(self.localized_text.is_some()) << 2
            | u8::from(self.locale.is_some()) << 3
            | u8::from(self.additional_info.is_some()) << 4
            | u8::from(self.inner_status.is_some()) << 5
            | u8::from(self.inner.is_some()) << 6;
        out.push(mask);
        for index in [self.symbolic_id, self.namespace_uri, self.locale, self.localized_text].into_iter().flatten() {
            index.encode(out);
        }
        if let Some(info) = &self.additional_info {
            info.encode(out);
        }
        if let Some(status) = &self.inner_status {
            status.encode(out);
        }
        if let Some(inner) = &self.inner {
            inner.encode(out);
        }
    }
}

impl<'a> Decode<'a> for DiagnosticInfo {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mask = reader.u8()?;
        if mask & 0x80 != 0 {
            return Err(DecodeError::Form);
        }
        let index = |bit: u8, reader: &mut Reader<'a>| (mask & bit != 0).then(|| reader.i32()).transpose();
        Ok(Self {
            symbolic_id: index(0x01, reader)?,
            namespace_uri: index(0x02, reader)?,
            locale: index(0x08, reader)?,
            localized_text: index(0x04, reader)?,
            additional_info: (mask & 0x10 != 0).then(|| UaString::decode(reader)).transpose()?,
            inner_status: (mask & 0x20 != 0).then(|| Status::decode(reader)).transpose()?,
            inner: (mask & 0x40 != 0).then(|| reader.nested(Self::decode).map(Box::new)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locale_comes_before_the_text_on_the_wire() {
        let info = DiagnosticInfo { locale: Some(1), localized_text: Some(2), ..DiagnosticInfo::default() };
        let bytes = info.to_bytes();
        assert_eq!(bytes, [0x0C, 1, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(DiagnosticInfo::from_bytes(&bytes), Ok(info));
    }

    #[test]
    fn ten_thousand_levels_are_refused() {
        let bytes = vec![0x40; 10_000];
        assert_eq!(DiagnosticInfo::from_bytes(&bytes), Err(DecodeError::Depth));
        let mut bytes = vec![0x40; 100];
        bytes.push(0);
        assert!(DiagnosticInfo::from_bytes(&bytes).is_ok());
    }
}
