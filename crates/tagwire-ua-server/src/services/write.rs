//! Write (Part 4, 5.11.4). Hot: nothing is allocated per value of a scalar tag.

use std::sync::Arc;

use tagwire_access::Operation;
use tagwire_hub::{FolderId, Registry, TagFlags};
use tagwire_model::{Status, TagId, Value};
use tagwire_ua_proto::codec::{Decode, DecodeError, Encode, Reader};
use tagwire_ua_proto::hot::{DataValueRef, ScalarWriteRef, ValueRef, WriteRequestRef, WriteValueRef, start_response};
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{NumericRange, Variant};

use super::attribute::{VALUE, fill, tags_of_values};
use super::part_write::{PartWrite, write_parts};
use super::roles::RoleWrite;
use super::structure_write::StructureWrites;
use super::value::value_for_tag;
use super::{Context, Flow, LaterBody, check_operations, dynamic};
use crate::address_space::{ENABLED_FLAG, NAMESPACE_TAGS, Node, Rights as _, Snapshot, role_property};
use crate::event::audit::{self, Actor, NotedWrite};
use crate::limits;
use crate::log::WriteNote;
use crate::rights::TagRights;

pub(super) fn write(context: &mut Context<'_>, body: &[u8], _out: &mut Vec<u8>) -> Result<Flow, Status> {
    let principal = context.principal()?;
    let request = WriteRequestRef::decode(&mut Reader::new(body)).map_err(DecodeError::status)?;
    let count = request.n_nodes();
    check_operations(count, limits::MAX_NODES_PER_WRITE)?;
    if let Some(later) = dynamic::needed(context, request.nodes().map_while(Result::ok).map(|item| item.node_id)) {
        return Ok(Flow::Later(later));
    }
    let snapshot = context.server.address_space.snapshot();
    let mut asked = Asked {
        context,
        rights: TagRights::new(context.server, principal, Operation::Write, &snapshot),
        snapshot,
        results: Vec::with_capacity(count),
        writes: Vec::with_capacity(count),
        parts: Vec::new(),
        structures: StructureWrites::default(),
        roles: Vec::new(),
        done: Vec::new(),
    };
    let mut log = WriteNote::of(context, &request);
    let mut noted = audit::is_heard(context.server).then(|| Vec::with_capacity(count));
    let (mut batch, mut scalars, mut found) = (Vec::new(), Vec::with_capacity(count.min(Registry::BATCH)), Vec::new());
    let mut nodes = request.nodes();
    loop {
        scalars.clear();
        if noted.is_none() {
            scalars.extend(std::iter::from_fn(|| nodes.next_scalar()).take(Registry::BATCH));
        }
        if !scalars.is_empty() {
            asked.take_scalars(&scalars, &mut found, log.as_mut())?;
            continue;
        }
        if !fill(&mut batch, &mut nodes)? {
            break;
        }
        tags_of_values(context, &asked.snapshot, &batch, |item| (item.node_id, item.attribute_id), &mut found);
        if let Some(log) = &mut log {
            let named = batch.iter().zip(&found).map(|(item, found)| match found {
                Some((tag, _)) => Some(*tag),
                None => value_of(&asked.snapshot, item),
            });
            log.before(context, named);
        }
        for (item, found) in batch.iter().zip(&found) {
            if let Some(noted) = &mut noted {
                noted.push(note(context, &asked.snapshot, item));
            }
            asked.take(item, *found);
        }
    }
    let Asked { snapshot, mut results, mut writes, parts, mut structures, roles, mut done, .. } = asked;
    if let Some(log) = &mut log {
        for (write, members) in structures.iter() {
            log.structure(context, write.position, snapshot.structure_names(write.folder), members);
        }
    }
    drop(snapshot);
    for (place, write) in roles {
        match write.carry_out(context) {
            Ok(()) => done.push(place),
            Err(status) => results[place] = status,
        }
    }
    let n_whole = writes.len();
    structures.send(&mut writes);
    log.as_mut().map(WriteNote::sent);
    let answers = context.server.hub.write(writes);
    let (request_handle, server) = (context.header.request_handle, Arc::clone(context.server));
    let actor = if noted.is_some() { Actor::of(context) } else { Actor::default() };
    Ok(Flow::Later(Box::pin(async move {
        // Every item for a whole tag that passed the checks got Good above, and takes the next answer of the devices here.
        let answers = answers.await;
        let (whole, members) = answers.split_at_checked(n_whole).unwrap_or((&answers, &[]));
        let mut whole = whole.iter().copied();
        for result in &mut results {
            if *result == Status::GOOD {
                *result = whole.next().unwrap_or(Status::BAD_INTERNAL_ERROR);
            }
        }
        structures.answer(members, &mut results);
        for place in done {
            results[place] = Status::GOOD;
        }
        if !parts.is_empty() {
            write_parts(&server, parts, &mut results).await;
        }
        for (write, status) in noted.into_iter().flatten().zip(&results) {
            audit::written(&server, &actor, write, *status);
        }
        let mut out = Vec::with_capacity(48 + results.len() * 4);
        start_response(ids::WRITE_RESPONSE, request_handle, Status::GOOD, server.now(), &mut out);
        results.encode(&mut out);
        (-1_i32).encode(&mut out);
        if let Some(log) = log {
            log.finish(results);
        }
        LaterBody::Body(out)
    })))
}

/// What an auditor is told of a write, with the value before it.
#[cold]
fn note(context: &Context<'_>, snapshot: &Snapshot<'_>, item: &WriteValueRef<'_>) -> NotedWrite {
    let old = match structure_of(snapshot, item) {
        Some(folder) => snapshot.structure_sample(folder).to_variant(),
        None => value_of(snapshot, item)
            .and_then(|tag| context.server.hub.read(tag))
            .map(|reading| Variant::from(&reading.to_sample().value))
            .unwrap_or_default(),
    };
    NotedWrite {
        node_id: item.node_id.into(),
        attribute: item.attribute_id,
        range: item.index_range.into(),
        old,
        new: item.value.value.to_variant(),
    }
}

/// The tag whose value an item names in any way.
fn value_of(snapshot: &Snapshot<'_>, item: &WriteValueRef<'_>) -> Option<TagId> {
    snapshot.resolve(item.node_id).filter(|_| item.attribute_id == VALUE).and_then(|node| snapshot.value_tag(node))
}

/// The structure whose whole value an item names.
fn structure_of(snapshot: &Snapshot<'_>, item: &WriteValueRef<'_>) -> Option<FolderId> {
    match snapshot.resolve(item.node_id) {
        Some(Node::Structure(folder)) if item.attribute_id == VALUE => Some(folder),
        _ => None,
    }
}

/// What a Write asks for, sorted by what is to become of it.
struct Asked<'a> {
    context: &'a Context<'a>,
    snapshot: Snapshot<'a>,
    rights: TagRights<'a>,
    /// One per item: Good for one that is in `writes`, which is not answered yet.
    results: Vec<Status>,
    writes: Vec<(TagId, Value)>,
    parts: Vec<PartWrite>,
    structures: StructureWrites,
    /// Changes of roles, which wait until the view of the nodes is let go of, since they end sessions.
    roles: Vec<(usize, RoleWrite)>,
    /// Places of what is done already.
    done: Vec<usize>,
}

impl Asked<'_> {
    /// Takes up to [`Registry::BATCH`] writes of the kind that nearly all are.
    #[inline]
    fn take_scalars(
        &mut self,
        scalars: &[ScalarWriteRef<'_>],
        found: &mut Vec<Option<(TagId, TagFlags)>>,
        log: Option<&mut WriteNote>,
    ) -> Result<(), Status> {
        let paths = scalars.iter().map(|scalar| {
            let is_tag = scalar.namespace == NAMESPACE_TAGS && scalar.attribute_id == VALUE;
            // No path is empty.
            if is_tag { scalar.name } else { &[] }
        });
        found.clear();
        let hub = &self.context.server.hub;
        self.snapshot.tags_by_path(paths, |tag| found.push(tag.and_then(|tag| Some((tag, hub.flags(tag)?)))));
        if let Some(log) = log {
            log.before(self.context, found.iter().map(|found| found.map(|(tag, _)| tag)));
        }
        let rights = &self.rights;
        let fits = |scalar: &ScalarWriteRef<'_>, found: &Option<(TagId, TagFlags)>| {
            found.is_some_and(|(tag, flags)| {
                flags.writable() && scalar.data_type.ua_id() == flags.scalar_type() && rights.check(tag).is_ok()
            })
        };
        if scalars.iter().zip(&*found).all(|(scalar, found)| fits(scalar, found)) {
            // What fits was found.
            let tags = found.iter().map(|found| found.map_or(TagId(u32::MAX), |(tag, _)| tag));
            let values = scalars.iter().map(|scalar| Value::from_bits(scalar.data_type, scalar.bits));
            self.writes.extend(tags.zip(values));
            self.results.extend(scalars.iter().map(|_| Status::GOOD));
            return Ok(());
        }
        for (scalar, found) in scalars.iter().zip(found) {
            self.take(&scalar.to_write().map_err(DecodeError::status)?, *found);
        }
        Ok(())
    }

    /// Takes any write.
    #[cold]
    fn take(&mut self, item: &WriteValueRef<'_>, found: Option<(TagId, TagFlags)>) {
        if found.is_none()
            && let Some(result) = write_flag(self.context, &self.snapshot, item)
        {
            match result {
                Ok(()) => {
                    self.done.push(self.results.len());
                    self.results.push(Status::UNCERTAIN);
                }
                Err(status) => self.results.push(status),
            }
            return;
        }
        if found.is_none()
            && let Some(folder) = structure_of(&self.snapshot, item)
        {
            let at = (self.results.len(), folder);
            let taken = self.structures.take(self.context, (&self.snapshot, &self.rights), at, item);
            return self.results.push(taken.err().unwrap_or(Status::UNCERTAIN));
        }
        if found.is_none()
            && let Some(result) = role_write(self.context, &self.snapshot, item)
        {
            match result {
                Ok(write) => {
                    self.roles.push((self.results.len(), write));
                    self.results.push(Status::UNCERTAIN);
                }
                Err(status) => self.results.push(status),
            }
            return;
        }
        match one_write(self.context, &self.snapshot, item, found, &self.rights) {
            Ok((tag, value, None)) => {
                self.writes.push((tag, value));
                self.results.push(Status::GOOD);
            }
            Ok((tag, value, Some(range))) => {
                self.parts.push(PartWrite { position: self.results.len(), tag, range, value });
                self.results.push(Status::UNCERTAIN);
            }
            Err(status) => self.results.push(status),
        }
    }
}

fn one_write(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    item: &WriteValueRef<'_>,
    found: Option<(TagId, TagFlags)>,
    rights: &TagRights<'_>,
) -> Result<(TagId, Value, Option<NumericRange>), Status> {
    let (tag, flags) = match found {
        Some(found) => found,
        None => {
            let tag = writable_node(context, snapshot, item)?;
            (tag, context.server.hub.flags(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?)
        }
    };
    if !flags.writable() {
        return Err(status::BAD_NOT_WRITABLE);
    }
    rights.check(tag)?;
    let (value, range) = value_to_write(snapshot, tag, flags, item.index_range, &item.value)?;
    if range.is_some() && !flags.readable() {
        // The rest of a value that nobody can read cannot be kept.
        return Err(status::BAD_WRITE_NOT_SUPPORTED);
    }
    Ok((tag, value, range))
}

/// Switches diagnostics on or off when the item says so; `None` for every other item.
fn write_flag(context: &Context<'_>, snapshot: &Snapshot<'_>, item: &WriteValueRef<'_>) -> Option<Result<(), Status>> {
    let node = snapshot.resolve(item.node_id)?;
    if item.attribute_id != VALUE || !matches!(node, Node::Standard(node) if node.id() == ENABLED_FLAG) {
        return None;
    }
    Some(context.rights.check(Operation::Write, node, snapshot).and_then(|()| match item.value.value.to_variant() {
        Variant::Boolean(is_on) if item.index_range.is_empty() => {
            context.server.switch_diagnostics(is_on);
            Ok(())
        }
        Variant::Boolean(_) => Err(status::BAD_INDEX_RANGE_NO_DATA),
        _ => Err(Status::BAD_TYPE_MISMATCH),
    }))
}

/// A change of a role, when the item is a property of one.
fn role_write(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    item: &WriteValueRef<'_>,
) -> Option<Result<RoleWrite, Status>> {
    let node = snapshot.resolve(item.node_id)?;
    let (role, property) = role_property(node).filter(|_| item.attribute_id == VALUE)?;
    let check = || {
        context.rights.check(Operation::Write, node, snapshot)?;
        if !property.is_writable() {
            return Err(status::BAD_NOT_WRITABLE);
        }
        match item.value.value.to_variant() {
            Variant::Boolean(exclude) if item.index_range.is_empty() => {
                Ok(RoleWrite { node: snapshot.node_id(node), role, property, exclude })
            }
            Variant::Boolean(_) => Err(status::BAD_INDEX_RANGE_NO_DATA),
            _ => Err(Status::BAD_TYPE_MISMATCH),
        }
    };
    Some(check())
}

/// The tag that a NodeId of another form names; only values of tags can be written.
#[cold]
fn writable_node(context: &Context<'_>, snapshot: &Snapshot<'_>, item: &WriteValueRef<'_>) -> Result<TagId, Status> {
    let node = snapshot.resolve(item.node_id).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
    match snapshot.value_tag(node) {
        Some(tag) if item.attribute_id == VALUE => Ok(tag),
        // An attribute that the node does not have is said to be so.
        _ => {
            snapshot.attribute(node, item.attribute_id, &context.address_context())?;
            Err(status::BAD_NOT_WRITABLE)
        }
    }
}

/// The value to send to the device and the part it is for, which must have exactly the tag's type (Part 4, 5.11.4.2).
#[inline]
fn value_to_write(
    snapshot: &Snapshot<'_>,
    tag: TagId,
    flags: TagFlags,
    range: &str,
    value: &DataValueRef<'_>,
) -> Result<(Value, Option<NumericRange>), Status> {
    // A device takes values only; times that a client adds are left to the device, a quality cannot be written.
    if value.status.is_some_and(|status| status.code() != Status::GOOD) {
        return Err(status::BAD_WRITE_NOT_SUPPORTED);
    }
    match &value.value {
        ValueRef::Fixed(data_type, bits) if range.is_empty() && data_type.ua_id() == flags.scalar_type() => {
            Ok((Value::from_bits(*data_type, *bits), None))
        }
        value => value_for_tag(snapshot, tag, range, value),
    }
}
