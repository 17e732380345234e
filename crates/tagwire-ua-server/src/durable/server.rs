//! The server's durable subscriptions: which there are, when they are kept, and how they come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tagwire_model::Status;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{Identifier, NumericRange};
use thiserror::Error;

use super::{DurableSettings, DurableStore, Kept, Side, Stored, StoredItem};
use crate::address_space::{NAMESPACE_TAGS, Node, Rights as _, Snapshot};
use crate::event::{EventQueue, Scope};
use crate::limits;
use crate::ownership::Ownership;
use crate::quota::Budget;
use crate::rights::UserRights;
use crate::server::{Orphan, Owner, Server};
use crate::services::{VALUE, aggregate_plan, attribute_operation, checked_filter, filter_bytes};
use crate::subscription::{Captured, Millis, NewItem, Subscription, Target, percent_of};

/// Time between two looks at what is to be kept.
const ROUND: Millis = 500;

/// Which durable subscriptions there may be.
pub(crate) struct Durables {
    store: Option<Arc<dyn DurableStore>>,
    max_hours: u32,
    max_each: usize,
    budget: Budget,
    next_round: AtomicU64,
}

/// Why a subscription does not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// The operator wants no durable subscriptions any more.
    #[error("durable subscriptions are switched off")]
    Off,
    /// There is another one of this number.
    #[error("there is another subscription of this number")]
    Taken,
    /// There are too many.
    #[error("there are too many subscriptions")]
    Full,
}

impl Durables {
    pub(crate) fn new(settings: DurableSettings) -> Self {
        let DurableSettings { store, max_hours, max_bytes } = settings;
        Self {
            max_hours: if store.is_some() { max_hours } else { 0 },
            store,
            max_each: max_bytes / 4,
            budget: Budget::new(max_bytes),
            next_round: AtomicU64::new(0),
        }
    }

    /// Bytes of the disk that are taken.
    pub(crate) fn used(&self) -> usize {
        self.budget.used()
    }

    /// Forgets subscriptions that ended.
    pub(crate) fn forget<'a>(&self, gone: impl IntoIterator<Item = &'a Subscription>) {
        let Some(store) = &self.store else { return };
        gone.into_iter().filter(|subscription| subscription.is_durable()).for_each(|gone| store.forget(gone.id));
    }

    fn revise(&self, asked: u32) -> u32 {
        // Part 5, 9.3 leaves it to the server what no wish means: as long as it can be.
        if asked == 0 { self.max_hours } else { asked.min(self.max_hours) }
    }
}

impl Server {
    /// Makes a subscription without items durable; returns the hours that it lives without its client (Part 5, 9.3).
    ///
    /// # Errors
    /// The status of the method.
    pub(crate) fn make_durable(
        &self,
        subscription: &mut Subscription,
        owner: &Ownership,
        hours: u32,
    ) -> Result<u32, Status> {
        let durables = &self.durables;
        if durables.max_hours == 0 {
            return Err(status::BAD_NOT_SUPPORTED);
        }
        if subscription.n_items() > 0 {
            return Err(status::BAD_INVALID_STATE);
        }
        if !owner.can_be_proved() {
            return Err(Status::BAD_USER_ACCESS_DENIED);
        }
        let hours = durables.revise(hours);
        subscription.make_durable(hours, || {
            let ticket = self.quota.durable()?;
            let mut side = Side::new(hours, durables.budget.share(), durables.max_each, ticket);
            let has_room = side.charge(Side::EMPTY_BYTES);
            if has_room { Ok(side) } else { Err(Status::BAD_RESOURCE_UNAVAILABLE) }
        })?;
        Ok(hours)
    }

    /// Hands over what is to be kept of durable subscriptions: to be called several times a second.
    pub(crate) fn keep_durables(&self, now: Millis) {
        if self.quota.n_durable() > 0 && now >= self.durables.next_round.load(Ordering::Relaxed) {
            self.durables.next_round.store(now + ROUND, Ordering::Relaxed);
            self.keep_where(now, false, |subscription| subscription.is_due_to_keep(now));
        }
    }

    /// Hands over everything that is to be kept, when clients are disconnected and nothing changes any more.
    pub fn keep_all_durables(&self) {
        self.keep_where(self.millis(), true, Subscription::is_durable);
    }

    fn keep_where(&self, now: Millis, is_final: bool, is_meant: impl Fn(&Subscription) -> bool) {
        for session in self.sessions.all() {
            let mut state = session.state.lock();
            let Some(principal) = state.principal.clone() else { continue };
            let meant = state.publishing.subscriptions_mut().iter_mut().filter(|subscription| is_meant(subscription));
            for subscription in meant {
                self.keep(subscription, &Ownership::of(&session, Arc::clone(&principal)), now, is_final);
            }
        }
        let mut owners = self.owners.lock();
        for Orphan { subscription, owner } in &mut owners.orphans {
            if let Some(owner) = owner.as_ref().filter(|_| is_meant(subscription)) {
                self.keep(subscription, owner, now, is_final);
            }
        }
    }

    fn keep(&self, subscription: &mut Subscription, owner: &Ownership, now: Millis, is_final: bool) {
        let Some(store) = &self.durables.store else { return };
        match subscription.capture(now, owner, &self.policy(), is_final) {
            Captured::Same => {}
            Captured::Bytes(bytes) => store.keep(subscription.id, bytes),
            Captured::NoRoom => {
                tracing::warn!(subscription = subscription.id, "a durable subscription does not fit on the disk");
            }
        }
    }

    /// Takes a subscription up where the server left it at its end. It waits for a client of its owner.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restore(self: &Arc<Self>, mut stored: Stored, n_bytes: usize) -> Result<(), RestoreError> {
        let durables = &self.durables;
        let (id, now) = (stored.id, self.millis());
        if durables.max_hours == 0 {
            return Err(RestoreError::Off);
        }
        if self.knows_subscription(id) {
            return Err(RestoreError::Taken);
        }
        let hours = stored.hours.min(durables.max_hours);
        let ticket = self.quota.durable().map_err(|_| RestoreError::Full)?;
        let mut side = Side::new(hours, durables.budget.share(), durables.max_each, ticket);
        // Where there is less room than there was, the queues are cut when they are written next.
        side.charge(n_bytes);
        let owner = stored.claim.owner(&self.policy());
        let subscription = self.subscription(id, stored.settings, stored.publishing_enabled, now);
        let mut subscription = subscription.map_err(|_| RestoreError::Full)?;
        if subscription.make_durable(hours, || Ok(side)).is_err() {
            return Err(RestoreError::Full);
        }
        let is_lost = !stored.is_final;
        let items = std::mem::take(&mut stored.items);
        subscription.restore(&mut stored);
        for item in items {
            let (number, node) = (item.id, item.kept.node.clone());
            if !self.restore_item(&mut subscription, &owner, item, is_lost) {
                tracing::warn!(subscription = id, item = number, ?node, "an item of a durable subscription is lost");
            }
        }
        self.next_subscription.fetch_max(id.saturating_add(1), Ordering::Relaxed);
        let mut owners = self.owners.lock();
        owners.by_subscription.insert(id, Owner::Nobody);
        owners.orphans.push(Orphan { subscription, owner: Some(owner) });
        Ok(())
    }

    fn restore_item(&self, to: &mut Subscription, owner: &Ownership, item: StoredItem, is_lost: bool) -> bool {
        let StoredItem { id, kept, mode, timestamps, mut settings, is_triggered, links, queue } = item;
        let Ok(range) = NumericRange::parse(kept.range.as_str()) else { return false };
        let Ok(ticket) = self.quota.item() else { return false };
        let snapshot = self.address_space.snapshot();
        let target = if kept.is_for_events() {
            let Some(queue) = self.event_queue(&kept, owner, &snapshot) else { return false };
            Target::Events(Box::new(queue))
        } else {
            let node = snapshot.resolve(kept.node.borrowed());
            let tag = node.and_then(|node| snapshot.value_tag(node)).filter(|_| kept.attribute == VALUE);
            let meta = tag.and_then(|tag| snapshot.tag(tag));
            if let Some(deadband) = settings.deadband.as_deref_mut()
                && let Some(percent) = deadband.percent
                && let Some(range) = meta.as_ref().and_then(|meta| meta.extra.as_ref()?.eu_range)
            {
                deadband.units = percent_of(range, percent);
            }
            match tag.filter(|_| meta.is_some_and(|meta| meta.access.read)) {
                Some(tag) => Target::Tag(tag),
                // A tag that is gone says so, and is there again when it comes back.
                None => Target::Attribute(Box::new((kept.node.clone(), kept.attribute))),
            }
        };
        let aggregation = match &target {
            Target::Tag(tag) => {
                let value_type = snapshot.tag(*tag).map(|meta| meta.value_type);
                aggregate_plan(&kept.filter, value_type, self.now()).and_then(Result::ok).map(|plan| plan.aggregation)
            }
            _ => None,
        };
        drop(snapshot);
        let new = NewItem { target, mode, settings, range, aggregation, timestamps, ticket };
        to.restore_item(id, new, kept, (queue, is_triggered, links), self, is_lost)
    }

    fn event_queue(&self, kept: &Kept, owner: &Ownership, snapshot: &Snapshot<'_>) -> Option<EventQueue> {
        let scope = match (snapshot.resolve(kept.node.borrowed()), &kept.node.identifier) {
            (Some(Node::Folder(folder)), _) => Scope::Folder(snapshot.folder(folder)?.path.as_ref().into()),
            (Some(_), _) => Scope::Server,
            // A device that is gone may come back, and its events with it.
            (None, Identifier::String(path)) if kept.node.namespace == NAMESPACE_TAGS => {
                Scope::Folder(Arc::clone(path))
            }
            (None, _) => return None,
        };
        let (filter, _) = checked_filter(&kept.filter, snapshot).ok()?;
        EventQueue::new(scope, filter, filter_bytes(&kept.filter), Arc::clone(&owner.principal), self.events())
    }

    /// Gives a subscription whose rights nobody knows to a user, item by item.
    pub(crate) fn check_and_pass(&self, subscription: &mut Subscription, heir: &Ownership) {
        if !subscription.needs_check() {
            return;
        }
        let rights = UserRights { principal: Some(&heir.principal), server: self };
        let snapshot = self.address_space.snapshot();
        let refused = |(item, kept): (u32, &Kept)| {
            let Some(node) = snapshot.resolve(kept.node.borrowed()) else {
                return Some((item, Status::BAD_NODE_ID_UNKNOWN));
            };
            rights.check(attribute_operation(kept.attribute), node, &snapshot).err().map(|status| (item, status))
        };
        let denied: Vec<(u32, Status)> = subscription.kept_items().filter_map(refused).collect();
        drop(snapshot);
        subscription.pass(&denied, &heir.principal, &self.policy());
    }

    /// A new subscription with this number.
    pub(crate) fn subscription(
        self: &Arc<Self>,
        id: u32,
        settings: crate::subscription::SubscriptionSettings,
        enabled: bool,
        now: Millis,
    ) -> Result<Subscription, Status> {
        let ticket = match self.quota.subscription() {
            Ok(ticket) => ticket,
            // Subscriptions that nobody owns give way, the oldest first.
            Err(status) => {
                self.drop_oldest_orphan().ok_or(status)?;
                self.quota.subscription()?
            }
        };
        let server = Arc::downgrade(self);
        let wake = move || {
            if let Some(server) = server.upgrade() {
                server.wake_owner(id);
            }
        };
        Ok(Subscription::new(id, settings, enabled, Arc::clone(&self.hub), now, ticket, wake))
    }
}

/// Items of one subscription are numbered by 20 bits, which its limit must not exceed.
const _: () = assert!(limits::MAX_MONITORED_ITEMS_PER_SUBSCRIPTION < 1 << 20, "every item has a number");
