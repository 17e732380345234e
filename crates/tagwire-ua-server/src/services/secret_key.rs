//! Keys for the secrets of users under policies over curves: asked for with one request, good for the next (Part 6, 6.8.2).

use tagwire_model::Status;
use tagwire_ua_proto::secure::{EphemeralKey, sign_key};
use tagwire_ua_proto::services::{EphemeralKeyType, RequestHeader, ResponseHeader};
use tagwire_ua_proto::status;

use crate::server::Server;
use crate::session::ChannelFacts;

/// Makes a key if the client asks for one, and answers it; whatever is wrong is told in place of the key, because the
/// session is good without.
pub(super) fn give(
    server: &Server,
    channel: &ChannelFacts,
    request: &RequestHeader,
    response: &mut ResponseHeader,
) -> Option<EphemeralKey> {
    let wanted = request.wanted_key_policy()?;
    let (key, answer) = match make(server, channel, wanted.as_str()) {
        Ok((key, signed)) => (Some(key), Ok(signed)),
        Err(status) => (None, Err(status)),
    };
    response.set_key(&wanted, answer);
    key
}

fn make(server: &Server, channel: &ChannelFacts, uri: &str) -> Result<(EphemeralKey, EphemeralKeyType), Status> {
    let policy = server.token_policy(channel.policy);
    let curve = policy.curve().filter(|_| policy.uri == uri).ok_or(status::BAD_SECURITY_POLICY_REJECTED)?;
    let identity = channel.identity.as_ref().ok_or(status::BAD_SECURITY_POLICY_REJECTED)?;
    let key = EphemeralKey::new(curve).map_err(|_| Status::BAD_INTERNAL_ERROR)?;
    let signed = sign_key(policy, identity, &key).map_err(|_| Status::BAD_INTERNAL_ERROR)?;
    Ok((key, signed))
}
