//! Samples on their way into the historian.

use tagwire_model::{Status, Timestamp, Value};

use crate::{Reason, TagNumber};

/// One sample of a scan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) tag: TagNumber,
    pub(crate) status: u32,
    pub(crate) reason: Reason,
    pub(crate) value: Value,
}

/// Times that the samples from `start` on have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) time: i64,
    pub(crate) server: i64,
    pub(crate) start: usize,
}

/// Samples of one or more scans. Tags of one scan group that were read together belong into one scan, because their times
/// are then stored once.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) scans: Vec<Scan>,
    pub(crate) items: Vec<Item>,
}

impl Batch {
    /// None yet.
    pub const fn new() -> Self {
        Self { scans: Vec::new(), items: Vec::new() }
    }

    /// Begins a scan with the source time and the server time (or [`Timestamp::NONE`]) of all samples that follow.
    pub fn scan(&mut self, source_time: Timestamp, server_time: Timestamp) {
        self.scans.push(Scan { time: source_time.ticks(), server: server_time.ticks(), start: self.items.len() });
    }

    /// Adds a sample to the scan begun last; without a scan it belongs to none and is left out.
    pub fn push(&mut self, tag: TagNumber, value: Value, status: Status, reason: Reason) {
        if !self.scans.is_empty() {
            self.items.push(Item { tag, status: status.0, reason, value });
        }
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Takes all samples out and keeps the memory.
    pub fn clear(&mut self) {
        self.scans.clear();
        self.items.clear();
    }

    /// Each scan with its samples.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Scan, &[Item])> {
        self.scans.iter().enumerate().map(|(idx, scan)| {
            let end = self.scans.get(idx + 1).map_or(self.items.len(), |next| next.start);
            (*scan, &self.items[scan.start..end])
        })
    }
}
