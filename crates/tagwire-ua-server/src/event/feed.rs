//! From emitters to subscriptions: bounded queues that never make an emitter wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use tagwire_access::Policy;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::types::NodeId;

use super::{Audience, Event, NewEvent, Source};
use crate::history::EventJournal;
use crate::limits;
use crate::quota::Budget;
use crate::server::WallClock;

/// Where events are told, and from where subscriptions with event items get them.
///
/// Emitting costs one load when nobody listens, and one short lock per listening subscription otherwise.
pub struct Events {
    listeners: ArcSwap<Vec<Arc<EventInbox>>>,
    /// Where events for everybody are kept.
    journal: ArcSwapOption<EventJournal>,
    clock: WallClock,
    policy: ArcSwap<Policy>,
    /// Tells this run of the server from every other in the ids of events.
    salt: [u8; 8],
    next_id: AtomicU64,
    /// Bytes of events in the queues of all items.
    queued: Budget,
    /// Bytes of the filters of all items.
    filters: Budget,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("n_listeners", &self.listeners.load().len()).finish_non_exhaustive()
    }
}

impl Events {
    /// Nobody listens yet.
    pub(crate) fn new(clock: WallClock, policy: Arc<Policy>) -> Self {
        let mut salt = [0; 8];
        // Without randomness the start time has to do.
        if tagwire_ua_proto::secure::fill_random(&mut salt).is_err() {
            salt = clock().ticks().to_le_bytes();
        }
        Self {
            listeners: ArcSwap::default(),
            journal: ArcSwapOption::empty(),
            clock,
            policy: ArcSwap::new(policy),
            salt,
            next_id: AtomicU64::new(0),
            queued: Budget::new(limits::MAX_QUEUED_EVENT_BYTES),
            filters: Budget::new(limits::MAX_EVENT_FILTER_BYTES),
        }
    }

    /// Replaces the rules of who may receive what.
    pub(crate) fn set_policy(&self, policy: Arc<Policy>) {
        self.policy.store(policy);
    }

    /// Keeps events for everybody from now on, or none any more.
    pub(crate) fn set_journal(&self, journal: Option<Arc<EventJournal>>) {
        self.journal.store(journal);
    }

    /// Whether anybody may get an event for this audience. An event that costs something to make need not be made
    /// otherwise.
    pub fn is_heard(&self, audience: Audience) -> bool {
        let listeners = self.listeners.load();
        match audience {
            Audience::Everybody => !listeners.is_empty() || self.journal.load().is_some(),
            Audience::Auditors => listeners.iter().any(|inbox| inbox.hears_audit.load(Ordering::Relaxed)),
        }
    }

    /// Tells an event to everybody who listens, and to the journal. Never waits: a subscription that does not keep up loses its oldest.
    pub fn emit(&self, event: NewEvent) {
        if !self.is_heard(event.audience()) {
            return;
        }
        let Some(event) = self.complete(event) else { return };
        let listeners = self.listeners.load();
        let is_audit = event.audience() == Audience::Auditors;
        if !is_audit && let Some(journal) = &*self.journal.load() {
            journal.keep(&event);
        }
        let wants = |inbox: &&Arc<EventInbox>| !is_audit || inbox.hears_audit.load(Ordering::Relaxed);
        // Waking takes locks of the server, so none of this feed may be held then.
        for inbox in listeners.iter().filter(wants) {
            if inbox.put(Arc::clone(&event)) {
                (inbox.wake)();
            }
        }
    }

    fn complete(&self, event: NewEvent) -> Option<Arc<Event>> {
        let number = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.salt);
        id[8..].copy_from_slice(&number.to_be_bytes());
        Event::new(event, id, (self.clock)()).map(|event| Arc::new(event.placed(&self.policy.load())))
    }

    /// The event that says that a queue lost events (Part 5, 6.4.33).
    pub(crate) fn overflow(&self) -> Option<Arc<Event>> {
        const SEVERITY: u16 = 500;
        let source = Source::node(NodeId::ns0(node::SERVER), "Internal/EventQueueOverflow");
        let message = "events were lost because the queue of the monitored item was full";
        self.complete(NewEvent::new(node::EVENT_QUEUE_OVERFLOW_EVENT_TYPE, source, SEVERITY, message))
    }

    /// Starts to listen until the result is dropped. `wake` is called when so many events wait that they should be
    /// taken before the publishing cycle ends.
    pub(crate) fn listen(self: &Arc<Self>, wake: Arc<dyn Fn() + Send + Sync>) -> Listening {
        let inbox = Arc::new(EventInbox { waiting: Mutex::default(), hears_audit: AtomicBool::new(false), wake });
        self.listeners.rcu(|listeners| {
            let mut listeners = Vec::clone(listeners);
            listeners.push(Arc::clone(&inbox));
            listeners
        });
        Listening { events: Arc::clone(self), inbox }
    }

    /// Bytes of queued events.
    pub(crate) const fn queued(&self) -> &Budget {
        &self.queued
    }

    /// Bytes of filters.
    pub(crate) const fn filters(&self) -> &Budget {
        &self.filters
    }
}

/// Events on their way to one subscription.
struct EventInbox {
    waiting: Mutex<Waiting>,
    /// Whether one of the subscription's items may get audit events.
    hears_audit: AtomicBool,
    wake: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Arc<Event>>,
    lost: bool,
}

impl EventInbox {
    /// Returns whether the subscription should look after them before its cycle ends.
    fn put(&self, event: Arc<Event>) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.events.len() >= limits::MAX_WAITING_EVENTS {
            waiting.events.pop_front();
            waiting.lost = true;
        }
        waiting.events.push_back(event);
        waiting.events.len() == limits::MAX_WAITING_EVENTS / 2
    }
}

/// The receiving end of one subscription.
pub(crate) struct Listening {
    events: Arc<Events>,
    inbox: Arc<EventInbox>,
}

impl Listening {
    /// Takes what waits, and whether anything was lost before it.
    pub(crate) fn take(&self) -> (VecDeque<Arc<Event>>, bool) {
        let mut waiting = self.inbox.waiting.lock();
        (std::mem::take(&mut waiting.events), std::mem::take(&mut waiting.lost))
    }

    /// Whether so much waits that it should be taken soon.
    pub(crate) fn is_crowded(&self) -> bool {
        self.inbox.waiting.lock().events.len() >= limits::MAX_WAITING_EVENTS / 2
    }

    /// Says whether audit events are wanted.
    pub(crate) fn hear_audit(&self, wanted: bool) {
        self.inbox.hears_audit.store(wanted, Ordering::Relaxed);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.events.listeners.rcu(|listeners| {
            let others = listeners.iter().filter(|inbox| !Arc::ptr_eq(inbox, &self.inbox));
            others.cloned().collect::<Vec<_>>()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::fixture::NOW;

    fn news(audience: Audience) -> NewEvent {
        let event = NewEvent::new(node::SYSTEM_EVENT_TYPE, Source::server(), 1, "");
        if audience == Audience::Auditors { event.for_auditors() } else { event }
    }

    fn policy() -> Arc<Policy> {
        Arc::new(Policy::new(tagwire_access::Anonymous::None))
    }

    #[test]
    fn only_those_who_listen_get_events_and_auditors_get_audits() {
        let events = Arc::new(Events::new(Arc::new(|| NOW), policy()));
        events.emit(news(Audience::Everybody));
        let (one, auditor) = (events.listen(Arc::new(|| {})), events.listen(Arc::new(|| {})));
        assert!(events.is_heard(Audience::Everybody) && !events.is_heard(Audience::Auditors));
        auditor.hear_audit(true);
        events.emit(news(Audience::Everybody));
        events.emit(news(Audience::Auditors));
        assert_eq!((one.take().0.len(), auditor.take().0.len()), (1, 2));
        drop((one, auditor));
        assert!(!events.is_heard(Audience::Everybody) && !events.is_heard(Audience::Auditors));
    }

    #[test]
    fn a_subscription_that_does_not_keep_up_is_woken_once_and_loses_its_oldest() {
        let events = Arc::new(Events::new(Arc::new(|| NOW), policy()));
        let n_wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&n_wakes);
        let slow = events.listen(Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        (0..limits::MAX_WAITING_EVENTS + 5).for_each(|_| events.emit(news(Audience::Everybody)));
        assert!(slow.is_crowded());
        let (waiting, lost) = slow.take();
        assert_eq!((waiting.len(), lost), (limits::MAX_WAITING_EVENTS, true));
        assert_eq!(n_wakes.load(Ordering::Relaxed), 1);
        assert!(!slow.take().1);
    }

    #[test]
    fn every_event_has_an_id_of_its_own() {
        let events = Arc::new(Events::new(Arc::new(|| NOW), policy()));
        let listening = events.listen(Arc::new(|| {}));
        (0..100).for_each(|_| events.emit(news(Audience::Everybody)));
        let field = super::super::Field::find(&["EventId"]).expect("declared");
        let ids: std::collections::HashSet<Vec<u8>> = listening
            .take()
            .0
            .iter()
            .filter_map(|event| match event.value(field)? {
                tagwire_ua_proto::types::Variant::ByteString(id) => Some(id.to_vec()),
                _ => None,
            })
            .collect();
        assert_eq!(ids.len(), 100);
    }
}
