//! Who asks, from where, for what.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelSecurity {
    /// Not at all.
    None,
    /// Signed.
    Signed,
    /// Signed and encrypted.
    Encrypted,
}

impl ChannelSecurity {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Signed => "signed",
            Self::Encrypted => "encrypted",
        }
    }
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
    /// A user whom an identity provider knows: the name, and the provider's URL.
    Issued(Arc<str>, Arc<str>),
}

/// The name of the user, `anonymous`, or the certificate's fingerprint.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(name) => f.write_str(name),
            Self::Certificate(fingerprint) => write!(f, "certificate {fingerprint}"),
            Self::Issued(name, issuer) => write!(f, "{name} of {issuer}"),
        }
    }
}

/// What a peer showed of itself, and by what way it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer<'a> {
    /// Who it is.
    pub identity: Identity,
    /// Subject of the user's certificate; empty without one.
    pub subject: &'a str,
    /// SHA-1 of the user's certificate.
    pub thumbprint: Option<[u8; 20]>,
    /// URI of the application that it uses, proved by the channel's certificate; empty without one.
    pub application: &'a str,
    /// URL by which it reached the server; empty where that is not known.
    pub url: &'a str,
    /// URI of the security policy of its channel; empty where there is none.
    pub policy: &'a str,
}

impl Peer<'_> {
    /// Somebody without credentials.
    pub const fn anonymous() -> Self {
        Self { identity: Identity::Anonymous, subject: "", thumbprint: None, application: "", url: "", policy: "" }
    }

    /// A user by name.
    pub fn user(name: &str) -> Self {
        Self { identity: Identity::User(Arc::from(name)), ..Peer::anonymous() }
    }

    /// The SHA-1 of the user's certificate in hexadecimal digits; empty without one.
    pub(crate) fn thumbprint_text(&self) -> String {
        self.thumbprint.iter().flatten().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<'a> Peer<'a> {
    /// The holder of a certificate.
    pub const fn certificate(fingerprint: Fingerprint, subject: &'a str) -> Self {
        let identity = Identity::Certificate(fingerprint);
        Self { identity, subject, thumbprint: None, application: "", url: "", policy: "" }
    }
}

/// What a principal may do where one rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ZoneRights {
    pub(crate) operations: OperationSet,
    /// Whether the channel is protected as the rule demands.
    pub(crate) is_channel_safe: bool,
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
    pub(crate) zones: Arc<[ZoneRights]>,
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
            Some(idx) => self.zones.get(idx).is_some_and(|rights| rights.operations.contains(operation)),
        }
    }

    /// Whether the channel is protected as the rule of `zone` demands.
    #[inline]
    pub(crate) fn is_channel_safe(&self, zone: Zone) -> bool {
        match zone.index() {
            None => true,
            Some(idx) => self.zones.get(idx).is_some_and(|rights| rights.is_channel_safe),
        }
    }

    /// Whether rules hold anywhere, so that zones must be looked at.
    #[inline]
    pub fn has_zones(&self) -> bool {
        !self.zones.is_empty()
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
