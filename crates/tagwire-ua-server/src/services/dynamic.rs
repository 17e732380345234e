//! Requests that name tags which nobody defined, but which can be made of their addresses (gateway-behaviour B-20).

use std::collections::HashSet;

use tagwire_access::Operation;
use tagwire_ua_proto::types::{IdentifierRef, NodeIdRef};

use super::{Context, Later, LaterBody};
use crate::address_space::{NAMESPACE_TAGS, Rights as _, Snapshot};

/// Most tags that one request makes.
const MAX_MADE: usize = 1_000;

/// The answer that comes after the tags were made; `None` when none is to be made.
pub(super) fn needed<'n>(context: &Context<'_>, ids: impl Iterator<Item = NodeIdRef<'n>>) -> Option<Later> {
    if context.refreshed {
        return None;
    }
    let maker = context.server.hub.maker()?;
    let snapshot = context.server.address_space.snapshot();
    let mut paths: HashSet<&str> = HashSet::new();
    for id in ids {
        let (NAMESPACE_TAGS, IdentifierRef::String(path)) = (id.namespace, id.identifier) else { continue };
        let is_missing = paths.len() < MAX_MADE && snapshot.resolve(id).is_none();
        if is_missing && maker.wants(path) && may_ask(context, &snapshot, path) {
            paths.insert(path);
        }
    }
    if paths.is_empty() {
        return None;
    }
    let paths = paths.into_iter().map(str::to_owned).collect();
    drop(snapshot);
    let (made, request) = (maker.make(paths), context.message.to_vec());
    Some(Box::pin(async move {
        made.await;
        LaterBody::Again(request)
    }))
}

/// Who may not read a device's tags must not make any there either.
fn may_ask(context: &Context<'_>, snapshot: &Snapshot<'_>, path: &str) -> bool {
    let device = path.match_indices('.').nth(1).and_then(|(end, _)| path.get(..end));
    let id = device.map(|device| NodeIdRef { namespace: NAMESPACE_TAGS, identifier: IdentifierRef::String(device) });
    let node = id.and_then(|id| snapshot.resolve(id));
    node.is_some_and(|node| context.rights.may(Operation::Read, node, snapshot))
}
