//! One monitored item: what it watches, which changes count, and its queue (Part 4, 5.13.1).

use std::collections::VecDeque;
use std::sync::Arc;

use tagwire_model::{ArrayData, EuRange, Status, TagId, Timestamp, Value};
use tagwire_ua_proto::services::TimestampsToReturn;
use tagwire_ua_proto::types::{ExtensionBody, NodeId, NumericRange, Variant};

use super::Aggregation;
use crate::event::EventQueue;
use crate::quota::{KeeperTicket, Share};

/// Whether an item samples and reports (Part 4, 7.23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Neither.
    Disabled,
    /// Samples into its queue, and reports only when another item triggers it.
    Sampling,
    /// Samples and reports.
    Reporting,
}

impl Mode {
    pub(crate) const fn from_wire(mode: u32) -> Option<Self> {
        match mode {
            0 => Some(Self::Disabled),
            1 => Some(Self::Sampling),
            2 => Some(Self::Reporting),
            _ => None,
        }
    }

    pub(crate) const fn to_wire(self) -> u8 {
        match self {
            Self::Disabled => 0,
            Self::Sampling => 1,
            Self::Reporting => 2,
        }
    }
}

/// Which changes count (Part 4, 7.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Changes of the status.
    Status,
    /// Changes of the status or the value.
    StatusValue,
    /// Changes of the status, the value or the source time.
    StatusValueTimestamp,
}

/// What an item watches.
#[derive(Debug)]
pub(crate) enum Target {
    /// The value of a tag, which the table reports.
    Tag(TagId),
    /// Any other attribute of any node, which is read at each sampling interval.
    Attribute(Box<(NodeId, u32)>),
    /// The events of a notifier, which have a queue of their own kind.
    Events(Box<EventQueue>),
}

/// The value of a notification.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// A tag's value.
    Value(Value),
    /// The value of another attribute.
    Variant(Arc<Variant>),
}

impl Payload {
    fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(a), Self::Value(b)) => a.same_as(b),
            (Self::Variant(a), Self::Variant(b)) => a == b,
            _ => false,
        }
    }

    /// Bytes beside those of the payload itself. A value that several queues share counts in each.
    fn n_bytes(&self) -> usize {
        match self {
            Self::Value(Value::String(text)) => text.len(),
            Self::Value(Value::ByteString(bytes)) => bytes.len(),
            Self::Value(Value::Array(array)) => match array.data() {
                ArrayData::String(texts) => texts.iter().map(|text| size_of_val(text) + text.len()).sum(),
                ArrayData::ByteString(texts) => texts.iter().map(|text| size_of_val(text) + text.len()).sum(),
                numbers => numbers.len() * size_of::<u64>(),
            },
            Self::Value(_) => 0,
            Self::Variant(variant) => {
                let body = match &**variant {
                    Variant::ExtensionObject(object) => match &object.body {
                        ExtensionBody::Binary(body) | ExtensionBody::Xml(body) => body.len(),
                        ExtensionBody::None => 0,
                    },
                    _ => 0,
                };
                size_of::<Variant>() + body
            }
        }
    }

    fn exceeds(&self, new: &Self, units: f64) -> bool {
        match (self, new) {
            (Self::Value(a), Self::Value(b)) if units > 0.0 => a.exceeds_deadband(b, units),
            _ => !self.same_as(new),
        }
    }
}

/// A value that waits to be published.
#[derive(Clone, Debug)]
pub(crate) struct Notification {
    pub(crate) payload: Payload,
    pub(crate) status: Status,
    /// Values beside this one were lost.
    pub(crate) overflow: bool,
    /// The first value since its tag's range or unit changed.
    pub(crate) semantics_changed: bool,
    pub(crate) source_time: Timestamp,
    pub(crate) server_time: Timestamp,
}

/// Samples that wait before the newest one, oldest first.
#[derive(Debug)]
struct Older {
    values: VecDeque<Notification>,
    n_bytes: usize,
    /// At least the bytes of the samples; it grows by leaps, because it is shared by all items.
    share: Share,
}

impl Older {
    const fn new(share: Share) -> Self {
        Self { values: VecDeque::new(), n_bytes: 0, share }
    }

    /// Queues a sample; false when all queues together are too large now, so that one must go.
    fn push(&mut self, value: Notification) -> bool {
        self.n_bytes += value.n_bytes();
        self.values.push_back(value);
        if self.n_bytes <= self.share.n_bytes() {
            return true;
        }
        let ample = self.n_bytes * 2;
        self.share.resize(ample) || {
            self.share.resize(self.n_bytes);
            !self.share.is_overdrawn()
        }
    }

    /// Takes the oldest sample, or the newest one.
    fn take(&mut self, oldest: bool) -> Option<Notification> {
        let taken = if oldest { self.values.pop_front() } else { self.values.pop_back() };
        self.n_bytes -= taken.as_ref().map_or(0, Notification::n_bytes);
        taken
    }
}

impl Notification {
    /// No value, and why.
    pub(crate) const fn bad(status: Status) -> Self {
        Self {
            payload: Payload::Value(Value::Null),
            status,
            overflow: false,
            semantics_changed: false,
            source_time: Timestamp::NONE,
            server_time: Timestamp::NONE,
        }
    }

    /// Bytes that the value takes while it waits.
    fn n_bytes(&self) -> usize {
        size_of::<Self>() + self.payload.n_bytes()
    }
}

/// What a client may set on an item.
#[derive(Clone, Debug)]
pub(crate) struct ItemSettings {
    pub(crate) client_handle: u32,
    /// Revised sampling interval; 0 for every change.
    pub(crate) sampling_ms: u32,
    /// Revised queue size, at least 1.
    pub(crate) queue_size: u32,
    pub(crate) discard_oldest: bool,
    pub(crate) trigger: Trigger,
    /// Boxed, because few items have one and each item keeps its settings.
    pub(crate) deadband: Option<Box<Deadband>>,
}

/// How much a value must move to count as a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadband {
    /// In units of the value; 0 when every change counts.
    pub(crate) units: f64,
    /// The share of the tag's range that the units were worked out from; `None` when the client gave units.
    pub(crate) percent: Option<f64>,
}

impl ItemSettings {
    fn deadband_units(&self) -> f64 {
        self.deadband.as_ref().map_or(0.0, |deadband| deadband.units)
    }
}

/// What few items have, apart from them so that the many stay small.
#[derive(Debug, Default)]
struct Rare {
    range: Option<NumericRange>,
    /// Ids of the items that this one triggers.
    links: Vec<u32>,
    /// What stands between the tag and the queue.
    aggregation: Option<Aggregation>,
}

/// A deadband of so many percent of a range, in units of the value (Part 8, 7.2).
pub(crate) fn percent_of(range: EuRange, percent: f64) -> f64 {
    (range.high - range.low).abs() * percent / 100.0
}

/// What an item is made from.
pub(crate) struct NewItem {
    pub(crate) target: Target,
    pub(crate) mode: Mode,
    pub(crate) settings: ItemSettings,
    pub(crate) range: Option<NumericRange>,
    pub(crate) aggregation: Option<Aggregation>,
    pub(crate) timestamps: TimestampsToReturn,
    pub(crate) ticket: KeeperTicket,
}

/// One monitored item.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) id: u32,
    pub(crate) target: Target,
    pub(crate) mode: Mode,
    pub(crate) settings: ItemSettings,
    rare: Option<Box<Rare>>,
    pub(crate) timestamps: TimestampsToReturn,
    /// In the list of items with something to publish.
    pub(crate) is_ready: bool,
    /// In the list of items whose latest change came before its sampling interval was over.
    pub(crate) is_pending: bool,
    /// Reports once although its mode is Sampling, because another item triggered it.
    pub(crate) is_triggered: bool,
    /// When the last sample was taken, in milliseconds of the table's clock.
    last_at: Option<u32>,
    /// The last sample was taken when it suited the client, not when the value changed.
    is_out_of_step: bool,
    /// The newest sample that counted: what the next one is compared with.
    newest: Option<Notification>,
    /// Whether `newest` has yet to be published.
    is_newest_waiting: bool,
    /// The latest change since the last sample, when it came too soon.
    held: Option<Box<Notification>>,
    /// Samples that wait before `newest`; most items queue one, so that they need no allocation.
    older: Option<Box<Older>>,
    ticket: KeeperTicket,
}

impl Item {
    pub(crate) fn new(id: u32, new: NewItem) -> Self {
        let NewItem { target, mode, settings, range, aggregation, timestamps, ticket } = new;
        let has_rare = range.is_some() || aggregation.is_some();
        Self {
            id,
            target,
            mode,
            settings,
            rare: has_rare.then(|| Box::new(Rare { range, links: Vec::new(), aggregation })),
            timestamps,
            is_ready: false,
            is_pending: false,
            is_triggered: false,
            last_at: None,
            is_out_of_step: true,
            newest: None,
            is_newest_waiting: false,
            held: None,
            older: None,
            ticket,
        }
    }

    /// The part of an array that the item watches.
    #[inline]
    pub(crate) fn range(&self) -> Option<&NumericRange> {
        self.rare.as_ref()?.range.as_ref()
    }

    /// Ids of the items that this one triggers.
    #[inline]
    pub(crate) fn links(&self) -> &[u32] {
        self.rare.as_ref().map_or(&[], |rare| &rare.links)
    }

    /// Replaces the ids of the items that this one triggers.
    pub(crate) fn set_links(&mut self, links: Vec<u32>) {
        if self.rare.is_some() || !links.is_empty() {
            self.rare.get_or_insert_default().links = links;
        }
    }

    /// The aggregate that the item reports in place of values.
    #[inline]
    pub(crate) fn aggregation(&mut self) -> Option<&mut Aggregation> {
        self.rare.as_mut()?.aggregation.as_mut()
    }

    /// Whether the item reports an aggregate.
    #[inline]
    pub(crate) fn is_aggregated(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.aggregation.is_some())
    }

    /// Replaces the aggregate.
    pub(crate) fn set_aggregation(&mut self, aggregation: Option<Aggregation>) {
        if self.rare.is_some() || aggregation.is_some() {
            self.rare.get_or_insert_default().aggregation = aggregation;
        }
    }

    /// Queues the results of the aggregate that are known since `now`. Returns whether there were any.
    pub(crate) fn take_results(&mut self, now: Timestamp) -> bool {
        let mut results = Vec::new();
        if let Some(aggregation) = self.aggregation() {
            aggregation.drain(now, |result| results.push(result));
        }
        let queued = !results.is_empty();
        results.into_iter().for_each(|result| self.enqueue(result));
        queued
    }

    /// Number of values waiting.
    pub(crate) fn n_queued(&self) -> usize {
        usize::from(self.is_newest_waiting) + self.older.as_ref().map_or(0, |older| older.values.len())
    }

    /// The values that wait, oldest first.
    pub(crate) fn queue(&self) -> impl Iterator<Item = &Notification> {
        let older = self.older.iter().flat_map(|older| &older.values);
        older.chain(self.newest.iter().filter(|_| self.is_newest_waiting))
    }

    /// Queues values that waited before, oldest first.
    pub(crate) fn restore(&mut self, values: Vec<Notification>) {
        values.into_iter().for_each(|value| self.enqueue(value));
    }

    /// Drops values until so many are queued at most, as an overflow does.
    pub(crate) fn thin(&mut self, room: usize) {
        self.shrink(room);
    }

    /// Whether a sample of `at_ms` was overtaken by one taken directly from the table.
    #[inline]
    pub(crate) fn is_overtaken(&self, at_ms: u32) -> bool {
        self.last_at.is_some_and(|last| (at_ms.wrapping_sub(last) as i32) < 0)
    }

    /// Whether a sample at `at_ms` comes too soon after the last one. A quarter of the interval is granted, so that
    /// a source that is as fast as the interval does not lose every second value to jitter.
    #[inline]
    pub(crate) fn is_too_soon(&self, at_ms: u32) -> bool {
        let interval = self.settings.sampling_ms;
        interval > 1 && self.last_at.is_some_and(|last| at_ms.wrapping_sub(last) < interval - interval / 4)
    }

    /// Whether a change waits for the sampling interval to end.
    #[inline]
    pub(crate) const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Takes a change of `at_ms`. One that comes too soon is held until its interval ends, so that the last value of each
    /// interval is sampled. Returns whether something was queued.
    #[inline]
    pub(crate) fn offer(&mut self, new: Notification, at_ms: u32) -> bool {
        let was_queued = self.held.is_some() && self.take_due(at_ms);
        // The first change sets the beat: else a source as fast as the interval would be early for ever, and each of its
        // values held until the next one comes.
        if !std::mem::take(&mut self.is_out_of_step) && self.is_too_soon(at_ms) {
            self.held = Some(Box::new(new));
            return was_queued;
        }
        // One change that comes late must not let all that follow in time look early, and be held for ever after.
        let interval = self.settings.sampling_ms;
        let due = self.last_at.map(|last| last.wrapping_add(interval));
        let begun = due.filter(|due| at_ms.wrapping_sub(*due) < interval).unwrap_or(at_ms);
        let is_queued = self.sample(new, at_ms);
        self.last_at = Some(begun);
        is_queued || was_queued
    }

    /// Samples the change that was held, when its interval has ended by `at_ms`. Returns whether something was queued.
    pub(crate) fn take_due(&mut self, at_ms: u32) -> bool {
        let Some(last) = self.last_at else { return false };
        if at_ms.wrapping_sub(last) < self.settings.sampling_ms {
            return false;
        }
        match self.held.take() {
            Some(held) => self.sample(*held, last.wrapping_add(self.settings.sampling_ms)),
            None => false,
        }
    }

    /// Takes a sample: compares it with the last one that counted and queues it when it differs enough. Returns
    /// whether something was queued.
    #[inline]
    pub(crate) fn sample(&mut self, new: Notification, at_ms: u32) -> bool {
        self.last_at = Some(at_ms);
        self.held = None;
        let counts = match &self.newest {
            None => true,
            Some(last) => {
                last.status != new.status
                    || match self.settings.trigger {
                        Trigger::Status => false,
                        Trigger::StatusValue => last.payload.exceeds(&new.payload, self.settings.deadband_units()),
                        Trigger::StatusValueTimestamp => {
                            last.source_time != new.source_time
                                || last.payload.exceeds(&new.payload, self.settings.deadband_units())
                        }
                    }
            }
        };
        if counts {
            self.enqueue(new);
        }
        counts
    }

    /// Part 4, 5.13.1.5: the overflow bit goes to the value beside which one is missing, and never to a queue of one.
    #[inline]
    fn enqueue(&mut self, new: Notification) {
        let replaced = self.newest.replace(new);
        if !self.is_newest_waiting {
            self.is_newest_waiting = true;
            return;
        }
        if self.settings.queue_size <= 1 {
            return;
        }
        if let Some(replaced) = replaced {
            let older = self.older.get_or_insert_with(|| Box::new(Older::new(self.ticket.share())));
            let room = if older.push(replaced) { self.settings.queue_size as usize } else { older.values.len() };
            self.shrink(room);
        }
    }

    /// Drops values until so many are queued at most, and marks where they are missing.
    fn shrink(&mut self, room: usize) {
        let Some(older) = self.older.as_deref_mut() else { return };
        let room = room.clamp(1, self.settings.queue_size.max(1) as usize);
        let mut dropped = false;
        while older.values.len() + 1 > room {
            dropped = true;
            older.take(self.settings.discard_oldest);
        }
        if dropped && self.settings.queue_size > 1 {
            let beside = if self.settings.discard_oldest { older.values.front_mut() } else { None };
            if let Some(beside) = beside.or(self.newest.as_mut()) {
                beside.overflow = true;
            }
        }
        if older.values.is_empty() {
            self.older = None;
        }
    }

    /// Takes the oldest value waiting.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Notification> {
        if let Some(older) = self.older.as_deref_mut() {
            let oldest = older.take(true);
            if older.values.is_empty() {
                self.older = None;
            }
            return oldest;
        }
        if !self.is_newest_waiting {
            return None;
        }
        self.is_newest_waiting = false;
        let newest = self.newest.as_mut()?;
        let published = newest.clone();
        newest.overflow = false;
        newest.semantics_changed = false;
        Some(published)
    }

    /// Forgets queue and history, as when an item is disabled (Part 4, 5.13.4).
    pub(crate) fn clear(&mut self) {
        self.newest = None;
        self.is_newest_waiting = false;
        self.older = None;
        self.held = None;
        self.last_at = None;
        self.is_out_of_step = true;
        self.is_triggered = false;
        if let Target::Events(queue) = &mut self.target {
            queue.clear();
        }
        if let Some(aggregation) = self.aggregation() {
            aggregation.clear();
        }
    }

    /// Marks that values were lost before they reached the queue, which holds the newest one now.
    pub(crate) fn mark_lost(&mut self) {
        if self.settings.queue_size > 1
            && self.is_newest_waiting
            && let Some(newest) = &mut self.newest
        {
            newest.overflow = true;
        }
    }

    /// Queues the current sample, or else the newest one again, as ResendData and transfers ask for (Part 5, 9.2).
    /// Returns whether there is one; a sample that waits is sent anyway.
    pub(crate) fn resend(&mut self, current: Option<Notification>) -> bool {
        if self.is_newest_waiting {
            return false;
        }
        if current.is_some() {
            self.newest = current;
        }
        let resent = self.newest.is_some();
        self.is_newest_waiting |= resent;
        resent
    }

    /// Queues the current sample with the word that its meaning changed, and counts the deadband by the new range.
    pub(crate) fn tell_semantics(&mut self, range: Option<EuRange>, current: Notification, at_ms: u32) {
        if let Some(deadband) = self.settings.deadband.as_deref_mut()
            && let Some(percent) = deadband.percent
        {
            // A range that is gone leaves nothing to count by, so every change counts.
            deadband.units = range.map_or(0.0, |range| percent_of(range, percent));
        }
        if let Some(aggregation) = self.aggregation() {
            aggregation.note_semantics();
            return;
        }
        self.last_at = Some(at_ms);
        self.held = None;
        self.enqueue(Notification { semantics_changed: true, ..current });
    }

    /// Applies new settings; a smaller queue drops values as an overflow does (Part 4, 5.13.3).
    pub(crate) fn modify(&mut self, settings: ItemSettings) {
        self.settings = settings;
        self.shrink(self.settings.queue_size as usize);
        if let Target::Events(queue) = &mut self.target {
            queue.shrink(self.settings.queue_size as usize, self.settings.discard_oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::Quota;

    fn item(queue_size: u32, discard_oldest: bool, trigger: Trigger, deadband: f64) -> Item {
        let settings = ItemSettings {
            client_handle: 1,
            sampling_ms: 0,
            queue_size,
            discard_oldest,
            trigger,
            deadband: (deadband > 0.0).then(|| Box::new(Deadband { units: deadband, percent: None })),
        };
        let ticket = Quota::default().item().expect("free");
        Item::new(
            1,
            NewItem {
                target: Target::Tag(TagId(0)),
                mode: Mode::Reporting,
                settings,
                range: None,
                aggregation: None,
                timestamps: TimestampsToReturn::BOTH,
                ticket,
            },
        )
    }

    fn number(value: f64, at: i64) -> Notification {
        let time = Timestamp::from_ticks(at);
        Notification {
            payload: Payload::Value(Value::Double(value)),
            status: Status::GOOD,
            overflow: false,
            semantics_changed: false,
            source_time: time,
            server_time: time,
        }
    }

    fn drain(item: &mut Item) -> Vec<(f64, bool)> {
        std::iter::from_fn(|| item.pop())
            .map(|sample| {
                let Payload::Value(Value::Double(value)) = sample.payload else { panic!("double") };
                (value, sample.overflow)
            })
            .collect()
    }

    #[test]
    fn an_item_stays_small() {
        // A plant has items by the hundred thousand: 300 bytes of memory for each, with the entry of its tag.
        assert!(size_of::<Item>() <= 144, "{}", size_of::<Item>());
    }

    #[test]
    fn overflow_keeps_the_newest_and_marks_the_oldest_kept() {
        let mut item = item(5, true, Trigger::StatusValue, 0.0);
        (0..8).for_each(|n| assert!(item.sample(number(f64::from(n), 0), 0)));
        assert_eq!(drain(&mut item), [(3.0, true), (4.0, false), (5.0, false), (6.0, false), (7.0, false)]);
    }

    #[test]
    fn overflow_without_discard_oldest_replaces_the_newest_and_marks_it() {
        let mut item = item(5, false, Trigger::StatusValue, 0.0);
        (0..8).for_each(|n| assert!(item.sample(number(f64::from(n), 0), 0)));
        assert_eq!(drain(&mut item), [(0.0, false), (1.0, false), (2.0, false), (3.0, false), (7.0, true)]);
    }

    #[test]
    fn a_queue_of_one_never_carries_the_overflow_bit() {
        let mut item = item(1, true, Trigger::StatusValue, 0.0);
        (0..8).for_each(|n| assert!(item.sample(number(f64::from(n), 0), 0)));
        assert_eq!(drain(&mut item), [(7.0, false)]);
    }

    #[test]
    fn triggers_decide_what_counts() {
        for (trigger, expected) in [
            (Trigger::Status, [true, false, false, true]),
            (Trigger::StatusValue, [true, false, true, true]),
            (Trigger::StatusValueTimestamp, [true, true, true, true]),
        ] {
            let mut item = item(10, true, trigger, 0.0);
            let bad = Notification { status: Status::BAD, ..number(2.0, 3) };
            let seen = [number(1.0, 1), number(1.0, 2), number(2.0, 2), bad].map(|sample| item.sample(sample, 0));
            assert_eq!(seen, expected, "{trigger:?}");
        }
    }

    #[test]
    fn the_deadband_refers_to_the_last_value_that_counted() {
        let mut item = item(10, true, Trigger::StatusValue, 2.0);
        let seen = [0.0, 1.5, 2.0, 2.5, 4.0, 4.6].map(|value| item.sample(number(value, 0), 0));
        assert_eq!(seen, [true, false, false, true, false, true]);
        drain(&mut item);
        assert!(!item.sample(number(5.0, 0), 0));
    }

    #[test]
    fn a_smaller_queue_drops_as_an_overflow_does() {
        for (discard_oldest, expected) in [(true, [(3.0, true), (4.0, false)]), (false, [(0.0, false), (4.0, true)])] {
            let mut item = item(5, discard_oldest, Trigger::StatusValue, 0.0);
            (0..5).for_each(|n| assert!(item.sample(number(f64::from(n), 0), 0)));
            item.modify(ItemSettings { queue_size: 2, ..item.settings.clone() });
            assert_eq!(drain(&mut item), expected);
        }
    }

    #[test]
    fn a_value_that_stands_for_an_interval_is_sampled_although_it_came_too_soon() {
        let mut item = item(10, true, Trigger::StatusValue, 0.0);
        item.settings.sampling_ms = 200;
        assert!(item.offer(number(0.0, 0), 1000));
        assert!(!item.offer(number(1.0, 0), 1050));
        assert!(!item.offer(number(2.0, 0), 1100));
        assert!(!item.take_due(1199));
        // 2 stands from 1100 on: it is the value of the sample at 1200, and 3 comes too soon after that one.
        assert!(item.offer(number(3.0, 0), 1210));
        assert!(item.take_due(1400));
        assert!(!item.is_held());
        assert_eq!(drain(&mut item), [(0.0, false), (2.0, false), (3.0, false)]);
    }

    #[test]
    fn a_resent_value_is_the_current_one() {
        let mut item = item(10, true, Trigger::StatusValue, 10.0);
        item.sample(number(50.0, 0), 0);
        drain(&mut item);
        assert!(!item.sample(number(57.0, 0), 0));
        assert!(item.resend(Some(number(57.0, 0))));
        assert_eq!(drain(&mut item), [(57.0, false)]);
    }

    #[test]
    fn the_first_change_sets_the_beat_of_sampling() {
        let mut item = item(1, true, Trigger::StatusValue, 0.0);
        item.settings.sampling_ms = 100;
        assert!(item.sample(number(0.0, 0), 1_000));
        for (count, at_ms) in (1_u8..).zip([1_030, 1_130, 1_231, 1_329]) {
            assert!(item.offer(number(f64::from(count), 0), at_ms), "at {at_ms}");
            assert!(!item.is_held(), "at {at_ms}");
        }
        assert!(!item.offer(number(9.0, 0), 1_380), "more than one per interval is still too much");
    }

    #[test]
    fn a_late_change_does_not_delay_those_that_follow_in_time() {
        let mut item = item(1, true, Trigger::StatusValue, 0.0);
        item.settings.sampling_ms = 100;
        for (count, at_ms) in (0_u8..).zip([1_000, 1_100, 1_240, 1_300, 1_399, 1_500]) {
            assert!(item.offer(number(f64::from(count), 0), at_ms), "at {at_ms}");
            assert!(!item.is_held());
        }
        assert!(!item.offer(number(9.0, 0), 1_550), "more than one per interval is still too much");
    }

    #[test]
    fn sampling_leaves_out_what_comes_too_soon() {
        let mut item = item(10, true, Trigger::StatusValue, 0.0);
        item.settings.sampling_ms = 100;
        assert!(!item.is_too_soon(0));
        item.sample(number(0.0, 0), 4_294_967_290);
        assert!(item.is_too_soon(10));
        assert!(!item.is_too_soon(80));
    }
}
