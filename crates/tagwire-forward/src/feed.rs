//! What is to be sent next: samples from the log, what the log has let go from the store, and changes by users, in an order
//! in which the database ends up with what the store shows.
//!
//! Samples carry numbers in the order of arrival, and a change by a user tells which numbers it does not concern any more.
//! A change is therefore sent after all samples below its number and before all others. Where the log has a gap, the
//! changes that concern nothing behind it go first, then what the store shows now of all blocks in the gap: sending a
//! sample twice does no harm, because what is sent again is what stands there, and everything later is sent after it.

use std::collections::VecDeque;

use tagwire_history::{Cursor, Edited, Followed, History, HistoryError, Reason, Span, Tail, TagNumber};
use tagwire_model::Sample;

/// How far the database has come with a store; it is kept there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// All samples below this number are there.
    pub(crate) number: u64,
    /// All changes up to this serial are there.
    pub(crate) serial: u64,
    /// A gap of the log that is being filled from the store.
    pub(crate) fill: Option<Fill>,
}

/// A gap from the number of the position up to but without `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fill {
    pub(crate) to: u64,
    /// Tags below this one are filled.
    pub(crate) tag: u32,
}

/// What is to be done next, and the position after it.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    Nothing,
    Samples {
        samples: Vec<(TagNumber, Sample, Reason)>,
        next: Position,
    },
    Changes {
        changes: Vec<Edited>,
        next: Position,
    },
    /// Nothing is to be sent, but the position moves.
    Move(Position),
}

/// Changes looked at in one go.
const MAX_CHANGES: usize = 256;

/// The source of steps.
#[derive(Debug)]
pub(crate) struct Feed {
    history: History,
    tail: Tail,
    position: Position,
    /// The tag of the gap that is being read.
    filling: Option<Filling>,
    /// What was read of a gap and may hold samples from this number on, which are not on the disk yet.
    held: Option<(u64, Step)>,
}

#[derive(Debug)]
struct Filling {
    tag: u32,
    spans: VecDeque<Span>,
    cursor: Option<Cursor>,
}

impl Feed {
    pub(crate) fn new(history: History, position: Position) -> Self {
        let tail = history.follow(position.number);
        Self { history, tail, position, filling: None, held: None }
    }

    /// Goes on from here: after a failure, when nobody knows what the database has.
    pub(crate) fn go_to(&mut self, position: Position) {
        self.position = position;
        self.tail.go_to(position.number);
        self.filling = None;
        self.held = None;
    }

    /// The next step, with about `max` samples; it counts as done when this is called again. May wait for the disk.
    pub(crate) fn next(&mut self, max: usize) -> Result<Step, HistoryError> {
        // No change that concerns only samples below this number can be made after it was read.
        let durable = self.history.durable_up_to();
        if let Some((number, step)) = self.held.take() {
            if durable < number {
                self.held = Some((number, step));
                return Ok(Step::Nothing);
            }
            return Ok(step);
        }
        let position = self.position;
        let changes = self.history.changes_after(position.serial, MAX_CHANGES)?;
        let behind = position.fill.map_or(position.number, |fill| fill.to);
        let due: Vec<Edited> = changes.iter().take_while(|change| change.number <= behind).cloned().collect();
        if let Some(last) = due.last() {
            let next = Position { serial: last.serial, ..position };
            self.position = next;
            return Ok(Step::Changes { changes: due, next });
        }
        if let Some(fill) = position.fill {
            let (number, step) = self.fill(fill, max)?;
            // A sample that a crash could still take back must not be elsewhere already.
            if self.history.durable_up_to() < number {
                self.held = Some((number, step));
                return Ok(Step::Nothing);
            }
            return Ok(step);
        }
        let up_to = changes.first().map_or(u64::MAX, |change| change.number).min(durable);
        match self.tail.next(up_to, max)? {
            Followed::Nothing => Ok(Step::Nothing),
            Followed::Samples(arrived) => {
                let next = Position { number: self.tail.number(), ..position };
                self.position = next;
                let samples = arrived.into_iter().map(|one| (one.tag, one.sample, one.reason)).collect();
                Ok(Step::Samples { samples, next })
            }
            Followed::Gap(to) => {
                let next = Position { fill: Some(Fill { to, tag: 0 }), ..position };
                self.position = next;
                Ok(Step::Move(next))
            }
        }
    }

    /// What the store shows of the samples of a gap, tag by tag, and a number above those of all of them.
    fn fill(&mut self, fill: Fill, max: usize) -> Result<(u64, Step), HistoryError> {
        let mut number = 0;
        let n_tags = self.history.n_series();
        let mut tag = fill.tag;
        let mut samples = Vec::new();
        while tag < n_tags && samples.len() < max {
            let filling = match &mut self.filling {
                Some(filling) if filling.tag == tag => filling,
                other => {
                    let spans = self.history.arrived(TagNumber(tag), self.position.number, fill.to)?;
                    other.insert(Filling { tag, spans: spans.into(), cursor: None })
                }
            };
            while samples.len() < max {
                let Some(cursor) = &mut filling.cursor else {
                    let Some(span) = filling.spans.pop_front() else { break };
                    filling.cursor = Some(self.history.read(TagNumber(tag), span)?);
                    continue;
                };
                number = number.max(cursor.end_number());
                match cursor.next(max - samples.len())? {
                    Some(view) => {
                        let reasons = view.reasons().iter().copied();
                        let each = (0..view.len()).filter_map(|idx| view.sample(idx));
                        samples.extend(each.zip(reasons).map(|(sample, reason)| (TagNumber(tag), sample, reason)));
                    }
                    None => filling.cursor = None,
                }
            }
            if filling.cursor.is_none() && filling.spans.is_empty() {
                self.filling = None;
                tag += 1;
            }
        }
        let mut next = Position { fill: Some(Fill { tag, ..fill }), ..self.position };
        if tag >= n_tags {
            next = Position { number: fill.to, fill: None, ..next };
            self.tail.go_to(fill.to);
        }
        self.position = next;
        Ok((number, if samples.is_empty() { Step::Move(next) } else { Step::Samples { samples, next } }))
    }
}
