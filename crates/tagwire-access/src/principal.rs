//! Who asks, from where, for what.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::{Fingerprint, Operation, OperationSet, RoleSet, Zone};

/// Which face a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// OPC UA.
    Ua,
    /// OPC Classic.
    Classic,
    /// The OpenOPC gateway.
    OpenOpc,
    /// HTTP and WebSocket.
    Web,
    /// The control socket of this machine.
    Control,
}

/// How the channel that a request came through is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelSecurity {
    /// Not at all.
    None,
    /// Signed.
    Signed,
    /// Signed and encrypted.
    Encrypted,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The face it came through.
    pub face: Face,
    /// The peer's address, where there is one.
    pub peer: Option<SocketAddr>,
    /// How the channel is protected.
    pub security: ChannelSecurity,
}

/// What the peer proved to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nobody in particular.
    Anonymous,
    /// A user of the users file who gave the right password.
    User(Arc<str>),
    /// The holder of the key of this certificate.
    Certificate(Fingerprint),
}

/// The name of the user, `anonymous`, or the certificate's fingerprint.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(name) => f.write_str(name),
            Self::Certificate(fingerprint) => write!(f, "certificate {fingerprint}"),
        }
    }
}

/// Someone whose permissions were worked out once, at the start of a session; made by [`crate::Policy::principal`].
#[derive(Clone, Debug)]
pub struct Principal {
    pub(crate) identity: Identity,
    pub(crate) roles: RoleSet,
    pub(crate) origin: Origin,
    /// What is allowed outside every zone.
    pub(crate) elsewhere: OperationSet,
    /// What is allowed in each zone, by its number minus one.
    pub(crate) zones: Arc<[OperationSet]>,
}

impl Principal {
    /// Who it is.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The roles held.
    pub const fn roles(&self) -> RoleSet {
        self.roles
    }

    /// Where it asks from.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether `operation` is allowed in places that no rule covers.
    pub const fn may(&self, operation: Operation) -> bool {
        self.elsewhere.contains(operation)
    }

    /// Whether `operation` is allowed on a tag or folder of `zone`.
    #[inline]
    pub fn may_in(&self, zone: Zone, operation: Operation) -> bool {
        match zone.index() {
            None => self.elsewhere.contains(operation),
            Some(idx) => self.zones.get(idx).is_some_and(|set| set.contains(operation)),
        }
    }
}

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The server itself, or a part of the address space that is no tag.
    Server,
    /// A tag, folder or device in this zone; [`crate::Policy::zone_of`] tells the zone of a path once.
    Zone(Zone),
}
