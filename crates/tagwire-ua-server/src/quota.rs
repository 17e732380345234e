//! The quota ledger: every counted resource is a ticket that gives itself back when it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tagwire_model::Status;
use tagwire_ua_proto::status;

use crate::limits;

/// One counted resource with its limit.
#[derive(Debug)]
struct Account {
    used: AtomicUsize,
    limit: usize,
}

impl Account {
    const fn new(limit: usize) -> Self {
        Self { used: AtomicUsize::new(0), limit }
    }

    fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take_one(&self) -> bool {
        let more = |used| (used < self.limit).then_some(used + 1);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_one_back(&self) {
        self.used.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One unit of a counted resource.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Account>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.give_one_back();
    }
}

/// Counted things that keep bytes for a client, all of them out of one budget.
#[derive(Debug)]
struct Keepers {
    units: Account,
    bytes: Budget,
}

/// One unit of a counted resource that keeps bytes for a client.
#[derive(Debug)]
pub(crate) struct KeeperTicket(Arc<Keepers>);

impl KeeperTicket {
    /// A share of the bytes that all units together may keep, empty at first.
    pub(crate) fn share(&self) -> Share {
        self.0.bytes.share()
    }
}

impl Drop for KeeperTicket {
    fn drop(&mut self) {
        self.0.units.give_one_back();
    }
}

/// All counted resources of the server.
#[derive(Debug)]
pub(crate) struct Quota {
    connections: Arc<Account>,
    sessions: Arc<Account>,
    subscriptions: Arc<Keepers>,
    items: Arc<Keepers>,
    durable: Arc<Account>,
    files: Arc<Keepers>,
    unfinished: Budget,
    unsent: Budget,
}

/// How much of each resource is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Open connections.
    pub connections: usize,
    /// Sessions.
    pub sessions: usize,
    /// Subscriptions, those without a session included.
    pub subscriptions: usize,
    /// Monitored items.
    pub items: usize,
    /// Publish requests that wait for something to publish.
    pub waiting_publishes: usize,
    /// Continuation points of Browse.
    pub continuation_points: usize,
    /// Open files.
    pub open_files: usize,
    /// Bytes of open files.
    pub open_file_bytes: usize,
    /// Bytes of requests that have arrived in part.
    pub unfinished_bytes: usize,
    /// Bytes that clients have not taken yet.
    pub unsent_bytes: usize,
    /// Bytes of messages that clients have not acknowledged.
    pub unacknowledged_bytes: usize,
    /// Bytes of values that wait in the queues of monitored items, besides the newest of each.
    pub queued_value_bytes: usize,
    /// Bytes of events that wait in the queues of monitored items.
    pub queued_event_bytes: usize,
    /// Bytes of event filters.
    pub event_filter_bytes: usize,
    /// Durable subscriptions.
    pub durable_subscriptions: usize,
    /// Bytes on the disk of durable subscriptions.
    pub durable_bytes: usize,
}

impl Default for Quota {
    fn default() -> Self {
        let account = |limit| Arc::new(Account::new(limit));
        let keepers = |limit, bytes| Arc::new(Keepers { units: Account::new(limit), bytes: Budget::new(bytes) });
        Self {
            connections: account(limits::MAX_CONNECTIONS),
            sessions: account(limits::MAX_SESSIONS as usize),
            subscriptions: keepers(limits::MAX_SUBSCRIPTIONS as usize, limits::MAX_ALL_SENT_BYTES),
            items: keepers(limits::MAX_MONITORED_ITEMS as usize, limits::MAX_QUEUED_VALUE_BYTES),
            durable: account(limits::MAX_DURABLE_SUBSCRIPTIONS as usize),
            files: keepers(limits::MAX_OPEN_FILES, limits::MAX_OPEN_FILE_BYTES),
            unfinished: Budget::new(limits::MAX_UNFINISHED_BYTES),
            unsent: Budget::new(limits::MAX_ALL_UNSENT_BYTES),
        }
    }
}

impl Quota {
    pub(crate) fn connection(&self) -> Option<Ticket> {
        take(&self.connections)
    }

    pub(crate) fn session(&self) -> Result<Ticket, Status> {
        take(&self.sessions).ok_or(status::BAD_TOO_MANY_SESSIONS)
    }

    /// The ticket's share is that of the messages which the subscription keeps until they are acknowledged.
    pub(crate) fn subscription(&self) -> Result<KeeperTicket, Status> {
        take_keeper(&self.subscriptions).ok_or(status::BAD_TOO_MANY_SUBSCRIPTIONS)
    }

    /// The ticket's share is that of the values which wait in the item's queue.
    pub(crate) fn item(&self) -> Result<KeeperTicket, Status> {
        take_keeper(&self.items).ok_or(status::BAD_TOO_MANY_MONITORED_ITEMS)
    }

    /// One more durable subscription.
    pub(crate) fn durable(&self) -> Result<Ticket, Status> {
        take(&self.durable).ok_or(status::BAD_RESOURCE_UNAVAILABLE)
    }

    /// Durable subscriptions in use now.
    pub(crate) fn n_durable(&self) -> usize {
        self.durable.used()
    }

    /// One more open file. The ticket's share is that of what the file holds.
    pub(crate) fn file(&self) -> Result<KeeperTicket, Status> {
        take_keeper(&self.files).ok_or(status::BAD_RESOURCE_UNAVAILABLE)
    }

    /// A connection's share of the bytes of requests that have arrived in part.
    pub(crate) fn unfinished(&self) -> Share {
        self.unfinished.share()
    }

    /// A connection's share of the bytes that clients have not taken yet.
    pub(crate) fn unsent(&self) -> Share {
        self.unsent.share()
    }

    /// Subscriptions in use now.
    pub(crate) fn n_subscriptions(&self) -> usize {
        self.subscriptions.units.used()
    }

    /// How much is in use now of what is counted here.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            connections: self.connections.used(),
            sessions: self.sessions.used(),
            subscriptions: self.n_subscriptions(),
            items: self.items.units.used(),
            open_files: self.files.units.used(),
            open_file_bytes: self.files.bytes.used(),
            unfinished_bytes: self.unfinished.used(),
            unsent_bytes: self.unsent.used(),
            unacknowledged_bytes: self.subscriptions.bytes.used(),
            queued_value_bytes: self.items.bytes.used(),
            durable_subscriptions: self.n_durable(),
            ..Usage::default()
        }
    }
}

fn take(account: &Arc<Account>) -> Option<Ticket> {
    account.take_one().then(|| Ticket(Arc::clone(account)))
}

fn take_keeper(keepers: &Arc<Keepers>) -> Option<KeeperTicket> {
    keepers.units.take_one().then(|| KeeperTicket(Arc::clone(keepers)))
}

/// A number of bytes that many share.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Account>);

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Account::new(limit)))
    }

    /// Bytes taken now.
    pub(crate) fn used(&self) -> usize {
        self.0.used()
    }

    /// A part of the budget that gives itself back, empty at first.
    pub(crate) fn share(&self) -> Share {
        Share { budget: self.clone(), n_bytes: 0 }
    }

    /// Gives `before` back and takes `now` instead; false when that is more than there is. It is taken all the same, so
    /// that what is given back later adds up.
    pub(crate) fn exchange(&self, before: usize, now: usize) -> bool {
        if before == now {
            return true;
        }
        let used = self.0.used.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        now <= before || used.wrapping_add(now).wrapping_sub(before) <= self.0.limit
    }

    /// Whether more is taken than there is.
    fn is_overdrawn(&self) -> bool {
        self.used() > self.0.limit
    }
}

/// Bytes taken from a budget, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    n_bytes: usize,
}

impl Share {
    /// Bytes taken.
    pub(crate) const fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Takes or gives back until it is `n_bytes`; false when it grew and more is taken now than there is. It is taken
    /// all the same.
    pub(crate) fn resize(&mut self, n_bytes: usize) -> bool {
        let before = std::mem::replace(&mut self.n_bytes, n_bytes);
        self.budget.exchange(before, n_bytes)
    }

    /// Bytes that nobody has taken yet.
    pub(crate) fn room(&self) -> usize {
        self.budget.0.limit.saturating_sub(self.budget.used())
    }

    /// Whether all shares together are more than there is.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.budget.is_overdrawn()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_come_back_when_dropped_and_run_out_at_the_limit() {
        let quota = Quota::default();
        let tickets: Vec<_> = std::iter::from_fn(|| quota.session().ok()).collect();
        assert_eq!(tickets.len(), limits::MAX_SESSIONS as usize);
        assert_eq!(quota.session().err(), Some(status::BAD_TOO_MANY_SESSIONS));
        drop(tickets);
        assert_eq!(quota.usage(), Usage::default());
    }

    #[test]
    fn shares_come_back_when_dropped_and_tell_when_they_are_too_much_together() {
        let budget = Budget::new(100);
        let (mut a, mut b) = (budget.share(), budget.share());
        assert!(a.resize(60) && b.resize(40) && !b.is_overdrawn());
        assert!(!b.resize(41), "one byte too many is told");
        assert!(a.is_overdrawn());
        assert!(a.resize(50), "giving back is never refused");
        drop((a, b));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_keeper_ticket_gives_its_unit_back_and_its_share_on_its_own() {
        let quota = Quota::default();
        let ticket = quota.subscription().expect("free");
        let mut share = ticket.share();
        share.resize(7);
        drop(ticket);
        assert_eq!(quota.usage(), Usage { unacknowledged_bytes: 7, ..Usage::default() });
        drop(share);
        assert_eq!(quota.usage(), Usage::default());
    }
}
