//! The requests of the hot services, borrowed.

use tagwire_model::Timestamp;

use super::scalar_write::ScalarWriteRef;
use super::skip_extension_object;
use super::value::DataValueRef;
use crate::codec::{Decode, DecodeError, Reader};
use crate::services::{SubscriptionAcknowledgement, TimestampsToReturn};
use crate::types::NodeIdRef;

/// Start of a request (Part 4, 7.32), borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestHeaderRef<'a> {
    /// The secret that CreateSession returned; null without a session.
    pub authentication_token: NodeIdRef<'a>,
    /// When the client sent the request, by its own clock.
    pub timestamp: Timestamp,
    /// Chosen by the client, returned in the response.
    pub request_handle: u32,
    /// Which diagnostics the client wants, one bit each.
    pub return_diagnostics: u32,
    /// What the client wants to see in audit events.
    pub audit_entry_id: &'a str,
    /// Milliseconds after which the client no longer waits, 0 for never.
    pub timeout_hint: u32,
}

impl<'a> Decode<'a> for RequestHeaderRef<'a> {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let header = Self {
            authentication_token: NodeIdRef::decode(reader)?,
            timestamp: reader.timestamp()?,
            request_handle: reader.u32()?,
            return_diagnostics: reader.u32()?,
            audit_entry_id: reader.str()?.unwrap_or_default(),
            timeout_hint: reader.u32()?,
        };
        skip_extension_object(reader)?;
        Ok(header)
    }
}

/// One attribute of one node to read (Part 4, 7.29), borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadValueIdRef<'a> {
    /// The node.
    pub node_id: NodeIdRef<'a>,
    /// The attribute, one of [`crate::ids::attribute`] or a number that does not exist.
    pub attribute_id: u32,
    /// Which part of the value, empty for all of it.
    pub index_range: &'a str,
    /// Namespace of the wanted encoding.
    pub data_encoding_namespace: u16,
    /// Name of the wanted encoding, empty for the default.
    pub data_encoding: &'a str,
}

impl<'a> Decode<'a> for ReadValueIdRef<'a> {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            node_id: NodeIdRef::decode(reader)?,
            attribute_id: reader.u32()?,
            index_range: reader.str()?.unwrap_or_default(),
            data_encoding_namespace: reader.u16()?,
            data_encoding: reader.str()?.unwrap_or_default(),
        })
    }
}

/// Request of the Read service (Part 4, 5.11.2), borrowed. Iterating yields the nodes to read and then, when bytes
/// follow them, an error.
#[derive(Clone, Debug)]
pub struct ReadRequestRef<'a> {
    /// Start of the request.
    pub header: RequestHeaderRef<'a>,
    /// Milliseconds that a value may be old.
    pub max_age: f64,
    /// Which times are wanted.
    pub timestamps_to_return: TimestampsToReturn,
    nodes: Items<'a>,
}

impl<'a> ReadRequestRef<'a> {
    /// How many nodes are to be read.
    pub const fn n_nodes(&self) -> usize {
        self.nodes.n_items
    }

    /// The nodes to read.
    #[inline]
    pub fn nodes(&self) -> impl Iterator<Item = Result<ReadValueIdRef<'a>, DecodeError>> + use<'a> {
        self.nodes.iter()
    }
}

impl<'a> Decode<'a> for ReadRequestRef<'a> {
    /// Reads up to the nodes and takes all bytes that follow as theirs.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            header: RequestHeaderRef::decode(reader)?,
            max_age: reader.f64()?,
            timestamps_to_return: TimestampsToReturn(reader.i32()?),
            nodes: Items::decode(reader)?,
        })
    }
}

/// One attribute of one node to write (Part 4, 5.11.4), borrowed.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteValueRef<'a> {
    /// The node.
    pub node_id: NodeIdRef<'a>,
    /// The attribute, one of [`crate::ids::attribute`] or a number that does not exist.
    pub attribute_id: u32,
    /// Which part of the value, empty for all of it.
    pub index_range: &'a str,
    /// The value to write.
    pub value: DataValueRef<'a>,
}

impl<'a> Decode<'a> for WriteValueRef<'a> {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            node_id: NodeIdRef::decode(reader)?,
            attribute_id: reader.u32()?,
            index_range: reader.str()?.unwrap_or_default(),
            value: DataValueRef::decode(reader)?,
        })
    }
}

/// Request of the Write service (Part 4, 5.11.4), borrowed. Iterating yields the values to write and then, when bytes
/// follow them, an error.
#[derive(Clone, Debug)]
pub struct WriteRequestRef<'a> {
    /// Start of the request.
    pub header: RequestHeaderRef<'a>,
    nodes: Items<'a>,
}

impl<'a> WriteRequestRef<'a> {
    /// How many values are to be written.
    pub const fn n_nodes(&self) -> usize {
        self.nodes.n_items
    }

    /// The values to write.
    #[inline]
    pub fn nodes(&self) -> WriteValues<'a> {
        WriteValues(self.nodes.iter())
    }

    /// The values as they came over the wire, one after the other, with whatever follows them.
    pub const fn encoded_nodes(&self) -> &'a [u8] {
        self.nodes.reader.rest()
    }

    /// Whether every value can be decoded, for a service that must not begin what it cannot end.
    ///
    /// # Errors
    /// The first [`DecodeError`] within the request.
    pub fn check(&self) -> Result<(), DecodeError> {
        self.nodes().try_for_each(|node| node.map(|_| ()))
    }
}

/// The values of a Write, one after the other.
#[derive(Clone, Debug)]
pub struct WriteValues<'a>(ItemIter<'a, WriteValueRef<'a>>);

impl<'a> WriteValues<'a> {
    /// The next value when it is of the kind that nearly all are; `None`, and the value is still to come, when it is not.
    #[inline]
    pub fn next_scalar(&mut self) -> Option<ScalarWriteRef<'a>> {
        if self.0.left == 0 {
            return None;
        }
        let scalar = ScalarWriteRef::read(self.0.reader.as_mut()?)?;
        self.0.left -= 1;
        Some(scalar)
    }
}

impl<'a> Iterator for WriteValues<'a> {
    type Item = Result<WriteValueRef<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a> Decode<'a> for WriteRequestRef<'a> {
    /// Reads up to the values and takes all bytes that follow as theirs.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { header: RequestHeaderRef::decode(reader)?, nodes: Items::decode(reader)? })
    }
}

/// Request of the Publish service (Part 4, 5.14.5), borrowed.
#[derive(Clone, Debug)]
pub struct PublishRequestRef<'a> {
    /// Start of the request.
    pub header: RequestHeaderRef<'a>,
    acknowledgements: Items<'a>,
}

impl<'a> PublishRequestRef<'a> {
    /// How many notification messages are acknowledged.
    pub const fn n_acknowledgements(&self) -> usize {
        self.acknowledgements.n_items
    }

    /// The notification messages that have arrived.
    pub fn acknowledgements(&self) -> impl Iterator<Item = Result<SubscriptionAcknowledgement, DecodeError>> + use<'a> {
        self.acknowledgements.iter()
    }
}

impl<'a> Decode<'a> for PublishRequestRef<'a> {
    /// Reads up to the acknowledgements and takes all bytes that follow as theirs.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { header: RequestHeaderRef::decode(reader)?, acknowledgements: Items::decode(reader)? })
    }
}

/// The elements of the array that ends a request, not decoded yet.
#[derive(Clone, Debug)]
struct Items<'a> {
    n_items: usize,
    reader: Reader<'a>,
}

impl<'a> Items<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let n_items = reader.array_len()?.unwrap_or(0);
        let items = Self { n_items, reader: reader.clone() };
        reader.bytes(reader.remaining())?;
        Ok(items)
    }

    #[inline]
    fn iter<T: Decode<'a>>(&self) -> ItemIter<'a, T> {
        ItemIter { left: self.n_items, reader: Some(self.reader.clone()), item: std::marker::PhantomData }
    }
}

#[derive(Clone, Debug)]
struct ItemIter<'a, T> {
    left: usize,
    /// `None` once the end or an error was reached.
    reader: Option<Reader<'a>>,
    item: std::marker::PhantomData<T>,
}

impl<'a, T: Decode<'a>> Iterator for ItemIter<'a, T> {
    type Item = Result<T, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        if self.left == 0 {
            let end = reader.finish();
            self.reader = None;
            return end.err().map(Err);
        }
        self.left -= 1;
        let item = T::decode(reader);
        if item.is_err() {
            self.reader = None;
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encode;
    use crate::services::{PublishRequest, ReadRequest, ReadValueId, RequestHeader, WriteRequest, WriteValue};
    use crate::types::{DataValue, ExtensionObject, NodeId, QualifiedName};

    fn header() -> RequestHeader {
        RequestHeader {
            authentication_token: NodeId::opaque(1, [1_u8, 2, 3]),
            timestamp: Timestamp::from_ticks(5),
            request_handle: 6,
            return_diagnostics: 7,
            audit_entry_id: "audit".into(),
            timeout_hint: 8,
            additional_header: ExtensionObject::default(),
        }
    }

    #[test]
    fn a_read_request_is_seen_as_it_was_written() {
        let node = ReadValueId {
            node_id: NodeId::string(2, "line1.press.temp"),
            attribute_id: 13,
            index_range: "0:1".into(),
            data_encoding: QualifiedName::new(0, "Default Binary"),
        };
        let request = ReadRequest {
            request_header: header(),
            max_age: 100.0,
            timestamps_to_return: TimestampsToReturn::BOTH,
            nodes_to_read: vec![node; 3],
        };
        let bytes = request.to_bytes();
        let view = ReadRequestRef::from_bytes(&bytes).expect("view");
        assert_eq!(view.header.authentication_token, request.request_header.authentication_token);
        assert_eq!((view.header.request_handle, view.header.audit_entry_id), (6, "audit"));
        assert_eq!((view.max_age, view.timestamps_to_return), (100.0, TimestampsToReturn::BOTH));
        let nodes: Vec<_> = view.nodes().collect::<Result<_, _>>().expect("nodes");
        assert_eq!((nodes.len(), view.n_nodes()), (3, 3));
        assert_eq!(nodes[2].node_id, NodeId::string(2, "line1.press.temp"));
        assert_eq!((nodes[2].index_range, nodes[2].data_encoding), ("0:1", "Default Binary"));
    }

    #[test]
    fn a_write_request_is_checked_as_a_whole() {
        let node = WriteValue {
            node_id: NodeId::ns0(1),
            attribute_id: 13,
            index_range: "".into(),
            value: DataValue::new(1.5_f64),
        };
        let mut bytes = WriteRequest { request_header: header(), nodes_to_write: vec![node; 2] }.to_bytes();
        assert_eq!(WriteRequestRef::from_bytes(&bytes).expect("view").check(), Ok(()));
        bytes.push(0);
        assert_eq!(WriteRequestRef::from_bytes(&bytes).expect("view").check(), Err(DecodeError::Trailing));
        bytes.truncate(bytes.len() - 2);
        assert_eq!(WriteRequestRef::from_bytes(&bytes).expect("view").check(), Err(DecodeError::End));
    }

    #[test]
    fn acknowledgements_follow_one_another() {
        let acknowledged = SubscriptionAcknowledgement { subscription_id: 1, sequence_number: 2 };
        let request = PublishRequest {
            request_header: header(),
            subscription_acknowledgements: vec![acknowledged.clone(), acknowledged],
        };
        let bytes = request.to_bytes();
        let view = PublishRequestRef::from_bytes(&bytes).expect("view");
        let seen: Vec<_> = view.acknowledgements().collect::<Result<_, _>>().expect("all");
        assert_eq!(seen, request.subscription_acknowledgements);
    }
}
