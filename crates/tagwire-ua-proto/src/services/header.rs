//! What every request and every response starts with (OPC UA Part 4, 7.32 and 7.33).

use tagwire_model::{Status, Timestamp};

use crate::codec::{Decode, DecodeError, Encode, Reader};
use crate::types::{DiagnosticInfo, ExtensionObject, NodeId, Structure, UaString};

structures! {
    /// The answer to a request that failed as a whole (Part 4, 7.34).
    ServiceFault: SERVICE_FAULT {
        response_header: ResponseHeader,
    }
}

/// Start of a request (Part 4, 7.32).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestHeader {
    /// The secret that CreateSession returned; null without a session.
    pub authentication_token: NodeId,
    /// When the client sent the request, by its own clock.
    pub timestamp: Timestamp,
    /// Chosen by the client, returned in the response.
    pub request_handle: u32,
    /// Which diagnostics the client wants, one bit each.
    pub return_diagnostics: u32,
    /// What the client wants to see in audit events.
    pub audit_entry_id: UaString,
    /// Milliseconds after which the client no longer waits, 0 for never.
    pub timeout_hint: u32,
    /// Reserved for extensions.
    pub additional_header: ExtensionObject,
}

impl Encode for RequestHeader {
    fn encode(&self, out: &mut Vec<u8>) {
        self.authentication_token.encode(out);
        self.timestamp.encode(out);
        self.request_handle.encode(out);
        self.return_diagnostics.encode(out);
        self.audit_entry_id.encode(out);
        self.timeout_hint.encode(out);
        self.additional_header.encode(out);
    }
}

impl<'a> Decode<'a> for RequestHeader {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            authentication_token: NodeId::decode(reader)?,
            timestamp: reader.timestamp()?,
            request_handle: reader.u32()?,
            return_diagnostics: reader.u32()?,
            audit_entry_id: UaString::decode(reader)?,
            timeout_hint: reader.u32()?,
            additional_header: ExtensionObject::decode(reader)?,
        })
    }
}

/// Start of a response (Part 4, 7.33).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseHeader {
    /// When the server sent the response.
    pub timestamp: Timestamp,
    /// The handle of the request.
    pub request_handle: u32,
    /// What became of the request as a whole.
    pub service_result: Status,
    /// Details of the result.
    pub service_diagnostics: DiagnosticInfo,
    /// The texts that diagnostics point to.
    pub string_table: Vec<UaString>,
    /// Reserved for extensions.
    pub additional_header: ExtensionObject,
}

impl ResponseHeader {
    /// The header of an answer to the request with this handle.
    pub fn new(request_handle: u32, service_result: Status, timestamp: Timestamp) -> Self {
        Self { timestamp, request_handle, service_result, ..Self::default() }
    }
}

impl Encode for ResponseHeader {
    fn encode(&self, out: &mut Vec<u8>) {
        self.timestamp.encode(out);
        self.request_handle.encode(out);
        self.service_result.encode(out);
        self.service_diagnostics.encode(out);
        self.string_table.encode(out);
        self.additional_header.encode(out);
    }
}

impl<'a> Decode<'a> for ResponseHeader {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            timestamp: reader.timestamp()?,
            request_handle: reader.u32()?,
            service_result: Status::decode(reader)?,
            service_diagnostics: DiagnosticInfo::decode(reader)?,
            string_table: Vec::decode(reader)?,
            additional_header: ExtensionObject::decode(reader)?,
        })
    }
}

impl ServiceFault {
    /// The answer to the request with this handle that failed as a whole.
    pub fn new(request_handle: u32, service_result: Status, timestamp: Timestamp) -> Self {
        Self { response_header: ResponseHeader::new(request_handle, service_result, timestamp) }
    }
}

/// Appends a request or response as the body of a message: the id of its encoding, then the structure.
pub fn write_message<T: Structure>(message: &T, out: &mut Vec<u8>) {
    NodeId::ns0(T::ENCODING_ID).encode(out);
    message.encode(out);
}

/// Reads the id of the encoding at the start of a message body; `None` when it is none of namespace 0, so that no
/// service can have it.
///
/// # Errors
/// [`DecodeError`] when there is no id.
pub fn read_message_id(reader: &mut Reader<'_>) -> Result<Option<u32>, DecodeError> {
    use crate::types::{IdentifierRef, NodeIdRef};
    Ok(match NodeIdRef::decode(reader)? {
        NodeIdRef { namespace: 0, identifier: IdentifierRef::Numeric(id) } => Some(id),
        _ => None,
    })
}
