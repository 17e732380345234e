//! One file per service set, and the table that leads from a request's type to its handler.

mod aggregate_item;
mod attribute;
mod browse;
mod device_read;
mod discovery;
mod durable;
mod dynamic;
mod event_item;
mod history;
mod history_update;
mod method;
mod monitored_item;
mod part_write;
mod roles;
mod secret_key;
mod session;
mod state_change;
mod structure_write;
mod subscription;
mod table;
mod user_token;
mod value;
pub mod view;
mod write;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tagwire_access::Principal;
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::codec::{Decode, DecodeError, Encode};
use tagwire_ua_proto::hot::RequestHeaderRef;
use tagwire_ua_proto::types::{NodeId, Structure};

pub(crate) use aggregate_item::plan as aggregate_plan;
pub(crate) use attribute::{VALUE, attribute_operation};
pub(crate) use event_item::{checked_filter, filter_bytes};
pub(crate) use part_write::PartLocks;
pub(crate) use roles::{endpoint_rule, identity_rule};
pub(crate) use subscription::write_answer;
pub(crate) use table::{SessionNeed, service};
pub(crate) use user_token::UserToken;

use crate::rights::UserRights;
use crate::server::Server;
use crate::session::{ChannelFacts, Session};
use crate::subscription::Millis;

/// Everything that a handler may use.
pub(crate) struct Context<'a> {
    pub(crate) server: &'a Arc<Server>,
    pub(crate) channel: &'a ChannelFacts,
    /// The session that the request belongs to; `None` for services that need none.
    pub(crate) session: Option<&'a Arc<Session>>,
    /// Who asks; nobody before a session is activated.
    pub(crate) principal: Option<&'a Arc<Principal>>,
    pub(crate) rights: UserRights<'a>,
    pub(crate) header: RequestHeaderRef<'a>,
    pub(crate) request_id: u32,
    /// The whole message, type id included.
    pub(crate) message: &'a [u8],
    /// Monotonic time of the request.
    pub(crate) now: Millis,
    /// Wall time of the request.
    pub(crate) time: Timestamp,
    /// Whether the devices have been asked on behalf of this very request already.
    pub(crate) refreshed: bool,
}

impl<'a> Context<'a> {
    /// The session; every service whose table row says so has one.
    pub(crate) fn session(&self) -> Result<&'a Arc<Session>, Status> {
        self.session.ok_or(tagwire_ua_proto::status::BAD_SESSION_ID_INVALID)
    }

    /// Who asks; every service that needs an activated session knows.
    pub(crate) fn principal(&self) -> Result<&'a Arc<Principal>, Status> {
        self.principal.ok_or(Status::BAD_USER_ACCESS_DENIED)
    }

    /// Writes a response whose structure begins with its header.
    pub(crate) fn respond<T: Structure>(&self, response: &T, out: &mut Vec<u8>) -> Result<Flow, Status> {
        NodeId::ns0(T::ENCODING_ID).encode(out);
        response.encode(out);
        Ok(Flow::Done)
    }

    /// What the address space needs to know to answer for anything but a tag's value.
    pub(crate) fn address_context(&self) -> crate::address_space::Context<'_> {
        crate::address_space::Context { server: self.server.as_ref(), rights: &self.rights }
    }

    /// The header of a good response.
    pub(crate) fn response_header(&self) -> tagwire_ua_proto::services::ResponseHeader {
        tagwire_ua_proto::services::ResponseHeader {
            timestamp: self.time,
            request_handle: self.header.request_handle,
            ..Default::default()
        }
    }
}

/// A response that comes later: what it appends is the whole body, type id included.
pub(crate) type Later = Pin<Box<dyn Future<Output = LaterBody> + Send>>;

/// What a [`Later`] ends with.
pub(crate) enum LaterBody {
    /// The body of the response.
    Body(Vec<u8>),
    /// The body of the response that activates a session on this connection.
    Activated(Vec<u8>, Arc<Session>),
    /// A service fault.
    Fault(Status),
    /// The request is to be handled once more, now that the devices have answered.
    Again(Vec<u8>),
}

/// How a handler ends when it does not fail.
pub(crate) enum Flow {
    /// The response is in the buffer.
    Done,
    /// Nothing is written now.
    Later(Later),
    /// The request waits in its session's queue of Publish requests.
    Queued,
}

/// Decodes a whole request; what follows it is an error.
pub(crate) fn decode<'a, T: Decode<'a>>(body: &'a [u8]) -> Result<T, Status> {
    T::from_bytes(body).map_err(DecodeError::status)
}

/// Checks the number of operations in a request.
pub(crate) fn check_operations(n: usize, max: u32) -> Result<(), Status> {
    if n == 0 {
        Err(Status::BAD_NOTHING_TO_DO)
    } else if n > max as usize {
        Err(Status::BAD_TOO_MANY_OPERATIONS)
    } else {
        Ok(())
    }
}
