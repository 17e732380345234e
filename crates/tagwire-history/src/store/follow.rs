//! What somebody needs who sends all samples elsewhere: which store this is, what users changed, and where samples are
//! that the log no longer has.

use std::sync::atomic::Ordering;

use tagwire_model::Timestamp;

use super::shared::History;
use crate::read::Span;
use crate::storage::read_vec;
use crate::{Edited, HistoryError, TagNumber};

const IDENTITY: &str = "identity";

impl History {
    /// A number that no other store has, so that others can remember how far they have come with this one. A copy that was
    /// taken back is another store, because it gives numbers again that the former one gave already.
    ///
    /// # Errors
    /// What the system says.
    pub fn identity(&self) -> Result<u64, HistoryError> {
        let storage = &self.shared.storage;
        let file = storage.open(IDENTITY, true).map_err(HistoryError::io(IDENTITY))?;
        let len = file.len().map_err(HistoryError::io(IDENTITY))?;
        let bytes = read_vec(&*file, 0, len.min(16) as usize).map_err(HistoryError::io(IDENTITY))?;
        let known = std::str::from_utf8(&bytes).ok().filter(|text| text.len() == 16);
        if let Some(known) = known.and_then(|text| u64::from_str_radix(text, 16).ok()) {
            return Ok(known);
        }
        let fresh = fastrand::u64(1..);
        file.set_len(0)
            .and_then(|()| file.write_at(0, format!("{fresh:016x}").as_bytes()))
            .and_then(|()| file.sync())
            .and_then(|()| storage.sync_names())
            .map_err(HistoryError::io(IDENTITY))?;
        Ok(fresh)
    }

    /// The first `max` changes by users behind this serial, in the order in which they were made. When the samples below
    /// [`History::durable_up_to`] were known before the call, no change that concerns only those is missing.
    ///
    /// # Errors
    /// [`HistoryError::Catalogue`].
    pub fn changes_after(&self, serial: u64, max: usize) -> Result<Vec<Edited>, HistoryError> {
        if self.shared.last_serial.load(Ordering::Acquire) <= serial {
            return Ok(Vec::new());
        }
        self.shared.catalogue.edits_after(serial, max)
    }

    /// Spans of time that hold all samples of a tag with numbers from `from` up to but without `to`, and others between
    /// them; in the order of time, without overlaps.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn arrived(&self, tag: TagNumber, from: u64, to: u64) -> Result<Vec<Span>, HistoryError> {
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for source in self.sources(tag, i64::MIN, i64::MAX)? {
            if source.first_no() < to && source.end_no() > from {
                spans.push((source.t_first(), source.t_last()));
            }
        }
        spans.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (low, high) in spans {
            match merged.last_mut() {
                Some(last) if low <= last.1 => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Ok(merged.into_iter().map(|(low, high)| Span::closed(low, high, false)).collect())
    }

    /// The time of the newest sample of a tag; `None` when there is none.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn end(&self, tag: TagNumber) -> Result<Option<Timestamp>, HistoryError> {
        let sources = self.sources(tag, i64::MIN, i64::MAX)?;
        Ok(sources.iter().map(super::snapshot::Source::t_last).max().map(Timestamp::from_ticks))
    }
}
