//! The side of a subscription that survives the end of the server.

use std::hash::{DefaultHasher, Hasher as _};

use tagwire_access::{Policy, Principal};
use tagwire_model::Status;
use tagwire_ua_proto::types::{ExtensionObject, NodeId};

use super::{AttributeSource, Item, Millis, Mode, NewItem, Notification, Subscription, SubscriptionSettings, Target};
use crate::durable::{Kept, Side, Stored, StoredQueue, cycles, write_item, write_subscription};
use crate::ownership::Ownership;

/// What became of a look at a durable subscription.
pub(crate) enum Captured {
    /// Nothing changed.
    Same,
    /// These bytes are to be kept.
    Bytes(Vec<u8>),
    /// There is no room for it.
    NoRoom,
}

impl Subscription {
    /// Makes the subscription durable, or changes for how long it lives without its client.
    pub(crate) fn make_durable(
        &mut self,
        hours: u32,
        side: impl FnOnce() -> Result<Side, Status>,
    ) -> Result<(), Status> {
        match &mut self.durable {
            Some(side) => side.set_hours(hours),
            None => self.durable = Some(Box::new(side()?)),
        }
        self.settings.lifetime = cycles(hours, &self.settings);
        Ok(())
    }

    pub(crate) const fn is_durable(&self) -> bool {
        self.durable.is_some()
    }

    /// Whoever takes the subscription over must be asked for the right to each item, because the rules changed or
    /// nobody knows what they were.
    pub(crate) fn set_needs_check(&mut self) {
        if let Some(side) = &mut self.durable {
            side.needs_check = true;
        }
    }

    /// A durable subscription keeps its lifetime, whatever the client asks for with the other settings.
    pub(crate) fn keep_lifetime(&self, settings: SubscriptionSettings) -> SubscriptionSettings {
        match &self.durable {
            Some(side) => SubscriptionSettings { lifetime: cycles(side.hours(), &settings), ..settings },
            None => settings,
        }
    }

    /// Takes disk space for an item, where the subscription needs any.
    pub(crate) fn reserve(&mut self, kept: impl FnOnce() -> Kept) -> Result<Option<Kept>, Status> {
        let Some(side) = &mut self.durable else { return Ok(None) };
        let kept = kept();
        if side.reserve(&kept) { Ok(Some(kept)) } else { Err(Status::BAD_RESOURCE_UNAVAILABLE) }
    }

    /// Remembers what a new item was made from.
    pub(crate) fn remember(&mut self, item: u32, kept: Option<Kept>) {
        if let (Some(side), Some(kept)) = (&mut self.durable, kept) {
            side.remember(item, kept);
        }
    }

    pub(crate) fn remember_filter(&mut self, item: u32, filter: &ExtensionObject) {
        if let Some(side) = &mut self.durable {
            side.set_filter(item, filter);
        }
    }

    pub(super) fn note_change(&mut self) {
        if let Some(side) = &mut self.durable {
            side.note_change();
        }
    }

    /// Whether the subscription is to be written now.
    pub(crate) fn is_due_to_keep(&self, now: Millis) -> bool {
        self.durable.as_ref().is_some_and(|side| side.is_due(now))
    }

    /// What is to be kept for the next start. Queues that are too long for the disk lose values as full ones do.
    pub(crate) fn capture(&mut self, now: Millis, owner: &Ownership, policy: &Policy, is_final: bool) -> Captured {
        /// Queues are cut to what is allowed at the first attempt, unless items alone take too much.
        const ATTEMPTS: usize = 4;
        self.collect();
        self.collect_events();
        for _ in 0..ATTEMPTS {
            let mut bytes = Vec::new();
            write_subscription(self, owner, policy, is_final, &mut bytes);
            let Some(side) = &mut self.durable else { return Captured::Same };
            if side.charge(bytes.len()) {
                let mut hasher = DefaultHasher::new();
                hasher.write(bytes.get(crate::durable::VOLATILE..).unwrap_or_default());
                let is_new = side.note_written(now, bytes.len(), hasher.finish(), is_final);
                return if is_new { Captured::Bytes(bytes) } else { Captured::Same };
            }
            let share = side.allowance(bytes.len()) as f64 / bytes.len() as f64;
            self.thin(share * 0.9);
        }
        Captured::NoRoom
    }

    /// Cuts all queues to a share of what is in them.
    fn thin(&mut self, share: f64) {
        let room = |n: usize| (n as f64 * share) as usize;
        for item in self.items.iter_mut() {
            match &mut item.target {
                Target::Events(queue) => {
                    queue.shrink(room(queue.n_events()), item.settings.discard_oldest);
                }
                _ => item.thin(room(item.n_queued())),
            }
        }
        self.sent.thin(share);
    }

    /// Writes the items with their queues.
    pub(crate) fn write_items(&self, out: &mut Vec<u8>) {
        let Some(side) = &self.durable else { return };
        for item in self.items.iter() {
            if let Some(kept) = side.kept(item.id) {
                write_item(item, kept, out);
            }
        }
    }

    /// Number of items that are written.
    pub(crate) fn n_kept_items(&self) -> usize {
        let Some(side) = &self.durable else { return 0 };
        self.items.iter().filter(|item| side.kept(item.id).is_some()).count()
    }

    /// Hours that the subscription lives without its client.
    pub(crate) fn hours(&self) -> u32 {
        self.durable.as_ref().map_or(0, |side| side.hours())
    }

    /// Puts what was kept of the subscription itself into a new one.
    pub(crate) fn restore(&mut self, stored: &mut Stored) {
        /// Messages whose numbers are left out after an end without warning, so that no number comes twice.
        const MANY: u32 = 100_000;
        self.n_lifetime = stored.n_lifetime.min(stored.settings.lifetime.saturating_sub(1));
        let skipped = if stored.is_final { 0 } else { MANY };
        self.sent.restore(std::mem::take(&mut stored.sent), stored.last_sequence.wrapping_add(skipped));
        self.set_needs_check();
    }

    /// Puts an item back with the id that the client knows, and lets it go on; false when there is no place for it.
    /// `is_lost` marks that values were lost meanwhile.
    pub(crate) fn restore_item(
        &mut self,
        id: u32,
        new: NewItem,
        kept: Kept,
        (queue, is_triggered, links): (StoredQueue, bool, Vec<u32>),
        source: &dyn AttributeSource,
        is_lost: bool,
    ) -> bool {
        let make = |id| {
            let mut item = Item::new(id, new);
            item.set_links(links);
            match (queue, &mut item.target) {
                (StoredQueue::Events(events), Target::Events(queue)) => queue.restore(events),
                (StoredQueue::Values(values), _) => item.restore(values),
                (StoredQueue::Events(_), _) => {}
            }
            item.is_triggered = is_triggered;
            item
        };
        if !self.items.insert_at(id, make) {
            return false;
        }
        self.remember(id, Some(kept));
        self.enter(id, source);
        let Some(item) = self.items.item_mut(id) else { return false };
        if is_lost && item.mode != Mode::Disabled {
            item.mark_lost();
        }
        self.events.enlist(item);
        super::enlist(item, &mut self.ready);
        true
    }

    /// Whether whoever takes the subscription over must be asked for the right to each item.
    pub(crate) fn needs_check(&self) -> bool {
        self.durable.as_ref().is_some_and(|side| side.needs_check)
    }

    /// The items for data with their nodes and attributes. Events are checked one by one as they happen.
    pub(crate) fn kept_items(&self) -> impl Iterator<Item = (u32, &Kept)> {
        let kept = |item: &Item| Some((item.id, self.durable.as_ref()?.kept(item.id)?));
        self.items.iter().filter_map(kept).filter(|(_, kept)| !kept.is_for_events())
    }

    /// Gives the subscription to a user who was checked: items without a right say so once and are silent from then on,
    /// and of the events that wait only those remain that the user may have.
    pub(crate) fn pass(&mut self, denied: &[(u32, Status)], principal: &Principal, policy: &Policy) {
        for (id, status) in denied {
            self.deny(*id, *status);
        }
        for item in self.items.iter_mut() {
            if let Target::Events(queue) = &mut item.target {
                queue.retain_permitted(principal, policy);
            }
        }
        if let Some(side) = &mut self.durable {
            side.needs_check = false;
            side.note_change();
        }
    }

    fn deny(&mut self, id: u32, status: Status) {
        let Some(item) = self.items.item(id) else { return };
        let node = match self.durable.as_ref().and_then(|side| side.kept(id)) {
            Some(kept) => kept.node.clone(),
            None => NodeId::default(),
        };
        self.stop_sampling(item);
        self.polled.retain(|polled| *polled != id);
        self.aggregated.retain(|aggregated| *aggregated != id);
        let Some(item) = self.items.item_mut(id) else { return };
        item.clear();
        item.set_aggregation(None);
        // No attribute has the number 0, so that this target never gives a value.
        item.target = Target::Attribute(Box::new((node, 0)));
        item.restore(vec![Notification::bad(status)]);
        super::enlist(item, &mut self.ready);
    }
}
