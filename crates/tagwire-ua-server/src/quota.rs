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

/// One unit of a counted resource.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Account>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All counted resources of the server.
#[derive(Debug)]
pub(crate) struct Quota {
    connections: Arc<Account>,
    sessions: Arc<Account>,
    subscriptions: Arc<Account>,
    items: Arc<Account>,
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
}

impl Default for Quota {
    fn default() -> Self {
        let account = |limit| Arc::new(Account { used: AtomicUsize::new(0), limit });
        Self {
            connections: account(limits::MAX_CONNECTIONS),
            sessions: account(limits::MAX_SESSIONS as usize),
            subscriptions: account(limits::MAX_SUBSCRIPTIONS as usize),
            items: account(limits::MAX_MONITORED_ITEMS as usize),
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

    pub(crate) fn subscription(&self) -> Result<Ticket, Status> {
        take(&self.subscriptions).ok_or(status::BAD_TOO_MANY_SUBSCRIPTIONS)
    }

    pub(crate) fn item(&self) -> Result<Ticket, Status> {
        take(&self.items).ok_or(status::BAD_TOO_MANY_MONITORED_ITEMS)
    }

    /// How much is in use now.
    pub(crate) fn usage(&self) -> Usage {
        let used = |account: &Account| account.used.load(Ordering::Relaxed);
        Usage {
            connections: used(&self.connections),
            sessions: used(&self.sessions),
            subscriptions: used(&self.subscriptions),
            items: used(&self.items),
        }
    }
}

fn take(account: &Arc<Account>) -> Option<Ticket> {
    let taken = account
        .used
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| (used < account.limit).then_some(used + 1));
    taken.ok().map(|_| Ticket(Arc::clone(account)))
}

/// A number of bytes that many share.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    limit: usize,
}

impl Budget {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { used: AtomicUsize::new(0), limit }
    }

    /// Bytes taken now.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Gives `before` back and takes `now` instead; false when that is more than there is. It is taken all the same, so
    /// that what is given back later adds up.
    pub(crate) fn exchange(&self, before: usize, now: usize) -> bool {
        if before == now {
            return true;
        }
        let used = self.used.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        now <= before || used.wrapping_add(now).wrapping_sub(before) <= self.limit
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
}
