//! Writers of the hot services: they append to the send buffer.

use tagwire_model::{DataType, Sample, Status, Timestamp, Value};

use crate::codec::Encode;
use crate::services::TimestampsToReturn;
use crate::types::NodeId;

const VALUE: u8 = 0x01;
const STATUS: u8 = 0x02;
const SOURCE_TIME: u8 = 0x04;
const SERVER_TIME: u8 = 0x08;

/// Appends id and header of a response: what stands before its results.
pub fn start_response(encoding_id: u32, request_handle: u32, result: Status, now: Timestamp, out: &mut Vec<u8>) {
    NodeId::ns0(encoding_id).encode(out);
    now.encode(out);
    request_handle.encode(out);
    result.encode(out);
    // No diagnostics, no texts, no additional header.
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0]);
}

/// Appends a DataValue with a scalar of a fixed type, given by the 64 bits of its table slot. Parts that say nothing
/// are left out: a Good status, a time that is not wanted or [`Timestamp::NONE`].
///
/// [`DataType::String`] and [`DataType::ByteString`] do not fit 64 bits and are written as null.
#[inline]
pub fn write_fixed_data_value(
    (data_type, bits): (DataType, u64),
    status: Status,
    source_time: Timestamp,
    server_time: Timestamp,
    wanted: TimestampsToReturn,
    out: &mut Vec<u8>,
) {
    let mut parts = Parts::new();
    parts.put(data_type.ua_id());
    match data_type {
        DataType::Boolean | DataType::Int8 | DataType::UInt8 => parts.put(bits as u8),
        DataType::Int16 | DataType::UInt16 => parts.put_all((bits as u16).to_le_bytes()),
        DataType::Int32 | DataType::UInt32 | DataType::Float => parts.put_all((bits as u32).to_le_bytes()),
        DataType::Int64 | DataType::UInt64 | DataType::Double | DataType::DateTime => {
            parts.put_all(bits.to_le_bytes());
        }
        DataType::String | DataType::ByteString => parts.put_all((-1_i32).to_le_bytes()),
    }
    parts.bytes[0] = VALUE;
    parts.put_rest(status, source_time, server_time, wanted);
    parts.append(out);
}

/// Appends a DataValue with any value of a tag; null is left out. Otherwise as [`write_fixed_data_value`].
#[inline]
pub fn write_model_data_value(
    value: &Value,
    status: Status,
    source_time: Timestamp,
    server_time: Timestamp,
    wanted: TimestampsToReturn,
    out: &mut Vec<u8>,
) {
    if let Some(fixed) = value.to_bits() {
        return write_fixed_data_value(fixed, status, source_time, server_time, wanted, out);
    }
    let mut parts = Parts::new();
    parts.put_rest(status, source_time, server_time, wanted);
    if *value == Value::Null {
        return parts.append(out);
    }
    out.push(parts.bytes[0] | VALUE);
    value.encode(out);
    out.extend_from_slice(parts.written().get(1..).unwrap_or_default());
}

/// Appends a sample as a DataValue.
#[inline]
pub fn write_data_value(sample: &Sample, wanted: TimestampsToReturn, out: &mut Vec<u8>) {
    write_model_data_value(&sample.value, sample.status, sample.source_time, sample.server_time, wanted, out);
}

/// Appends a DataValue that says only why there is no value.
#[inline]
pub fn write_status_only(status: Status, out: &mut Vec<u8>) {
    let [a, b, c, d] = status.0.to_le_bytes();
    out.extend_from_slice(&[STATUS, a, b, c, d]);
}

/// A DataValue without text, bytes or elements, gathered so that the buffer grows once. 30 bytes at most: mask,
/// type, 8 bytes of value, status, two times.
struct Parts {
    bytes: [u8; 32],
    len: usize,
}

impl Parts {
    /// Nothing but the mask.
    #[inline]
    const fn new() -> Self {
        Self { bytes: [0; 32], len: 1 }
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.put_all([byte]);
    }

    #[inline]
    fn put_all<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + N) {
            place.copy_from_slice(&bytes);
            self.len += N;
        }
    }

    #[inline]
    fn put_rest(&mut self, status: Status, source_time: Timestamp, server_time: Timestamp, wanted: TimestampsToReturn) {
        if status != Status::GOOD {
            self.bytes[0] |= STATUS;
            self.put_all(status.0.to_le_bytes());
        }
        if wanted.source() && !source_time.is_none() {
            self.bytes[0] |= SOURCE_TIME;
            self.put_all(source_time.ticks().to_le_bytes());
        }
        if wanted.server() && !server_time.is_none() {
            self.bytes[0] |= SERVER_TIME;
            self.put_all(server_time.ticks().to_le_bytes());
        }
    }

    /// Copies a fixed number of bytes and takes back what is too much, which is faster than a copy of a number of
    /// bytes that varies.
    #[inline]
    fn append(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        out.extend_from_slice(&self.bytes);
        out.truncate(end);
    }

    #[inline]
    fn written(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use tagwire_model::{ArrayData, Dims};

    use super::*;
    use crate::codec::Decode;
    use crate::services::{ReadResponse, ResponseHeader};
    use crate::types::{DataValue, Structure, Variant};

    #[test]
    fn a_data_value_holds_what_is_wanted_and_nothing_more() {
        let values = [
            Value::Null,
            Value::Boolean(true),
            Value::Int8(-1),
            Value::UInt16(7),
            Value::Float(1.5),
            Value::Double(-2.5),
            Value::text("a"),
            Value::bytes(&[1]),
            Value::array(Dims::one(2), ArrayData::Int32(vec![1, 2])).expect("array"),
        ];
        let (source, server) = (Timestamp::from_ticks(11), Timestamp::from_ticks(12));
        for value in values {
            for status in [Status::GOOD, Status::BAD_TIMEOUT] {
                for wanted in [0, 1, 2, 3].map(TimestampsToReturn) {
                    let mut out = Vec::new();
                    write_model_data_value(&value, status, source, server, wanted, &mut out);
                    let expected = DataValue {
                        value: (value != Value::Null).then(|| Variant::from(&value)),
                        status: (!status.is_good()).then_some(status),
                        source_time: matches!(wanted.0, 0 | 2).then_some(source),
                        server_time: matches!(wanted.0, 1 | 2).then_some(server),
                        ..DataValue::default()
                    };
                    assert_eq!(DataValue::from_bytes(&out), Ok(expected));
                }
            }
        }
    }

    #[test]
    fn a_response_written_in_parts_reads_as_the_structure() {
        let mut out = Vec::new();
        start_response(ReadResponse::ENCODING_ID, 7, Status::GOOD, Timestamp::from_ticks(9), &mut out);
        1_i32.encode(&mut out);
        write_status_only(Status::BAD_NODE_ID_UNKNOWN, &mut out);
        0_i32.encode(&mut out);
        let response = ReadResponse {
            response_header: ResponseHeader::new(7, Status::GOOD, Timestamp::from_ticks(9)),
            results: vec![DataValue::failed(Status::BAD_NODE_ID_UNKNOWN)],
            diagnostic_infos: Vec::new(),
        };
        let mut expected = Vec::new();
        crate::services::write_message(&response, &mut expected);
        assert_eq!(out, expected);
    }
}
