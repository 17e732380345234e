//! Read and Write (Part 4, 5.11.2 and 5.11.4). Hot: nothing is allocated per value of a scalar tag.

use std::sync::Arc;

use tagwire_access::{Operation, Target, authorise};
use tagwire_hub::{Reading, Registry, TagFlags};
use tagwire_model::{Status, TagId, Timestamp, Value};
use tagwire_ua_proto::codec::{Decode, DecodeError, Encode, Reader};
use tagwire_ua_proto::hot::{
    DataValueRef, ReadRequestRef, ReadValueIdRef, ValueRef, WriteRequestRef, WriteValueRef, start_response,
    write_fixed_data_value, write_model_data_value, write_status_only,
};
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::TimestampsToReturn;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{IdentifierRef, NodeIdRef, NumericRange, Variant};

use super::part_write::{PartWrite, write_parts};
use super::value::value_for_tag;
use super::{Context, Flow, LaterBody, check_operations, device_read};
use crate::address_space::{NAMESPACE_TAGS, Node, Snapshot};
use crate::event::audit::{self, Actor, NotedWrite};
use crate::limits;
use crate::log::WriteNote;
use crate::subscription::stamped;

/// Number of the Value attribute.
pub(crate) const VALUE: u32 = 13;

pub(super) fn read(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let principal = context.principal()?;
    let request = ReadRequestRef::decode(&mut Reader::new(body)).map_err(DecodeError::status)?;
    if request.max_age.is_nan() || request.max_age < 0.0 {
        return Err(status::BAD_MAX_AGE_INVALID);
    }
    let wanted = request.timestamps_to_return;
    if !wanted.is_known() || wanted == TimestampsToReturn::INVALID {
        return Err(status::BAD_TIMESTAMPS_TO_RETURN_INVALID);
    }
    let count = request.n_nodes();
    check_operations(count, limits::MAX_NODES_PER_READ)?;
    if !context.refreshed
        && let Some(later) = device_read::needed(context, &request)
    {
        return Ok(Flow::Later(later));
    }
    let reader = NodeReader {
        context,
        snapshot: context.server.address_space.snapshot(),
        may_read: authorise(principal, Operation::Read, Target::Server).is_ok(),
        wanted,
    };
    out.reserve(count * 32);
    start_response(ids::READ_RESPONSE, context.header.request_handle, Status::GOOD, context.time, out);
    (count as i32).encode(out);
    let (mut batch, mut found) = (Vec::with_capacity(count.min(Registry::BATCH)), Vec::new());
    let mut nodes = request.nodes();
    while fill(&mut batch, &mut nodes)? {
        tags_of_values(context, &reader.snapshot, &batch, |item| (item.node_id, item.attribute_id), &mut found);
        for (item, found) in batch.iter().zip(&found) {
            match *found {
                Some((tag, flags)) => reader.tag(tag, flags, item, out),
                None => reader.node(item, out),
            }
        }
    }
    // No diagnostics.
    (-1_i32).encode(out);
    Ok(Flow::Done)
}

/// Puts the next items of a request into `batch`; false when there are none.
#[inline]
fn fill<T>(batch: &mut Vec<T>, items: &mut impl Iterator<Item = Result<T, DecodeError>>) -> Result<bool, Status> {
    batch.clear();
    for item in items.by_ref().take(Registry::BATCH) {
        batch.push(item.map_err(DecodeError::status)?);
    }
    Ok(!batch.is_empty())
}

/// Finds for each item the tag whose value it names by the tag's path, which is what all but every item does.
#[inline]
fn tags_of_values<T>(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    batch: &[T],
    named: impl Fn(&T) -> (NodeIdRef<'_>, u32) + Copy,
    found: &mut Vec<Option<(TagId, TagFlags)>>,
) {
    let paths = batch.iter().map(|item| match named(item) {
        (NodeIdRef { namespace: NAMESPACE_TAGS, identifier: IdentifierRef::String(path) }, VALUE) => path.as_bytes(),
        // No path is empty.
        _ => &[],
    });
    found.clear();
    snapshot.tags_by_path(paths, |tag| found.push(tag.and_then(|tag| Some((tag, context.server.hub.flags(tag)?)))));
}

/// Reads one attribute after the other for one request.
struct NodeReader<'a> {
    context: &'a Context<'a>,
    snapshot: Snapshot<'a>,
    may_read: bool,
    wanted: TimestampsToReturn,
}

impl NodeReader<'_> {
    #[inline]
    fn tag(&self, tag: TagId, flags: TagFlags, item: &ReadValueIdRef<'_>, out: &mut Vec<u8>) {
        if !flags.readable() {
            return write_status_only(status::BAD_NOT_READABLE, out);
        }
        if !self.may_read {
            return write_status_only(Status::BAD_USER_ACCESS_DENIED, out);
        }
        if !item.data_encoding.is_empty() {
            return write_status_only(encoding_status(item.data_encoding), out);
        }
        let Some(reading) = self.context.server.hub.read(tag) else {
            return write_status_only(Status::BAD_NODE_ID_UNKNOWN, out);
        };
        if !item.index_range.is_empty() {
            return self.tag_range(&reading, item.index_range, out);
        }
        match reading {
            Reading::Fixed { data_type: Some(data_type), bits, status, source_time, server_time } => {
                write_fixed_data_value((data_type, bits), status, source_time, server_time, self.wanted, out);
            }
            Reading::Fixed { data_type: None, status, source_time, server_time, .. } => {
                write_model_data_value(&Value::Null, status, source_time, server_time, self.wanted, out);
            }
            Reading::Heap { value, status, source_time, server_time } => {
                write_model_data_value(&value, status, source_time, server_time, self.wanted, out);
            }
        }
    }

    #[cold]
    fn tag_range(&self, reading: &Reading, range: &str, out: &mut Vec<u8>) {
        let sample = reading.to_sample();
        let part = NumericRange::parse(range).and_then(|range| match range {
            Some(range) if sample.value != Value::Null => range.read(&sample.value),
            _ => Ok(sample.value.clone()),
        });
        match part {
            Ok(part) => {
                write_model_data_value(&part, sample.status, sample.source_time, sample.server_time, self.wanted, out);
            }
            Err(error) => write_status_only(error.status(), out),
        }
    }

    /// Any attribute of any node but the value of a tag found by its path.
    #[cold]
    fn node(&self, item: &ReadValueIdRef<'_>, out: &mut Vec<u8>) {
        let Some(node) = self.snapshot.resolve(item.node_id) else {
            return write_status_only(Status::BAD_NODE_ID_UNKNOWN, out);
        };
        let is_value = item.attribute_id == VALUE;
        if let (Node::Tag(tag), true) = (node, is_value) {
            return match self.context.server.hub.flags(tag) {
                Some(flags) => self.tag(tag, flags, item, out),
                None => write_status_only(Status::BAD_NODE_ID_UNKNOWN, out),
            };
        }
        match self.attribute(node, item, is_value) {
            Ok(value) => {
                // Only values have a source; Part 4, 5.11.2.2 leaves its time out for every other attribute.
                let source_time = if is_value { self.context.time } else { Timestamp::NONE };
                stamped(&value, Status::GOOD, source_time, self.context.time, self.wanted).encode(out);
            }
            Err(status) => write_status_only(status, out),
        }
    }

    fn attribute(&self, node: Node, item: &ReadValueIdRef<'_>, is_value: bool) -> Result<Variant, Status> {
        let range = NumericRange::parse(item.index_range).map_err(|error| error.status())?;
        if !item.data_encoding.is_empty() && !is_value {
            return Err(status::BAD_DATA_ENCODING_INVALID);
        }
        if !matches!(item.data_encoding, "" | "Default Binary") {
            return Err(status::BAD_DATA_ENCODING_UNSUPPORTED);
        }
        if is_value && !self.may_read {
            return Err(Status::BAD_USER_ACCESS_DENIED);
        }
        let value = self.snapshot.attribute(node, item.attribute_id, &self.context.address_context())?;
        match range {
            Some(range) => range.read_variant(&value).map_err(|error| error.status()),
            None => Ok(value),
        }
    }
}

/// Simple types have no encodings to choose from (Part 4, 7.29).
fn encoding_status(encoding: &str) -> Status {
    if matches!(encoding, "Default Binary" | "Default XML" | "Default JSON") {
        status::BAD_DATA_ENCODING_INVALID
    } else {
        status::BAD_DATA_ENCODING_UNSUPPORTED
    }
}

pub(super) fn write(context: &mut Context<'_>, body: &[u8], _out: &mut Vec<u8>) -> Result<Flow, Status> {
    let principal = context.principal()?;
    let request = WriteRequestRef::decode(&mut Reader::new(body)).map_err(DecodeError::status)?;
    let count = request.n_nodes();
    check_operations(count, limits::MAX_NODES_PER_WRITE)?;
    let may_write = authorise(principal, Operation::Write, Target::Server).is_ok();
    let mut results = Vec::with_capacity(count);
    let mut writes = Vec::with_capacity(count);
    let mut parts = Vec::new();
    let mut log = WriteNote::of(context, &request);
    let mut noted = audit::is_heard(context.server).then(|| Vec::with_capacity(count));
    let snapshot = context.server.address_space.snapshot();
    let (mut batch, mut found) = (Vec::with_capacity(count.min(Registry::BATCH)), Vec::new());
    let mut nodes = request.nodes();
    while fill(&mut batch, &mut nodes)? {
        tags_of_values(context, &snapshot, &batch, |item| (item.node_id, item.attribute_id), &mut found);
        if let Some(log) = &mut log {
            log.before(context, &snapshot, &batch, &found);
        }
        for (item, found) in batch.iter().zip(&found) {
            if let Some(noted) = &mut noted {
                noted.push(note(context, &snapshot, item));
            }
            match one_write(context, &snapshot, item, *found, may_write) {
                Ok((tag, value, None)) => {
                    writes.push((tag, value));
                    results.push(Status::GOOD);
                }
                Ok((tag, value, Some(range))) => {
                    parts.push(PartWrite { position: results.len(), tag, range, value });
                    results.push(Status::UNCERTAIN);
                }
                Err(status) => results.push(status),
            }
        }
    }
    drop(snapshot);
    log.as_mut().map(WriteNote::sent);
    let answers = context.server.hub.write(writes);
    let (request_handle, server) = (context.header.request_handle, Arc::clone(context.server));
    let actor = if noted.is_some() { Actor::of(context) } else { Actor::default() };
    Ok(Flow::Later(Box::pin(async move {
        // Every item for a whole tag that passed the checks got Good above, and takes the next answer of the devices here.
        let mut answers = answers.await.into_iter();
        for result in &mut results {
            if *result == Status::GOOD {
                *result = answers.next().unwrap_or(Status::BAD_INTERNAL_ERROR);
            }
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
    let old = match snapshot.resolve(item.node_id) {
        Some(Node::Tag(tag)) if item.attribute_id == VALUE => context.server.hub.read(tag),
        _ => None,
    };
    NotedWrite {
        node_id: item.node_id.into(),
        attribute: item.attribute_id,
        range: item.index_range.into(),
        old: old.map(|reading| Variant::from(&reading.to_sample().value)).unwrap_or_default(),
        new: item.value.value.to_variant(),
    }
}

#[inline]
fn one_write(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    item: &WriteValueRef<'_>,
    found: Option<(TagId, TagFlags)>,
    may_write: bool,
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
    if !may_write {
        return Err(Status::BAD_USER_ACCESS_DENIED);
    }
    let (value, range) = value_to_write(snapshot, tag, flags, item.index_range, &item.value)?;
    if range.is_some() && !flags.readable() {
        // The rest of a value that nobody can read cannot be kept.
        return Err(status::BAD_WRITE_NOT_SUPPORTED);
    }
    Ok((tag, value, range))
}

/// The tag that a NodeId of another form names; only values of tags can be written.
#[cold]
fn writable_node(context: &Context<'_>, snapshot: &Snapshot<'_>, item: &WriteValueRef<'_>) -> Result<TagId, Status> {
    let node = snapshot.resolve(item.node_id).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
    match node {
        Node::Tag(tag) if item.attribute_id == VALUE => Ok(tag),
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
