//! The queue of one event item (Part 4, 5.13.1.5 and 7.22.3).

use std::collections::VecDeque;
use std::sync::Arc;

use tagwire_access::{ChannelSecurity, Operation, Principal, Target, authorise};

use super::{Audience, Event, Events, Filter};

/// Whose events an item gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them: the item watches the Server object.
    Server,
    /// Those of a link or device and of everything below.
    Folder(Arc<str>),
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

/// An event that waits, with the filter that was in force when it came: a client that changes its filter still gets
/// the fields in the order in which it asked for them then.
#[derive(Debug)]
struct Queued {
    event: Arc<Event>,
    filter: Arc<HeldFilter>,
    is_overflow: bool,
}

impl Queued {
    /// What it takes of the limit; overflow events are free, so that they can always be told.
    fn n_bytes(&self) -> usize {
        if self.is_overflow { 0 } else { self.event.size() + size_of::<Self>() }
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
        self.scope == Scope::Server && may_receive(&self.principal, Audience::Auditors)
    }

    /// Queues an event when the item wants it and the user may see it. Returns whether something was queued.
    pub(crate) fn offer(&mut self, event: &Arc<Event>, capacity: usize, discard_oldest: bool) -> bool {
        let is_in_scope = match &self.scope {
            Scope::Server => true,
            Scope::Folder(path) => event.is_below(path),
        };
        if !is_in_scope || !may_receive(&self.principal, event.audience()) || !self.filter.filter.accepts(event) {
            return false;
        }
        let queued = Queued { event: Arc::clone(event), filter: Arc::clone(&self.filter), is_overflow: false };
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
        let events = self.waiting.iter().enumerate().filter(|(_, queued)| !queued.is_overflow).map(|(at, _)| at);
        let lost = if discard_oldest { events.into_iter().next() } else { events.into_iter().next_back() };
        if let Some(lost) = lost.and_then(|at| self.waiting.remove(at)) {
            if budget.exchange(lost.n_bytes(), n_bytes) {
                let behind_overflow = !discard_oldest && self.waiting.back().is_some_and(|last| last.is_overflow);
                let at = self.waiting.len() - usize::from(behind_overflow);
                self.waiting.insert(at, queued);
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
        let queued = Queued { event, filter: Arc::clone(&self.filter), is_overflow: true };
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
            let at = if discard_oldest {
                self.waiting.iter().position(|queued| !queued.is_overflow)
            } else {
                self.waiting.iter().rposition(|queued| !queued.is_overflow)
            };
            let Some(lost) = at.and_then(|at| self.waiting.remove(at)) else { break };
            self.events.queued().exchange(lost.n_bytes(), 0);
            is_lost = true;
        }
        if is_lost {
            self.overflow(discard_oldest);
        }
    }

    fn n_events(&self) -> usize {
        self.waiting.len() - usize::from(self.has_overflow)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes what has waited longest and hands its fields to `write`, first their number.
    pub(crate) fn pop(&mut self, write: impl FnOnce(&Filter, &Event)) -> bool {
        let Some(queued) = self.waiting.pop_front() else { return false };
        self.events.queued().exchange(queued.n_bytes(), 0);
        self.has_overflow &= !queued.is_overflow;
        write(&queued.filter.filter, &queued.event);
        true
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        while self.pop(|_, _| {}) {}
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

/// Whether a user may get events for an audience.
fn may_receive(principal: &Principal, audience: Audience) -> bool {
    let may = |operation| authorise(principal, operation, Target::Server).is_ok();
    match audience {
        Audience::Everybody => may(Operation::ReceiveEvents),
        Audience::Auditors => {
            principal.origin().security == ChannelSecurity::Encrypted
                && may(Operation::ReceiveEvents)
                && may(Operation::ReadAudit)
        }
    }
}
