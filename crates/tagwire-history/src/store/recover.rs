//! Taking again what is only in the log.

use std::sync::atomic::Ordering;

use tagwire_model::Timestamp;

use super::append::Store;
use super::open::Opened;
use super::options::Moment;
use crate::batch::{Item, Scan};
use crate::catalogue::{Marker, MarkerKind};
use crate::wal::{Decoded, Entry, Log, read_ahead};
use crate::{Damage, HistoryError};

/// Numbers that are sealed already, for each tag: late ones or not, from, up to but without.
type Sealed = Vec<Vec<(bool, u64, u64)>>;

impl Store {
    pub(super) fn recover(
        &mut self,
        sealed_no: u64,
        oldest_in_log: Option<u64>,
        opened: &mut Opened,
        now: Moment,
    ) -> Result<(), HistoryError> {
        let storage = self.shared.storage.clone();
        let mut sealed: Sealed = vec![Vec::new(); self.slots.len()];
        if let Some(oldest) = oldest_in_log {
            let segments = self.shared.segments.read().clone();
            for segment in segments.iter() {
                for (tag, late, first_no, end_no) in segment.numbers(oldest)? {
                    if let Some(spans) = sealed.get_mut(tag.0 as usize) {
                        spans.push((late, first_no, end_no));
                    }
                }
            }
        }
        let mut lost = 0_u64;
        let mut taken = 0_u64;
        let mut items: Vec<Item> = Vec::new();
        self.released = self.shared.catalogue.number("released")?.unwrap_or(0);
        let told = read_ahead(&*storage, self.released, |part| {
            for entry in part {
                match entry {
                    Entry::Barrier(tag, time) => self.barrier(tag, time),
                    Entry::Spoilt(n) => lost += n,
                    Entry::Scan(first_no, scan) => {
                        let (known, unknown) = self.take_again(scan, first_no, &sealed, &mut items);
                        taken += known;
                        lost += unknown;
                    }
                }
            }
            if self.hot_bytes > self.options.hot_bytes {
                while self.seal_one(now)? {}
                self.seal_some(0, now)?;
            }
            Ok(())
        })?;
        opened.from_log = taken;
        opened.cut = told.cut;
        opened.damage.extend(told.damage);
        if lost > 0 {
            opened.damage.push(Damage::unknown("log".to_owned(), Some(lost)));
        }
        let next_no = told.next_no.max(sealed_no);
        let next_file = told.files.last().map_or(1, |(number, ..)| number + 1);
        let has_files = !told.files.is_empty();
        self.log = Log::new(storage, &told.files, next_file, next_no);
        self.shared.durable_no.store(next_no, Ordering::Release);
        self.died()?;
        // Numbers must not jump within the log, or the jump would look like lost samples.
        if has_files && (next_no > told.next_no || !opened.damage.is_empty()) {
            self.flush(now)?;
        } else {
            self.trim();
            self.seal_some(0, now)?;
        }
        Ok(())
    }

    /// Takes the samples of a scan that are in no segment; how many there were, and how many nobody knows the tag of.
    fn take_again(&mut self, scan: Decoded, first_no: u64, sealed: &Sealed, rest: &mut Vec<Item>) -> (u64, u64) {
        let times = Scan { time: scan.time, server: scan.server, start: 0 };
        let (mut taken, mut unknown) = (0, 0);
        rest.clear();
        let mut rest_no = first_no;
        for (idx, item) in scan.items.into_iter().enumerate() {
            let no = first_no + idx as u64;
            if no < self.released {
                continue;
            }
            let Some(slot) = self.slots.get(item.tag.0 as usize) else {
                unknown += 1;
                continue;
            };
            if !slot.column_type.fits(&item.value) {
                unknown += 1;
                continue;
            }
            let spans = &sealed[item.tag.0 as usize];
            if spans.iter().any(|(late, from, to)| *late == scan.late && (*from..*to).contains(&no)) {
                continue;
            }
            taken += 1;
            if scan.late || scan.time < self.lanes[slot.group as usize].high {
                self.apply_late(times, &item, no);
                continue;
            }
            // Numbers within a run of samples must follow each other.
            if rest_no + rest.len() as u64 != no {
                self.apply(times, rest, rest_no);
                rest.clear();
            }
            if rest.is_empty() {
                rest_no = no;
            }
            rest.push(item);
        }
        self.apply(times, rest, rest_no);
        (taken, unknown)
    }

    /// Notes the end of a process that did not stop in good order.
    fn died(&self) -> Result<(), HistoryError> {
        if self.shared.catalogue.last_marker()? != Some(MarkerKind::Start) {
            return Ok(());
        }
        let segments = self.shared.segments.read().clone();
        let sealed = segments.iter().map(|segment| segment.spans().t_last).max();
        let in_memory = self.lanes.iter().map(|lane| lane.high).max();
        let Some(time) = sealed.max(in_memory).filter(|time| *time != i64::MIN) else { return Ok(()) };
        self.shared.catalogue.mark(Marker { time: Timestamp::from_ticks(time), kind: MarkerKind::Died })
    }
}
