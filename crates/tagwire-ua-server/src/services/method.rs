//! Call (Part 4, 5.12): the methods of the Server object.

use tagwire_access::{Operation, Target, authorise};
use tagwire_model::Status;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::{CallMethodRequest, CallMethodResult, CallRequest, CallResponse};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{Variant, VariantItems};

use super::{Context, Flow, check_operations, decode};
use crate::event::audit;
use crate::limits;
use crate::log;

pub(super) fn call(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: CallRequest = decode(body)?;
    check_operations(request.methods_to_call.len(), limits::MAX_NODES_PER_METHOD_CALL)?;
    let results = request.methods_to_call.iter().map(|call| {
        let result = call_one(context, call);
        audit::called(context, call, &result);
        result
    });
    let results: Vec<_> = results.collect();
    log::called(context, &request.methods_to_call, &results);
    let response_header = context.response_header();
    context.respond(&CallResponse { response_header, results, ..Default::default() }, out)
}

fn call_one(context: &Context<'_>, call: &CallMethodRequest) -> CallMethodResult {
    let failed = |status_code| CallMethodResult { status_code, ..Default::default() };
    let method = match checked_method(context, call) {
        Ok(method) => method,
        Err(status) => return failed(status),
    };
    let id = match &call.input_arguments[..] {
        [] => return failed(status::BAD_ARGUMENTS_MISSING),
        [Variant::UInt32(id)] => *id,
        [_] => {
            return CallMethodResult {
                status_code: status::BAD_INVALID_ARGUMENT,
                input_argument_results: vec![Status::BAD_TYPE_MISMATCH],
                ..Default::default()
            };
        }
        _ => return failed(status::BAD_TOO_MANY_ARGUMENTS),
    };
    let result = match method {
        node::SERVER_GET_MONITORED_ITEMS => monitored_items(context, id),
        _ => resend_data(context, id),
    };
    match result {
        Ok(output_arguments) => {
            CallMethodResult { input_argument_results: vec![Status::GOOD], output_arguments, ..Default::default() }
        }
        Err(status) => failed(status),
    }
}

/// The method's number in namespace 0, once object and method are known to belong together and may be called.
fn checked_method(context: &Context<'_>, call: &CallMethodRequest) -> Result<u32, Status> {
    let snapshot = context.server.address_space.snapshot();
    let known = |id: &tagwire_ua_proto::types::NodeId| snapshot.resolve(id.borrowed());
    known(&call.object_id).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
    known(&call.method_id).ok_or(status::BAD_METHOD_INVALID)?;
    drop(snapshot);
    let method = call.method_id.as_ns0().ok_or(status::BAD_METHOD_INVALID)?;
    match method {
        node::SERVER_GET_MONITORED_ITEMS | node::SERVER_RESEND_DATA => {}
        node::SERVER_SET_SUBSCRIPTION_DURABLE | node::SERVER_REQUEST_SERVER_STATE_CHANGE
            if call.object_id.as_ns0() == Some(node::SERVER) =>
        {
            return Err(status::BAD_NOT_EXECUTABLE);
        }
        _ => return Err(status::BAD_METHOD_INVALID),
    }
    if call.object_id.as_ns0() != Some(node::SERVER) {
        return Err(status::BAD_METHOD_INVALID);
    }
    authorise(context.principal()?, Operation::Call, Target::Server).map_err(|_| Status::BAD_USER_ACCESS_DENIED)?;
    Ok(method)
}

/// Part 5, 9.1: server handles and client handles of all items of a subscription.
fn monitored_items(context: &Context<'_>, id: u32) -> Result<Vec<Variant>, Status> {
    let mut state = context.session()?.state.lock();
    let subscription = state.publishing.subscription_mut(id).ok_or_else(|| not_ours(context, id))?;
    let (servers, clients): (Vec<u32>, Vec<u32>) =
        subscription.items().map(|item| (item.id, item.settings.client_handle)).unzip();
    Ok(vec![VariantItems::from(servers).into(), VariantItems::from(clients).into()])
}

/// Part 5, 9.2.
fn resend_data(context: &Context<'_>, id: u32) -> Result<Vec<Variant>, Status> {
    let mut state = context.session()?.state.lock();
    let subscription = state.publishing.subscription_mut(id).ok_or_else(|| not_ours(context, id))?;
    subscription.resend_data();
    Ok(Vec::new())
}

fn not_ours(context: &Context<'_>, id: u32) -> Status {
    if context.server.knows_subscription(id) {
        Status::BAD_USER_ACCESS_DENIED
    } else {
        status::BAD_SUBSCRIPTION_ID_INVALID
    }
}
