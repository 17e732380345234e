//! HistoryRead (Part 4, 5.11.3).

use std::sync::Arc;

use tagwire_access::Operation;
use tagwire_model::{DataType, Status, TagId};
use tagwire_ua_proto::codec::{Encode, write_len};
use tagwire_ua_proto::hot::start_response;
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::{HistoryReadRequest, HistoryReadValueId, TimestampsToReturn};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{NodeId, NumericRange};

use super::attribute::encoding_status;
use super::{Context, Flow, LaterBody, check_operations, decode};
use crate::address_space::{HistoryNode, Node, Snapshot};
use crate::history::{Details, HistorySource, Job, Points, Reading, Subject, write_failed};
use crate::limits;
use crate::rights::TagRights;

pub(super) fn read(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: HistoryReadRequest = decode(body)?;
    let wanted = request.timestamps_to_return;
    check_operations(request.nodes_to_read.len(), limits::MAX_NODES_PER_HISTORY_READ_DATA)?;
    let session = context.session()?;
    if request.release_continuation_points {
        return Ok(release(context, &request.nodes_to_read, &mut session.state.lock().history_points, out));
    }
    if !wanted.is_known() || matches!(wanted, TimestampsToReturn::NEITHER | TimestampsToReturn::INVALID) {
        return Err(status::BAD_TIMESTAMPS_TO_RETURN_INVALID);
    }
    let details = Details::parse(&request.history_read_details)?;
    if let Details::Processed(processed) = &details
        && processed.aggregate_type.len() != request.nodes_to_read.len()
    {
        return Err(status::BAD_AGGREGATE_LIST_MISMATCH);
    }
    let snapshot = context.server.address_space.snapshot();
    let rights = TagRights::new(context.server, context.principal()?, Operation::HistoryRead, &snapshot);
    let mut state = session.state.lock();
    let number = state.history_points.begin_request();
    let jobs: Vec<Result<Job, Status>> =
        request.nodes_to_read.iter().map(|node| job(&snapshot, &rights, &mut state.history_points, node)).collect();
    drop(state);
    let Some(source) = snapshot.history() else {
        write_refusals(context, &jobs, out);
        return Ok(Flow::Done);
    };
    drop(snapshot);
    let reading = Reading {
        source,
        session: Arc::clone(session),
        request: number,
        details,
        wanted,
        jobs,
        request_handle: context.header.request_handle,
        max_response: context.channel.max_response,
        now: context.time,
    };
    let server = Arc::clone(context.server);
    Ok(Flow::Later(Box::pin(async move {
        let Ok(_turn) = server.history_reads.acquire().await else {
            return LaterBody::Fault(Status::BAD_INTERNAL_ERROR);
        };
        match tokio::task::spawn_blocking(move || reading.run()).await {
            Ok(body) => LaterBody::Body(body),
            Err(_) => LaterBody::Fault(Status::BAD_INTERNAL_ERROR),
        }
    })))
}

/// Frees continuation points; nothing is read.
fn release(context: &Context<'_>, nodes: &[HistoryReadValueId], points: &mut Points, out: &mut Vec<u8>) -> Flow {
    start_response(ids::HISTORY_READ_RESPONSE, context.header.request_handle, Status::GOOD, context.time, out);
    write_len(nodes.len(), out);
    for node in nodes {
        let known = points.take(&node.continuation_point).is_some();
        write_failed(if known { Status::GOOD } else { status::BAD_CONTINUATION_POINT_INVALID }, out);
    }
    (-1_i32).encode(out);
    Flow::Done
}

/// While there is no historian nothing can be read.
fn write_refusals(context: &Context<'_>, jobs: &[Result<Job, Status>], out: &mut Vec<u8>) {
    start_response(ids::HISTORY_READ_RESPONSE, context.header.request_handle, Status::GOOD, context.time, out);
    write_len(jobs.len(), out);
    for job in jobs {
        write_failed(job.as_ref().err().copied().unwrap_or(status::BAD_HISTORY_OPERATION_UNSUPPORTED), out);
    }
    (-1_i32).encode(out);
}

fn job(
    snapshot: &Snapshot<'_>,
    rights: &TagRights<'_>,
    points: &mut Points,
    asked: &HistoryReadValueId,
) -> Result<Job, Status> {
    let (_, _, mut subject) = subject(snapshot, &asked.node_id, Some(rights))?;
    let encoding = &*asked.data_encoding.name;
    if !encoding.is_empty() {
        return Err(encoding_status(encoding));
    }
    let range = NumericRange::parse(&asked.index_range).map_err(|error| error.status())?;
    subject.is_cut = range.is_some();
    let resume = if asked.continuation_point.is_empty() {
        None
    } else {
        let point = points.take(&asked.continuation_point).filter(|point| point.is_of(subject.number));
        Some(point.ok_or(status::BAD_CONTINUATION_POINT_INVALID)?)
    };
    Ok(Job { subject, range, resume })
}

/// The tag whose history a node stands for: its own, or that of its annotations.
pub(super) fn subject(
    snapshot: &Snapshot<'_>,
    node_id: &NodeId,
    rights: Option<&TagRights<'_>>,
) -> Result<(Arc<HistorySource>, TagId, Subject), Status> {
    let node = snapshot.resolve(node_id.borrowed()).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
    let (tag, is_annotations) = match node {
        Node::History(tag, HistoryNode::Annotations) => (tag, true),
        node => (snapshot.value_tag(node).ok_or(status::BAD_HISTORY_OPERATION_UNSUPPORTED)?, false),
    };
    if let Some(rights) = rights {
        rights.check(tag)?;
    }
    let view = snapshot.tag(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
    let (source, number) = snapshot.history_of(tag).ok_or(status::BAD_HISTORY_OPERATION_UNSUPPORTED)?;
    let value_type = view.value_type;
    let is_text = matches!(value_type.data_type, DataType::String | DataType::ByteString);
    let subject = Subject {
        number,
        value_type,
        kept: source.kept(view.path),
        stepped: source.is_stepped(view.path, value_type),
        is_live: source.is_collected(tag),
        is_annotations,
        is_fixed: value_type.is_scalar() && !is_text,
        is_cut: false,
    };
    Ok((source, tag, subject))
}
