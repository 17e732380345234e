//! What the user of a session shows: nothing, a name with a password, or a certificate (Part 4, 7.41).

use std::sync::Arc;

use tagwire_access::{ChannelSecurity, Face, Identity, Origin, Peer, PeerCheck, Principal, RoleSet};
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::secure::{
    OwnIdentity, PeerCertificate, SecurityPolicy, SessionFacts, Signer, decrypt_secret, open_secret, verify_session,
};
use tagwire_ua_proto::services::{
    ActivateSessionRequest, AnonymousIdentityToken, IssuedIdentityToken, MessageSecurityMode, UserNameIdentityToken,
    X509IdentityToken,
};
use tagwire_ua_proto::status;
use zeroize::Zeroizing;

use crate::endpoints::{ANONYMOUS, certificate_policy_id, issued_policy_id, user_name_policy_id};
use crate::event::audit;
use crate::server::Server;
use crate::session::{ChannelFacts, Session};

/// What the user showed.
pub(crate) enum UserToken {
    Anonymous,
    /// Without a password when it cannot be decrypted.
    Password {
        name: String,
        password: Option<Zeroizing<Vec<u8>>>,
    },
    /// A certificate whose key signed for this session; whether it is trusted is another question.
    Certificate(Arc<[u8]>),
    /// A token of the identity provider with this place in the list; `None` when it cannot be decrypted.
    Issued(usize, Option<Zeroizing<Vec<u8>>>),
}

/// Who logged in, and until when.
pub(crate) struct Admitted {
    pub(crate) principal: Principal,
    /// When the right to be here ends by itself.
    pub(crate) until: Option<Timestamp>,
}

impl UserToken {
    /// Takes the token out of a request and checks whatever needs no list of users.
    ///
    /// # Errors
    /// `BadIdentityTokenInvalid` for a kind of token that is not offered, `BadUserSignatureInvalid`.
    pub(super) fn of(
        server: &Server,
        channel: &ChannelFacts,
        session: &Session,
        request: &ActivateSessionRequest,
    ) -> Result<Self, Status> {
        let token = &request.user_identity_token;
        if token.is_null() {
            return Ok(Self::Anonymous);
        }
        if let Some(token) = token.decode_as::<AnonymousIdentityToken>() {
            let token = token.map_err(|error| error.status())?;
            let known = matches!(token.policy_id.as_str(), ANONYMOUS | "");
            return if known { Ok(Self::Anonymous) } else { Err(status::BAD_IDENTITY_TOKEN_INVALID) };
        }
        if let Some(token) = token.decode_as::<UserNameIdentityToken>() {
            return Self::password(server, channel, session, &token.map_err(|error| error.status())?);
        }
        if let Some(token) = token.decode_as::<X509IdentityToken>() {
            return Self::certificate(server, channel, session, &token.map_err(|error| error.status())?, request);
        }
        if let Some(token) = token.decode_as::<IssuedIdentityToken>() {
            return Self::issued(server, channel, session, &token.map_err(|error| error.status())?);
        }
        Err(status::BAD_IDENTITY_TOKEN_INVALID)
    }

    fn issued(
        server: &Server,
        channel: &ChannelFacts,
        session: &Session,
        token: &IssuedIdentityToken,
    ) -> Result<Self, Status> {
        let policy = server.token_policy(channel.policy);
        let is_meant = |number: &usize| token.policy_id.as_str() == issued_policy_id(*number, policy);
        let number = (0..server.policy().issuers().len()).find(is_meant).ok_or(status::BAD_IDENTITY_TOKEN_INVALID)?;
        let data = token.token_data.as_slice();
        let algorithm = token.encryption_algorithm.as_str();
        Ok(Self::Issued(number, decrypted(server, channel, policy, session, algorithm, data)?))
    }

    fn password(
        server: &Server,
        channel: &ChannelFacts,
        session: &Session,
        token: &UserNameIdentityToken,
    ) -> Result<Self, Status> {
        let policy = server.token_policy(channel.policy);
        if token.policy_id.as_str() != user_name_policy_id(policy) {
            return Err(status::BAD_IDENTITY_TOKEN_INVALID);
        }
        let (algorithm, data) = (token.encryption_algorithm.as_str(), token.password.as_slice());
        let password = decrypted(server, channel, policy, session, algorithm, data)?;
        Ok(Self::Password { name: token.user_name.as_str().to_owned(), password })
    }

    fn certificate(
        server: &Server,
        channel: &ChannelFacts,
        session: &Session,
        token: &X509IdentityToken,
        request: &ActivateSessionRequest,
    ) -> Result<Self, Status> {
        let policy = server.token_policy(channel.policy);
        if token.policy_id.as_str() != certificate_policy_id(policy) {
            return Err(status::BAD_IDENTITY_TOKEN_INVALID);
        }
        let user = PeerCertificate::parse(token.certificate_data.as_slice());
        let user = user.map_err(|_| status::BAD_IDENTITY_TOKEN_INVALID)?;
        let identity = own(server, channel, policy)?;
        let nonce = session.state.lock().server_nonce.clone();
        let facts = session.facts(channel, &nonce);
        let facts = match policy.is_bound {
            true => facts,
            false => SessionFacts { server_certificate: identity.certificate().chain(), ..facts },
        };
        verify_session(policy, &user, Signer::User, &facts, &request.user_token_signature)
            .map_err(|_| status::BAD_USER_SIGNATURE_INVALID)?;
        Ok(Self::Certificate(Arc::clone(user.chain())))
    }

    /// The user name given; empty without one.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Password { name, .. } => name,
            Self::Anonymous | Self::Certificate(_) | Self::Issued(..) => "",
        }
    }

    /// The user's certificate with its issuers.
    pub(crate) fn certificate_chain(&self) -> Option<Arc<[u8]>> {
        match self {
            Self::Certificate(chain) => Some(Arc::clone(chain)),
            Self::Anonymous | Self::Password { .. } | Self::Issued(..) => None,
        }
    }

    /// Whether trying again and again could lead to somebody's login.
    pub(super) const fn is_guessable(&self) -> bool {
        matches!(self, Self::Password { .. })
    }

    /// Whether an identity provider issued it.
    pub(crate) const fn is_issued(&self) -> bool {
        matches!(self, Self::Issued(..))
    }

    /// Who the user is and what it may do, with the application and on the endpoint that it uses.
    ///
    /// # Errors
    /// `BadIdentityTokenRejected`, whatever was wrong; `BadTooManyOperations` when too many passwords are being checked.
    pub(super) async fn principal(
        self,
        server: &Arc<Server>,
        channel: &ChannelFacts,
        session: &Arc<Session>,
    ) -> Result<Admitted, Status> {
        let security = match channel.mode {
            MessageSecurityMode::SIGN_AND_ENCRYPT => ChannelSecurity::Encrypted,
            MessageSecurityMode::SIGN => ChannelSecurity::Signed,
            _ => ChannelSecurity::None,
        };
        let origin = Origin { face: Face::Ua, peer: Some(channel.peer), security };
        let policy_uri = channel.policy.uri;
        let way = way_of(session, policy_uri);
        let principal = match self {
            Self::Anonymous => {
                let admitted = server.login.anonymous(&server.policy(), way, origin);
                admitted.map_err(|refused| crate::status::login(&refused))?
            }
            Self::Password { name, password } => {
                let (login, policy) = (Arc::clone(&server.login), server.policy());
                let session = Arc::clone(session);
                let check = move || match password.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok()) {
                    Some(password) => login.user(&policy, &name, password, way_of(&session, policy_uri), origin),
                    None => login.unreadable(),
                };
                let checked = tokio::task::spawn_blocking(check).await;
                checked.map_err(|_| Status::BAD_INTERNAL_ERROR)?.map_err(|refused| crate::status::login(&refused))?
            }
            Self::Certificate(chain) => {
                let check = PeerCheck { peer: Some(channel.peer), ..Default::default() };
                let trusted = server.user_trust.verify_peer(&chain, &check, server.now());
                // The true reason is in the log and in the list of certificates; the client learns nothing of it.
                let trusted = trusted.map_err(|refusal| {
                    let user = PeerCertificate::parse(&chain);
                    let leaf = user.as_ref().map_or(&[][..], PeerCertificate::leaf);
                    audit::certificate_refused(server, channel, leaf, &refusal.reason);
                    status::BAD_IDENTITY_TOKEN_REJECTED
                })?;
                let certificate = &trusted.certificate;
                let peer = Peer {
                    identity: Identity::Certificate(certificate.fingerprint()),
                    subject: certificate.subject(),
                    thumbprint: Some(certificate.thumbprint()),
                    ..way
                };
                server.policy().principal(peer, RoleSet::NONE, origin)
            }
            Self::Issued(number, token) => {
                let token = token.as_ref().map(|token| token.as_slice());
                return by_provider(server, number, token, way, origin);
            }
        };
        Ok(Admitted { principal, until: None })
    }
}

/// By what way somebody came whom nobody knows yet.
fn way_of<'a>(session: &'a Session, policy: &'a str) -> Peer<'a> {
    let (application, url) = (session.proved_application(), session.introduction.endpoint_url());
    Peer { application, url, policy, ..Peer::anonymous() }
}

/// A secret that was encrypted for this session. `None` when it cannot be decrypted: whatever is wrong with it, the answer
/// is the same as for a wrong password (A15).
fn decrypted(
    server: &Server,
    channel: &ChannelFacts,
    policy: &SecurityPolicy,
    session: &Session,
    algorithm: &str,
    encrypted: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Status> {
    let mut state = session.state.lock();
    // A key is good for one try, whatever comes of it.
    let (nonce, key) = (state.server_nonce.clone(), state.secret_key.take());
    drop(state);
    if policy.curve().is_none() {
        let identity = own(server, channel, policy)?;
        return Ok(decrypt_secret(policy, &identity, algorithm, encrypted, &nonce).ok());
    }
    // The secret itself says how it was encrypted.
    let named = matches!(algorithm, "") || algorithm == policy.uri;
    let (Some(key), Some(client), true) = (key, &channel.client_certificate, named) else { return Ok(None) };
    Ok(open_secret(policy, key, client, encrypted, &nonce).ok())
}

/// The certificate that users mean under this policy: the one of the channel, or without security the one that endpoints
/// show.
fn own(server: &Server, channel: &ChannelFacts, policy: &SecurityPolicy) -> Result<Arc<OwnIdentity>, Status> {
    let shown = channel.identity.clone().filter(|_| !channel.policy.is_none());
    shown.or_else(|| server.identity(policy)).ok_or(status::BAD_IDENTITY_TOKEN_REJECTED)
}

/// The user whom a token of an identity provider names, with the roles that it gives.
fn by_provider(
    server: &Server,
    number: usize,
    token: Option<&[u8]>,
    way: Peer<'_>,
    origin: Origin,
) -> Result<Admitted, Status> {
    let policy = server.policy();
    let issuer = policy.issuers().get(number).ok_or(status::BAD_IDENTITY_TOKEN_REJECTED)?;
    let token = token.ok_or(status::BAD_IDENTITY_TOKEN_REJECTED)?;
    let issued = issuer.check(token, server.now()).map_err(|refused| {
        tracing::warn!(peer = ?origin.peer, issuer = %issuer.url, reason = %refused, "token of an identity provider refused");
        status::BAD_IDENTITY_TOKEN_REJECTED
    })?;
    let identity = Identity::Issued(issued.name.as_str().into(), issuer.url.as_str().into());
    let roles = policy.roles_named(issued.roles.iter().map(String::as_str));
    let principal = policy.principal(Peer { identity, ..way }, roles, origin);
    Ok(Admitted { principal, until: Some(issued.until) })
}
