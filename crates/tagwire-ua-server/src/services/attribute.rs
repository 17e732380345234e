//! Read (Part 4, 5.11.2). Hot: nothing is allocated per value of a scalar tag.

use tagwire_access::Operation;
use tagwire_hub::{FolderId, Reading, Registry, TagFlags};
use tagwire_model::{Status, TagId, Timestamp, Value};
use tagwire_ua_proto::codec::{Decode, DecodeError, Encode, Reader};
use tagwire_ua_proto::hot::{
    ReadRequestRef, ReadValueIdRef, start_response, write_fixed_data_value, write_model_data_value, write_status_only,
};
use tagwire_ua_proto::ids::{attribute as attribute_id, encoding as ids};
use tagwire_ua_proto::services::TimestampsToReturn;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{IdentifierRef, NodeIdRef, NumericRange, Variant};

use super::{Context, Flow, check_operations, device_read, dynamic};
use crate::address_space::{NAMESPACE_TAGS, Node, Rights as _, Snapshot};
use crate::limits;
use crate::rights::TagRights;
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
    if let Some(later) = dynamic::needed(context, request.nodes().map_while(Result::ok).map(|item| item.node_id)) {
        return Ok(Flow::Later(later));
    }
    if !context.refreshed
        && let Some(later) = device_read::needed(context, &request)
    {
        return Ok(Flow::Later(later));
    }
    let snapshot = context.server.address_space.snapshot();
    let rights = TagRights::new(context.server, principal, Operation::Read, &snapshot);
    let reader = NodeReader { context, snapshot, rights, wanted };
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
pub(super) fn fill<T>(
    batch: &mut Vec<T>,
    items: &mut impl Iterator<Item = Result<T, DecodeError>>,
) -> Result<bool, Status> {
    batch.clear();
    for item in items.by_ref().take(Registry::BATCH) {
        batch.push(item.map_err(DecodeError::status)?);
    }
    Ok(!batch.is_empty())
}

/// Finds for each item the tag whose value it names by the tag's path, which is what all but every item does.
#[inline]
pub(super) fn tags_of_values<T>(
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
    rights: TagRights<'a>,
    wanted: TimestampsToReturn,
}

impl NodeReader<'_> {
    #[inline]
    fn tag(&self, tag: TagId, flags: TagFlags, item: &ReadValueIdRef<'_>, out: &mut Vec<u8>) {
        if !flags.readable() {
            return write_status_only(status::BAD_NOT_READABLE, out);
        }
        if let Err(status) = self.rights.check(tag) {
            return write_status_only(status, out);
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
        if let (Some(tag), true) = (self.snapshot.value_tag(node), is_value) {
            return match self.context.server.hub.flags(tag) {
                Some(flags) => self.tag(tag, flags, item, out),
                None => write_status_only(Status::BAD_NODE_ID_UNKNOWN, out),
            };
        }
        if let (Node::Structure(folder), true) = (node, is_value) {
            return self.structure(folder, item, out);
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

    /// The value of a structure, as good and as new as its tags.
    fn structure(&self, folder: FolderId, item: &ReadValueIdRef<'_>, out: &mut Vec<u8>) {
        if let Err(status) = self.check_structure(folder, item) {
            return write_status_only(status, out);
        }
        let sample = self.snapshot.structure_sample(folder);
        let (source_time, server_time) = (sample.source_time, sample.server_time);
        stamped(&sample.to_variant(), sample.status, source_time, server_time, self.wanted).encode(out);
    }

    fn check_structure(&self, folder: FolderId, item: &ReadValueIdRef<'_>) -> Result<(), Status> {
        let hub = &self.context.server.hub;
        for tag in self.snapshot.members(folder)? {
            if !hub.flags(tag).is_some_and(TagFlags::readable) {
                return Err(status::BAD_NOT_READABLE);
            }
            self.rights.check(tag)?;
        }
        match item.data_encoding {
            "" | "Default Binary" => {}
            "Default XML" | "Default JSON" => return Err(status::BAD_DATA_ENCODING_UNSUPPORTED),
            _ => return Err(status::BAD_DATA_ENCODING_INVALID),
        }
        match NumericRange::parse(item.index_range).map_err(|error| error.status())? {
            Some(_) => Err(status::BAD_INDEX_RANGE_NO_DATA),
            None => Ok(()),
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
        let operation = attribute_operation(item.attribute_id);
        self.context.rights.check(operation, node, &self.snapshot)?;
        let value = self.snapshot.attribute(node, item.attribute_id, &self.context.address_context())?;
        match range {
            Some(range) => range.read_variant(&value).map_err(|error| error.status()),
            None => Ok(value),
        }
    }
}

/// What it takes to read an attribute (Part 3, 8.55).
pub(crate) const fn attribute_operation(attribute: u32) -> Operation {
    match attribute {
        VALUE => Operation::Read,
        attribute_id::ROLE_PERMISSIONS => Operation::ReadPermissions,
        _ => Operation::Browse,
    }
}

/// Simple types have no encodings to choose from (Part 4, 7.29).
pub(super) fn encoding_status(encoding: &str) -> Status {
    if matches!(encoding, "Default Binary" | "Default XML" | "Default JSON") {
        status::BAD_DATA_ENCODING_INVALID
    } else {
        status::BAD_DATA_ENCODING_UNSUPPORTED
    }
}
