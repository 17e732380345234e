//! Monitored items (Part 4, 5.13).

use tagwire_access::Operation;
use tagwire_model::{EuRange, Status, Timestamp, ValueType};
use tagwire_ua_proto::ids::attribute;
use tagwire_ua_proto::ids::mask::access_level::CURRENT_READ;
use tagwire_ua_proto::services::{
    AggregateFilter, CreateMonitoredItemsRequest, CreateMonitoredItemsResponse, DataChangeFilter, DataChangeTrigger,
    DeadbandType, DeleteMonitoredItemsRequest, DeleteMonitoredItemsResponse, EventFilter, ModifyMonitoredItemsRequest,
    ModifyMonitoredItemsResponse, MonitoredItemCreateRequest, MonitoredItemCreateResult, MonitoredItemModifyRequest,
    MonitoredItemModifyResult, MonitoringParameters, SetMonitoringModeRequest, SetMonitoringModeResponse,
    SetTriggeringRequest, SetTriggeringResponse, TimestampsToReturn,
};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ExtensionObject, NumericRange};

use super::attribute::{VALUE, attribute_operation};
use super::event_item::{self, EventPlan};
use super::{Context, Flow, check_operations, decode};
use super::{aggregate_item, dynamic};
use crate::address_space::{Node, Rights as _, Snapshot};
use crate::durable::Kept;
use crate::limits;
use crate::subscription::{
    Aggregation, Deadband, ItemSettings, Mode, NewItem, Subscription, Target, Trigger, percent_of,
};

pub(super) fn create(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: CreateMonitoredItemsRequest = decode(body)?;
    let timestamps = timestamps(request.timestamps_to_return)?;
    check_operations(request.items_to_create.len(), limits::MAX_MONITORED_ITEMS_PER_CALL)?;
    let ids = request.items_to_create.iter().map(|item| item.item_to_monitor.node_id.borrowed());
    if let Some(later) = dynamic::needed(context, ids) {
        return Ok(Flow::Later(later));
    }
    let session = context.session()?;
    let mut state = session.state.lock();
    let subscription =
        state.publishing.subscription_mut(request.subscription_id).ok_or(status::BAD_SUBSCRIPTION_ID_INVALID)?;
    // Making an item locks other parts of the hub, so the view of the tree is let go of before.
    let snapshot = context.server.address_space.snapshot();
    let terms = Terms::of(subscription);
    let planned: Vec<_> = request.items_to_create.iter().map(|item| plan(context, &snapshot, item, terms)).collect();
    drop(snapshot);
    let mut results = Vec::with_capacity(planned.len());
    for (plan, item) in planned.into_iter().zip(&request.items_to_create) {
        let added = plan.and_then(|plan| add(context, subscription, plan, item, timestamps));
        results.push(added.unwrap_or_else(|refused| {
            let Refused { status_code, filter_result } = refused;
            MonitoredItemCreateResult { status_code, filter_result, ..Default::default() }
        }));
    }
    let response_header = context.response_header();
    context.respond(&CreateMonitoredItemsResponse { response_header, results, ..Default::default() }, out)
}

/// An item that passed the checks.
struct Plan {
    target: Target,
    mode: Mode,
    settings: ItemSettings,
    range: Option<NumericRange>,
    aggregation: Option<Aggregation>,
    filter_result: ExtensionObject,
}

/// Why an item is not made or changed.
pub(crate) struct Refused {
    pub(super) status_code: Status,
    /// What is wrong with its filter.
    pub(super) filter_result: ExtensionObject,
}

impl From<Status> for Refused {
    fn from(status_code: Status) -> Self {
        Self { status_code, filter_result: ExtensionObject::default() }
    }
}

fn plan(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    item: &MonitoredItemCreateRequest,
    terms: Terms,
) -> Result<Plan, Refused> {
    let monitored = &item.item_to_monitor;
    let node = snapshot.resolve(monitored.node_id.borrowed()).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
    let mode = u32::try_from(item.monitoring_mode.0).ok().and_then(Mode::from_wire);
    let mode = mode.ok_or(status::BAD_MONITORING_MODE_INVALID)?;
    let range = NumericRange::parse(monitored.index_range.as_str()).map_err(|error| error.status())?;
    let is_structure = matches!(node, Node::Structure(_)) && monitored.attribute_id == VALUE;
    let encoding = monitored.data_encoding.name.as_str();
    if !(encoding.is_empty() || is_structure && encoding == "Default Binary") {
        let code = if monitored.attribute_id == VALUE {
            status::BAD_DATA_ENCODING_UNSUPPORTED
        } else {
            status::BAD_DATA_ENCODING_INVALID
        };
        return Err(code.into());
    }
    if monitored.attribute_id == attribute::EVENT_NOTIFIER {
        let EventPlan { queue, settings, filter_result } =
            event_item::plan(context, snapshot, node, &item.requested_parameters)?;
        let target = Target::Events(Box::new(queue));
        return Ok(Plan { target, mode, settings, range: None, aggregation: None, filter_result });
    }
    let target = match snapshot.value_tag(node) {
        Some(tag) if monitored.attribute_id == VALUE => {
            let meta = snapshot.tag(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
            if !meta.access.read {
                return Err(status::BAD_NOT_READABLE.into());
            }
            context.rights.check(Operation::Read, node, snapshot)?;
            Target::Tag(tag)
        }
        None if is_structure => {
            if snapshot.access_level(node) & CURRENT_READ == 0 {
                return Err(status::BAD_NOT_READABLE.into());
            }
            context.rights.check(Operation::Read, node, snapshot)?;
            if range.is_some() {
                return Err(status::BAD_INDEX_RANGE_NO_DATA.into());
            }
            Target::Attribute(Box::new((monitored.node_id.clone(), VALUE)))
        }
        _ => {
            context.rights.check(attribute_operation(monitored.attribute_id), node, snapshot)?;
            snapshot.attribute(node, monitored.attribute_id, &context.address_context())?;
            Target::Attribute(Box::new((monitored.node_id.clone(), monitored.attribute_id)))
        }
    };
    let subject = Subject::of(snapshot, &target);
    let (settings, aggregation, filter_result) =
        settings(&item.requested_parameters, &subject, terms, context.server.now())?;
    Ok(Plan { target, mode, settings, range, aggregation, filter_result })
}

fn add(
    context: &Context<'_>,
    subscription: &mut Subscription,
    plan: Plan,
    asked: &MonitoredItemCreateRequest,
    timestamps: TimestampsToReturn,
) -> Result<MonitoredItemCreateResult, Refused> {
    if subscription.n_items() >= limits::MAX_MONITORED_ITEMS_PER_SUBSCRIPTION as usize {
        return Err(status::BAD_TOO_MANY_MONITORED_ITEMS.into());
    }
    let ticket = context.server.quota.item()?;
    let kept = subscription.reserve(|| kept(asked))?;
    let Plan { target, mode, settings, range, aggregation, filter_result } = plan;
    let revised_sampling_interval = f64::from(settings.sampling_ms);
    let revised_queue_size = settings.queue_size;
    let new = NewItem { target, mode, settings, range, aggregation, timestamps, ticket };
    let monitored_item_id =
        subscription.add_item(new, context.server.as_ref()).ok_or(status::BAD_TOO_MANY_MONITORED_ITEMS)?;
    subscription.remember(monitored_item_id, kept);
    Ok(MonitoredItemCreateResult {
        monitored_item_id,
        revised_sampling_interval,
        revised_queue_size,
        filter_result,
        ..Default::default()
    })
}

/// What is remembered of an item beside its settings.
fn kept(asked: &MonitoredItemCreateRequest) -> Kept {
    let monitored = &asked.item_to_monitor;
    let filter = &asked.requested_parameters.filter;
    let is_kept = monitored.attribute_id == attribute::EVENT_NOTIFIER || filter.is::<AggregateFilter>();
    Kept {
        node: monitored.node_id.clone(),
        attribute: monitored.attribute_id,
        range: monitored.index_range.clone(),
        filter: if is_kept { filter.clone() } else { ExtensionObject::default() },
    }
}

/// What a subscription says about its items.
#[derive(Clone, Copy)]
struct Terms {
    publishing_interval: u64,
    max_queue: u32,
}

impl Terms {
    fn of(subscription: &Subscription) -> Self {
        let max_queue =
            if subscription.is_durable() { limits::MAX_DURABLE_ITEM_QUEUE } else { limits::MAX_MONITORED_ITEM_QUEUE };
        Self { publishing_interval: subscription.settings.publishing_interval, max_queue }
    }
}

/// What the filter and the revision need to know about what is watched.
struct Subject {
    is_value: bool,
    is_number: bool,
    eu_range: Option<EuRange>,
    /// Type of a tag's values.
    value_type: Option<ValueType>,
}

impl Subject {
    fn of(snapshot: &Snapshot<'_>, target: &Target) -> Self {
        match target {
            Target::Tag(tag) => {
                let meta = snapshot.tag(*tag);
                Self {
                    is_value: true,
                    is_number: meta.is_some_and(|meta| meta.value_type.data_type.is_number()),
                    eu_range: meta.and_then(|meta| meta.extra.as_ref()?.eu_range),
                    value_type: meta.map(|meta| meta.value_type),
                }
            }
            Target::Attribute(target) => Self::other(target.1 == VALUE),
            Target::Events(_) => Self::other(false),
        }
    }

    const fn other(is_value: bool) -> Self {
        Self { is_value, is_number: false, eu_range: None, value_type: None }
    }
}

/// The settings of an item for data, its aggregate, and what became of its filter.
fn settings(
    asked: &MonitoringParameters,
    subject: &Subject,
    terms: Terms,
    now: Timestamp,
) -> Result<(ItemSettings, Option<Aggregation>, ExtensionObject), Status> {
    let sampling_ms = revise_sampling(asked.sampling_interval, terms.publishing_interval);
    let mut settings = ItemSettings {
        client_handle: asked.client_handle,
        sampling_ms,
        queue_size: asked.queue_size.clamp(1, terms.max_queue),
        discard_oldest: asked.discard_oldest,
        // An aggregate counts every value, also one that repeats the last.
        trigger: Trigger::StatusValueTimestamp,
        deadband: None,
    };
    if let Some(plan) = aggregate_item::plan(&asked.filter, subject.value_type, now) {
        let plan = plan?;
        settings.sampling_ms = sampling_ms.min(plan.max_sampling_ms);
        return Ok((settings, Some(plan.aggregation), plan.result));
    }
    let deadband;
    (settings.trigger, deadband) = filter(&asked.filter, subject)?;
    settings.deadband = deadband.map(Box::new);
    Ok((settings, None, ExtensionObject::default()))
}

/// Part 4, 5.13.1.2: negative means the publishing interval, 0 the fastest rate.
fn revise_sampling(asked: f64, publishing_interval: u64) -> u32 {
    let fastest = limits::MIN_SUPPORTED_SAMPLE_RATE_MS;
    let asked = if asked < 0.0 { publishing_interval as f64 } else { asked };
    // NaN turns into the fastest rate here.
    asked.max(fastest).min(limits::MAX_SAMPLING_INTERVAL_MS) as u32
}

/// What a DataChangeFilter comes down to.
fn filter(filter: &ExtensionObject, subject: &Subject) -> Result<(Trigger, Option<Deadband>), Status> {
    if filter.is_null() {
        return Ok((Trigger::StatusValue, None));
    }
    if filter.is::<EventFilter>() {
        return Err(status::BAD_FILTER_NOT_ALLOWED);
    }
    let Some(filter) = filter.decode_as::<DataChangeFilter>() else {
        return Err(status::BAD_MONITORED_ITEM_FILTER_UNSUPPORTED);
    };
    let filter = filter.map_err(|error| error.status())?;
    if !subject.is_value {
        return Err(status::BAD_FILTER_NOT_ALLOWED);
    }
    let trigger = match filter.trigger {
        DataChangeTrigger::STATUS => Trigger::Status,
        DataChangeTrigger::STATUS_VALUE => Trigger::StatusValue,
        DataChangeTrigger::STATUS_VALUE_TIMESTAMP => Trigger::StatusValueTimestamp,
        _ => return Err(status::BAD_MONITORED_ITEM_FILTER_INVALID),
    };
    let value = filter.deadband_value;
    let deadband = match i32::try_from(filter.deadband_type).map(DeadbandType) {
        Ok(DeadbandType::NONE) => return Ok((trigger, None)),
        Ok(DeadbandType::ABSOLUTE) => Deadband { units: value, percent: None },
        Ok(DeadbandType::PERCENT) => {
            let Some(range) = subject.eu_range else { return Err(status::BAD_MONITORED_ITEM_FILTER_UNSUPPORTED) };
            if !(0.0..=100.0).contains(&value) {
                return Err(status::BAD_DEADBAND_FILTER_INVALID);
            }
            Deadband { units: percent_of(range, value), percent: Some(value) }
        }
        _ => return Err(status::BAD_DEADBAND_FILTER_INVALID),
    };
    if !subject.is_number {
        return Err(status::BAD_FILTER_NOT_ALLOWED);
    }
    if !(deadband.units >= 0.0 && deadband.units.is_finite()) {
        return Err(status::BAD_DEADBAND_FILTER_INVALID);
    }
    let counts = deadband.units > 0.0 || deadband.percent.is_some();
    Ok((trigger, counts.then_some(deadband)))
}

fn timestamps(asked: TimestampsToReturn) -> Result<TimestampsToReturn, Status> {
    if asked.is_known() && asked != TimestampsToReturn::INVALID {
        Ok(asked)
    } else {
        Err(status::BAD_TIMESTAMPS_TO_RETURN_INVALID)
    }
}

pub(super) fn modify(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: ModifyMonitoredItemsRequest = decode(body)?;
    let timestamps = timestamps(request.timestamps_to_return)?;
    check_operations(request.items_to_modify.len(), limits::MAX_MONITORED_ITEMS_PER_CALL)?;
    let results = with_subscription(context, request.subscription_id, |subscription| {
        let results = request.items_to_modify.iter().map(|item| {
            modify_one(context, subscription, item, timestamps).unwrap_or_else(|refused| {
                let Refused { status_code, filter_result } = refused;
                MonitoredItemModifyResult { status_code, filter_result, ..Default::default() }
            })
        });
        results.collect()
    })?;
    let response_header = context.response_header();
    context.respond(&ModifyMonitoredItemsResponse { response_header, results, ..Default::default() }, out)
}

fn modify_one(
    context: &Context<'_>,
    subscription: &mut Subscription,
    item: &MonitoredItemModifyRequest,
    timestamps: TimestampsToReturn,
) -> Result<MonitoredItemModifyResult, Refused> {
    let known = subscription.item(item.monitored_item_id).ok_or(status::BAD_MONITORED_ITEM_ID_INVALID)?;
    if matches!(known.target, Target::Events(_)) {
        return event_item::modify(context, subscription, item, timestamps);
    }
    let subject = Subject::of(&context.server.address_space.snapshot(), &known.target);
    let terms = Terms::of(subscription);
    let (settings, aggregation, filter_result) =
        settings(&item.requested_parameters, &subject, terms, context.server.now())?;
    let kept =
        if aggregation.is_some() { item.requested_parameters.filter.clone() } else { ExtensionObject::default() };
    subscription.remember_filter(item.monitored_item_id, &kept);
    let revised_sampling_interval = f64::from(settings.sampling_ms);
    let revised_queue_size = settings.queue_size;
    subscription.modify_item(item.monitored_item_id, settings, aggregation, timestamps);
    Ok(MonitoredItemModifyResult { revised_sampling_interval, revised_queue_size, filter_result, ..Default::default() })
}

pub(super) fn set_mode(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: SetMonitoringModeRequest = decode(body)?;
    check_operations(request.monitored_item_ids.len(), limits::MAX_MONITORED_ITEMS_PER_CALL)?;
    let mode = u32::try_from(request.monitoring_mode.0).ok().and_then(Mode::from_wire);
    let mode = mode.ok_or(status::BAD_MONITORING_MODE_INVALID)?;
    let results = with_subscription(context, request.subscription_id, |subscription| {
        each_item(&request.monitored_item_ids, |id| subscription.set_mode(id, mode, context.server.as_ref()))
    })?;
    let response_header = context.response_header();
    context.respond(&SetMonitoringModeResponse { response_header, results, ..Default::default() }, out)
}

pub(super) fn delete(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: DeleteMonitoredItemsRequest = decode(body)?;
    check_operations(request.monitored_item_ids.len(), limits::MAX_MONITORED_ITEMS_PER_CALL)?;
    let results = with_subscription(context, request.subscription_id, |subscription| {
        subscription.remove_items(&request.monitored_item_ids)
    })?;
    let response_header = context.response_header();
    context.respond(&DeleteMonitoredItemsResponse { response_header, results, ..Default::default() }, out)
}

pub(super) fn set_triggering(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: SetTriggeringRequest = decode(body)?;
    let n_links = request.links_to_add.len() + request.links_to_remove.len();
    check_operations(n_links, limits::MAX_MONITORED_ITEMS_PER_CALL)?;
    let (add_results, remove_results) = with_subscription(context, request.subscription_id, |subscription| {
        subscription.set_triggering(request.triggering_item_id, &request.links_to_add, &request.links_to_remove)
    })??;
    let response_header = context.response_header();
    context.respond(&SetTriggeringResponse { response_header, add_results, remove_results, ..Default::default() }, out)
}

fn each_item(ids: &[u32], mut change: impl FnMut(u32) -> bool) -> Vec<Status> {
    let status = |known| if known { Status::GOOD } else { status::BAD_MONITORED_ITEM_ID_INVALID };
    ids.iter().map(|id| status(change(*id))).collect()
}

/// Runs `work` on a subscription of the request's session.
fn with_subscription<T>(
    context: &Context<'_>,
    id: u32,
    work: impl FnOnce(&mut Subscription) -> T,
) -> Result<T, Status> {
    let mut state = context.session()?.state.lock();
    let subscription = state.publishing.subscription_mut(id).ok_or(status::BAD_SUBSCRIPTION_ID_INVALID)?;
    Ok(work(subscription))
}
