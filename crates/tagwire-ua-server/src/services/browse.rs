//! The View services (Part 4, 5.9) of a session.

use tagwire_model::Status;
use tagwire_ua_proto::hot::start_response;
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::{
    BrowseNextRequest, BrowseRequest, RegisterNodesRequest, TranslateBrowsePathsToNodeIdsRequest,
    UnregisterNodesRequest,
};

use super::view::{self, View};
use super::{Context, Flow, decode};

pub(super) fn browse(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: BrowseRequest = decode(body)?;
    let mut state = context.session()?.state.lock();
    let n = request.nodes_to_browse.len();
    with_view(context, ids::BROWSE_RESPONSE, n, out, |view, out| view.browse(&request, &mut state.browse_points, out))
}

pub(super) fn browse_next(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: BrowseNextRequest = decode(body)?;
    let mut state = context.session()?.state.lock();
    with_view(context, ids::BROWSE_NEXT_RESPONSE, request.continuation_points.len(), out, |view, out| {
        view.browse_next(&request, &mut state.browse_points, out)
    })
}

pub(super) fn translate(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: TranslateBrowsePathsToNodeIdsRequest = decode(body)?;
    with_view(
        context,
        ids::TRANSLATE_BROWSE_PATHS_TO_NODE_IDS_RESPONSE,
        request.browse_paths.len(),
        out,
        |view, out| view.translate_browse_paths(&request, out),
    )
}

pub(super) fn register(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: RegisterNodesRequest = decode(body)?;
    start_response(ids::REGISTER_NODES_RESPONSE, context.header.request_handle, Status::GOOD, context.time, out);
    view::register_nodes(&request, out)?;
    Ok(Flow::Done)
}

pub(super) fn unregister(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: UnregisterNodesRequest = decode(body)?;
    view::unregister_nodes(&request)?;
    start_response(ids::UNREGISTER_NODES_RESPONSE, context.header.request_handle, Status::GOOD, context.time, out);
    Ok(Flow::Done)
}

/// Writes the head of the response and lets `write` append results and diagnostics.
fn with_view(
    context: &Context<'_>,
    response: u32,
    n_results: usize,
    out: &mut Vec<u8>,
    write: impl FnOnce(&View<'_>, &mut Vec<u8>) -> Result<(), Status>,
) -> Result<Flow, Status> {
    start_response(response, context.header.request_handle, Status::GOOD, context.time, out);
    let snapshot = context.server.address_space.snapshot();
    // Header, diagnostics, and for each result its status, count and continuation point.
    let overhead = 128 + n_results * 32;
    let max_len = context.channel.max_response.saturating_sub(overhead);
    let view = View { snapshot: &snapshot, rights: &context.rights, max_len };
    write(&view, out)?;
    Ok(Flow::Done)
}
