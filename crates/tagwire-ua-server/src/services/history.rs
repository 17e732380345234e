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
use crate::address_space::{HistoryNode, Node, Rights as _, Snapshot};
use crate::event::{Filter, Scope};
use crate::history::{Details, HistorySource, Job, Of, Point, Points, Reading, Subject, write_failed};
use crate::limits;
use crate::rights::TagRights;

pub(super) fn read(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: HistoryReadRequest = decode(body)?;
    let wanted = request.timestamps_to_return;
    let session = context.session()?;
    if request.release_continuation_points {
        check_operations(request.nodes_to_read.len(), limits::MAX_NODES_PER_HISTORY_READ_DATA)?;
        return Ok(release(context, &request.nodes_to_read, &mut session.state.lock().history_points, out));
    }
    if !wanted.is_known() || matches!(wanted, TimestampsToReturn::NEITHER | TimestampsToReturn::INVALID) {
        return Err(status::BAD_TIMESTAMPS_TO_RETURN_INVALID);
    }
    let details = Details::parse(&request.history_read_details)?;
    let most = match &details {
        Details::Events(_) => limits::MAX_NODES_PER_HISTORY_READ_EVENTS,
        _ => limits::MAX_NODES_PER_HISTORY_READ_DATA,
    };
    check_operations(request.nodes_to_read.len(), most)?;
    if let Details::Processed(processed) = &details
        && processed.aggregate_type.len() != request.nodes_to_read.len()
    {
        return Err(status::BAD_AGGREGATE_LIST_MISMATCH);
    }
    let (number, points) = taken(&mut session.state.lock().history_points, &request.nodes_to_read);
    let principal = context.principal()?;
    let snapshot = context.server.address_space.snapshot();
    let rights = TagRights::new(context.server, principal, Operation::HistoryRead, &snapshot);
    let filter = match &details {
        Details::Events(details) => {
            let checked = Filter::check(&details.filter, &snapshot);
            Some(checked.map(|(filter, _)| filter).map_err(|refused| refused.status))
        }
        _ => None,
    };
    let jobs = request.nodes_to_read.iter().zip(points).map(|(asked, point)| {
        let of = match &filter {
            Some(Err(refused)) => return Err(*refused),
            Some(Ok(_)) => Of::Events(notifier(context, &snapshot, &asked.node_id, Operation::HistoryRead)?),
            None => Of::Values(subject(&snapshot, &asked.node_id, Some(&rights))?.2),
        };
        job(of, asked, point)
    });
    let jobs: Vec<Result<Job, Status>> = jobs.collect();
    let Some(source) = snapshot.history() else {
        drop(snapshot);
        write_refusals(context, &jobs, out);
        return Ok(Flow::Done);
    };
    drop(snapshot);
    let reading = Reading {
        source,
        session: Arc::clone(session),
        request: number,
        details,
        filter: filter.and_then(Result::ok),
        principal: Arc::clone(principal),
        policy: context.server.policy(),
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

/// What a continuation point stands for, where a node comes with one.
type Resume = Option<Result<Point, Status>>;

/// Takes what the continuation points of a request stand for, and the request's number. The state of a session must not
/// be locked while the address space is.
fn taken(points: &mut Points, nodes: &[HistoryReadValueId]) -> (u64, Vec<Resume>) {
    let number = points.begin_request();
    let taken = nodes.iter().map(|node| {
        let id = Some(&node.continuation_point).filter(|id| !id.is_empty())?;
        Some(points.take(id).ok_or(status::BAD_CONTINUATION_POINT_INVALID))
    });
    (number, taken.collect())
}

fn job(mut of: Of, asked: &HistoryReadValueId, resume: Resume) -> Result<Job, Status> {
    let encoding = &*asked.data_encoding.name;
    if !encoding.is_empty() {
        return Err(encoding_status(encoding));
    }
    let range = NumericRange::parse(&asked.index_range).map_err(|error| error.status())?;
    if let Of::Values(subject) = &mut of {
        subject.is_cut = range.is_some();
    }
    let resume = resume.transpose()?;
    match &resume {
        Some(point) if point.of != of.whose() => Err(status::BAD_CONTINUATION_POINT_INVALID),
        _ => Ok(Job { of, range, resume }),
    }
}

/// Whose events the history of a node has, when the user may do this with it.
pub(super) fn notifier(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    node_id: &NodeId,
    operation: Operation,
) -> Result<Scope, Status> {
    let node = snapshot.resolve(node_id.borrowed()).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
    if !snapshot.is_notifier(node) || !snapshot.has_event_history() {
        return Err(status::BAD_HISTORY_OPERATION_UNSUPPORTED);
    }
    context.rights.check(operation, node, snapshot)?;
    Ok(Scope::of(node, snapshot))
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
        local: source.local(view.path, value_type),
        value_type,
        kept: source.kept(view.path),
        is_live: source.is_collected(tag),
        is_annotations,
        is_fixed: value_type.is_scalar() && !is_text,
        is_cut: false,
    };
    Ok((source, tag, subject))
}
