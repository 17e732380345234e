//! One pass over the blocks of a scan class or of an explicit read: what to ask next, what to ask again.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use super::bisect::{Bisect, Piece};
use crate::Block;

/// A block that gets no answer while the device answers others is asked once in this time.
const MUTED: Duration = Duration::from_secs(2);

/// How a block has been doing.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    n_unanswered: u32,
    /// How often the device had answered when the block first was not.
    n_answers: u64,
    muted_until: Option<Instant>,
}

/// What to ask next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// These blocks of the round.
    Blocks(Range<usize>),
    /// A part of a block that was refused as a whole.
    Piece(Piece),
}

/// A pass over blocks.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) blocks: Vec<Block>,
    pub(crate) bisect: Bisect,
    records: Vec<Record>,
    next: usize,
    again: VecDeque<usize>,
    next_probe: usize,
}

impl Round {
    /// Takes new blocks and stands before the first one. Blocks that were the same before keep their record, so that one
    /// that never answers is not forgotten with every new plan.
    pub(crate) fn replan(&mut self, blocks: Vec<Block>) {
        let records = std::mem::take(&mut self.records);
        let old: Vec<(Block, Record)> = std::mem::take(&mut self.blocks)
            .into_iter()
            .zip(records)
            .filter(|(_, record)| record.n_unanswered > 0)
            .collect();
        let record_of = |new: &Block| old.iter().find(|(block, _)| block == new).map(|(_, record)| *record);
        self.records = blocks.iter().map(|new| record_of(new).unwrap_or_default()).collect();
        self.blocks = blocks;
        self.restart();
    }

    /// Stands before the first block again.
    pub(crate) fn restart(&mut self) {
        self.next = 0;
        self.again.clear();
        self.bisect.clear();
    }

    /// What to ask next, at most `n` blocks; `None` when the pass is complete.
    pub(crate) fn ask(&mut self, now: Instant, n: usize) -> Option<Ask> {
        if let Some(piece) = self.bisect.next() {
            return Some(Ask::Piece(piece));
        }
        while self.is_muted(self.next, now) {
            self.next += 1;
        }
        let start = self.next;
        while self.next < self.blocks.len() && self.next - start < n.max(1) && !self.is_muted(self.next, now) {
            self.next += 1;
        }
        if start < self.next {
            return Some(Ask::Blocks(start..self.next));
        }
        self.again.pop_front().map(|idx| Ask::Blocks(idx..idx + 1))
    }

    /// Whether nothing is left to ask in this pass.
    pub(crate) fn is_complete(&self, now: Instant) -> bool {
        let rest = self.next..self.blocks.len();
        self.bisect.is_empty() && self.again.is_empty() && rest.into_iter().all(|idx| self.is_muted(idx, now))
    }

    /// A block to find out whether the device is back, another one each time, because it may be this one that gets no
    /// answer.
    pub(crate) fn probe(&mut self) -> Option<Ask> {
        let idx = if self.next_probe < self.blocks.len() { self.next_probe } else { 0 };
        self.next_probe = idx + 1;
        (idx < self.blocks.len()).then(|| Ask::Blocks(idx..idx + 1))
    }

    fn is_muted(&self, idx: usize, now: Instant) -> bool {
        self.records.get(idx).is_some_and(|record| record.muted_until.is_some_and(|until| until > now))
    }

    /// Notes that a block was answered.
    pub(crate) fn answered(&mut self, idx: usize) {
        if let Some(record) = self.records.get_mut(idx)
            && record.n_unanswered > 0
        {
            *record = Record::default();
        }
    }

    /// Notes that a block was not answered by a device that answered `n_answers` requests so far: the block is asked
    /// again at the end of the pass. When it alone is at fault, because the device answered others meanwhile, it is left
    /// alone for a while after `attempts`; returns whether that is so.
    pub(crate) fn unanswered(&mut self, idx: usize, attempts: u32, n_answers: u64, now: Instant) -> bool {
        let Some(record) = self.records.get_mut(idx) else { return false };
        if record.n_unanswered == 0 {
            record.n_answers = n_answers;
        }
        record.n_unanswered = record.n_unanswered.saturating_add(1);
        if record.n_unanswered >= attempts.max(2) && n_answers > record.n_answers {
            record.muted_until = Some(now + MUTED);
            return true;
        }
        if !self.again.contains(&idx) {
            self.again.push_back(idx);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(n: u32) -> Round {
        let mut round = Round::default();
        round.replan((0..n).map(|at| Block { device: 0, area: 0, start: at, len: 1, tags: vec![at] }).collect());
        round
    }

    #[test]
    fn blocks_without_answer_are_asked_again_after_the_others() {
        let now = Instant::now();
        let mut round = round(3);
        assert_eq!(round.ask(now, 2), Some(Ask::Blocks(0..2)));
        assert!(!round.unanswered(1, 3, 1, now));
        assert_eq!(round.ask(now, 2), Some(Ask::Blocks(2..3)));
        assert_eq!(round.ask(now, 2), Some(Ask::Blocks(1..2)));
        assert_eq!(round.ask(now, 2), None);
    }

    #[test]
    fn a_block_that_alone_never_answers_is_asked_rarely() {
        let now = Instant::now();
        let mut round = round(2);
        assert_eq!(round.ask(now, 1), Some(Ask::Blocks(0..1)));
        assert!(!round.unanswered(0, 2, 5, now));
        assert_eq!(round.ask(now, 1), Some(Ask::Blocks(1..2)));
        assert_eq!(round.ask(now, 1), Some(Ask::Blocks(0..1)));
        assert!(round.unanswered(0, 2, 6, now));
        assert_eq!(round.ask(now, 1), None);
        round.restart();
        assert_eq!(round.ask(now, 9), Some(Ask::Blocks(1..2)));
        round.restart();
        assert_eq!(round.ask(now + MUTED, 9), Some(Ask::Blocks(0..2)));
        round.answered(0);
        assert!(!round.unanswered(0, 2, 7, now));
    }

    #[test]
    fn a_dead_device_does_not_mute_its_blocks() {
        let now = Instant::now();
        let mut round = round(1);
        for _ in 0..9 {
            assert_eq!(round.ask(now, 1), Some(Ask::Blocks(0..1)));
            assert!(!round.unanswered(0, 2, 5, now));
        }
    }
}
