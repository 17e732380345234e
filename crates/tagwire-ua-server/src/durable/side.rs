//! What a durable subscription has beside an ordinary one.

use std::collections::HashMap;

use tagwire_ua_proto::codec::Encode as _;
use tagwire_ua_proto::ids::attribute;
use tagwire_ua_proto::types::{ExtensionObject, NodeId, UaString};

use crate::quota::{Share, Ticket};
use crate::subscription::{Millis, SubscriptionSettings};

/// What an item does not remember itself of what the client asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) node: NodeId,
    pub(crate) attribute: u32,
    /// The range as the client wrote it.
    pub(crate) range: UaString,
    /// The filter of an item for events or for an aggregate; null for any other.
    pub(crate) filter: ExtensionObject,
}

impl Kept {
    pub(crate) const fn is_for_events(&self) -> bool {
        self.attribute == attribute::EVENT_NOTIFIER
    }

    /// Bytes that the item takes with an empty queue, about.
    fn n_bytes(&self) -> usize {
        const SETTINGS: usize = 64;
        let mut bytes = Vec::new();
        self.node.encode(&mut bytes);
        self.filter.encode(&mut bytes);
        SETTINGS + bytes.len() + self.range.as_str().len()
    }
}

/// Time between two writings of a subscription in which nothing but its queues changed.
const SETTLE: Millis = 10_000;
/// Time between two writings of a subscription whose settings change all the time.
const SETTLE_CHANGED: Millis = 1_000;
/// Further time for each MiB, so that large queues do not keep the disk busy.
const SETTLE_PER_MIB: Millis = 1_000;
/// Time after which a subscription is written although nothing changed but its age.
const SETTLE_IDLE: Millis = 3_600_000;

/// What a durable subscription has beside an ordinary one.
#[derive(Debug)]
pub(crate) struct Side {
    hours: u32,
    kept: HashMap<u32, Kept>,
    /// What it takes of the disk.
    disk: Share,
    max_bytes: usize,
    /// Whether settings changed since it was written.
    is_changed: bool,
    /// Whether whoever takes it over must be asked for the right to each item.
    pub(crate) needs_check: bool,
    written: Option<Written>,
    _ticket: Ticket,
}

/// What was written last.
#[derive(Clone, Copy, Debug)]
struct Written {
    at: Millis,
    n_bytes: usize,
    /// Digest of the lasting part.
    digest: u64,
}

impl Side {
    /// What a subscription without items takes, about.
    pub(crate) const EMPTY_BYTES: usize = 2_048;

    pub(crate) fn new(hours: u32, disk: Share, max_bytes: usize, ticket: Ticket) -> Self {
        Self {
            hours,
            kept: HashMap::new(),
            disk,
            max_bytes,
            is_changed: true,
            needs_check: false,
            written: None,
            _ticket: ticket,
        }
    }

    /// Hours that the subscription lives without its client.
    pub(crate) const fn hours(&self) -> u32 {
        self.hours
    }

    pub(crate) const fn set_hours(&mut self, hours: u32) {
        self.hours = hours;
        self.is_changed = true;
    }

    pub(crate) const fn note_change(&mut self) {
        self.is_changed = true;
    }

    pub(crate) fn kept(&self, item: u32) -> Option<&Kept> {
        self.kept.get(&item)
    }

    /// Takes disk space for one more item; false when there is none.
    pub(crate) fn reserve(&mut self, kept: &Kept) -> bool {
        self.charge(self.disk.n_bytes() + kept.n_bytes())
    }

    pub(crate) fn remember(&mut self, item: u32, kept: Kept) {
        self.kept.insert(item, kept);
        self.is_changed = true;
    }

    pub(crate) fn set_filter(&mut self, item: u32, filter: &ExtensionObject) {
        if let Some(kept) = self.kept.get_mut(&item) {
            kept.filter.clone_from(filter);
        }
        self.is_changed = true;
    }

    pub(crate) fn forget(&mut self, item: u32) {
        self.kept.remove(&item);
        self.is_changed = true;
    }

    /// Takes so many bytes of the disk; false when that is more than there is, and then nothing changes.
    pub(crate) fn charge(&mut self, n_bytes: usize) -> bool {
        let before = self.disk.n_bytes();
        if n_bytes <= self.max_bytes && self.disk.resize(n_bytes) {
            return true;
        }
        self.disk.resize(before);
        // Less than before is never refused, even when others took too much meanwhile.
        n_bytes <= before
    }

    /// Bytes that the subscription may have when `wanted` are too many.
    pub(crate) fn allowance(&self, wanted: usize) -> usize {
        let before = self.disk.n_bytes();
        self.max_bytes.min(before.max(before + self.disk.room() / 2)).min(wanted)
    }

    /// Whether the subscription is to be written now.
    pub(crate) fn is_due(&self, now: Millis) -> bool {
        let Some(written) = self.written else { return true };
        let settle = if self.is_changed { SETTLE_CHANGED } else { SETTLE };
        now >= written.at + settle + (written.n_bytes as u64 >> 20) * SETTLE_PER_MIB
    }

    /// Notes that the subscription was looked at; returns whether what was found must be written.
    pub(crate) fn note_written(&mut self, now: Millis, n_bytes: usize, digest: u64, is_final: bool) -> bool {
        let is_new = is_final
            || self.is_changed
            || self.written.is_none_or(|before| before.digest != digest || now >= before.at + SETTLE_IDLE);
        self.is_changed = false;
        // An unchanged one is looked at again after the same time, and counts as written when it was.
        match &mut self.written {
            Some(_) if !is_new => {}
            written => *written = Some(Written { at: now, n_bytes, digest }),
        }
        is_new
    }
}

/// Publishing intervals in so many hours, at least three keep-alives.
pub(crate) fn cycles(hours: u32, settings: &SubscriptionSettings) -> u32 {
    const HOUR: u64 = 3_600_000;
    let cycles = u64::from(hours) * HOUR / settings.publishing_interval.max(1);
    u32::try_from(cycles).unwrap_or(u32::MAX).max(settings.max_keep_alive.saturating_mul(3))
}
