//! The method SetSubscriptionDurable (Part 5, 9.3).

use std::sync::Arc;

use tagwire_model::Status;
use tagwire_ua_proto::services::{CallMethodRequest, CallMethodResult};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::Variant;

use super::Context;
use super::method::not_ours;
use crate::ownership::Ownership;

/// Takes the number of a subscription and the hours that it shall live without its client; returns the hours granted.
pub(super) fn set_durable(context: &Context<'_>, call: &CallMethodRequest) -> CallMethodResult {
    let failed = |status_code| CallMethodResult { status_code, ..Default::default() };
    let (id, hours) = match &call.input_arguments[..] {
        [Variant::UInt32(id), Variant::UInt32(hours)] => (*id, *hours),
        [id, hours] => {
            let result = |argument: &Variant| match argument {
                Variant::UInt32(_) => Status::GOOD,
                _ => Status::BAD_TYPE_MISMATCH,
            };
            return CallMethodResult {
                status_code: status::BAD_INVALID_ARGUMENT,
                input_argument_results: vec![result(id), result(hours)],
                ..Default::default()
            };
        }
        [] | [_] => return failed(status::BAD_ARGUMENTS_MISSING),
        _ => return failed(status::BAD_TOO_MANY_ARGUMENTS),
    };
    match make_durable(context, id, hours) {
        Ok(revised) => CallMethodResult {
            input_argument_results: vec![Status::GOOD; 2],
            output_arguments: vec![Variant::UInt32(revised)],
            ..Default::default()
        },
        Err(status) => failed(status),
    }
}

fn make_durable(context: &Context<'_>, id: u32, hours: u32) -> Result<u32, Status> {
    let session = context.session()?;
    let owner = Ownership::of(session, Arc::clone(context.principal()?));
    let mut state = session.state.lock();
    let subscription = state.publishing.subscription_mut(id).ok_or_else(|| not_ours(context, id))?;
    context.server.make_durable(subscription, &owner, hours)
}
