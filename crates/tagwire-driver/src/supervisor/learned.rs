//! What a device taught by refusing: where blocks must be cut, and which tags it does not have.

use std::time::Duration;

use tagwire_model::Status;
use tokio::time::Instant;

use crate::{Block, Span};

/// Shortest time between two tries of refused tags, so that thousands of them do not crowd out the others.
const MIN_PAUSE: Duration = Duration::from_millis(100);

/// A tag that the device refused when asked for it alone.
#[derive(Clone, Copy, Debug)]
struct Refused {
    tag: u32,
    span: Span,
    status: Status,
}

/// Facts learned about one device; forgotten when the link is opened anew or the device changes.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// Boundaries that no block may cross although the tags on both sides can be read.
    holes: Vec<Span>,
    /// Sorted by tag.
    refused: Vec<Refused>,
    cuts: Vec<Span>,
    version: u64,
    probe_at: Option<Instant>,
    next_probe: usize,
}

impl Learned {
    /// Grows with every fact learned or forgotten, so that plans made before can be told.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// The boundaries for [`crate::PolledDriver::plan`].
    pub(crate) fn cuts(&self) -> &[Span] {
        &self.cuts
    }

    pub(crate) const fn n_refused(&self) -> usize {
        self.refused.len()
    }

    /// The refused tags with their quality.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (u32, Status)> {
        self.refused.iter().map(|refused| (refused.tag, refused.status))
    }

    pub(crate) fn is_refused(&self, tag: u32) -> bool {
        self.refused.binary_search_by_key(&tag, |refused| refused.tag).is_ok()
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        let version = self.version;
        *self = Self { version: version + 1, ..Self::default() };
    }

    /// No block may reach across the start of `at` from now on.
    pub(crate) fn add_hole(&mut self, at: Span) {
        if at.len > 0 && !self.holes.contains(&at) {
            self.holes.push(at);
            self.change();
        }
    }

    /// The device refused `block`, which cannot be cut any further. Its tags leave the plan. Returns whether any of them
    /// was not known to be refused.
    pub(crate) fn refuse(&mut self, block: &Block, status: Status, now: Instant, retry: Duration) -> bool {
        let n_before = self.refused.len();
        let span = Span { area: block.area, start: block.start, len: block.len };
        for &tag in &block.tags {
            match self.refused.binary_search_by_key(&tag, |refused| refused.tag) {
                Ok(found) => self.refused[found].status = status,
                Err(place) => {
                    self.refused.insert(place, Refused { tag, span, status });
                    self.change();
                }
            }
        }
        self.schedule_probe(now, retry);
        self.refused.len() > n_before
    }

    /// The device delivered this tag; returns whether it had been refused.
    pub(crate) fn accept(&mut self, tag: u32, now: Instant) -> bool {
        let Ok(found) = self.refused.binary_search_by_key(&tag, |refused| refused.tag) else { return false };
        self.refused.remove(found);
        self.change();
        // One that is back is a hint that the others are, too.
        self.probe_at = (!self.refused.is_empty()).then_some(now);
        true
    }

    /// When the next refused tag is to be tried again.
    pub(crate) const fn probe_at(&self) -> Option<Instant> {
        self.probe_at
    }

    /// The refused tag to try now. Each one is tried once per `retry`.
    pub(crate) fn probe(&mut self, now: Instant, retry: Duration) -> Option<u32> {
        let at = if self.next_probe < self.refused.len() { self.next_probe } else { 0 };
        let tag = self.refused.get(at)?.tag;
        self.next_probe = at + 1;
        self.probe_at = None;
        self.schedule_probe(now, retry);
        Some(tag)
    }

    fn schedule_probe(&mut self, now: Instant, retry: Duration) {
        if self.probe_at.is_none() && !self.refused.is_empty() {
            let share = retry / u32::try_from(self.refused.len()).unwrap_or(u32::MAX);
            self.probe_at = Some(now + share.max(MIN_PAUSE));
        }
    }

    fn change(&mut self) {
        self.version += 1;
        self.cuts.clone_from(&self.holes);
        for refused in self.refused.iter().filter(|refused| refused.span.len > 0) {
            let Span { area, start, len } = refused.span;
            self.cuts.push(Span { area, start, len: 1 });
            if let Some(end) = start.checked_add(len) {
                self.cuts.push(Span { area, start: end, len: 1 });
            }
        }
        self.cuts.sort_unstable();
        self.cuts.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(tag: u32, start: u32, len: u32) -> Block {
        Block { device: 0, area: 0, start, len, tags: vec![tag] }
    }

    fn starts(learned: &Learned) -> Vec<u32> {
        learned.cuts().iter().map(|cut| cut.start).collect()
    }

    #[test]
    fn a_refused_tag_cuts_around_itself_until_it_answers() {
        let (now, retry) = (Instant::now(), Duration::from_secs(30));
        let mut learned = Learned::default();
        learned.add_hole(Span { area: 0, start: 50, len: 1 });
        learned.refuse(&block(3, 10, 2), Status::BAD_NOT_FOUND, now, retry);
        assert_eq!(starts(&learned), [10, 12, 50]);
        assert!(learned.is_refused(3) && !learned.is_refused(4));
        assert!(learned.accept(3, now) && !learned.accept(3, now));
        assert_eq!(starts(&learned), [50]);
        learned.forget();
        assert!(learned.cuts().is_empty());
    }

    #[test]
    fn every_refused_tag_is_tried_once_per_period() {
        let (start, retry) = (Instant::now(), Duration::from_secs(30));
        let mut learned = Learned::default();
        for tag in [1, 2, 3] {
            learned.refuse(&block(tag, tag * 10, 1), Status::BAD_NOT_FOUND, start, retry);
        }
        let mut tried = Vec::new();
        let mut now = start;
        for _ in 0..6 {
            now = learned.probe_at().expect("something to try");
            tried.push(learned.probe(now, retry).expect("a tag"));
        }
        assert_eq!(tried, [1, 2, 3, 1, 2, 3]);
        assert!(now - start >= Duration::from_secs(60), "{:?}", now - start);
    }
}
