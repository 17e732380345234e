//! FindServers and GetEndpoints (Part 4, 5.5): the only services that anybody may call.

use tagwire_model::Status;
use tagwire_ua_proto::services::{FindServersRequest, FindServersResponse, GetEndpointsRequest, GetEndpointsResponse};

use super::{Context, Flow, decode};
use crate::endpoints::TRANSPORT_PROFILE;
use crate::limits;

pub(super) fn find_servers(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: FindServersRequest = decode(body)?;
    check_url(request.endpoint_url.as_str())?;
    let server = context.server.application(request.endpoint_url.as_str(), context.channel);
    let uri = server.application_uri.as_str();
    let asked_for = request.server_uris.is_empty() || request.server_uris.iter().any(|asked| asked.as_str() == uri);
    let servers = if asked_for { vec![server] } else { Vec::new() };
    context.respond(&FindServersResponse { response_header: context.response_header(), servers }, out)
}

pub(super) fn endpoints(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: GetEndpointsRequest = decode(body)?;
    check_url(request.endpoint_url.as_str())?;
    let profiles = &request.profile_uris;
    let offered = profiles.is_empty() || profiles.iter().any(|profile| profile.as_str() == TRANSPORT_PROFILE);
    let endpoints =
        if offered { context.server.endpoints(request.endpoint_url.as_str(), context.channel) } else { Vec::new() };
    context.respond(&GetEndpointsResponse { response_header: context.response_header(), endpoints }, out)
}

fn check_url(url: &str) -> Result<(), Status> {
    if url.len() > limits::MAX_ENDPOINT_URL_BYTES {
        return Err(tagwire_ua_proto::status::BAD_TCP_ENDPOINT_URL_INVALID);
    }
    Ok(())
}
