//! Whose a subscription is, and who may take it over (Part 4, 5.14.7.1).

use std::sync::Arc;

use tagwire_access::{ChannelSecurity, Face, Fingerprint, Identity, Origin, Peer, Policy, Principal};
use tagwire_ua_proto::codec::{DecodeError, Encode as _, Reader, write_bytes, write_len, write_str};
use tagwire_ua_proto::secure::PeerCertificate;

use crate::session::Session;

/// Who owns a subscription: a user, or else the application that an anonymous user came with.
pub(crate) struct Ownership {
    pub(crate) principal: Arc<Principal>,
    certificate: Option<Arc<PeerCertificate>>,
    /// What the client calls itself, where its certificate proves it.
    application: String,
}

impl Ownership {
    pub(crate) fn of(session: &Session, principal: Arc<Principal>) -> Self {
        let application = session.proved_application().to_owned();
        Self { principal, certificate: session.client_certificate.clone(), application }
    }

    /// A user without a certificate of an application.
    #[cfg(test)]
    pub(crate) const fn for_tests(principal: Arc<Principal>) -> Self {
        Self { principal, certificate: None, application: String::new() }
    }

    /// The same user may take a subscription over; an anonymous one must be the same application and prove it.
    pub(crate) fn may_pass_to(&self, asking: &Self) -> bool {
        let (owner, heir) = (&self.principal, &asking.principal);
        let is_same = owner.identity() == heir.identity() && owner.origin().security <= heir.origin().security;
        let same_application = || match (&self.certificate, &asking.certificate) {
            (Some(ours), Some(theirs)) => ours.leaf() == theirs.leaf(),
            _ => false,
        };
        is_same && (*owner.identity() != Identity::Anonymous || same_application())
    }

    /// Whether anybody can ever prove to be the owner.
    pub(crate) fn can_be_proved(&self) -> bool {
        *self.principal.identity() != Identity::Anonymous || self.certificate.is_some()
    }

    /// Writes what tells the owner after a restart.
    pub(crate) fn write(&self, roles: &[&str], out: &mut Vec<u8>) {
        match self.principal.identity() {
            Identity::Anonymous => out.push(ANONYMOUS),
            Identity::User(name) => {
                out.push(USER);
                write_str(name, out);
            }
            Identity::Certificate(fingerprint) => {
                out.push(CERTIFICATE);
                out.extend_from_slice(&fingerprint.0);
            }
            Identity::Issued(name, issuer) => {
                out.push(ISSUED);
                write_str(name, out);
                write_str(issuer, out);
            }
        }
        out.push(match self.principal.origin().security {
            ChannelSecurity::None => 0,
            ChannelSecurity::Signed => 1,
            ChannelSecurity::Encrypted => 2,
        });
        write_str(&self.application, out);
        match &self.certificate {
            Some(certificate) => write_bytes(certificate.leaf(), out),
            None => (-1_i32).encode(out),
        }
        write_len(roles.len(), out);
        roles.iter().for_each(|role| write_str(role, out));
    }
}

const ANONYMOUS: u8 = 0;
const USER: u8 = 1;
const CERTIFICATE: u8 = 2;
const ISSUED: u8 = 3;

/// Most roles of one user.
const MAX_ROLES: usize = 64;

/// An owner as it was written down: who it was, and what it was allowed to do at most.
#[derive(Debug)]
pub(crate) struct Claim {
    identity: Identity,
    security: ChannelSecurity,
    application: String,
    certificate: Option<Vec<u8>>,
    roles: Vec<String>,
}

impl Claim {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        fn text(reader: &mut Reader<'_>) -> Result<Arc<str>, DecodeError> {
            Ok(Arc::from(reader.str()?.unwrap_or_default()))
        }
        let identity = match reader.u8()? {
            ANONYMOUS => Identity::Anonymous,
            USER => Identity::User(text(reader)?),
            CERTIFICATE => {
                Identity::Certificate(Fingerprint(reader.bytes(32)?.try_into().map_err(|_| DecodeError::End)?))
            }
            ISSUED => Identity::Issued(text(reader)?, text(reader)?),
            _ => return Err(DecodeError::Form),
        };
        let security = match reader.u8()? {
            0 => ChannelSecurity::None,
            1 => ChannelSecurity::Signed,
            2 => ChannelSecurity::Encrypted,
            _ => return Err(DecodeError::Form),
        };
        let application = text(reader)?.to_string();
        let certificate = reader.byte_string()?.map(<[u8]>::to_vec);
        let roles = crate::durable::list(reader, MAX_ROLES, |reader| Ok(text(reader)?.to_string()))?;
        Ok(Self { identity, security, application, certificate, roles })
    }

    /// The owner under the rules of now. Nothing reaches anybody on the strength of this alone: who takes the
    /// subscription over is asked what he may do now.
    pub(crate) fn owner(&self, policy: &Policy) -> Ownership {
        let peer = Peer { identity: self.identity.clone(), application: &self.application, ..Peer::anonymous() };
        let roles = policy.roles_named(self.roles.iter().map(String::as_str));
        let origin = Origin { face: Face::Ua, peer: None, security: self.security };
        let certificate = self.certificate.as_deref().and_then(|der| PeerCertificate::parse(der).ok());
        Ownership {
            principal: Arc::new(policy.principal(peer, roles, origin)),
            certificate: certificate.map(Arc::new),
            application: self.application.clone(),
        }
    }
}
