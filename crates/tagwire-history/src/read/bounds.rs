//! The samples nearest to a time, and spans with their bounds.

use tagwire_model::{Sample, Timestamp};

use super::cursor::Cursor;
use super::span::Span;
use crate::store::History;
use crate::{HistoryError, TagNumber};

/// How far to look at first, then next: most tags have a sample within the hour.
const STEPS: [i64; 4] = [
    3_600 * Timestamp::TICKS_PER_SECOND,
    24 * 3_600 * Timestamp::TICKS_PER_SECOND,
    60 * 24 * 3_600 * Timestamp::TICKS_PER_SECOND,
    i64::MAX,
];

impl History {
    pub(super) fn nearest(&self, tag: TagNumber, time: i64, before: bool) -> Result<Option<Sample>, HistoryError> {
        let mut near = time;
        for step in STEPS {
            let (low, high) =
                if before { (time.saturating_sub(step), near) } else { (near, time.saturating_add(step)) };
            if low > high {
                continue;
            }
            let mut cursor = self.read(tag, Span::closed(low, high, before))?;
            if let Some(view) = cursor.next(1)? {
                return Ok(view.sample(0));
            }
            let (end, far) = if before { (low.checked_sub(1), i64::MIN) } else { (high.checked_add(1), i64::MAX) };
            match end {
                Some(end) if end != far => near = end,
                _ => break,
            }
        }
        Ok(None)
    }

    /// Reads with bounding values (OPC UA Part 11, 4.5): the sample at each end of the span or, where there is none, the
    /// nearest one beyond it. A bound that does not exist is missing.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn read_bounded(&self, tag: TagNumber, start: Timestamp, end: Timestamp) -> Result<Cursor, HistoryError> {
        let backward = start > end;
        let (low, high) = if backward { (end.ticks(), start.ticks()) } else { (start.ticks(), end.ticks()) };
        let first = self.nearest(tag, low, true)?.map_or(low, |sample| sample.source_time.ticks());
        let last = self.nearest(tag, high, false)?.map_or(high, |sample| sample.source_time.ticks());
        self.read(tag, Span::closed(first, last, backward))
    }
}
