//! DataValue: a value with quality and times (Part 6, 5.2.2.17).

use tagwire_model::{Sample, Status, Timestamp};

use super::{UaString, Variant};
use crate::codec::{Decode, DecodeError, Encode, Reader};

pub(crate) const VALUE: u8 = 0x01;
pub(crate) const STATUS: u8 = 0x02;
pub(crate) const SOURCE_TIME: u8 = 0x04;
pub(crate) const SERVER_TIME: u8 = 0x08;
pub(crate) const SOURCE_PICOS: u8 = 0x10;
pub(crate) const SERVER_PICOS: u8 = 0x20;

/// A value with quality and times; each part may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataValue {
    /// The value; missing counts as null.
    pub value: Option<Variant>,
    /// How good the value is; missing counts as Good.
    pub status: Option<Status>,
    /// When the value was true at its source.
    pub source_time: Option<Timestamp>,
    /// Units of 10 ps to add to the source time, below 10,000.
    pub source_picos: Option<u16>,
    /// When the server last confirmed value and status.
    pub server_time: Option<Timestamp>,
    /// Units of 10 ps to add to the server time, below 10,000.
    pub server_picos: Option<u16>,
}

impl DataValue {
    /// A good value without times.
    pub fn new(value: impl Into<Variant>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// No value, for this reason.
    pub fn failed(status: Status) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// The quality, Good when missing.
    pub fn status(&self) -> Status {
        self.status.unwrap_or(Status::GOOD)
    }

    /// The text within, when the value is text.
    pub fn text(&self) -> Option<&UaString> {
        match &self.value {
            Some(Variant::String(text)) => Some(text),
            _ => None,
        }
    }
}

impl From<&Sample> for DataValue {
    fn from(sample: &Sample) -> Self {
        Self {
            value: Some(Variant::from(&sample.value)),
            status: Some(sample.status),
            source_time: Some(sample.source_time),
            server_time: Some(sample.server_time),
            ..Self::default()
        }
    }
}

impl Encode for DataValue {
    fn encode(&self, out: &mut Vec<u8>) {
        let mask = (if self.value.is_some() { VALUE } else { 0 })
            | (if self.status.is_some() { STATUS } else { 0 })
            | (if self.source_time.is_some() { SOURCE_TIME } else { 0 })
            | (if self.source_picos.is_some() { SOURCE_PICOS } else { 0 })
            | (if self.server_time.is_some() { SERVER_TIME } else { 0 })
            | (if self.server_picos.is_some() { SERVER_PICOS } else { 0 });
        out.push(mask);
        if let Some(value) = &self.value {
            value.encode(out);
        }
        if let Some(status) = self.status {
            status.encode(out);
        }
        for (time, picos) in [(self.source_time, self.source_picos), (self.server_time, self.server_picos)] {
            if let Some(time) = time {
                time.encode(out);
            }
            if let Some(picos) = picos {
                picos.encode(out);
            }
        }
    }
}

impl<'a> Decode<'a> for DataValue {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mask = reader.u8()?;
        if mask & 0xC0 != 0 {
            return Err(DecodeError::Form);
        }
        Ok(Self {
            value: (mask & VALUE != 0).then(|| Variant::decode(reader)).transpose()?,
            status: (mask & STATUS != 0).then(|| Status::decode(reader)).transpose()?,
            source_time: (mask & SOURCE_TIME != 0).then(|| reader.timestamp()).transpose()?,
            source_picos: (mask & SOURCE_PICOS != 0).then(|| reader.u16()).transpose()?,
            server_time: (mask & SERVER_TIME != 0).then(|| reader.timestamp()).transpose()?,
            server_picos: (mask & SERVER_PICOS != 0).then(|| reader.u16()).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mask_round_trips() {
        for mask in 0..64_u8 {
            let bit = |bit: u8| mask & bit != 0;
            let value = DataValue {
                value: bit(VALUE).then(|| 7_u16.into()),
                status: bit(STATUS).then_some(Status::BAD_TIMEOUT),
                source_time: bit(SOURCE_TIME).then(|| Timestamp::from_ticks(1)),
                source_picos: bit(SOURCE_PICOS).then_some(2),
                server_time: bit(SERVER_TIME).then(|| Timestamp::from_ticks(3)),
                server_picos: bit(SERVER_PICOS).then_some(4),
            };
            let bytes = value.to_bytes();
            assert_eq!(bytes[0], mask);
            assert_eq!(DataValue::from_bytes(&bytes), Ok(value));
        }
    }

    #[test]
    fn picoseconds_follow_their_time() {
        let value = DataValue {
            source_time: Some(Timestamp::from_ticks(1)),
            source_picos: Some(2),
            server_time: Some(Timestamp::from_ticks(3)),
            ..DataValue::default()
        };
        let golden = [0x1C, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(value.to_bytes(), golden);
        assert_eq!(DataValue::from_bytes(&[0x40]), Err(DecodeError::Form));
    }
}
