//! Taking samples.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::group::Group;
use super::join::Joiner;
use super::options::{Moment, Options};
use super::shared::{History, Shared, State};
use crate::batch::{Batch, Item, Scan};
use crate::hot::{Page, Row};
use crate::sealed::SegmentWriter;
use crate::storage::Storage;
use crate::values::ColumnType;
use crate::wal::{Log, put_scan};
use crate::{HistoryError, TagNumber};

/// Most samples of one batch.
const MAX_BATCH: usize = 1 << 24;

/// Where the samples of a tag go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) group: u32,
    pub(super) member: u32,
    pub(super) column_type: ColumnType,
}

/// What the writer alone knows of a group.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) group: Arc<Group>,
    /// Time of the newest row ever.
    pub(super) high: i64,
    /// A page with a sample up to this time must not get another one.
    pub(super) barrier: i64,
    /// Rows at which the page is full.
    pub(super) limit: u32,
}

/// The writer. One thread owns it; readers use [`Store::history`].
pub struct Store {
    pub(super) shared: Arc<Shared>,
    pub(super) options: Options,
    pub(super) log: Log,
    pub(super) active: Option<SegmentWriter>,
    pub(super) next_segment: u64,
    pub(super) slots: Vec<Slot>,
    pub(super) lanes: Vec<Lane>,
    pub(super) queue: VecDeque<(u32, Arc<Page>)>,
    pub(super) hot_bytes: usize,
    /// Samples that may be sealed before the next batch has to be taken.
    pub(super) credit: u64,
    /// All samples below this number are in segments on the disk, and the catalogue says so.
    pub(super) released: u64,
    pub(super) joiner: Joiner,
    /// Pages with samples below this number hold back the log.
    pub(super) trim_below: u64,
    /// Where the search for pages to seal early goes on.
    pub(super) hand: usize,
    /// Nothing is known about what was written to the segment since the last sync.
    pub(super) poisoned: Option<String>,
    last_commit: Duration,
    scratch: Vec<u8>,
    pub(super) _lock: Box<dyn Send + Sync>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("tags", &self.slots.len()).field("hot_bytes", &self.hot_bytes).finish()
    }
}

impl Store {
    pub(super) fn new(shared: Arc<Shared>, options: Options, log: Log, lock: Box<dyn Send + Sync>) -> Self {
        Self {
            shared,
            options,
            log,
            active: None,
            next_segment: 1,
            slots: Vec::new(),
            lanes: Vec::new(),
            queue: VecDeque::new(),
            hot_bytes: 0,
            credit: 0,
            released: 0,
            joiner: Joiner::default(),
            trim_below: 0,
            hand: 0,
            poisoned: None,
            last_commit: Duration::ZERO,
            scratch: Vec::new(),
            _lock: lock,
        }
    }

    /// The historian for readers.
    pub fn history(&self) -> History {
        History { shared: self.shared.clone() }
    }

    /// Takes samples, which readers see at once. They are on the disk when [`History::durable_up_to`] has reached the
    /// ticket returned; all samples taken before are then, too.
    ///
    /// # Errors
    /// [`HistoryError::UnknownTag`] and [`HistoryError::WrongType`], then none of the batch was taken;
    /// [`HistoryError::Paused`], then the samples were counted as lost. After any other error the samples were taken, and
    /// wait in memory until the disk is well again.
    pub fn append(&mut self, batch: &Batch, now: Moment) -> Result<u64, HistoryError> {
        if batch.len() > MAX_BATCH {
            return Err(HistoryError::TooLarge(batch.len()));
        }
        if let State::Paused { why, lost, .. } = &mut *self.shared.state.write() {
            *lost += batch.len() as u64;
            return Err(HistoryError::Paused { why: why.clone() });
        }
        for item in &batch.items {
            let Some(slot) = self.slots.get(item.tag.0 as usize) else {
                return Err(HistoryError::UnknownTag(item.tag));
            };
            if !slot.column_type.fits(&item.value) {
                return Err(HistoryError::WrongType(item.tag));
            }
        }
        let first_no = self.log.next_no();
        let mut no = first_no;
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        for (scan, items) in batch.parts() {
            no = self.take(scan, items, no, &mut payload);
        }
        let ticket = self.log.samples((no - first_no) as u32, |out| out.extend_from_slice(&payload));
        self.scratch = payload;
        self.seal_some(batch.len() as u64, now)?;
        if self.log.waiting() >= self.options.commit_bytes {
            self.commit(now)?;
        }
        Ok(ticket)
    }

    /// Writes a scan for the log and puts it into memory; the number behind its samples.
    fn take(&mut self, scan: Scan, items: &[Item], mut no: u64, payload: &mut Vec<u8>) -> u64 {
        let mut group = u32::MAX;
        let is_late = |item: &Item, lanes: &[Lane], slots: &[Slot]| {
            scan.time < lanes[slots[item.tag.0 as usize].group as usize].high
        };
        let any = items.iter().any(|item| {
            let before = std::mem::replace(&mut group, self.slots[item.tag.0 as usize].group);
            before != group && is_late(item, &self.lanes, &self.slots)
        });
        let times = (scan.time, scan.server);
        if !any {
            put_scan(payload, false, times, items);
            return self.apply(scan, items, no);
        }
        let (late, rest): (Vec<Item>, Vec<Item>) =
            items.iter().cloned().partition(|item| is_late(item, &self.lanes, &self.slots));
        if !rest.is_empty() {
            put_scan(payload, false, times, &rest);
            no = self.apply(scan, &rest, no);
        }
        put_scan(payload, true, times, &late);
        for item in &late {
            self.apply_late(scan, item, no);
            no += 1;
        }
        no
    }

    /// Puts samples that are not late into their pages; the number behind them.
    pub(super) fn apply(&mut self, scan: Scan, mut items: &[Item], first_no: u64) -> u64 {
        let Self { slots, lanes, queue, options, hot_bytes, .. } = self;
        let slot_of = |item: &Item| slots[item.tag.0 as usize];
        let row = Row { time: scan.time, server: scan.server };
        let mut no = first_no;
        while let Some(item) = items.first() {
            let group = slot_of(item).group;
            let n = items.iter().position(|item| slot_of(item).group != group).unwrap_or(items.len());
            let (run, rest) = items.split_at(n);
            items = rest;
            let lane = &mut lanes[group as usize];
            let mut state = lane.group.state.lock();
            lane.high = lane.high.max(scan.time);
            if state.page.is_full(scan.time, lane.limit) || scan.time <= lane.barrier {
                lane.barrier = i64::MIN;
                lane.limit = options.page_rows;
                if let Some((page, grown)) = state.close(no) {
                    *hot_bytes += grown;
                    queue.push_back((group, page));
                }
            }
            if state.page.is_empty() {
                state.page.first_no = no;
            }
            if !state.page.stage(row, run.iter().map(|item| (slot_of(item).member, item))) {
                for item in run {
                    state.page.push(row, slot_of(item).member as usize, &item.value, item.status, item.reason);
                }
            }
            no += n as u64;
            state.page.end_no = no;
            *hot_bytes += state.page.growth();
        }
        no
    }

    /// Puts a late sample beside the pages.
    pub(super) fn apply_late(&mut self, scan: Scan, item: &Item, no: u64) {
        let slot = self.slots[item.tag.0 as usize];
        let held = self.lanes[slot.group as usize].group.clone();
        let mut state = held.state.lock();
        let row = Row { time: scan.time, server: scan.server };
        if state.push_late(slot.member, no, row, item.status, item.reason, item.value.clone())
            && let Some(page) = state.close_late(slot.member)
        {
            self.hot_bytes += page.size();
            self.queue.push_back((slot.group, page));
        }
    }

    /// Writes what waits and returns when it is on the disk.
    ///
    /// # Errors
    /// What the system says. The store is paused then; nothing taken is lost, and [`Store::tick`] tries again.
    pub fn commit(&mut self, now: Moment) -> Result<(), HistoryError> {
        self.last_commit = now.steady;
        match self.log.commit() {
            Ok(()) => {
                self.shared.durable_no.store(self.log.durable_no(), Ordering::Release);
                if self.log.file_size() >= self.options.log_bytes / 4 {
                    self.log.rotate();
                    self.trim();
                }
                Ok(())
            }
            Err(error) => Err(self.pause(error, now)),
        }
    }

    /// Does what is due; to be called several times in a commit interval.
    ///
    /// # Errors
    /// What the system says, as [`Store::commit`].
    pub fn tick(&mut self, now: Moment) -> Result<(), HistoryError> {
        if matches!(&*self.shared.state.read(), State::Paused { .. }) {
            if let Some(why) = &self.poisoned {
                return Err(HistoryError::Paused { why: why.clone() });
            }
            self.log.commit()?;
            self.shared.durable_no.store(self.log.durable_no(), Ordering::Release);
            self.seal_one(now)?;
            *self.shared.state.write() = State::Running;
        }
        let due = now.steady.saturating_sub(self.last_commit) >= self.options.commit_interval;
        if due && self.log.waiting() > 0 {
            self.commit(now)?;
        }
        self.seal_some(self.options.page_rows as u64 * 16, now)?;
        self.join_some(now);
        Ok(())
    }

    /// Notes that nothing can be written.
    pub(super) fn pause(&self, error: HistoryError, now: Moment) -> HistoryError {
        let mut state = self.shared.state.write();
        if *state == State::Running {
            *state = State::Paused { why: error.to_string(), since: now.utc, lost: 0 };
        }
        error
    }

    /// The number of the tag's next sample, for tests and consumers of the log.
    pub fn next_number(&self) -> u64 {
        self.log.next_no()
    }

    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        self.shared.storage.clone()
    }

    pub(super) fn slot(&self, tag: TagNumber) -> Result<Slot, HistoryError> {
        self.slots.get(tag.0 as usize).copied().ok_or(HistoryError::UnknownTag(tag))
    }
}
