//! Call (Part 4, 5.12): the methods of the Server object and of devices.

use std::sync::Arc;

use tagwire_access::{Operation, Target, authorise};
use tagwire_model::{Status, TagId, Value};
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::{CallMethodRequest, CallMethodResult, CallRequest, CallResponse};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{NodeId, Structure, Variant, VariantItems};

use super::{Context, Flow, LaterBody, check_operations, decode, durable, roles, state_change};
use crate::address_space::{Node, Rights as _, is_role_management};
use crate::configuration::{self, Job};
use crate::event::audit::{self, Actor};
use crate::limits;
use crate::log::CallNote;
use crate::rights::denied_status;

pub(super) fn call(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: CallRequest = decode(body)?;
    check_operations(request.methods_to_call.len(), limits::MAX_NODES_PER_METHOD_CALL)?;
    let calls = request.methods_to_call;
    let (mut results, mut writes, mut written) = (Vec::with_capacity(calls.len()), Vec::new(), Vec::new());
    let mut jobs = Vec::new();
    for call in &calls {
        let result = match checked_method(context, call) {
            Ok(Method::Server(method)) => call_server(context, method, call),
            Ok(Method::Roles(object)) => roles::call(context, object, call),
            Ok(Method::Device(tag, value)) => {
                written.push(results.len());
                writes.push((tag, value));
                CallMethodResult::default()
            }
            Ok(Method::Configuration(method)) => {
                jobs.push((results.len(), Job::new(context, method, call)?));
                CallMethodResult::default()
            }
            Err(status_code) => CallMethodResult { status_code, ..Default::default() },
        };
        results.push(result);
    }
    let (server, actor, note) = (Arc::clone(context.server), Actor::of(context), CallNote::of(context));
    let tell = move |calls: &[CallMethodRequest], results: &[CallMethodResult]| {
        calls.iter().zip(results).for_each(|(call, result)| audit::called(&server, &actor, call, result));
        note.finish(&server, calls, results);
    };
    let response_header = context.response_header();
    if writes.is_empty() && jobs.is_empty() {
        tell(&calls, &results);
        return context.respond(&CallResponse { response_header, results, ..Default::default() }, out);
    }
    let answers = context.server.hub.write(writes);
    Ok(Flow::Later(Box::pin(async move {
        for (place, job) in jobs {
            // In their order, since one may depend on the one before it.
            results[place] = tokio::task::spawn_blocking(|| job.run())
                .await
                .unwrap_or_else(|_| CallMethodResult { status_code: Status::BAD_INTERNAL_ERROR, ..Default::default() });
        }
        for (place, status) in written.into_iter().zip(answers.await) {
            results[place].status_code = status;
        }
        tell(&calls, &results);
        let mut out = Vec::new();
        NodeId::ns0(CallResponse::ENCODING_ID).encode(&mut out);
        CallResponse { response_header, results, ..Default::default() }.encode(&mut out);
        LaterBody::Body(out)
    })))
}

/// A method that may be called.
enum Method {
    /// One of the Server object, by its number in namespace 0.
    Server(u32),
    /// One that changes roles, and the object that it is called on.
    Roles(Node),
    /// One of a device: the system tag that it writes, and the value.
    Device(TagId, Value),
    /// One of push management.
    Configuration(configuration::Method),
}

fn call_server(context: &Context<'_>, method: u32, call: &CallMethodRequest) -> CallMethodResult {
    match method {
        node::SERVER_SET_SUBSCRIPTION_DURABLE => return durable::set_durable(context, call),
        node::SERVER_REQUEST_SERVER_STATE_CHANGE => return state_change::request(context, call),
        _ => {}
    }
    let failed = |status_code| CallMethodResult { status_code, ..Default::default() };
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

/// The method, once it and the object are known to belong together and it may be called.
fn checked_method(context: &Context<'_>, call: &CallMethodRequest) -> Result<Method, Status> {
    let snapshot = context.server.address_space.snapshot();
    let known = |id: &NodeId| snapshot.resolve(id.borrowed());
    let object = known(&call.object_id).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
    let method = known(&call.method_id).ok_or(status::BAD_METHOD_INVALID)?;
    if let Node::Method(folder, of_device) = method {
        if object != Node::Folder(folder) {
            return Err(status::BAD_METHOD_INVALID);
        }
        context.rights.check(Operation::Call, method, &snapshot)?;
        if !call.input_arguments.is_empty() {
            return Err(status::BAD_TOO_MANY_ARGUMENTS);
        }
        let (name, value) = of_device.effect();
        let tag = snapshot.system_tag(folder, name).ok_or(status::BAD_NOT_IMPLEMENTED)?;
        return Ok(Method::Device(tag, Value::Boolean(value)));
    }
    if let Some((method, id)) = configuration::find(call) {
        let node = Node::standard(id).ok_or(status::BAD_METHOD_INVALID)?;
        context.rights.check(Operation::Call, node, &snapshot)?;
        return Ok(Method::Configuration(method));
    }
    drop(snapshot);
    let method = call.method_id.as_ns0().ok_or(status::BAD_METHOD_INVALID)?;
    if is_role_management(method) {
        return Ok(Method::Roles(object));
    }
    match method {
        node::SERVER_GET_MONITORED_ITEMS
        | node::SERVER_RESEND_DATA
        | node::SERVER_SET_SUBSCRIPTION_DURABLE
        | node::SERVER_REQUEST_SERVER_STATE_CHANGE => {}
        _ => return Err(status::BAD_METHOD_INVALID),
    }
    if call.object_id.as_ns0() != Some(node::SERVER) {
        return Err(status::BAD_METHOD_INVALID);
    }
    authorise(context.principal()?, Operation::Call, Target::Server).map_err(|denied| denied_status(&denied))?;
    Ok(Method::Server(method))
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

pub(super) fn not_ours(context: &Context<'_>, id: u32) -> Status {
    if context.server.knows_subscription(id) {
        Status::BAD_USER_ACCESS_DENIED
    } else {
        status::BAD_SUBSCRIPTION_ID_INVALID
    }
}
