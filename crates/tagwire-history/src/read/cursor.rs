//! A read that goes on where it stopped.

use tagwire_model::Timestamp;

use super::merge::Merge;
use super::overlay::Overlay;
use super::span::Span;
use crate::store::{History, Source};
use crate::{Damage, HistoryError, Reason, Samples, TagNumber, Values};

/// Samples in the order of a read, borrowed from the cursor.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    samples: &'a Samples,
    from: usize,
    to: usize,
}

impl<'a> View<'a> {
    pub(super) const fn of(samples: &'a Samples, from: usize, to: usize) -> Self {
        Self { samples, from, to }
    }

    /// How many there are; never 0.
    pub const fn len(&self) -> usize {
        self.to - self.from
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.to == self.from
    }

    /// Source times in 100 ns ticks since 1601-01-01 UTC.
    pub fn times(&self) -> &'a [i64] {
        &self.samples.times[self.from..self.to]
    }

    /// Server times, likewise; zero for none.
    pub fn server_times(&self) -> &'a [i64] {
        &self.samples.server_times[self.from..self.to]
    }

    /// StatusCodes.
    pub fn statuses(&self) -> &'a [u32] {
        &self.samples.statuses[self.from..self.to]
    }

    /// Why each was stored.
    pub fn reasons(&self) -> &'a [Reason] {
        &self.samples.reasons[self.from..self.to]
    }

    /// Which samples have no value; `None` when all have one.
    pub fn missing(&self) -> Option<&'a [bool]> {
        self.samples.missing.get(self.from..self.to)
    }

    /// The values: those of this view are `range()` of them.
    pub const fn values(&self) -> (&'a Values, std::ops::Range<usize>) {
        (&self.samples.values, self.from..self.to)
    }

    /// One sample.
    pub fn sample(&self, idx: usize) -> Option<tagwire_model::Sample> {
        if idx < self.len() { self.samples.sample(self.from + idx) } else { None }
    }

    /// All samples as columns of their own.
    pub fn to_samples(&self) -> Samples {
        let mut samples = Samples::empty(self.samples.values.column_type());
        samples.extend_from(self.samples, self.from, self.to);
        samples
    }
}

/// Where a read stopped: it can go on from here in another session, whatever was written meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    low: i64,
    high: i64,
    backward: bool,
    /// Forward: samples of the first time of the span that were handed out already, which are the oldest ones. Backward:
    /// samples of that time that are still to come, which are the oldest ones too, so that one that arrives meanwhile
    /// changes nothing.
    first: u32,
}

/// All samples of the first time are still to come.
const fn whole(backward: bool) -> u32 {
    if backward { u32::MAX } else { 0 }
}

/// Bytes of a position.
const POSITION_LEN: usize = 21;

impl Position {
    /// All samples of a span that has no two of one time.
    pub(super) const fn of(span: Span) -> Self {
        Self { low: span.low, high: span.high, backward: span.backward, first: whole(span.backward) }
    }

    pub(super) const fn span(self) -> Span {
        Span::closed(self.low, self.high, self.backward)
    }

    /// The bytes of a continuation point.
    pub fn to_bytes(self) -> [u8; POSITION_LEN] {
        let mut bytes = [0; POSITION_LEN];
        bytes[..8].copy_from_slice(&self.low.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.high.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.first.to_le_bytes());
        bytes[20] = u8::from(self.backward);
        bytes
    }

    /// The position with these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; POSITION_LEN] = bytes.try_into().ok()?;
        let mut reader = crate::bytes::Reader::new(bytes);
        let (low, high, first, flag) = (reader.i64().ok()?, reader.i64().ok()?, reader.u32().ok()?, reader.u8().ok()?);
        (flag < 2).then_some(Self { low, high, backward: flag == 1, first })
    }
}

/// Hands out the samples of one tag, a block at a time. It sees the samples that were there when it was made.
#[derive(Debug)]
pub struct Cursor {
    merge: Merge,
    overlay: Option<Overlay>,
    span: Span,
    chunk: Samples,
    at: usize,
    done: bool,
    /// Time of the last sample handed out, and how many of that time.
    last: Option<(i64, u32)>,
    /// As in [`Position`], for the time `start`.
    first: u32,
    start: i64,
    end_no: u64,
}

impl Cursor {
    fn new(history: &History, tag: TagNumber, span: Span, first: u32, as_of: u64) -> Result<Self, HistoryError> {
        let column_type = history.series(tag)?.column_type();
        let sources = if span.is_empty() { Vec::new() } else { history.sources(tag, span.low, span.high)? };
        let end_no = sources.iter().map(Source::end_no).max().unwrap_or(0);
        let edited = history.shared.edited.read().contains_key(&tag);
        let overlay = if edited { Some(Overlay::new(history, tag, span, as_of)?) } else { None };
        Ok(Self {
            merge: Merge::new(history.clone(), sources, span, column_type, edited),
            overlay,
            span,
            chunk: Samples::empty(column_type),
            at: 0,
            done: span.is_empty(),
            last: None,
            first,
            start: if span.backward { span.high } else { span.low },
            end_no,
        })
    }

    /// The next samples, at most `max` of them; `None` behind the last one.
    ///
    /// # Errors
    /// What the system says. Damaged blocks are no error: they are left out and told by [`Cursor::damage`].
    pub fn next(&mut self, max: usize) -> Result<Option<View<'_>>, HistoryError> {
        while self.at >= self.chunk.len() {
            if self.done || !self.fill()? {
                return Ok(None);
            }
        }
        let to = self.chunk.len().min(self.at.saturating_add(max.max(1)));
        let from = std::mem::replace(&mut self.at, to);
        let time = self.chunk.times[to - 1];
        let same = self.chunk.times[from..to].iter().rev().take_while(|other| **other == time).count() as u32;
        let before = match self.last {
            Some((last, n)) if last == time && same as usize == to - from => n,
            _ if time == self.start && same as usize == to - from && self.last.is_none() => self.first,
            _ => 0,
        };
        self.last = Some((time, before.saturating_add(same)));
        Ok(Some(View { samples: &self.chunk, from, to }))
    }

    /// The next block in memory; whether there was one.
    fn fill(&mut self) -> Result<bool, HistoryError> {
        self.chunk.clear();
        self.at = 0;
        let more = self.merge.next(&mut self.chunk)?;
        if let Some(overlay) = &mut self.overlay {
            let up_to = if more { self.merge.horizon() } else { i64::MAX };
            overlay.apply(&mut self.chunk, self.merge.numbers(), up_to)?;
        }
        self.done = !more;
        if self.last.is_none() && self.first != whole(self.span.backward) {
            // All samples of one time are in one block.
            let start = self.start;
            let same = self.chunk.times.iter().take_while(|time| **time == start).count();
            let first = self.first as usize;
            self.at = if self.span.backward { same.saturating_sub(first) } else { same.min(first) };
        }
        Ok(self.at < self.chunk.len() || more)
    }

    /// Where to go on; `None` when all was handed out.
    ///
    /// # Errors
    /// As [`Cursor::next`].
    pub fn position(&mut self) -> Result<Option<Position>, HistoryError> {
        while self.at >= self.chunk.len() {
            if self.done || !self.fill()? {
                return Ok(None);
            }
        }
        let (low, high, backward) = (self.span.low, self.span.high, self.span.backward);
        Ok(Some(match self.last {
            None => Position { low, high, backward, first: self.first },
            Some((time, _)) if backward => {
                let rest = &self.chunk.times[self.at..];
                let first = rest.iter().take_while(|other| **other == time).count() as u32;
                Position { low, high: time, backward, first }
            }
            Some((time, first)) => Position { low: time, high, backward, first },
        }))
    }

    /// A number above those of all samples that it hands out: they are on the disk once all below it are.
    pub const fn end_number(&self) -> u64 {
        self.end_no
    }

    /// What could not be read so far.
    pub fn damage(&self) -> &[Damage] {
        self.merge.damage()
    }
}

impl History {
    /// Reads the samples of a tag.
    ///
    /// # Errors
    /// [`HistoryError::UnknownTag`], or what the system says.
    pub fn read(&self, tag: TagNumber, span: Span) -> Result<Cursor, HistoryError> {
        Cursor::new(self, tag, span, whole(span.backward), u64::MAX)
    }

    /// Goes on with a read.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn resume(&self, tag: TagNumber, position: Position) -> Result<Cursor, HistoryError> {
        let span = Span::closed(position.low, position.high, position.backward);
        Cursor::new(self, tag, span, position.first, u64::MAX)
    }

    /// Reads what stood there before the change with this serial.
    pub(crate) fn read_as_of(&self, tag: TagNumber, span: Span, serial: u64) -> Result<Cursor, HistoryError> {
        Cursor::new(self, tag, span, whole(span.backward), serial)
    }

    /// The last sample at `time` or before; `None` when there is none.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn at_or_before(&self, tag: TagNumber, time: Timestamp) -> Result<Option<tagwire_model::Sample>, HistoryError> {
        self.nearest(tag, time.ticks(), true)
    }

    /// The first sample at `time` or after; `None` when there is none.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn at_or_after(&self, tag: TagNumber, time: Timestamp) -> Result<Option<tagwire_model::Sample>, HistoryError> {
        self.nearest(tag, time.ticks(), false)
    }
}
