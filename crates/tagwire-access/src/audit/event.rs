//! What is reported.

use std::net::SocketAddr;

use tagwire_model::Timestamp;

use super::Fields;
use crate::{Face, Fingerprint, Identity, Reason};

/// Something that the audit log records; it never holds a password.
pub struct AuditEvent {
    /// When.
    pub time: Timestamp,
    /// What happened.
    pub what: What,
    /// Who did it.
    pub actor: Actor,
    /// What else there is to say.
    pub details: Box<dyn Details>,
}

impl std::fmt::Debug for AuditEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditEvent").field("what", &self.what).field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// Who did something, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// Through which face; `None` for the server itself.
    pub face: Option<Face>,
    /// Whom the server knows the actor to be.
    pub identity: Option<Identity>,
    /// The number of the user of this machine, for commands.
    pub uid: Option<u32>,
    /// From where.
    pub peer: Option<SocketAddr>,
}

impl Actor {
    /// A user of this machine who typed a command.
    pub fn command(uid: Option<u32>) -> Self {
        Self { face: Some(Face::Control), uid, ..Self::default() }
    }

    pub(super) fn write(&self, fields: &mut Fields<'_>) {
        fields.text("face", self.face.map_or("server", face_word));
        match &self.identity {
            Some(identity @ (Identity::Certificate(_) | Identity::Issued(..))) => {
                fields.text("user", &identity.to_string())
            }
            Some(Identity::User(name)) => fields.text("user", name),
            Some(Identity::Anonymous) => fields.text("user", "anonymous"),
            None => {}
        }
        if let Some(uid) = self.uid {
            fields.field("uid").number(uid);
        }
        if let Some(peer) = self.peer {
            fields.field("peer").shown(peer);
        }
    }
}

const fn face_word(face: Face) -> &'static str {
    match face {
        Face::Ua => "opc-ua",
        Face::Classic => "opc-classic",
        Face::OpenOpc => "openopc",
        Face::Web => "web",
        Face::Control => "control",
    }
}

/// Declares the kinds of record with their words.
macro_rules! whats {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal;)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum What {
            $($(#[doc = $doc])* $name,)*
        }

        impl What {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word in the record.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

whats! {
    /// The server runs.
    ServerStarted = "server-started";
    /// The server ends.
    ServerStopped = "server-stopped";
    /// A secure channel was refused before it was open.
    ChannelRefused = "channel-refused";
    /// A peer's certificate was refused.
    CertificateRefused = "certificate-refused";
    /// The decision about a certificate changed.
    TrustChanged = "trust-changed";
    /// The own certificate, perhaps with its key, was replaced.
    CertificateReplaced = "certificate-replaced";
    /// A session was made.
    SessionCreated = "session-created";
    /// A user logged in to a session.
    SessionActivated = "session-activated";
    /// A session or a login was refused.
    SessionRefused = "session-refused";
    /// A client closed its session.
    SessionClosed = "session-closed";
    /// A client was silent for too long.
    SessionTimedOut = "session-timed-out";
    /// The server ended a session.
    SessionEnded = "session-ended";
    /// A Write request.
    Write = "write";
    /// A Call request.
    Call = "call";
    /// A HistoryUpdate request.
    HistoryUpdate = "history-update";
    /// Samples of a file were put into the history.
    HistoryImport = "history-import";
    /// A user is new.
    UserAdded = "user-added";
    /// Password or roles of a user changed.
    UserChanged = "user-changed";
    /// A user was removed.
    UserRemoved = "user-removed";
    /// A client changed a role, or could not.
    RoleChanged = "role-changed";
    /// The configuration was read again.
    Reload = "reload";
    /// The log of frames of a link was switched.
    Trace = "trace";
    /// First record of a file of the log.
    LogFile = "log-file";
    /// The end of an unfinished record was cut off after a crash.
    LogRepaired = "log-repaired";
    /// The log ends before the place that was noted as its end.
    LogGap = "log-gap";
    /// Events were lost because the log could not keep up.
    LogLost = "log-lost";
    /// Refusals were counted only, because there were too many.
    LogSuppressed = "log-suppressed";
}

impl What {
    /// Whether somebody who is not known yet can cause it at will; more than a few in a second are only counted, so
    /// that nobody drives the rest of the log out.
    pub(super) const fn is_by_strangers(self) -> bool {
        matches!(self, Self::ChannelRefused | Self::CertificateRefused | Self::SessionRefused)
    }

    /// Whether a place in the queue is kept for it.
    pub(super) const fn is_precious(self) -> bool {
        !self.is_by_strangers() && !matches!(self, Self::Write | Self::Call)
    }
}

/// What a record says beyond who did what; turned into text on the thread of the log.
pub trait Details: Send {
    /// Writes the fields.
    fn write(&self, fields: &mut Fields<'_>);

    /// Bytes held in memory while the event waits, without the structure itself.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// Nothing further.
impl Details for () {
    fn write(&self, _: &mut Fields<'_>) {}
}

/// Each pair becomes a field with text.
impl Details for Vec<(&'static str, String)> {
    fn write(&self, fields: &mut Fields<'_>) {
        for (key, text) in self {
            fields.text(key, text);
        }
    }

    fn held_bytes(&self) -> usize {
        self.iter().map(|(_, text)| text.len() + size_of::<(&str, String)>()).sum()
    }
}

/// A refused certificate: which, and the true reason, which the peer does not learn.
pub(crate) struct RefusedCertificate {
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) reason: Reason,
}

impl Details for RefusedCertificate {
    fn write(&self, fields: &mut Fields<'_>) {
        if let Some(fingerprint) = self.fingerprint {
            fields.text("certificate", &fingerprint.to_string());
        }
        fields.text("code", self.reason.name());
        fields.text("reason", &self.reason.to_string());
    }
}

/// A changed decision: `accepted`, `rejected`, `blocked` or `removed`, or a file that came or went in a folder.
pub(crate) struct ChangedTrust {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) change: &'static str,
}

impl Details for ChangedTrust {
    fn write(&self, fields: &mut Fields<'_>) {
        fields.text("certificate", &self.fingerprint.to_string());
        fields.text("change", self.change);
    }
}

/// Receives audit events; called on the thread that decides, so it must not block.
pub trait Audit: Send + Sync {
    /// Takes one event.
    fn record(&self, event: AuditEvent);

    /// Most items of a Write request to note one by one; `None` when writes are not recorded.
    fn write_items(&self) -> Option<usize> {
        None
    }

    /// Whether anybody reads the events, for whoever would make them in vain.
    fn is_on(&self) -> bool {
        true
    }
}

/// Drops every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAudit;

impl Audit for NoAudit {
    fn record(&self, _event: AuditEvent) {}

    fn is_on(&self) -> bool {
        false
    }
}
