//! Subscriptions: a state machine per subscription with time as an argument (Part 4, 5.14.1).
//!
//! The table puts changes into the subscription's inbox; at each publishing cycle the subscription sorts them into the
//! queues of its items and, when a Publish request waits, writes what is queued into the response.

mod aggregate;
mod durable;
mod events;
mod item;
mod publish;
mod slab;
mod triggering;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tagwire_hub::{Hub, Inbox, Interest, WatchId};
use tagwire_model::{EuRange, Status, TagId, Timestamp};
use tagwire_ua_proto::services::TimestampsToReturn;
use tagwire_ua_proto::types::{NodeId, NumericRange};

pub(crate) use aggregate::Aggregation;
pub(crate) use durable::Captured;
use events::EventItems;
pub(crate) use item::{
    Deadband, Item, ItemSettings, Mode, NewItem, Notification, Payload, Target, Trigger, percent_of,
};
pub(crate) use publish::{Publication, SentMessages, stamped, write_status_change};
use slab::Slab;

use crate::diagnostics::SubscriptionCounters;
use crate::durable::Side;
use crate::event::Events;
use crate::quota::KeeperTicket;

/// Milliseconds of the server's monotonic clock.
pub(crate) type Millis = u64;

/// What a subscription needs from the server to sample anything that is not a tag's value.
pub(crate) trait AttributeSource {
    /// The attribute of a node as of now.
    fn sample(&self, node: &NodeId, attribute: u32) -> Notification;

    /// Wall time, for what is counted in intervals of it.
    fn wall_time(&self) -> Timestamp;

    /// Where events come from.
    fn events(&self) -> &Arc<Events>;
}

/// Settings of a subscription after revision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SubscriptionSettings {
    pub(crate) publishing_interval: Millis,
    pub(crate) max_keep_alive: u32,
    pub(crate) lifetime: u32,
    /// 0 for no limit.
    pub(crate) max_notifications: u32,
    pub(crate) priority: u8,
}

/// What a subscription has to say at the end of a publishing cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Notifications,
    KeepAlive,
}

/// One subscription.
pub(crate) struct Subscription {
    pub(crate) id: u32,
    pub(crate) settings: SubscriptionSettings,
    pub(crate) publishing_enabled: bool,
    hub: Arc<Hub>,
    inbox: Arc<Inbox>,
    watch: WatchId,
    items: Slab,
    /// Items with something to publish, in the order in which they got it.
    ready: VecDeque<u32>,
    /// Items whose latest change came too soon after the one before; looked at again in each cycle.
    pending: Vec<u32>,
    /// Items that are read in each cycle because no table reports them.
    polled: Vec<u32>,
    /// Items whose intervals end when their time is over.
    aggregated: Vec<u32>,
    next_cycle: Millis,
    /// Values lost in this cycle because a second one came that belongs into the next.
    n_crowded_out: usize,
    /// Cycles until the end of the cycle may be moved again.
    n_cycles_settled: u32,
    n_keep_alive: u32,
    n_lifetime: u32,
    due: Option<Due>,
    /// Cycles that ended while something was due and nothing was sent.
    n_cycles_due: u32,
    sent: SentMessages,
    events: EventItems,
    pub(crate) counters: SubscriptionCounters,
    /// What makes it survive the end of the server; most have nothing of it.
    durable: Option<Box<Side>>,
    _ticket: KeeperTicket,
}

impl Subscription {
    /// A subscription whose first cycle ends one interval after `now`. `wake` is called when so many changes wait that
    /// [`Subscription::collect`] should not be put off until the cycle ends.
    pub(crate) fn new(
        id: u32,
        settings: SubscriptionSettings,
        publishing_enabled: bool,
        hub: Arc<Hub>,
        now: Millis,
        ticket: KeeperTicket,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let events = EventItems::new(Arc::clone(&wake));
        let inbox = Arc::new(Inbox::new(MIN_INBOX, MIN_INBOX / 2, move || wake()));
        let watch = hub.attach(Arc::clone(&inbox));
        Self {
            id,
            settings,
            publishing_enabled,
            hub,
            inbox,
            watch,
            items: Slab::default(),
            ready: VecDeque::new(),
            pending: Vec::new(),
            polled: Vec::new(),
            aggregated: Vec::new(),
            next_cycle: now + settings.publishing_interval,
            n_crowded_out: 0,
            n_cycles_settled: 0,
            // The first message is due at the end of the first cycle (Part 4, 5.14.1.1).
            n_keep_alive: settings.max_keep_alive,
            n_lifetime: 0,
            due: None,
            n_cycles_due: 0,
            sent: SentMessages::new(ticket.share()),
            events,
            counters: SubscriptionCounters::default(),
            durable: None,
            _ticket: ticket,
        }
    }

    /// Number of monitored items.
    pub(crate) fn n_items(&self) -> usize {
        self.items.len()
    }

    /// The items, in the order of their slots.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    /// One item by its id.
    pub(crate) fn item(&self, id: u32) -> Option<&Item> {
        self.items.item(id)
    }

    /// When [`Subscription::cycle`] wants to be called next.
    pub(crate) const fn next_cycle(&self) -> Millis {
        self.next_cycle
    }

    /// What waits for a Publish request.
    pub(crate) const fn due(&self) -> Option<Due> {
        self.due
    }

    /// Cycles that ended while something was due and nothing was sent.
    pub(crate) const fn n_cycles_due(&self) -> u32 {
        self.n_cycles_due
    }

    /// Cycles since the last message.
    pub(crate) const fn n_keep_alive(&self) -> u32 {
        self.n_keep_alive
    }

    /// Cycles since the client last gave a sign of life.
    pub(crate) const fn n_lifetime(&self) -> u32 {
        self.n_lifetime
    }

    /// Counts that another session took the subscription over.
    pub(crate) const fn note_transfer(&mut self, is_same_client: bool) {
        let counters = &mut self.counters;
        let counter = match is_same_client {
            true => &mut counters.transfers_to_same_client,
            false => &mut counters.transfers_to_other_client,
        };
        *counter = counter.wrapping_add(1);
    }

    /// Any service that names the subscription keeps it alive (Part 4, 5.14.1.1).
    pub(crate) const fn touch(&mut self) {
        self.n_lifetime = 0;
    }

    /// Applies revised settings.
    pub(crate) fn modify(&mut self, settings: SubscriptionSettings, now: Millis) {
        if settings.publishing_interval != self.settings.publishing_interval {
            self.next_cycle = now + settings.publishing_interval;
        }
        self.settings = settings;
        self.counters.modified = self.counters.modified.wrapping_add(1);
        self.note_change();
        self.touch();
    }

    /// Ends the current cycle when its time has come: samples, and decides whether something is due. Returns whether the
    /// subscription has outlived its lifetime and must be deleted.
    pub(crate) fn cycle(&mut self, now: Millis, source: &dyn AttributeSource, publish_waits: bool) -> bool {
        if now < self.next_cycle {
            return false;
        }
        let interval = self.settings.publishing_interval.max(1);
        // Cycles that were missed altogether are skipped, so that the rhythm is kept and no burst follows.
        let n_missed = (now - self.next_cycle) / interval;
        self.next_cycle += (n_missed + 1) * interval;
        self.n_cycles_due = if self.due.is_some() { self.n_cycles_due + 1 } else { 0 };
        self.collect();
        self.look_at_pending();
        self.poll(source);
        self.end_intervals(source);
        self.collect_events();
        self.step_aside();
        if self.publishing_enabled && self.has_notifications() {
            self.due = Some(Due::Notifications);
        } else if self.due.is_none() {
            self.n_keep_alive += 1;
            if self.n_keep_alive >= self.settings.max_keep_alive {
                self.due = Some(Due::KeepAlive);
            }
        }
        if publish_waits {
            self.n_lifetime = 0;
            return false;
        }
        self.n_lifetime = self.n_lifetime.saturating_add(1 + u32::try_from(n_missed).unwrap_or(u32::MAX));
        self.n_lifetime >= self.settings.lifetime
    }

    /// Moves the end of the cycle away from the moment at which the values change. Where both fall together, a little
    /// jitter puts two values into one cycle and none into the next, and a queue of one loses the first.
    fn step_aside(&mut self) {
        let is_crowded = std::mem::take(&mut self.n_crowded_out) * CROWDED_SHARE > self.items.len();
        self.n_cycles_settled = self.n_cycles_settled.saturating_sub(1);
        if is_crowded && self.n_cycles_settled == 0 && self.n_cycles_due == 0 {
            self.next_cycle += self.settings.publishing_interval / 4;
            self.n_cycles_settled = CYCLES_TO_SETTLE;
        }
    }

    /// Sorts the changes that the table delivered into the queues of the items.
    pub(crate) fn collect(&mut self) {
        let (mut changes, mut triggering) = (Vec::new(), Vec::new());
        let lost = self.inbox.take(&mut changes);
        for change in changes.drain(..) {
            let Some(item) = self.items.item_mut(change.handle) else { continue };
            if item.mode == Mode::Disabled || item.is_overtaken(change.at_ms) {
                continue;
            }
            let sample = Notification {
                payload: Payload::Value(change.value),
                status: change.status,
                overflow: false,
                semantics_changed: false,
                source_time: change.source_time,
                server_time: change.server_time,
            };
            let sample = in_range(sample, item.range());
            if let Some(aggregation) = item.aggregation() {
                aggregation.take(sample);
                if item.take_results(change.server_time) {
                    enlist(item, &mut self.ready);
                    if !item.links().is_empty() {
                        triggering.push(item.id);
                    }
                }
                continue;
            }
            let had_one = item.n_queued() == 1;
            let is_queued = item.offer(sample, change.at_ms);
            if is_queued && had_one && item.n_queued() == 1 {
                let is_as_slow = u64::from(item.settings.sampling_ms) * 4 >= self.settings.publishing_interval * 3;
                self.n_crowded_out += usize::from(is_as_slow);
            }
            if item.is_held() && !item.is_pending {
                item.is_pending = true;
                self.pending.push(item.id);
            }
            if is_queued {
                enlist(item, &mut self.ready);
                if !item.links().is_empty() {
                    triggering.push(item.id);
                }
            }
        }
        // What is triggered by a change reports what came with that change, whichever came first.
        for id in triggering {
            self.trigger(id);
        }
        self.inbox.recycle(changes);
        if lost {
            self.read_all_again();
        }
    }

    /// As [`Subscription::collect`], but only when the inbox is half full.
    pub(crate) fn collect_if_crowded(&mut self) {
        if self.inbox.len() >= self.inbox_capacity() / 2 {
            self.collect();
        }
        if self.events.is_crowded() {
            self.collect_events();
        }
    }

    /// Takes the changes that came before their item's interval was over, once it is.
    fn look_at_pending(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let at_ms = self.hub_millis();
        let mut triggering = Vec::new();
        let Self { items, pending, ready, .. } = self;
        pending.retain(|id| {
            let Some(item) = items.item_mut(*id) else { return false };
            if item.take_due(at_ms) {
                enlist(item, ready);
                if !item.links().is_empty() {
                    triggering.push(*id);
                }
            }
            item.is_pending = item.is_held();
            item.is_pending
        });
        for id in triggering {
            self.trigger(id);
        }
    }

    fn poll(&mut self, source: &dyn AttributeSource) {
        if self.polled.is_empty() {
            return;
        }
        let at_ms = self.hub_millis();
        for idx in 0..self.polled.len() {
            let id = self.polled[idx];
            let Some(item) = self.items.item_mut(id) else { continue };
            let Target::Attribute(target) = &item.target else { continue };
            if item.mode != Mode::Disabled && !item.is_too_soon(at_ms) {
                let sample = source.sample(&target.0, target.1);
                if item.sample(in_range(sample, item.range()), at_ms) {
                    enlist(item, &mut self.ready);
                    self.trigger(id);
                }
            }
        }
    }

    /// Reports the aggregates whose intervals are over.
    fn end_intervals(&mut self, source: &dyn AttributeSource) {
        if self.aggregated.is_empty() {
            return;
        }
        let now = source.wall_time();
        for idx in 0..self.aggregated.len() {
            let id = self.aggregated[idx];
            let Some(item) = self.items.item_mut(id).filter(|item| item.mode != Mode::Disabled) else { continue };
            if let Some(aggregation) = item.aggregation() {
                aggregation.advance(now);
            }
            if item.take_results(now) {
                enlist(item, &mut self.ready);
                self.trigger(id);
            }
        }
    }

    /// After the inbox overflowed nobody knows which items missed a value, so all take the current one.
    fn read_all_again(&mut self) {
        let at_ms = self.hub_millis();
        let targets: Vec<(u32, TagId)> = self
            .items
            .iter()
            .filter_map(|item| match item.target {
                Target::Tag(tag) if item.mode != Mode::Disabled => Some((item.id, tag)),
                _ => None,
            })
            .collect();
        for (id, tag) in targets {
            self.sample_tag(id, tag, at_ms, true);
        }
    }

    fn sample_tag(&mut self, id: u32, tag: TagId, at_ms: u32, lost: bool) {
        let Some(item) = self.items.item_mut(id) else { return };
        let sample = in_range(tag_sample(&self.hub, tag), item.range());
        if let Some(aggregation) = item.aggregation() {
            aggregation.take(sample);
            if lost {
                aggregation.note_lost();
            }
            return;
        }
        let queued = item.sample(sample, at_ms);
        if lost {
            item.mark_lost();
        }
        if queued {
            enlist(item, &mut self.ready);
            self.trigger(id);
        }
    }

    fn hub_millis(&self) -> u32 {
        self.hub.millis(crate::monotonic::now())
    }

    /// Adds an item and samples it at once; `None` when the subscription is full.
    pub(crate) fn add_item(&mut self, new: NewItem, source: &dyn AttributeSource) -> Option<u32> {
        let id = self.items.insert(|id| Item::new(id, new))?;
        self.enter(id, source);
        Some(id)
    }

    /// Lets an item that is in its place begin.
    fn enter(&mut self, id: u32, source: &dyn AttributeSource) {
        self.bound_inbox();
        let Some(item) = self.items.item(id) else { return };
        let mode = item.mode;
        match item.target {
            Target::Attribute(_) => self.polled.push(id),
            Target::Events(_) => {
                self.events.add(id, source.events());
                self.tell_audience();
            }
            Target::Tag(_) if item.is_aggregated() => self.aggregated.push(id),
            Target::Tag(_) => {}
        }
        if mode == Mode::Disabled {
            self.hold(id);
        } else {
            self.start_sampling(id, source);
        }
    }

    /// Watches the tag and takes the value of now, in this order, so that no change in between is missed.
    fn start_sampling(&mut self, id: u32, source: &dyn AttributeSource) {
        let Some(item) = self.items.item_mut(id) else { return };
        if let Some(aggregation) = item.aggregation() {
            aggregation.restart(source.wall_time());
        }
        match &item.target {
            Target::Tag(tag) => {
                let tag = *tag;
                self.hub.watch(self.watch, &[interest(item, tag)]);
                let at_ms = self.hub_millis();
                self.sample_tag(id, tag, at_ms, false);
            }
            Target::Attribute(target) => {
                let sample = source.sample(&target.0, target.1);
                let at_ms = self.hub_millis();
                if let Some(item) = self.items.item_mut(id)
                    && item.sample(in_range(sample, item.range()), at_ms)
                {
                    enlist(item, &mut self.ready);
                }
            }
            Target::Events(_) => {}
        }
    }

    fn stop_sampling(&self, item: &Item) {
        if let Target::Tag(tag) = item.target {
            self.hub.unwatch(self.watch, &[(tag, item.id)]);
        }
    }

    /// A disabled item hears nothing, but its tag's number must not become another tag's.
    fn hold(&self, id: u32) {
        if let Some(Item { target: Target::Tag(tag), .. }) = self.items.item(id) {
            self.hub.hold(self.watch, *tag, id);
        }
    }

    /// Changes an item's settings; false for an unknown id.
    pub(crate) fn modify_item(
        &mut self,
        id: u32,
        settings: ItemSettings,
        aggregation: Option<Aggregation>,
        timestamps: TimestampsToReturn,
    ) -> bool {
        let Some(item) = self.items.item_mut(id) else { return false };
        self.aggregated.retain(|aggregated| *aggregated != id);
        if aggregation.is_some() {
            self.aggregated.push(id);
        }
        item.set_aggregation(aggregation);
        item.modify(settings);
        item.timestamps = timestamps;
        if let Some(side) = &mut self.durable {
            side.note_change();
        }
        if let Target::Tag(tag) = item.target
            && item.mode != Mode::Disabled
        {
            let interest = interest(item, tag);
            let is_aggregated = item.is_aggregated();
            self.hub.unwatch(self.watch, &[(tag, id)]);
            self.hub.watch(self.watch, &[interest]);
            if is_aggregated {
                self.sample_tag(id, tag, self.hub_millis(), false);
            }
        }
        true
    }

    /// Changes an item's mode (Part 4, 5.13.4); false for an unknown id.
    pub(crate) fn set_mode(&mut self, id: u32, mode: Mode, source: &dyn AttributeSource) -> bool {
        let Some(before) = self.items.item(id).map(|item| item.mode) else { return false };
        if before == mode {
            return true;
        }
        self.note_change();
        let Some(item) = self.items.item(id) else { return false };
        if mode == Mode::Disabled {
            self.stop_sampling(item);
        } else if before == Mode::Disabled && matches!(item.target, Target::Events(_)) {
            // What happened while the item was disabled does not concern it.
            self.collect_events();
        }
        if let Some(item) = self.items.item_mut(id) {
            item.mode = mode;
            if mode == Mode::Disabled {
                item.clear();
            }
        }
        if mode == Mode::Disabled {
            self.hold(id);
        }
        if before == Mode::Disabled {
            if let Some(item) = self.items.item(id) {
                self.stop_sampling(item);
            }
            self.start_sampling(id, source);
        } else if let Some(item) = self.items.item_mut(id) {
            self.events.enlist(item);
            enlist(item, &mut self.ready);
        }
        true
    }

    /// Deletes items; one status per id, in order.
    pub(crate) fn remove_items(&mut self, ids: &[u32]) -> Vec<Status> {
        let results = ids
            .iter()
            .map(|id| match self.items.remove(*id) {
                Some(item) => {
                    self.stop_sampling(&item);
                    Status::GOOD
                }
                None => tagwire_ua_proto::status::BAD_MONITORED_ITEM_ID_INVALID,
            })
            .collect();
        let items = &self.items;
        self.polled.retain(|id| items.item(*id).is_some());
        self.aggregated.retain(|id| items.item(*id).is_some());
        self.pending.retain(|id| items.item(*id).is_some());
        self.ready.retain(|id| items.item(*id).is_some());
        self.events.retain(|id| items.item(id).is_some());
        if let Some(side) = &mut self.durable {
            ids.iter().for_each(|id| side.forget(*id));
        }
        self.tell_audience();
        self.bound_inbox();
        results
    }

    /// Switches publishing on or off; what is queued meanwhile stays queued (Part 4, 5.14.4).
    pub(crate) fn set_publishing(&mut self, enabled: bool) {
        let counter = if enabled { &mut self.counters.enabled } else { &mut self.counters.disabled };
        *counter = counter.wrapping_add(1);
        self.publishing_enabled = enabled;
        self.note_change();
        self.touch();
        if !enabled && self.due == Some(Due::Notifications) {
            self.due = None;
        }
    }

    /// Queues the current value of all reporting items again (Part 5, 9.2).
    pub(crate) fn resend_data(&mut self) {
        self.collect();
        for item in self.items.iter_mut().filter(|item| item.mode == Mode::Reporting) {
            let current = match item.target {
                Target::Tag(_) if item.is_aggregated() => None,
                Target::Tag(tag) => Some(in_range(tag_sample(&self.hub, tag), item.range())),
                Target::Attribute(_) | Target::Events(_) => None,
            };
            if item.resend(current) {
                enlist(item, &mut self.ready);
            }
        }
    }

    /// Tells that range or unit of these tags, in ascending order, changed, and counts percent deadbands anew (Part 8,
    /// 6.3.3).
    pub(crate) fn tell_semantics(&mut self, changed: &[(TagId, Option<EuRange>)]) {
        self.collect();
        let at_ms = self.hub_millis();
        let mut triggering = Vec::new();
        for item in self.items.iter_mut().filter(|item| item.mode != Mode::Disabled) {
            let Target::Tag(tag) = item.target else { continue };
            let Ok(at) = changed.binary_search_by_key(&tag, |(tag, _)| *tag) else { continue };
            let current = in_range(tag_sample(&self.hub, tag), item.range());
            item.tell_semantics(changed[at].1, current, at_ms);
            enlist(item, &mut self.ready);
            triggering.push(item.id);
        }
        for id in triggering {
            self.trigger(id);
        }
    }

    fn inbox_capacity(&self) -> usize {
        (self.items.len() * INBOX_PER_ITEM).max(MIN_INBOX)
    }

    fn bound_inbox(&self) {
        let capacity = self.inbox_capacity();
        self.inbox.set_bounds(capacity, capacity / 2);
    }
}

/// A cycle is crowded when one of so many items lost a value in it.
const CROWDED_SHARE: usize = 50;
const CYCLES_TO_SETTLE: u32 = 20;
const MIN_INBOX: usize = 4096;
const INBOX_PER_ITEM: usize = 4;

impl Drop for Subscription {
    fn drop(&mut self) {
        let watched: Vec<(TagId, u32)> = self
            .items
            .iter()
            .filter_map(|item| match item.target {
                Target::Tag(tag) => Some((tag, item.id)),
                Target::Attribute(_) | Target::Events(_) => None,
            })
            .collect();
        self.hub.unwatch(self.watch, &watched);
        self.hub.detach(self.watch);
    }
}

/// Puts an item that has something to say into the list of those, once.
#[inline]
fn enlist(item: &mut Item, ready: &mut VecDeque<u32>) {
    if !item.is_ready && item.n_queued() > 0 && (item.mode == Mode::Reporting || item.is_triggered) {
        item.is_ready = true;
        ready.push_back(item.id);
    }
}

fn interest(item: &Item, tag: TagId) -> Interest {
    Interest {
        tag,
        handle: item.id,
        interval: Duration::from_millis(u64::from(item.settings.sampling_ms)),
        timestamps: item.settings.trigger == Trigger::StatusValueTimestamp,
    }
}

/// The current sample of a tag.
pub(crate) fn tag_sample(hub: &Hub, tag: TagId) -> Notification {
    match hub.read(tag) {
        Some(reading) => {
            let sample = reading.to_sample();
            Notification {
                payload: Payload::Value(sample.value),
                status: sample.status,
                overflow: false,
                semantics_changed: false,
                source_time: sample.source_time,
                server_time: sample.server_time,
            }
        }
        None => Notification::bad(Status::BAD_NODE_ID_UNKNOWN),
    }
}

/// Cuts the sample down to the range that the item asks for.
#[inline]
fn in_range(mut sample: Notification, range: Option<&NumericRange>) -> Notification {
    if let Some(range) = range {
        publish::cut(&mut sample, range);
    }
    sample
}
