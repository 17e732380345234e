//! The secure channel (OPC UA Part 4, 5.6).

use tagwire_model::Timestamp;

use super::{MessageSecurityMode, RequestHeader, ResponseHeader, SecurityTokenRequestType};
use crate::types::ByteString;

structures! {
    /// What names the keys of a channel and says how long they hold.
    ChannelSecurityToken: CHANNEL_SECURITY_TOKEN {
        channel_id: u32,
        token_id: u32,
        created_at: Timestamp,
        revised_lifetime: u32,
    }

    /// Request of the OpenSecureChannel service.
    OpenSecureChannelRequest: OPEN_SECURE_CHANNEL_REQUEST {
        request_header: RequestHeader,
        client_protocol_version: u32,
        request_type: SecurityTokenRequestType,
        security_mode: MessageSecurityMode,
        client_nonce: ByteString,
        requested_lifetime: u32,
    }

    /// Response of the OpenSecureChannel service.
    OpenSecureChannelResponse: OPEN_SECURE_CHANNEL_RESPONSE {
        response_header: ResponseHeader,
        server_protocol_version: u32,
        security_token: ChannelSecurityToken,
        server_nonce: ByteString,
    }

    /// Request of the CloseSecureChannel service.
    CloseSecureChannelRequest: CLOSE_SECURE_CHANNEL_REQUEST {
        request_header: RequestHeader,
    }

    /// Response of the CloseSecureChannel service.
    CloseSecureChannelResponse: CLOSE_SECURE_CHANNEL_RESPONSE {
        response_header: ResponseHeader,
    }
}
