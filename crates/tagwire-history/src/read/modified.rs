//! What users changed.

use tagwire_model::Timestamp;

use super::span::Span;
use crate::edit::{ChangeKind, Modification};
use crate::store::History;
use crate::{HistoryError, TagNumber};

impl History {
    /// The changes of the samples in `from..=to`, in the order in which they were made (OPC UA Part 11, 6.4.3.3).
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn read_modified(
        &self,
        tag: TagNumber,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Modification>, HistoryError> {
        self.series(tag)?;
        let mut found: Vec<(u64, Modification)> = Vec::new();
        for (serial, change) in self.shared.catalogue.changes(tag, from.ticks(), to.ticks())? {
            let before = self.read_as_of(tag, Span::at(change.time), serial)?.next(1)?.and_then(|view| view.sample(0));
            found.push((
                serial,
                Modification {
                    time: change.time,
                    kind: change.kind,
                    author: change.author,
                    before,
                    after: change.sample.map(|(sample, _)| sample),
                },
            ));
        }
        for (serial, range) in self.shared.catalogue.ranges(tag)? {
            let (low, high) = (range.from.max(from).ticks(), range.to.ticks().saturating_sub(1).min(to.ticks()));
            let mut cursor = self.read_as_of(tag, Span::closed(low, high, false), serial)?;
            while let Some(view) = cursor.next(usize::MAX)? {
                for before in (0..view.len()).filter_map(|idx| view.sample(idx)) {
                    let (time, kind) = (before.source_time, ChangeKind::Deleted);
                    let author = range.author.clone();
                    found.push((serial, Modification { time, kind, author, before: Some(before), after: None }));
                }
            }
        }
        found.sort_by_key(|(serial, modification)| (*serial, modification.time));
        Ok(found.into_iter().map(|(_, modification)| modification).collect())
    }
}
