//! Sealing pages, and letting the log go.

use std::sync::Arc;

use super::append::Store;
use super::options::Moment;
use crate::HistoryError;
use crate::hot::Page;
use crate::sealed::{Segment, SegmentWriter, seal};

/// Samples that are sealed for each one taken, while any page waits.
const SEAL_AHEAD: u64 = 3;

impl Store {
    /// Seals pages that wait, in proportion to the samples that came, so that no batch waits for all of them.
    pub(super) fn seal_some(&mut self, taken: u64, now: Moment) -> Result<(), HistoryError> {
        if self.hot_bytes > self.options.hot_bytes {
            self.close_large();
        }
        if self.queue.is_empty() {
            self.credit = 0;
            return self.let_go(now);
        }
        self.credit += taken * SEAL_AHEAD;
        while let Some((_, page)) = self.queue.front() {
            let samples: u64 = page.columns.iter().map(|column| u64::from(column.n)).sum();
            if samples > self.credit && self.hot_bytes <= self.options.hot_bytes {
                return Ok(());
            }
            self.credit = self.credit.saturating_sub(samples);
            self.seal_one(now)?;
        }
        self.let_go(now)
    }

    /// Seals the page that waits longest; whether there was one.
    pub(super) fn seal_one(&mut self, now: Moment) -> Result<bool, HistoryError> {
        let Some((group, page)) = self.queue.front().cloned() else { return Ok(false) };
        if let Err(error) = self.write_page(&page, now) {
            return Err(self.pause(error, now));
        }
        self.queue.pop_front();
        self.hot_bytes = self.hot_bytes.saturating_sub(page.size());
        let mut state = self.lanes[group as usize].group.state.lock();
        state.closed.retain(|closed| !Arc::ptr_eq(closed, &page));
        Ok(true)
    }

    fn write_page(&mut self, page: &Page, now: Moment) -> Result<(), HistoryError> {
        if self.active.as_ref().is_some_and(|active| active.at() >= self.options.segment_bytes) {
            self.finish_segment()?;
        }
        let active = match &mut self.active {
            Some(active) => active,
            none => {
                let writer = SegmentWriter::create(&*self.shared.storage, self.next_segment, 0, now.utc)?;
                self.next_segment += 1;
                let segment = writer.segment().clone();
                let mut segments = self.shared.segments.write();
                let mut all = Vec::clone(&segments);
                all.push(segment);
                *segments = Arc::new(all);
                none.insert(writer)
            }
        };
        let sealed = seal(page, active.at());
        let (bytes, entries) = sealed.map_err(|_| HistoryError::damaged("memory", "page"))?;
        active.add(&bytes, &entries)
    }

    /// Writes the footer of the segment that grows.
    pub(super) fn finish_segment(&mut self) -> Result<(), HistoryError> {
        let Some(active) = &mut self.active else { return Ok(()) };
        let finished = active.finish(&*self.shared.storage)?;
        self.active = None;
        self.replace_segment(finished.number, Some(finished));
        Ok(())
    }

    /// Shows readers another segment in place of the one with this number, or none.
    pub(super) fn replace_segment(&self, number: u64, with: Option<Arc<Segment>>) {
        let mut segments = self.shared.segments.write();
        let mut all = Vec::clone(&segments);
        all.retain(|segment| segment.number != number);
        all.extend(with);
        all.sort_by_key(|segment| segment.number);
        *segments = Arc::new(all);
    }

    /// Closes pages that take more memory than others until enough will be free.
    fn close_large(&mut self) {
        let waiting: usize = self.queue.iter().map(|(_, page)| page.size()).sum();
        let open = self.hot_bytes.saturating_sub(waiting);
        let mean = open / self.lanes.len().max(1);
        let mut excess = open.saturating_sub(self.options.hot_bytes / 10 * 9);
        for _ in 0..self.lanes.len() {
            if excess == 0 {
                break;
            }
            self.hand = (self.hand + 1) % self.lanes.len();
            let size = self.lanes[self.hand].group.state.lock().page.size();
            if size >= mean && self.close(self.hand as u32) {
                excess = excess.saturating_sub(size);
            }
        }
    }

    /// Closes the page of a group; whether it held anything.
    pub(super) fn close(&mut self, group: u32) -> bool {
        let next_no = self.log.next_no();
        let closed = self.lanes[group as usize].group.state.lock().close(next_no);
        let is_closed = closed.is_some();
        if let Some((page, grown)) = closed {
            self.hot_bytes += grown;
            self.queue.push_back((group, page));
        }
        is_closed
    }

    /// Closes what holds back the oldest file of the log.
    pub(super) fn trim(&mut self) {
        let target = self.log.release_target(self.options.log_bytes / 4 * 3);
        if target <= self.trim_below {
            return;
        }
        self.trim_below = target;
        for group in 0..self.lanes.len() as u32 {
            self.close_below(group, target);
        }
    }

    /// Closes what a group holds in memory if a sample below `target` is in it.
    pub(super) fn close_below(&mut self, group: u32, target: u64) {
        let held = self.lanes[group as usize].group.clone();
        let mut state = held.state.lock();
        let next_no = self.log.next_no();
        if !state.page.is_empty()
            && state.page.first_no < target
            && let Some((page, grown)) = state.close(next_no)
        {
            self.hot_bytes += grown;
            self.queue.push_back((group, page));
        }
        let late: Vec<u32> =
            state.late.iter().filter(|(_, late)| late.first_no < target).map(|(member, _)| *member).collect();
        for member in late {
            let closed = state.close_late(member);
            self.hot_bytes += closed.as_ref().map_or(0, |page| page.size());
            self.queue.extend(closed.map(|page| (group, page)));
        }
    }

    /// Deletes files of the log that nothing needs, once the pages that held them back are on the disk.
    fn let_go(&mut self, now: Moment) -> Result<(), HistoryError> {
        if self.trim_below == 0 {
            return Ok(());
        }
        // After a crash the log may begin below what was released, and what was joined since is not found by its number.
        let keep = self.trim_below.min(self.oldest_in_memory()).max(self.released);
        self.sync_segment(now)?;
        let active = self.active.as_ref().map(|active| (active.segment().number, active.at()));
        let noted = self.shared.catalogue.set_released(keep, active);
        if noted.is_ok() {
            self.released = keep;
        }
        if let Err(error) = noted.and_then(|()| self.log.release(keep)) {
            return Err(self.pause(error, now));
        }
        self.trim_below = 0;
        Ok(())
    }

    fn sync_segment(&mut self, now: Moment) -> Result<(), HistoryError> {
        let Some(active) = &mut self.active else { return Ok(()) };
        if let Err(error) = active.sync() {
            // What the failed sync did not write may be gone from memory, and only the log has it still.
            self.poisoned = Some(error.to_string());
            return Err(self.pause(error, now));
        }
        Ok(())
    }

    /// The lowest number that is in no segment.
    pub(super) fn oldest_in_memory(&self) -> u64 {
        let mut least = self.log.next_no();
        for lane in &self.lanes {
            let state = lane.group.state.lock();
            if !state.page.is_empty() {
                least = least.min(state.page.first_no);
            }
            state.closed.iter().for_each(|page| least = least.min(page.first_no));
            state.late.iter().for_each(|(_, late)| least = least.min(late.first_no));
        }
        least
    }

    /// Seals everything, finishes the segment and empties the log.
    ///
    /// # Errors
    /// What the system says; then the log still has all that was taken.
    pub fn flush(&mut self, now: Moment) -> Result<(), HistoryError> {
        self.commit(now)?;
        for group in 0..self.lanes.len() as u32 {
            self.close_below(group, u64::MAX);
        }
        while self.seal_one(now)? {}
        self.finish_segment()?;
        self.shared.catalogue.set_number(self.log.next_no())?;
        self.released = self.log.next_no();
        self.log.rotate();
        self.trim_below = 0;
        self.log.release(self.log.next_no())
    }

    /// Leaves the store in files that never change again; their names and lengths.
    pub(crate) fn freeze(&mut self, now: Moment) -> Result<Vec<(String, u64)>, HistoryError> {
        self.commit(now)?;
        self.finish_segment()?;
        self.log.rotate();
        let segments = self.shared.segments.read().clone();
        let mut names: Vec<(String, u64)> =
            segments.iter().map(|segment| (segment.name.clone(), segment.spans().bytes)).collect();
        names.extend(self.log.names());
        Ok(names)
    }
}
