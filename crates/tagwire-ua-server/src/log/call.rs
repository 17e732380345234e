//! Calls of methods.

use tagwire_access::audit::{Details, Fields};
use tagwire_access::{Actor, What};
use tagwire_model::Status;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::{CallMethodRequest, CallMethodResult};
use tagwire_ua_proto::types::{NodeId, Variant};

use super::value::write_variant;
use super::{Client, name, record, sender};
use crate::server::Server;
use crate::services::Context;

/// Most calls of one request that are noted one by one.
const MAX_CALLS: usize = 100;

/// The methods whose arguments are recorded. Those of any other method may hold a secret, as the password of a new user.
const OPEN_METHODS: [u32; 4] = [
    node::SERVER_GET_MONITORED_ITEMS,
    node::SERVER_RESEND_DATA,
    node::SERVER_SET_SUBSCRIPTION_DURABLE,
    node::SERVER_REQUEST_SERVER_STATE_CHANGE,
];

struct Called {
    object: NodeId,
    method: NodeId,
    n_arguments: usize,
    arguments: Option<Vec<Variant>>,
    status: Status,
}

struct Calls {
    calls: Vec<Called>,
    n_calls: usize,
    n_failed: usize,
}

impl Details for Calls {
    fn write(&self, fields: &mut Fields<'_>) {
        fields.field("n_calls").number(self.n_calls);
        fields.field("n_failed").number(self.n_failed);
        fields.field("calls").list(|list| {
            for call in &self.calls {
                list.item().object(|fields| {
                    fields.field("object").shown(&call.object);
                    fields.field("method").shown(&call.method);
                    match &call.arguments {
                        Some(arguments) => {
                            fields.field("arguments").elements(arguments.iter(), write_variant);
                        }
                        None => fields.field("n_arguments").number(call.n_arguments),
                    }
                    fields.text("result", &name(call.status));
                });
            }
        });
    }

    fn held_bytes(&self) -> usize {
        // Arguments are few and small; what is large in them was bounded by the message.
        self.calls.len() * (size_of::<Called>() + 64)
    }
}

/// A Call request while it is carried out.
pub(crate) struct CallNote(Option<(Actor, Client)>);

impl CallNote {
    /// Notes who calls.
    pub(crate) fn of(context: &Context<'_>) -> Self {
        Self(context.server.audit.is_on().then(|| (sender(context), Client::of(context))))
    }

    /// Makes the record.
    pub(crate) fn finish(self, server: &Server, requests: &[CallMethodRequest], results: &[CallMethodResult]) {
        if let Some((actor, client)) = self.0 {
            record(server, What::Call, actor, client, calls(requests, results));
        }
    }
}

fn calls(requests: &[CallMethodRequest], results: &[CallMethodResult]) -> Calls {
    let pairs = requests.iter().zip(results).take(MAX_CALLS);
    let calls = pairs.map(|(request, result)| Called {
        object: request.object_id.clone(),
        method: request.method_id.clone(),
        n_arguments: request.input_arguments.len(),
        arguments: is_open(&request.method_id).then(|| request.input_arguments.iter().take(16).cloned().collect()),
        status: result.status_code,
    });
    Calls {
        calls: calls.collect(),
        n_calls: requests.len(),
        n_failed: results.iter().filter(|result| result.status_code.is_bad()).count(),
    }
}

fn is_open(method: &NodeId) -> bool {
    method.as_ns0().is_some_and(|id| OPEN_METHODS.contains(&id))
}
