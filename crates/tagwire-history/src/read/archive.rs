//! History wherever it is kept: in the own files, or in a place that several servers share.

use std::sync::Arc;

use tagwire_model::{Sample, Timestamp, ValueType};

use super::cursor::{Cursor, Position, View};
use super::span::Span;
use super::summary::Summary;
use crate::annotation::Annotation;
use crate::edit::Modification;
use crate::store::History;
use crate::{ColumnType, HistoryError, Samples, TagNumber};

/// Samples taken from elsewhere at once.
const PAGE: usize = 10_000;

/// A place that several servers share. It has at most one sample of a tag at a time.
pub trait Elsewhere: Send + Sync + 'static {
    /// The number there of the tag with this path and type. Never waits, so it may not know yet what is new.
    fn number(&self, path: &str, value_type: ValueType) -> Option<TagNumber>;

    /// The type of the values of a tag. Never waits.
    ///
    /// # Errors
    /// [`HistoryError::UnknownTag`].
    fn column_type(&self, tag: TagNumber) -> Result<ColumnType, HistoryError>;

    /// The first samples in `low..=high`, both ends included, at most `max`; the last ones, last first, when `backward`.
    /// Waits, for a bounded time.
    ///
    /// # Errors
    /// [`HistoryError::Elsewhere`].
    fn page(&self, tag: TagNumber, ends: (i64, i64), backward: bool, max: usize) -> Result<Samples, HistoryError>;

    /// The changes of the samples in `from..=to`, in the order in which they were made. Waits, for a bounded time.
    ///
    /// # Errors
    /// [`HistoryError::Elsewhere`].
    fn modified(&self, tag: TagNumber, from: Timestamp, to: Timestamp) -> Result<Vec<Modification>, HistoryError>;
}

/// Where history is read from.
#[derive(Clone)]
pub enum Archive {
    /// The own files.
    Here(History),
    /// A place that several servers share.
    There(Arc<dyn Elsewhere>),
}

/// Hands out the samples of one tag from an [`Archive`], a block at a time.
#[expect(clippy::large_enum_variant, reason = "there is one for each read, and it stays where it is")]
pub enum ArchiveCursor {
    /// From the own files.
    Here(Cursor),
    /// From elsewhere.
    There(Pages),
}

impl Archive {
    /// As [`History::read`].
    ///
    /// # Errors
    /// As [`History::read`], and [`HistoryError::Elsewhere`].
    pub fn read(&self, tag: TagNumber, span: Span) -> Result<ArchiveCursor, HistoryError> {
        match self {
            Self::Here(history) => history.read(tag, span).map(ArchiveCursor::Here),
            Self::There(there) => Pages::new(Arc::clone(there), tag, span).map(ArchiveCursor::There),
        }
    }

    /// As [`History::resume`].
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn resume(&self, tag: TagNumber, position: Position) -> Result<ArchiveCursor, HistoryError> {
        match self {
            Self::Here(history) => history.resume(tag, position).map(ArchiveCursor::Here),
            Self::There(there) => Pages::new(Arc::clone(there), tag, position.span()).map(ArchiveCursor::There),
        }
    }

    /// As [`History::at_or_before`].
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn at_or_before(&self, tag: TagNumber, time: Timestamp) -> Result<Option<Sample>, HistoryError> {
        match self {
            Self::Here(history) => history.at_or_before(tag, time),
            Self::There(there) => Ok(there.page(tag, (i64::MIN, time.ticks()), true, 1)?.sample(0)),
        }
    }

    /// As [`History::at_or_after`].
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn at_or_after(&self, tag: TagNumber, time: Timestamp) -> Result<Option<Sample>, HistoryError> {
        match self {
            Self::Here(history) => history.at_or_after(tag, time),
            Self::There(there) => Ok(there.page(tag, (time.ticks(), i64::MAX), false, 1)?.sample(0)),
        }
    }

    /// As [`History::begin`].
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn begin(&self, tag: TagNumber) -> Result<Option<Timestamp>, HistoryError> {
        match self {
            Self::Here(history) => history.begin(tag),
            Self::There(_) => {
                Ok(self.at_or_after(tag, Timestamp::from_ticks(i64::MIN))?.map(|first| first.source_time))
            }
        }
    }

    /// As [`History::summaries`]; elsewhere there are none, and samples have to be read.
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn summaries(&self, tag: TagNumber, from: Timestamp, to: Timestamp) -> Result<Vec<Summary>, HistoryError> {
        match self {
            Self::Here(history) => history.summaries(tag, from, to),
            Self::There(_) => Ok(Vec::new()),
        }
    }

    /// As [`History::is_edited`]; elsewhere changed samples stand among the others.
    pub fn is_edited(&self, tag: TagNumber) -> bool {
        match self {
            Self::Here(history) => history.is_edited(tag),
            Self::There(_) => false,
        }
    }

    /// As [`History::read_modified`].
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn read_modified(
        &self,
        tag: TagNumber,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Modification>, HistoryError> {
        match self {
            Self::Here(history) => history.read_modified(tag, from, to),
            Self::There(there) => there.modified(tag, from, to),
        }
    }

    /// As [`History::annotations`]; elsewhere there are none.
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn annotations(&self, tag: TagNumber, from: Timestamp, to: Timestamp) -> Result<Vec<Annotation>, HistoryError> {
        match self {
            Self::Here(history) => history.annotations(tag, from, to),
            Self::There(_) => Ok(Vec::new()),
        }
    }
}

impl ArchiveCursor {
    /// As [`Cursor::next`].
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn next(&mut self, max: usize) -> Result<Option<View<'_>>, HistoryError> {
        match self {
            Self::Here(cursor) => cursor.next(max),
            Self::There(pages) => pages.next(max),
        }
    }

    /// As [`Cursor::position`].
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn position(&mut self) -> Result<Option<Position>, HistoryError> {
        match self {
            Self::Here(cursor) => cursor.position(),
            Self::There(pages) => pages.position(),
        }
    }
}

/// Samples of one tag from elsewhere, a page at a time; it goes on by time, so what is written meanwhile neither repeats
/// nor hides a sample.
pub struct Pages {
    there: Arc<dyn Elsewhere>,
    tag: TagNumber,
    /// What was not asked for yet.
    span: Span,
    chunk: Samples,
    at: usize,
}

impl Pages {
    fn new(there: Arc<dyn Elsewhere>, tag: TagNumber, span: Span) -> Result<Self, HistoryError> {
        let chunk = Samples::empty(there.column_type(tag)?);
        Ok(Self { there, tag, span, chunk, at: 0 })
    }

    /// Sees to it that there is a sample to hand out; whether there is one.
    fn fill(&mut self, max: usize) -> Result<bool, HistoryError> {
        if self.at < self.chunk.len() {
            return Ok(true);
        }
        if self.span.is_empty() {
            return Ok(false);
        }
        let Span { low, high, backward } = self.span;
        let max = max.clamp(16, PAGE);
        self.chunk = self.there.page(self.tag, (low, high), backward, max)?;
        self.at = 0;
        // A page that is not full was the last one.
        let rest = match self.chunk.times.last().filter(|_| self.chunk.len() >= max) {
            Some(last) if backward => last.checked_sub(1).map(|high| Span::closed(low, high, true)),
            Some(last) => last.checked_add(1).map(|low| Span::closed(low, high, false)),
            None => None,
        };
        self.span = rest.unwrap_or_else(|| Span::closed(1, 0, backward));
        Ok(!self.chunk.is_empty())
    }

    fn next(&mut self, max: usize) -> Result<Option<View<'_>>, HistoryError> {
        // A reader that takes samples one by one wants many of them.
        if !self.fill(if max == 1 { 256 } else { max.saturating_add(1) })? {
            return Ok(None);
        }
        let to = self.chunk.len().min(self.at.saturating_add(max.max(1)));
        let from = std::mem::replace(&mut self.at, to);
        Ok(Some(View::of(&self.chunk, from, to)))
    }

    fn position(&mut self) -> Result<Option<Position>, HistoryError> {
        if !self.fill(1)? {
            return Ok(None);
        }
        let Some(next) = self.chunk.times.get(self.at).copied() else { return Ok(None) };
        // The samples of this page that were not handed out are asked for again.
        let Span { low, high, backward } = self.span;
        let is_last = self.span.is_empty();
        Ok(Some(if backward {
            Position::of(Span::closed(if is_last { self.low_end() } else { low }, next, true))
        } else {
            Position::of(Span::closed(next, if is_last { self.high_end() } else { high }, false))
        }))
    }

    fn low_end(&self) -> i64 {
        self.chunk.times.last().copied().unwrap_or(i64::MIN)
    }

    fn high_end(&self) -> i64 {
        self.chunk.times.last().copied().unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use tagwire_model::{DataType, Status, Value};

    use super::*;
    use crate::Reason;

    struct Numbers(i64);

    impl Elsewhere for Numbers {
        fn number(&self, _: &str, _: ValueType) -> Option<TagNumber> {
            Some(TagNumber(0))
        }

        fn column_type(&self, _: TagNumber) -> Result<ColumnType, HistoryError> {
            Ok(ColumnType::Scalar(DataType::Int64))
        }

        fn page(
            &self,
            _: TagNumber,
            (low, high): (i64, i64),
            backward: bool,
            max: usize,
        ) -> Result<Samples, HistoryError> {
            let mut all: Vec<i64> = (0..self.0).map(|n| n * 3).filter(|time| (low..=high).contains(time)).collect();
            if backward {
                all.reverse();
            }
            let mut samples = Samples::empty(ColumnType::Scalar(DataType::Int64));
            for time in all.into_iter().take(max) {
                let source_time = Timestamp::from_ticks(time);
                let value = Value::Int64(time);
                let sample = Sample { value, status: Status::GOOD, source_time, server_time: source_time };
                samples.push(&sample, Reason::Changed);
            }
            Ok(samples)
        }

        fn modified(&self, _: TagNumber, _: Timestamp, _: Timestamp) -> Result<Vec<Modification>, HistoryError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn pages_of_every_size_give_every_sample_once_in_both_directions() {
        let archive = Archive::There(Arc::new(Numbers(1000)));
        for (span, expected) in [
            (Span::all(), (0..1000).map(|n| n * 3).collect::<Vec<i64>>()),
            (
                Span::backward(Timestamp::from_ticks(2000), Timestamp::from_ticks(1000)),
                (334..=666).rev().map(|n| n * 3).collect(),
            ),
            (Span::at(Timestamp::from_ticks(6)), vec![6]),
            (Span::at(Timestamp::from_ticks(7)), vec![]),
        ] {
            for size in [1, 2, 15, 16, 17, 100, 999, 1000, 5000] {
                let mut found = Vec::new();
                let mut position = None;
                loop {
                    let mut cursor = match position {
                        None => archive.read(TagNumber(0), span).expect("reads"),
                        Some(position) => archive.resume(TagNumber(0), position).expect("reads"),
                    };
                    for _ in 0..3 {
                        if let Some(view) = cursor.next(size).expect("reads") {
                            found.extend_from_slice(view.times());
                        }
                    }
                    position = cursor.position().expect("reads");
                    if position.is_none() {
                        break;
                    }
                }
                assert_eq!(found, expected, "pages of {size}");
            }
        }
        let at = |ticks| Timestamp::from_ticks(ticks);
        let time = |sample: Option<Sample>| sample.map(|sample| sample.source_time.ticks());
        assert_eq!(time(archive.at_or_before(TagNumber(0), at(7)).expect("reads")), Some(6));
        assert_eq!(time(archive.at_or_after(TagNumber(0), at(7)).expect("reads")), Some(9));
        assert_eq!(archive.begin(TagNumber(0)).expect("reads"), Some(at(0)));
    }
}
