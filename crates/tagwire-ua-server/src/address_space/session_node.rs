//! Each session as an object below SessionsDiagnosticsSummary (Part 5, 6.3.4 and 6.3.5), while diagnostics are kept.
//! The object's NodeId is the id of the session; below it everything is named by texts.

use std::fmt::Write as _;
use std::sync::LazyLock;

use tagwire_model::Status;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::types::{Identifier, IdentifierRef, NodeId, Variant};

use super::session_value::{of_security, of_session, of_subscription};
use super::{NAMESPACE_SERVER, Node, Snapshot, StandardNode, class};
use crate::diagnostics::{SessionFigures, SessionList};

/// What precedes the digits of a session's id in the names of the nodes below it.
const PREFIX: &str = "session:";
/// Bytes of a session's id.
const ID_LEN: usize = 16;

/// A session of the list of one snapshot, or something below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionNode {
    place: u16,
    part: Part,
}

/// What of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// The session itself.
    Object,
    /// Figures as one structure, or an array of them.
    Whole(Figures),
    /// One of the figures, by its place in the type.
    One(Figures, u8),
}

/// A group of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Figures {
    Session,
    Security,
    /// An element for each subscription; there are no single figures.
    Subscriptions,
    /// Those of one subscription, by its place among the session's.
    Subscription(u8),
}

impl Figures {
    /// Those that each session has.
    const OF_SESSION: [Self; 3] = [Self::Session, Self::Security, Self::Subscriptions];

    const fn name(self) -> &'static str {
        match self {
            Self::Session => "SessionDiagnostics",
            Self::Security => "SessionSecurityDiagnostics",
            Self::Subscriptions | Self::Subscription(_) => "SubscriptionDiagnosticsArray",
        }
    }

    /// What the types say of the single figures.
    fn declarations(self) -> &'static [StandardNode] {
        match self {
            Self::Session => &TYPES.session,
            Self::Security => &TYPES.security,
            Self::Subscriptions => &[],
            Self::Subscription(_) => &TYPES.subscription,
        }
    }
}

impl SessionNode {
    const fn new(place: u16, part: Part) -> Self {
        Self { place, part }
    }

    pub(super) const fn class(self) -> u8 {
        match self.part {
            Part::Object => class::OBJECT,
            Part::Whole(_) | Part::One(..) => class::VARIABLE,
        }
    }

    /// Whether it tells who a session belongs to.
    pub(crate) const fn is_of_security(self) -> bool {
        matches!(self.part, Part::Whole(Figures::Security) | Part::One(Figures::Security, _))
    }

    /// What the types of namespace 0 say of it; of one subscription the type itself.
    pub(super) fn declaration(self) -> Option<StandardNode> {
        match self.part {
            Part::Object => StandardNode::find(node::SESSION_DIAGNOSTICS_OBJECT_TYPE),
            Part::Whole(Figures::Subscription(_)) => StandardNode::find(node::SUBSCRIPTION_DIAGNOSTICS_TYPE),
            Part::Whole(figures) => TYPES.object.iter().copied().find(|known| known.browse_name() == figures.name()),
            Part::One(figures, at) => figures.declarations().get(usize::from(at)).copied(),
        }
    }

    pub(super) fn type_definition(self) -> Option<StandardNode> {
        match self.part {
            Part::Object | Part::Whole(Figures::Subscription(_)) => self.declaration(),
            _ => self.declaration().and_then(StandardNode::type_definition),
        }
    }

    /// The node that it is a component of.
    pub(super) fn above(self) -> Option<Node> {
        let part = match self.part {
            Part::Object => return Node::standard(node::SERVER_SERVER_DIAGNOSTICS_SESSIONS_DIAGNOSTICS_SUMMARY),
            Part::Whole(Figures::Subscription(_)) => Part::Whole(Figures::Subscriptions),
            Part::Whole(_) => Part::Object,
            Part::One(figures, _) => Part::Whole(figures),
        };
        Some(Node::Session(Self::new(self.place, part)))
    }

    /// The component at a place; it may be of a subscription that there is not.
    pub(super) fn child(self, idx: usize) -> Option<Node> {
        let at = u8::try_from(idx).ok()?;
        let part = match self.part {
            Part::Object => Part::Whole(*Figures::OF_SESSION.get(idx)?),
            Part::Whole(Figures::Subscriptions) => Part::Whole(Figures::Subscription(at)),
            Part::Whole(figures) => Part::One(figures, at),
            Part::One(..) => return None,
        };
        Some(Node::Session(Self::new(self.place, part)))
    }
}

/// What namespace 0 says of the figures, in the order of their types.
struct Types {
    object: Box<[StandardNode]>,
    session: Box<[StandardNode]>,
    security: Box<[StandardNode]>,
    subscription: Box<[StandardNode]>,
}

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let components = |id| {
        let references = StandardNode::find(id).map(|owner| owner.references(true));
        let targets = references.iter().flat_map(|references| references.iter());
        let component = super::references::ordinal(node::HAS_COMPONENT);
        targets.filter(|found| found.type_ordinal == component).map(|found| found.other).collect()
    };
    Types {
        object: components(node::SESSION_DIAGNOSTICS_OBJECT_TYPE),
        session: components(node::SESSION_DIAGNOSTICS_VARIABLE_TYPE),
        security: components(node::SESSION_SECURITY_DIAGNOSTICS_TYPE),
        subscription: components(node::SUBSCRIPTION_DIAGNOSTICS_TYPE),
    }
});

/// The session whose NodeId has these bytes.
pub(super) fn find(sessions: &SessionList, id: &[u8]) -> Option<SessionNode> {
    let place = sessions.find_by(|known| match &known.identifier {
        Identifier::Opaque(known) => (**known).cmp(id),
        _ => std::cmp::Ordering::Less,
    })?;
    Some(SessionNode::new(u16::try_from(place).ok()?, Part::Object))
}

/// The node of a text such as `session:0123….SessionDiagnostics.ReadCount`.
pub(super) fn find_named(sessions: &SessionList, text: &str) -> Option<SessionNode> {
    let (digits, rest) = text.strip_prefix(PREFIX)?.split_once('.')?;
    let mut id = [0; ID_LEN];
    if digits.len() != 2 * ID_LEN || digits.bytes().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, at) in id.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    let session = find(sessions, &id)?;
    let mut parts = rest.split('.');
    let name = parts.next()?;
    let mut figures = Figures::OF_SESSION.into_iter().find(|figures| figures.name() == name)?;
    let mut part = parts.next();
    if let (Figures::Subscriptions, Some(number)) = (figures, part) {
        let known = &sessions.get(usize::from(session.place))?.subscriptions;
        let at = known.iter().position(|(name, _)| **name == *number)?;
        figures = Figures::Subscription(u8::try_from(at).ok()?);
        part = parts.next();
    }
    let part = match part {
        None => Part::Whole(figures),
        Some(name) => {
            let at = figures.declarations().iter().position(|declaration| declaration.browse_name() == name)?;
            Part::One(figures, u8::try_from(at).ok()?)
        }
    };
    Some(SessionNode::new(session.place, part)).filter(|_| parts.next().is_none())
}

impl Snapshot<'_> {
    fn session(&self, node: SessionNode) -> Option<&SessionFigures> {
        self.sessions().get(usize::from(node.place))
    }

    /// The session at a place of the list.
    pub(super) fn session_at(idx: usize) -> Option<Node> {
        Some(Node::Session(SessionNode::new(u16::try_from(idx).ok()?, Part::Object)))
    }

    pub(super) fn session_node(&self, namespace: u16, identifier: IdentifierRef<'_>) -> Option<Node> {
        match (namespace, identifier) {
            (NAMESPACE_SERVER, IdentifierRef::Opaque(id)) => find(self.sessions(), id),
            (NAMESPACE_SERVER, IdentifierRef::String(text)) if text.starts_with(PREFIX) => {
                find_named(self.sessions(), text)
            }
            _ => None,
        }
        .map(Node::Session)
    }

    /// Where the first session stands whose id is not below this one.
    pub(crate) fn session_place(&self, id: &NodeId) -> usize {
        self.sessions().place(id)
    }

    pub(super) fn session_exists(&self, node: SessionNode) -> bool {
        self.session(node).is_some_and(|session| match node.part {
            Part::Whole(Figures::Subscription(at)) | Part::One(Figures::Subscription(at), _) => {
                usize::from(at) < session.subscriptions.len()
            }
            _ => true,
        })
    }

    /// The number of components of a node.
    pub(super) fn n_session_children(&self, node: SessionNode) -> usize {
        match node.part {
            Part::Object => Figures::OF_SESSION.len(),
            Part::Whole(Figures::Subscriptions) => self.session(node).map_or(0, |session| session.subscriptions.len()),
            Part::Whole(figures) => figures.declarations().len(),
            Part::One(..) => 0,
        }
    }

    pub(super) fn session_node_id(&self, node: SessionNode) -> NodeId {
        let Some(session) = self.session(node) else { return NodeId::NULL };
        let (figures, one) = match node.part {
            Part::Object => return session.id().clone(),
            Part::Whole(figures) => (figures, None),
            Part::One(figures, _) => (figures, node.declaration()),
        };
        let mut text = String::from(PREFIX);
        if let Identifier::Opaque(id) = &session.id().identifier {
            for byte in id.iter() {
                let _ = write!(text, "{byte:02x}");
            }
        }
        let _ = write!(text, ".{}", figures.name());
        if let Figures::Subscription(at) = figures {
            let number = session.subscriptions.get(usize::from(at)).map_or("", |(number, _)| number);
            let _ = write!(text, ".{number}");
        }
        if let Some(one) = one {
            let _ = write!(text, ".{}", one.browse_name());
        }
        NodeId::string(NAMESPACE_SERVER, text)
    }

    pub(super) fn session_browse_name(&self, node: SessionNode) -> (u16, &str) {
        let session = self.session(node);
        match node.part {
            Part::Object => (NAMESPACE_SERVER, session.map_or("", |known| known.diagnostics.session_name.as_str())),
            Part::Whole(Figures::Subscription(at)) => {
                let known = session.and_then(|session| session.subscriptions.get(usize::from(at)));
                (NAMESPACE_SERVER, known.map_or("", |(number, _)| number))
            }
            Part::Whole(figures) => (0, figures.name()),
            Part::One(..) => (0, node.declaration().map_or("", StandardNode::browse_name)),
        }
    }

    /// The value of a variable.
    pub(super) fn session_value(&self, node: SessionNode) -> Result<Variant, Status> {
        let session = self.session(node).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
        let subscription = |at: u8| session.subscriptions.get(usize::from(at)).map(|(_, figures)| figures);
        let value = match node.part {
            Part::Object => None,
            Part::Whole(Figures::Session) => Some(Variant::structure(&session.diagnostics)),
            Part::Whole(Figures::Security) => Some(Variant::structure(&session.security)),
            Part::Whole(Figures::Subscriptions) => {
                let all: Vec<_> = session.subscriptions.iter().map(|(_, figures)| figures.clone()).collect();
                Some(Variant::structures(&all))
            }
            Part::Whole(Figures::Subscription(at)) => subscription(at).map(Variant::structure),
            Part::One(figures, _) => {
                let name = node.declaration().map_or("", StandardNode::browse_name);
                match figures {
                    Figures::Session => of_session(&session.diagnostics, name),
                    Figures::Security => of_security(&session.security, name),
                    Figures::Subscriptions => None,
                    Figures::Subscription(at) => subscription(at).and_then(|known| of_subscription(known, name)),
                }
            }
        };
        value.ok_or(Status::BAD_NODE_ID_UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use tagwire_ua_proto::codec::Encode as _;
    use tagwire_ua_proto::services::{
        SessionDiagnosticsDataType, SessionSecurityDiagnosticsDataType, SubscriptionDiagnosticsDataType,
    };

    use super::*;

    #[test]
    fn every_component_of_the_types_has_a_value_of_its_declared_type() {
        let (session, security) =
            (SessionDiagnosticsDataType::default(), SessionSecurityDiagnosticsDataType::default());
        let subscription = SubscriptionDiagnosticsDataType::default();
        let value = |figures, name: &str| match figures {
            Figures::Session => of_session(&session, name),
            Figures::Security => of_security(&security, name),
            _ => of_subscription(&subscription, name),
        };
        for (figures, n) in [(Figures::Session, 43), (Figures::Security, 9), (Figures::Subscription(0), 31)] {
            assert_eq!(figures.declarations().len(), n, "{figures:?}");
            for declaration in figures.declarations() {
                let name = declaration.browse_name();
                let value = value(figures, name).unwrap_or_else(|| panic!("{name} has no value"));
                let declared = declaration.data_type();
                let built_in = match declared {
                    294 => 13,  // UtcTime
                    290 => 11,  // Duration
                    295 => 12,  // LocaleId
                    302 => 6,   // MessageSecurityMode
                    30.. => 22, // structures
                    built_in => built_in,
                };
                assert_eq!(u32::from(value.type_id()), built_in, "{name} is declared as {declared}");
                let mut bytes = Vec::new();
                value.encode(&mut bytes);
                assert_eq!(bytes[0] & 0x80 != 0, declaration.value_rank() == 1, "{name}");
            }
        }
    }

    #[test]
    fn the_object_has_what_its_type_says() {
        let names: Vec<_> = TYPES.object.iter().map(|known| known.browse_name()).collect();
        assert_eq!(names, Figures::OF_SESSION.map(Figures::name));
    }
}
