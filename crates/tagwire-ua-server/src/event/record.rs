//! One event: what the emitter says of it, and what the server adds (Part 5, 6.4).

use std::sync::Arc;

use tagwire_access::{Policy, Zone};
use tagwire_model::Timestamp;
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::types::{ByteString, LocalizedText, NodeId, UaString, Variant};

use super::Field;
use crate::address_space::{NAMESPACE_TAGS, StandardNode};
use crate::limits;

/// Where an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    node: NodeId,
    name: UaString,
    /// Path of the link or device below which it happened; only the Server object notifies of any other event.
    path: Option<Arc<str>>,
}

impl Source {
    /// The server itself.
    pub fn server() -> Self {
        Self { node: NodeId::ns0(node::SERVER), name: "Server".into(), path: None }
    }

    /// A link, a device or a group, by its path.
    pub fn folder(path: &str) -> Self {
        let name = path.rsplit('.').next().unwrap_or_default();
        Self { node: NodeId::string(NAMESPACE_TAGS, path), name: name.into(), path: Some(path.into()) }
    }

    /// Any other node, under a name that the event's type prescribes.
    pub fn node(node: NodeId, name: impl Into<UaString>) -> Self {
        Self { node, name: name.into(), path: None }
    }
}

/// Who may receive an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every user who may receive events.
    Everybody,
    /// Users who may read the audit log, over encrypted channels (Part 4, 6.5).
    Auditors,
}

/// An event as its emitter describes it.
#[derive(Clone, Debug)]
pub struct NewEvent {
    event_type: u32,
    source: Source,
    audience: Audience,
    severity: u16,
    message: String,
    time: Option<Timestamp>,
    fields: Vec<(&'static str, Variant)>,
}

impl NewEvent {
    /// An event of a type in namespace 0, of a severity from 1 to 1000.
    pub fn new(event_type: u32, source: Source, severity: u16, message: impl Into<String>) -> Self {
        Self {
            event_type,
            source,
            audience: Audience::Everybody,
            severity: severity.clamp(1, 1000),
            message: message.into(),
            time: None,
            fields: Vec::new(),
        }
    }

    /// When it happened, where that is not now.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Sends it to auditors only.
    pub fn for_auditors(mut self) -> Self {
        self.audience = Audience::Auditors;
        self
    }

    /// Adds a field that its type declares beside those of BaseEventType; any other name is left out.
    pub fn with(mut self, name: &'static str, value: impl Into<Variant>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Who may receive it.
    pub const fn audience(&self) -> Audience {
        self.audience
    }
}

/// An event as subscribers get it. It never changes.
#[derive(Debug)]
pub struct Event {
    event_type: StandardNode,
    path: Option<Arc<str>>,
    audience: Audience,
    /// Where the rules of access put its source.
    zone: Zone,
    /// By field, for a search in the middle.
    fields: Box<[(Field, Variant)]>,
    size: usize,
}

impl Event {
    /// Completes an event; `None` when its type is no event type of namespace 0.
    pub fn new(new: NewEvent, id: [u8; 16], now: Timestamp) -> Option<Self> {
        let NewEvent { event_type, source, audience, severity, mut message, time, fields } = new;
        let event_type = StandardNode::find(event_type).filter(|node| super::fields::is_event_type(*node))?;
        if message.len() > limits::MAX_EVENT_MESSAGE_BYTES {
            let end = (0..=limits::MAX_EVENT_MESSAGE_BYTES).rev().find(|at| message.is_char_boundary(*at));
            message.truncate(end.unwrap_or(0));
        }
        let common: [(&str, Variant); 8] = [
            ("EventId", ByteString::from(&id[..]).into()),
            ("EventType", NodeId::ns0(event_type.id()).into()),
            ("SourceNode", source.node.into()),
            ("SourceName", source.name.into()),
            ("Time", time.unwrap_or(now).into()),
            ("ReceiveTime", now.into()),
            ("Message", LocalizedText::with_locale("en", message).into()),
            ("Severity", severity.into()),
        ];
        let mut size = size_of::<Self>();
        let mut bytes = Vec::new();
        let mut fields: Box<[(Field, Variant)]> = common
            .into_iter()
            .chain(fields)
            .filter_map(|(name, value)| {
                let field = Field::find(&[name]).filter(|field| field.belongs_to(event_type))?;
                bytes.clear();
                value.encode(&mut bytes);
                // A value that is too large to keep for everybody who listens is left out.
                let value = if bytes.len() > limits::MAX_EVENT_FIELD_BYTES { Variant::Null } else { value };
                size += size_of::<(Field, Variant)>() + bytes.len().min(limits::MAX_EVENT_FIELD_BYTES);
                Some((field, value))
            })
            .collect();
        fields.sort_by_key(|(field, _)| *field);
        Some(Self { event_type, path: source.path, audience, zone: Zone::ELSEWHERE, fields, size })
    }

    /// An event that was kept for everybody.
    pub(crate) fn restored(
        event_type: StandardNode,
        path: Option<Arc<str>>,
        mut fields: Vec<(Field, Variant)>,
    ) -> Self {
        fields.sort_by_key(|(field, _)| *field);
        let (audience, size) = (Audience::Everybody, size_of::<Self>());
        Self { event_type, path, audience, zone: Zone::ELSEWHERE, fields: fields.into(), size }
    }

    /// All of its fields.
    pub(crate) fn fields(&self) -> &[(Field, Variant)] {
        &self.fields
    }

    /// Puts the event where the rules of access have its source.
    pub(crate) fn placed(mut self, policy: &Policy) -> Self {
        self.zone = self.path.as_deref().map_or(Zone::ELSEWHERE, |path| policy.zone_of(path));
        self
    }

    /// Its type.
    pub const fn event_type(&self) -> StandardNode {
        self.event_type
    }

    /// The value of a field; `None` when the event has none.
    pub fn value(&self, field: Field) -> Option<&Variant> {
        let at = self.fields.binary_search_by_key(&field, |(field, _)| *field).ok()?;
        self.fields.get(at).map(|(_, value)| value)
    }

    /// Who may receive it.
    pub(crate) const fn audience(&self) -> Audience {
        self.audience
    }

    /// Where the rules of access put its source.
    pub(crate) const fn zone(&self) -> Zone {
        self.zone
    }

    /// Memory that it takes, about.
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// Path of the link or device below which it happened.
    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Whether it happened at a folder or below.
    pub(crate) fn is_below(&self, folder: &str) -> bool {
        let rest = self.path.as_deref().and_then(|path| path.strip_prefix(folder));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(new: NewEvent) -> Event {
        Event::new(new, [7; 16], Timestamp::from_ticks(5)).expect("an event type")
    }

    fn field(event: &Event, name: &str) -> Option<Variant> {
        event.value(Field::find(&[name]).expect("declared")).cloned()
    }

    #[test]
    fn an_event_has_every_mandatory_field_of_its_type() {
        let source = Source::folder("line1.press");
        let failure = event(NewEvent::new(node::DEVICE_FAILURE_EVENT_TYPE, source, 5000, "gone"));
        assert_eq!(field(&failure, "EventId"), Some(ByteString::from(&[7; 16][..]).into()));
        assert_eq!(field(&failure, "EventType"), Some(NodeId::ns0(node::DEVICE_FAILURE_EVENT_TYPE).into()));
        assert_eq!(field(&failure, "SourceNode"), Some(NodeId::string(2, "line1.press").into()));
        assert_eq!(field(&failure, "SourceName"), Some("press".into()));
        assert_eq!(field(&failure, "Time"), Some(Timestamp::from_ticks(5).into()));
        assert_eq!(field(&failure, "Message"), Some(LocalizedText::with_locale("en", "gone").into()));
        assert_eq!(field(&failure, "Severity"), Some(1000_u16.into()));
        assert_eq!(field(&failure, "LocalTime"), None);
    }

    #[test]
    fn events_are_heard_at_their_folder_and_above_and_nowhere_else() {
        let failure = event(NewEvent::new(node::DEVICE_FAILURE_EVENT_TYPE, Source::folder("line1.press"), 1, ""));
        let heard = ["line1", "line1.press", "line", "line1.pre", "line1.press.group", "line2", ""];
        assert_eq!(heard.map(|folder| failure.is_below(folder)), [true, true, false, false, false, false, false]);
        let of_server = event(NewEvent::new(node::SYSTEM_EVENT_TYPE, Source::server(), 1, ""));
        assert!(!of_server.is_below("line1"));
    }

    #[test]
    fn what_is_too_large_or_foreign_to_the_type_is_left_out() {
        let source = Source::server();
        let large = vec![0_u8; limits::MAX_EVENT_FIELD_BYTES + 1];
        let new =
            NewEvent::new(node::AUDIT_WRITE_UPDATE_EVENT_TYPE, source, 1, "é".repeat(limits::MAX_EVENT_MESSAGE_BYTES));
        let written = event(new.with("NewValue", large).with("OldValue", 1_u8).with("SystemState", 4_i32));
        assert_eq!(field(&written, "NewValue"), Some(Variant::Null));
        assert_eq!(field(&written, "OldValue"), Some(1_u8.into()));
        assert_eq!(field(&written, "SystemState"), None);
        assert!(written.size() < 3 * limits::MAX_EVENT_FIELD_BYTES);
        assert!(
            Event::new(NewEvent::new(node::SERVER_TYPE, Source::server(), 1, ""), [0; 16], Timestamp::NONE).is_none()
        );
    }
}
