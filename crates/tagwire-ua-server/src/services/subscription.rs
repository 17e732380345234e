//! Subscriptions (Part 4, 5.14).

use tagwire_model::Status;
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::hot::start_response;
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::{
    CreateSubscriptionRequest, CreateSubscriptionResponse, DeleteSubscriptionsRequest, DeleteSubscriptionsResponse,
    ModifySubscriptionRequest, ModifySubscriptionResponse, PublishRequest, RepublishRequest, SetPublishingModeRequest,
    SetPublishingModeResponse, TransferResult, TransferSubscriptionsRequest, TransferSubscriptionsResponse,
};
use tagwire_ua_proto::status;

use super::{Context, Flow, check_operations, decode};
use crate::limits;
use crate::session::{Answer, WaitingPublish};
use crate::subscription::SubscriptionSettings;

pub(super) fn create(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: CreateSubscriptionRequest = decode(body)?;
    let session = context.session()?;
    let settings = revise(
        request.requested_publishing_interval,
        request.requested_lifetime_count,
        request.requested_max_keep_alive_count,
        request.max_notifications_per_publish,
        request.priority,
    );
    let subscription = context.server.new_subscription(session, settings, request.publishing_enabled, context.now)?;
    let subscription_id = subscription.id;
    session.state.lock().publishing.add(subscription);
    let response = CreateSubscriptionResponse {
        response_header: context.response_header(),
        subscription_id,
        revised_publishing_interval: settings.publishing_interval as f64,
        revised_lifetime_count: settings.lifetime,
        revised_max_keep_alive_count: settings.max_keep_alive,
    };
    context.respond(&response, out)
}

/// Part 4, 5.14.2.2: the lifetime is at least three keep-alives; what cannot be kept is revised, never refused.
fn revise(interval: f64, lifetime: u32, keep_alive: u32, max_notifications: u32, priority: u8) -> SubscriptionSettings {
    // NaN fails the comparison and gets the fastest interval, as 0 and negative numbers do.
    let interval = if interval > 0.0 { interval } else { 0.0 };
    let interval = interval.clamp(limits::MIN_PUBLISHING_INTERVAL_MS, limits::MAX_PUBLISHING_INTERVAL_MS);
    let keep_alive = if keep_alive == 0 { limits::DEFAULT_KEEP_ALIVE } else { keep_alive };
    let max_keep_alive = keep_alive.min(limits::MAX_KEEP_ALIVE);
    let longest = (limits::MAX_LIFETIME_MS / interval) as u32;
    let lifetime = lifetime.min(longest).max(max_keep_alive.saturating_mul(3));
    SubscriptionSettings {
        publishing_interval: interval.round() as u64,
        max_keep_alive,
        lifetime,
        max_notifications,
        priority,
    }
}

pub(super) fn modify(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: ModifySubscriptionRequest = decode(body)?;
    let settings = revise(
        request.requested_publishing_interval,
        request.requested_lifetime_count,
        request.requested_max_keep_alive_count,
        request.max_notifications_per_publish,
        request.priority,
    );
    let mut state = context.session()?.state.lock();
    let subscription =
        state.publishing.subscription_mut(request.subscription_id).ok_or(status::BAD_SUBSCRIPTION_ID_INVALID)?;
    let settings = subscription.keep_lifetime(settings);
    subscription.modify(settings, context.now);
    let response = ModifySubscriptionResponse {
        response_header: context.response_header(),
        revised_publishing_interval: settings.publishing_interval as f64,
        revised_lifetime_count: settings.lifetime,
        revised_max_keep_alive_count: settings.max_keep_alive,
    };
    context.respond(&response, out)
}

pub(super) fn set_publishing_mode(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: SetPublishingModeRequest = decode(body)?;
    check_operations(request.subscription_ids.len(), limits::MAX_SUBSCRIPTIONS)?;
    let mut state = context.session()?.state.lock();
    let results = request
        .subscription_ids
        .iter()
        .map(|id| match state.publishing.subscription_mut(*id) {
            Some(subscription) => {
                subscription.set_publishing(request.publishing_enabled);
                Status::GOOD
            }
            None => status::BAD_SUBSCRIPTION_ID_INVALID,
        })
        .collect();
    let response_header = context.response_header();
    context.respond(&SetPublishingModeResponse { response_header, results, ..Default::default() }, out)
}

pub(super) fn delete(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: DeleteSubscriptionsRequest = decode(body)?;
    check_operations(request.subscription_ids.len(), limits::MAX_SUBSCRIPTIONS)?;
    let session = context.session()?;
    let mut gone = Vec::new();
    let results = {
        let mut state = session.state.lock();
        let results = request.subscription_ids.iter().map(|id| match state.publishing.take(*id) {
            Some(subscription) => {
                gone.push(subscription);
                Status::GOOD
            }
            None => status::BAD_SUBSCRIPTION_ID_INVALID,
        });
        results.collect()
    };
    context.server.forget_subscriptions(gone);
    let response_header = context.response_header();
    context.respond(&DeleteSubscriptionsResponse { response_header, results, ..Default::default() }, out)
}

pub(super) fn publish(context: &mut Context<'_>, body: &[u8], _out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: PublishRequest = decode(body)?;
    check_acknowledgements(request.subscription_acknowledgements.len())?;
    let mut state = context.session()?.state.lock();
    let results = request
        .subscription_acknowledgements
        .iter()
        .map(|acknowledged| match state.publishing.subscription_mut(acknowledged.subscription_id) {
            Some(subscription) => subscription.acknowledge(acknowledged.sequence_number),
            None => status::BAD_SUBSCRIPTION_ID_INVALID,
        })
        .collect();
    let timeout = u64::from(context.header.timeout_hint);
    state.publishing.enqueue(WaitingPublish {
        channel: context.channel.id,
        request_id: context.request_id,
        request_handle: context.header.request_handle,
        deadline: (timeout > 0).then_some(context.now + timeout),
        results,
    });
    Ok(Flow::Queued)
}

const fn check_acknowledgements(n: usize) -> Result<(), Status> {
    if n > limits::MAX_SUBSCRIPTIONS_PER_SESSION as usize * limits::MAX_SENT_MESSAGES {
        return Err(Status::BAD_TOO_MANY_OPERATIONS);
    }
    Ok(())
}

/// Writes the response to a waiting Publish request, or the fault.
pub(crate) fn write_answer(
    request: &WaitingPublish,
    answer: &Answer<'_>,
    time: tagwire_model::Timestamp,
    out: &mut Vec<u8>,
) {
    let handle = request.request_handle;
    match answer {
        Answer::Fault(status) => start_response(ids::SERVICE_FAULT, handle, *status, time, out),
        Answer::Farewell { subscription_id, sequence, status } => {
            start_response(ids::PUBLISH_RESPONSE, handle, Status::GOOD, time, out);
            subscription_id.encode(out);
            // No message can be asked for again, and no further one follows.
            out.extend_from_slice(&[0, 0, 0, 0, 0]);
            crate::subscription::write_status_change(*sequence, time, *status, out);
            request.results.encode(out);
            (-1_i32).encode(out);
        }
        Answer::Message { subscription, publication } => {
            start_response(ids::PUBLISH_RESPONSE, handle, Status::GOOD, time, out);
            subscription.id.encode(out);
            let available = subscription.sent().available();
            (available.len() as i32).encode(out);
            available.for_each(|sequence| sequence.encode(out));
            publication.more.encode(out);
            match subscription.sent().message(publication.sequence).filter(|_| publication.has_notifications) {
                Some(message) => out.extend_from_slice(message),
                None => {
                    publication.sequence.encode(out);
                    time.encode(out);
                    0_i32.encode(out);
                }
            }
            request.results.encode(out);
            (-1_i32).encode(out);
        }
    }
}

pub(super) fn republish(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: RepublishRequest = decode(body)?;
    let mut state = context.session()?.state.lock();
    let subscription =
        state.publishing.subscription_mut(request.subscription_id).ok_or(status::BAD_SUBSCRIPTION_ID_INVALID)?;
    subscription.counters.republish_requests = subscription.counters.republish_requests.wrapping_add(1);
    let message =
        subscription.sent().message(request.retransmit_sequence_number).ok_or(status::BAD_MESSAGE_NOT_AVAILABLE)?;
    start_response(ids::REPUBLISH_RESPONSE, context.header.request_handle, Status::GOOD, context.time, out);
    out.extend_from_slice(message);
    subscription.counters.republished = subscription.counters.republished.wrapping_add(1);
    Ok(Flow::Done)
}

pub(super) fn transfer(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: TransferSubscriptionsRequest = decode(body)?;
    check_operations(request.subscription_ids.len(), limits::MAX_SUBSCRIPTIONS)?;
    let session = context.session()?;
    let results = request
        .subscription_ids
        .iter()
        .map(|id| match context.server.transfer_subscription(*id, session, request.send_initial_values) {
            Ok(available_sequence_numbers) => TransferResult { status_code: Status::GOOD, available_sequence_numbers },
            Err(status_code) => TransferResult { status_code, ..Default::default() },
        })
        .collect();
    let response_header = context.response_header();
    context.respond(&TransferSubscriptionsResponse { response_header, results, ..Default::default() }, out)
}
