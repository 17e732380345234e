//! Monitored items for events (Part 4, 5.13.2 and 7.22.3).

use std::sync::Arc;

use tagwire_access::Operation;
use tagwire_model::Status;
use tagwire_ua_proto::ids::attribute;
use tagwire_ua_proto::services::{
    DataChangeFilter, EventFilter, MonitoredItemModifyRequest, MonitoredItemModifyResult, MonitoringParameters,
    TimestampsToReturn,
};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ExtensionBody, ExtensionObject};

use super::Context;
use super::monitored_item::Refused;
use crate::address_space::{Node, Rights, Snapshot};
use crate::event::{EventQueue, Filter, Scope};
use crate::limits;
use crate::subscription::{ItemSettings, Subscription, Trigger};

/// An event item that passed the checks.
pub(super) struct EventPlan {
    pub(super) queue: EventQueue,
    pub(super) settings: ItemSettings,
    pub(super) filter_result: ExtensionObject,
}

/// Checks what is asked for an event item of a node.
pub(super) fn plan(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    node: Node,
    asked: &MonitoringParameters,
) -> Result<EventPlan, Refused> {
    snapshot.attribute(node, attribute::EVENT_NOTIFIER, &context.address_context())?;
    if !snapshot.is_notifier(node) {
        return Err(status::BAD_NOT_SUPPORTED.into());
    }
    if !context.rights.may(Operation::ReceiveEvents, node, snapshot) {
        return Err(Status::BAD_USER_ACCESS_DENIED.into());
    }
    let scope = Scope::of(node, snapshot);
    let (filter, filter_result) = checked_filter(&asked.filter, snapshot)?;
    let principal = Arc::clone(context.principal()?);
    let queue = EventQueue::new(scope, filter, filter_bytes(&asked.filter), principal, context.server.events());
    let queue = queue.ok_or(status::BAD_OUT_OF_MEMORY)?;
    Ok(EventPlan { queue, settings: settings(asked), filter_result })
}

/// Part 4, 7.21: events have no sampling interval, and a queue of one stands for the default size.
fn settings(asked: &MonitoringParameters) -> ItemSettings {
    let queue_size = match asked.queue_size {
        0 | 1 => limits::DEFAULT_EVENT_QUEUE,
        size => size.min(limits::MAX_MONITORED_ITEM_QUEUE),
    };
    ItemSettings {
        client_handle: asked.client_handle,
        sampling_ms: 0,
        queue_size,
        discard_oldest: asked.discard_oldest,
        trigger: Trigger::StatusValue,
        deadband: None,
    }
}

pub(crate) fn checked_filter(
    filter: &ExtensionObject,
    snapshot: &Snapshot<'_>,
) -> Result<(Filter, ExtensionObject), Refused> {
    if filter.is_null() {
        return Err(status::BAD_EVENT_FILTER_INVALID.into());
    }
    if filter.is::<DataChangeFilter>() {
        return Err(status::BAD_FILTER_NOT_ALLOWED.into());
    }
    let asked = filter.decode_as::<EventFilter>().ok_or(status::BAD_MONITORED_ITEM_FILTER_UNSUPPORTED)?;
    let asked = asked.map_err(|_| status::BAD_EVENT_FILTER_INVALID)?;
    match Filter::check(&asked, snapshot) {
        Ok((filter, result)) => Ok((filter, ExtensionObject::new(&result))),
        Err(refused) => Err(Refused {
            status_code: refused.status,
            filter_result: refused.result.map(|result| ExtensionObject::new(&*result)).unwrap_or_default(),
        }),
    }
}

/// What a filter counts towards the limit: its bytes as they came, and what each clause takes beside them.
pub(crate) fn filter_bytes(filter: &ExtensionObject) -> usize {
    /// A clause takes about six times the memory of its shortest encoding.
    const FACTOR: usize = 6;
    match &filter.body {
        ExtensionBody::Binary(body) => body.len().saturating_mul(FACTOR),
        _ => 0,
    }
}

/// Changes an event item.
pub(super) fn modify(
    context: &Context<'_>,
    subscription: &mut Subscription,
    item: &MonitoredItemModifyRequest,
    timestamps: TimestampsToReturn,
) -> Result<MonitoredItemModifyResult, Refused> {
    let asked = &item.requested_parameters;
    let (filter, filter_result) = checked_filter(&asked.filter, &context.server.address_space.snapshot())?;
    if !subscription.set_event_filter(item.monitored_item_id, filter, filter_bytes(&asked.filter)) {
        return Err(status::BAD_OUT_OF_MEMORY.into());
    }
    subscription.remember_filter(item.monitored_item_id, &asked.filter);
    let settings = settings(asked);
    let revised_queue_size = settings.queue_size;
    subscription.modify_item(item.monitored_item_id, settings, None, timestamps);
    Ok(MonitoredItemModifyResult { revised_queue_size, filter_result, ..Default::default() })
}
