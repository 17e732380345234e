//! Changes by users, laid over the samples as they came.

use std::collections::BTreeMap;

use super::span::Span;
use crate::edit::{Change, RangeDelete};
use crate::store::History;
use crate::{HistoryError, Samples, TagNumber};

/// The changes of one tag.
#[derive(Debug)]
pub(super) struct Overlay {
    history: History,
    tag: TagNumber,
    span: Span,
    /// Changes with this serial and later ones are not seen.
    as_of: u64,
    ranges: Vec<(u64, RangeDelete)>,
    /// Up to where, in the direction of the read, changes were laid over.
    done: Option<i64>,
}

impl Overlay {
    pub(super) fn new(history: &History, tag: TagNumber, span: Span, as_of: u64) -> Result<Self, HistoryError> {
        let mut ranges = history.shared.catalogue.ranges(tag)?;
        ranges.retain(|(serial, range)| {
            *serial < as_of && range.from.ticks() <= span.high && range.to.ticks() > span.low
        });
        Ok(Self { history: history.clone(), tag, span, as_of, ranges, done: None })
    }

    /// Changes samples whose blocks have these numbers, and adds what was inserted up to the key `up_to`.
    pub(super) fn apply(
        &mut self,
        samples: &mut Samples,
        numbers: &[(u32, u64)],
        up_to: i64,
    ) -> Result<(), HistoryError> {
        let span = self.span;
        let first = match self.done {
            None => span.key(if span.backward { span.high } else { span.low }),
            Some(i64::MAX) => return Ok(()),
            Some(done) => done + 1,
        };
        let last = up_to.min(span.key(if span.backward { span.low } else { span.high }));
        // Samples of the time up to which all was done can still come in the next block.
        let first_seen = samples.times.first().map_or(first, |time| span.key(*time).min(first));
        self.done = Some(self.done.map_or(up_to, |done| done.max(up_to)));
        let (low, high) = if span.backward { (span.key(last), span.key(first_seen)) } else { (first_seen, last) };
        let mut changes = self.history.shared.catalogue.changes(self.tag, low, high)?;
        changes.retain(|(serial, _)| *serial < self.as_of);
        if changes.is_empty() && self.ranges.is_empty() {
            return Ok(());
        }
        let mut by_time: BTreeMap<i64, Vec<(u64, Change)>> = BTreeMap::new();
        for (serial, change) in changes {
            by_time.entry(span.key(change.time.ticks())).or_default().push((serial, change));
        }
        let was = std::mem::replace(samples, Samples::empty(samples.values.column_type()));
        let mut inserted = by_time.iter().filter(|(key, _)| **key >= first).peekable();
        let mut idx = 0;
        for (n, no) in numbers {
            for _ in 0..*n {
                let time = was.times[idx];
                let key = span.key(time);
                // Samples that are seen beside a change of their time came after it.
                let is_next = |at: i64| at < key || at == key && !span.backward;
                while let Some((at, changes)) = inserted.next_if(|(at, _)| is_next(**at)) {
                    self.put(samples, *at, changes);
                }
                let changed = by_time.get(&key).is_some_and(|all| all.iter().any(|(_, change)| *no < change.no));
                let deleted = self
                    .ranges
                    .iter()
                    .any(|(_, range)| (range.from.ticks()..range.to.ticks()).contains(&time) && *no < range.no);
                if !changed && !deleted {
                    samples.extend_from(&was, idx, idx + 1);
                }
                idx += 1;
            }
        }
        for (at, changes) in inserted {
            self.put(samples, *at, changes);
        }
        Ok(())
    }

    /// Adds what the last change of a time left there.
    fn put(&self, samples: &mut Samples, key: i64, changes: &[(u64, Change)]) {
        let Some((serial, change)) = changes.last() else { return };
        let time = self.span.key(key);
        let deleted = self
            .ranges
            .iter()
            .any(|(later, range)| later > serial && (range.from.ticks()..range.to.ticks()).contains(&time));
        if let Some((sample, reason)) = &change.sample
            && !deleted
        {
            samples.push(sample, *reason);
        }
    }
}
