//! Reads that must ask the device first, because no scan keeps the value fresh (gateway-behaviour B-02).

use tagwire_access::Operation;
use tagwire_hub::TagFlags;
use tagwire_model::{TagId, Timestamp};
use tagwire_ua_proto::hot::ReadRequestRef;

use super::attribute::VALUE;
use super::{Context, Later, LaterBody};
use crate::address_space::Node;
use crate::rights::TagRights;

/// The answer that comes after the devices were asked; `None` when every value is fresh enough as it is.
pub(super) fn needed(context: &Context<'_>, request: &ReadRequestRef<'_>) -> Option<Later> {
    if !context.server.hub.has_on_demand_tags() {
        return None;
    }
    let stale = stale_tags(context, request);
    if stale.is_empty() {
        return None;
    }
    let refresh = context.server.hub.refresh(&stale);
    let request = context.message.to_vec();
    Some(Box::pin(async move {
        refresh.await;
        LaterBody::Again(request)
    }))
}

fn stale_tags(context: &Context<'_>, request: &ReadRequestRef<'_>) -> Vec<TagId> {
    let hub = &context.server.hub;
    let snapshot = context.server.address_space.snapshot();
    let max_age = request.max_age * Timestamp::TICKS_PER_MILLISECOND as f64;
    // A request that cannot be decoded is refused where it is handled.
    let values = request.nodes().map_while(Result::ok).filter(|item| item.attribute_id == VALUE);
    let Some(principal) = context.principal else { return Vec::new() };
    // Who may not read a tag must not make the device work either.
    let rights = TagRights::new(context.server, principal, Operation::Read, &snapshot);
    let tags = values.flat_map(|item| match snapshot.resolve(item.node_id) {
        Some(Node::Structure(folder)) => snapshot.members(folder).unwrap_or_default(),
        node => node.and_then(|node| snapshot.value_tag(node)).into_iter().collect(),
    });
    let tags = tags.filter(|tag| rights.check(*tag).is_ok());
    tags.filter(|tag| {
        hub.flags(*tag).is_some_and(TagFlags::on_demand)
            && hub
                .read(*tag)
                .is_some_and(|reading| context.time.ticks_since(reading.to_sample().server_time) as f64 > max_age)
    })
    .collect()
}
