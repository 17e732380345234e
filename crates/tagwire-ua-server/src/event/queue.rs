//! The queue of one event item (Part 4, 5.13.1.5 and 7.22.3).

use std::collections::VecDeque;
use std::sync::Arc;

use tagwire_access::{ChannelSecurity, Operation, Policy, Principal, Target, Zone, authorise};
use tagwire_ua_proto::codec::{Encode as _, write_len};
use tagwire_ua_proto::types::Variant;

use super::{Audience, Event, Events, Filter};
use crate::address_space::{Node, Snapshot};
use crate::durable::StoredEvent;

/// Whose events an item gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them: the item watches the Server object.
    Server,
    /// Those of a link or device and of everything below.
    Folder(Arc<str>),
}

impl Scope {
    /// What is told of a node.
    pub(crate) fn of(node: Node, snapshot: &Snapshot<'_>) -> Self {
        match node {
            Node::Folder(folder) => Self::Folder(snapshot.folder(folder).map_or("", |folder| &folder.path).into()),
            _ => Self::Server,
        }
    }

    /// Whether an event is told there.
    pub(crate) fn has(&self, event: &Event) -> bool {
        match self {
            Self::Server => true,
            Self::Folder(folder) => event.is_below(folder),
        }
    }
}

/// A filter, whose memory counts towards a limit of the server.
#[derive(Debug)]
struct HeldFilter {
    filter: Filter,
    n_bytes: usize,
    events: Arc<Events>,
}

impl Drop for HeldFilter {
    fn drop(&mut self) {
        self.events.filters().exchange(self.n_bytes, 0);
    }
}

/// An event that waits.
#[derive(Debug)]
struct Queued {
    what: What,
    is_overflow: bool,
}

#[derive(Debug)]
enum What {
    /// An event with the filter that was in force when it came: a client that changes its filter still gets the fields in
    /// the order in which it asked for them then.
    Told(Arc<Event>, Arc<HeldFilter>),
    /// One that waited when the server ended, and what it takes of memory.
    Restored(Box<StoredEvent>, usize),
}

impl Queued {
    /// What it takes of the limit; overflow events are free, so that they can always be told.
    fn n_bytes(&self) -> usize {
        match &self.what {
            _ if self.is_overflow => 0,
            What::Told(event, _) => event.size() + size_of::<Self>(),
            What::Restored(_, n_bytes) => *n_bytes,
        }
    }

    fn fields(&self) -> Fields<'_> {
        match &self.what {
            What::Told(event, held) => Fields::Of(&held.filter, event),
            What::Restored(event, _) => Fields::Known(&event.fields),
        }
    }

    /// Who may have it, and where it happened.
    fn audience(&self) -> (Audience, Option<&str>) {
        match &self.what {
            What::Told(event, _) => (event.audience(), event.path()),
            What::Restored(event, _) => (event.audience, event.path.as_deref()),
        }
    }
}

/// The fields of an event that were asked for.
pub(crate) enum Fields<'a> {
    /// Those that a filter selects.
    Of(&'a Filter, &'a Event),
    /// Those that a filter selected.
    Known(&'a [Variant]),
}

impl Fields<'_> {
    /// Writes them, first their number.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Fields::Of(filter, event) => {
                write_len(filter.n_fields(), out);
                filter.fields(event).for_each(|value| value.encode(out));
            }
            Fields::Known(values) => {
                write_len(values.len(), out);
                values.iter().for_each(|value| value.encode(out));
            }
        }
    }
}

/// Filter and queue of one event item.
#[derive(Debug)]
pub(crate) struct EventQueue {
    scope: Scope,
    filter: Arc<HeldFilter>,
    /// On whose behalf events are received.
    principal: Arc<Principal>,
    events: Arc<Events>,
    waiting: VecDeque<Queued>,
    /// Whether an overflow event waits; it takes no place of the queue.
    has_overflow: bool,
}

impl EventQueue {
    /// An empty queue; `None` when filters take too much memory already. `n_bytes` is what this one takes.
    pub(crate) fn new(
        scope: Scope,
        filter: Filter,
        n_bytes: usize,
        principal: Arc<Principal>,
        events: &Arc<Events>,
    ) -> Option<Self> {
        Some(Self {
            scope,
            filter: hold(filter, n_bytes, events)?,
            principal,
            events: Arc::clone(events),
            waiting: VecDeque::new(),
            has_overflow: false,
        })
    }

    /// Replaces the filter for the events to come; false when filters take too much memory already.
    pub(crate) fn set_filter(&mut self, filter: Filter, n_bytes: usize) -> bool {
        match hold(filter, n_bytes, &self.events) {
            Some(filter) => {
                self.filter = filter;
                true
            }
            None => false,
        }
    }

    /// Receives on behalf of another user from now on.
    pub(crate) fn set_principal(&mut self, principal: &Arc<Principal>) {
        self.principal = Arc::clone(principal);
    }

    /// Whether the user may get audit events.
    pub(crate) fn hears_audit(&self) -> bool {
        self.scope == Scope::Server && may_receive(&self.principal, Audience::Auditors, Zone::ELSEWHERE)
    }

    /// Queues an event when the item wants it and the user may see it. Returns whether something was queued.
    pub(crate) fn offer(&mut self, event: &Arc<Event>, capacity: usize, discard_oldest: bool) -> bool {
        let is_in_scope = match &self.scope {
            Scope::Server => true,
            Scope::Folder(path) => event.is_below(path),
        };
        if !is_in_scope
            || !may_receive(&self.principal, event.audience(), event.zone())
            || !self.filter.filter.accepts(event)
        {
            return false;
        }
        let queued = Queued { what: What::Told(Arc::clone(event), Arc::clone(&self.filter)), is_overflow: false };
        self.put(queued, capacity, discard_oldest);
        true
    }

    /// Notes that events were lost before they reached the queue.
    pub(crate) fn mark_lost(&mut self, discard_oldest: bool) {
        self.overflow(discard_oldest);
    }

    fn put(&mut self, queued: Queued, capacity: usize, discard_oldest: bool) {
        let n_bytes = queued.n_bytes();
        let budget = self.events.queued();
        if self.n_events() < capacity && budget.exchange(0, n_bytes) {
            self.waiting.push_back(queued);
            return;
        }
        if self.n_events() < capacity {
            budget.exchange(n_bytes, 0);
        }
        // The new event takes the place of the oldest or of the newest, whichever the client would rather lose.
        let lost = self.expendable(discard_oldest);
        if let Some((at, lost)) = lost.and_then(|at| Some((at, self.waiting.remove(at)?))) {
            if budget.exchange(lost.n_bytes(), n_bytes) {
                self.waiting.insert(if discard_oldest { self.waiting.len() } else { at }, queued);
            } else {
                budget.exchange(n_bytes, 0);
            }
        }
        self.overflow(discard_oldest);
    }

    /// Part 4, 7.22.3: the event of an overflow stands where events are missing, in addition to the size of the queue,
    /// and there is no second one before it was sent.
    fn overflow(&mut self, discard_oldest: bool) {
        if self.has_overflow {
            return;
        }
        let Some(event) = self.events.overflow() else { return };
        let queued = Queued { what: What::Told(event, Arc::clone(&self.filter)), is_overflow: true };
        self.has_overflow = true;
        if discard_oldest {
            self.waiting.push_front(queued);
        } else {
            self.waiting.push_back(queued);
        }
    }

    /// Drops events until the queue is within a new size.
    pub(crate) fn shrink(&mut self, capacity: usize, discard_oldest: bool) {
        let mut is_lost = false;
        while self.n_events() > capacity {
            let at = self.expendable(discard_oldest);
            let Some(lost) = at.and_then(|at| self.waiting.remove(at)) else { break };
            self.events.queued().exchange(lost.n_bytes(), 0);
            is_lost = true;
        }
        if is_lost {
            self.overflow(discard_oldest);
        }
    }

    /// Place of the oldest or newest event that is no overflow event.
    fn expendable(&self, oldest: bool) -> Option<usize> {
        let is_event = |queued: &Queued| !queued.is_overflow;
        if oldest { self.waiting.iter().position(is_event) } else { self.waiting.iter().rposition(is_event) }
    }

    /// Number of events that wait, besides that of an overflow.
    pub(crate) fn n_events(&self) -> usize {
        self.waiting.len() - usize::from(self.has_overflow)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes what has waited longest and hands its fields to `write`.
    pub(crate) fn pop(&mut self, write: impl FnOnce(Fields<'_>)) -> bool {
        let Some(queued) = self.waiting.pop_front() else { return false };
        self.events.queued().exchange(queued.n_bytes(), 0);
        self.has_overflow &= !queued.is_overflow;
        write(queued.fields());
        true
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        while self.pop(|_| {}) {}
    }

    /// Writes what waits, oldest first, to be kept for the server's next start.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write_len(self.waiting.len(), out);
        for queued in &self.waiting {
            let (audience, path) = queued.audience();
            StoredEvent::write_head(audience, path, queued.is_overflow, out);
            queued.fields().write(out);
        }
    }

    /// Queues what waited when the server ended, for as long as there is memory.
    pub(crate) fn restore(&mut self, events: Vec<StoredEvent>) {
        for event in events {
            let is_overflow = event.is_overflow && !self.has_overflow;
            let mut bytes = Vec::new();
            event.fields.iter().for_each(|field| field.encode(&mut bytes));
            let n_bytes = bytes.len() + event.fields.len() * size_of::<Variant>() + size_of::<Queued>();
            let queued = Queued { what: What::Restored(Box::new(event), n_bytes), is_overflow };
            if !self.events.queued().exchange(0, queued.n_bytes()) {
                self.events.queued().exchange(queued.n_bytes(), 0);
                self.overflow(false);
                return;
            }
            self.has_overflow |= is_overflow;
            self.waiting.push_back(queued);
        }
    }

    /// Drops what a user may not have under the rules of now.
    pub(crate) fn retain_permitted(&mut self, principal: &Principal, policy: &Policy) {
        let events = Arc::clone(&self.events);
        self.waiting.retain(|queued| {
            let (audience, path) = queued.audience();
            let zone = path.map_or(Zone::ELSEWHERE, |path| policy.zone_of(path));
            let may = queued.is_overflow || may_receive(principal, audience, zone);
            if !may {
                events.queued().exchange(queued.n_bytes(), 0);
            }
            may
        });
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Counts a filter towards the limit.
fn hold(filter: Filter, n_bytes: usize, events: &Arc<Events>) -> Option<Arc<HeldFilter>> {
    // What is dropped gives back what it counted, so that counting comes after making.
    let held = HeldFilter { filter, n_bytes, events: Arc::clone(events) };
    events.filters().exchange(0, n_bytes).then(|| Arc::new(held))
}

/// Whether a user may get events of a zone for an audience.
fn may_receive(principal: &Principal, audience: Audience, zone: Zone) -> bool {
    let may = |operation| authorise(principal, operation, Target::Zone(zone)).is_ok();
    match audience {
        Audience::Everybody => may(Operation::ReceiveEvents),
        Audience::Auditors => {
            principal.origin().security == ChannelSecurity::Encrypted
                && may(Operation::ReceiveEvents)
                && may(Operation::ReadAudit)
        }
    }
}

#[cfg(test)]
mod tests {
    use tagwire_access::{Anonymous, Face, Origin, Peer, Policy, Role, RoleSet};
    use tagwire_model::Timestamp;
    use tagwire_ua_proto::codec::{Decode as _, Reader};
    use tagwire_ua_proto::ids::node;
    use tagwire_ua_proto::services::{EventFilter, SimpleAttributeOperand};
    use tagwire_ua_proto::types::{NodeId, QualifiedName};

    use super::*;
    use crate::event::{NewEvent, Source};
    use crate::fixture::{NOW, plant};
    use crate::limits;

    fn policy() -> Arc<Policy> {
        Arc::new(Policy::new(Anonymous::None))
    }

    fn principal(role: Role, security: ChannelSecurity) -> Arc<Principal> {
        let origin = Origin { face: Face::Ua, peer: None, security };
        Arc::new(policy().principal(Peer::user("anna"), RoleSet::of(&[role]), origin))
    }

    fn filter(names: &[&str]) -> Filter {
        let clause = |name: &&str| SimpleAttributeOperand {
            type_definition_id: NodeId::ns0(node::BASE_EVENT_TYPE),
            browse_path: vec![QualifiedName::new(0, *name)],
            attribute_id: 13,
            index_range: Default::default(),
        };
        let asked = EventFilter { select_clauses: names.iter().map(clause).collect(), ..Default::default() };
        Filter::check(&asked, &plant().snapshot()).expect("good").0
    }

    fn queue(scope: Scope, principal: Arc<Principal>) -> (Arc<Events>, EventQueue) {
        let events = Arc::new(Events::new(Arc::new(|| NOW), policy()));
        let queue = EventQueue::new(scope, filter(&["Severity", "EventType"]), 100, principal, &events);
        (events, queue.expect("room"))
    }

    fn operator() -> Arc<Principal> {
        principal(Role::OPERATOR, ChannelSecurity::None)
    }

    fn event(severity: u16) -> Arc<Event> {
        let new = NewEvent::new(node::SYSTEM_EVENT_TYPE, Source::folder("line1.press"), severity, "");
        Arc::new(Event::new(new, [0; 16], Timestamp::NONE).expect("an event type"))
    }

    fn values(fields: &Fields<'_>) -> Vec<Variant> {
        let mut bytes = Vec::new();
        fields.write(&mut bytes);
        let mut reader = Reader::new(&bytes);
        let n = reader.array_len().expect("a length").expect("a list");
        Variant::decode_items(&mut reader, n).expect("fields")
    }

    /// The severities that wait, with 0 for an overflow.
    fn drain(queue: &mut EventQueue) -> Vec<u16> {
        let mut found = Vec::new();
        let overflow = Variant::from(NodeId::ns0(node::EVENT_QUEUE_OVERFLOW_EVENT_TYPE));
        while queue.pop(|fields| {
            let fields = values(&fields);
            found.push(match (&fields[0], fields[1] == overflow) {
                (Variant::UInt16(severity), false) => *severity,
                _ => 0,
            });
        }) {}
        found
    }

    #[test]
    fn an_overflow_is_told_once_beside_the_newest_events() {
        for (discard_oldest, expected) in [(true, vec![0, 7, 8, 9]), (false, vec![1, 2, 9, 0])] {
            let (events, mut queue) = queue(Scope::Server, operator());
            (1..=9).for_each(|severity| assert!(queue.offer(&event(severity), 3, discard_oldest)));
            assert_eq!(drain(&mut queue), expected);
            assert_eq!(events.queued().used(), 0);
            // What was sent is over; the next overflow is told again.
            (1..=4).for_each(|severity| assert!(queue.offer(&event(severity), 3, discard_oldest)));
            assert!(drain(&mut queue).contains(&0));
        }
    }

    #[test]
    fn a_queue_that_was_half_sent_keeps_its_order() {
        let (_, mut queue) = queue(Scope::Server, operator());
        (1..=4).for_each(|severity| assert!(queue.offer(&event(severity), 3, false)));
        assert!(queue.pop(|_| {}));
        (5..=6).for_each(|severity| assert!(queue.offer(&event(severity), 3, false)));
        assert_eq!(drain(&mut queue), [2, 4, 0, 6]);
    }

    #[test]
    fn a_smaller_queue_drops_as_an_overflow_does() {
        for (discard_oldest, expected) in [(true, [0, 4, 5]), (false, [1, 2, 0])] {
            let (_, mut queue) = queue(Scope::Server, operator());
            (1..=5).for_each(|severity| assert!(queue.offer(&event(severity), 10, discard_oldest)));
            queue.shrink(2, discard_oldest);
            assert_eq!(drain(&mut queue), expected);
        }
    }

    #[test]
    fn memory_for_queued_events_is_bounded_over_all_items() {
        let (events, mut one) = queue(Scope::Server, operator());
        let mut other =
            EventQueue::new(Scope::Server, filter(&["Severity", "EventType"]), 100, operator(), &events).expect("room");
        let fits = limits::MAX_QUEUED_EVENT_BYTES / (event(1).size() + size_of::<Queued>());
        let event = event(5);
        (0..fits + 10).for_each(|_| assert!(one.offer(&event, usize::MAX, true)));
        assert!(other.offer(&event, 10, true), "its overflow is told");
        assert!(events.queued().used() <= limits::MAX_QUEUED_EVENT_BYTES);
        assert_eq!(drain(&mut one).len(), fits + 1);
        assert_eq!(drain(&mut other), [0]);
        drop((one, other));
        assert_eq!((events.queued().used(), events.filters().used()), (0, 0));
    }

    #[test]
    fn memory_for_filters_is_bounded_over_all_items() {
        let events = Arc::new(Events::new(Arc::new(|| NOW), policy()));
        let half = limits::MAX_EVENT_FILTER_BYTES / 2;
        let make = |n_bytes| EventQueue::new(Scope::Server, filter(&["Severity"]), n_bytes, operator(), &events);
        let mut first = make(half).expect("room");
        assert!(first.set_filter(filter(&["Message"]), half), "the one before is given back");
        assert!(make(half + 1).is_none());
        drop(first);
        assert_eq!(events.filters().used(), 0);
    }

    #[test]
    fn an_event_goes_to_those_who_may_see_it_at_the_notifiers_above_it() {
        use ChannelSecurity::{Encrypted, Signed};
        let everybody = event(1);
        let new = NewEvent::new(node::AUDIT_SESSION_EVENT_TYPE, Source::server(), 1, "").for_auditors();
        let audit = Arc::new(Event::new(new, [0; 16], Timestamp::NONE).expect("an event type"));
        let below = |path: &str| Scope::Folder(path.into());
        for (scope, role, security, hears, hears_audit) in [
            (Scope::Server, Role::OPERATOR, Encrypted, true, false),
            (Scope::Server, Role::SECURITY_ADMIN, Encrypted, true, true),
            (Scope::Server, Role::SECURITY_ADMIN, Signed, true, false),
            (Scope::Server, Role::AUTHENTICATED, Encrypted, false, false),
            (below("line1"), Role::SECURITY_ADMIN, Encrypted, true, false),
            (below("line1.press"), Role::OPERATOR, Encrypted, true, false),
            (below("line2"), Role::OPERATOR, Encrypted, false, false),
        ] {
            let (_, mut queue) = queue(scope.clone(), principal(role, security));
            let heard = (queue.offer(&everybody, 10, true), queue.offer(&audit, 10, true));
            assert_eq!(heard, (hears, hears_audit), "{scope:?} {role:?} {security:?}");
            assert_eq!(queue.hears_audit(), hears_audit, "{scope:?} {role:?} {security:?}");
        }
    }

    #[test]
    fn another_user_gets_what_that_user_may_see() {
        let (_, mut queue) = queue(Scope::Server, operator());
        queue.set_principal(&principal(Role::AUTHENTICATED, ChannelSecurity::Encrypted));
        assert!(!queue.offer(&event(1), 10, true));
    }

    #[test]
    fn a_new_filter_counts_for_the_events_to_come() {
        let (_, mut queue) = queue(Scope::Server, operator());
        assert!(queue.offer(&event(1), 10, true));
        assert!(queue.set_filter(filter(&["Message", "Severity", "Time"]), 10));
        assert!(queue.offer(&event(2), 10, true));
        let mut n_fields = Vec::new();
        while queue.pop(|fields| n_fields.push(values(&fields).len())) {}
        assert_eq!(n_fields, [2, 3]);
    }
}
