//! Changes by users.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use tagwire_model::{Sample, Timestamp};

use super::append::Store;
use super::options::Moment;
use crate::annotation::{Annotation, StoredAnnotation};
use crate::edit::{Author, Change, ChangeKind, Edit, RangeDelete, UpdateMode, UpdateOutcome};
use crate::read::Span;
use crate::{HistoryError, Reason, TagNumber};

impl Store {
    /// Inserts or replaces samples; what became of each. All that is done is on the disk then.
    ///
    /// # Errors
    /// [`HistoryError::UnknownTag`], or what the system says; then nothing was changed.
    pub fn update(
        &mut self,
        tag: TagNumber,
        mode: UpdateMode,
        samples: &[Sample],
        author: &Author,
        now: Moment,
    ) -> Result<Vec<UpdateOutcome>, HistoryError> {
        let column_type = self.slot(tag)?.column_type;
        let mut outcomes = Vec::with_capacity(samples.len());
        let mut changes: Vec<(Sample, ChangeKind)> = Vec::new();
        let mut changed: HashSet<i64> = HashSet::new();
        for sample in samples {
            if !column_type.fits(&sample.value) {
                outcomes.push(UpdateOutcome::WrongType);
                continue;
            }
            let again = changed.contains(&sample.source_time.ticks());
            let there = again || self.exists(tag, sample.source_time)?;
            let kind = match (mode, there) {
                (UpdateMode::Insert, true) => {
                    outcomes.push(UpdateOutcome::Exists);
                    continue;
                }
                (UpdateMode::Replace, false) => {
                    outcomes.push(UpdateOutcome::Missing);
                    continue;
                }
                (_, true) => ChangeKind::Replaced,
                (_, false) => ChangeKind::Inserted,
            };
            outcomes.push(if there { UpdateOutcome::Replaced } else { UpdateOutcome::Inserted });
            changed.insert(sample.source_time.ticks());
            changes.push((sample.clone(), kind));
        }
        let last = changes.iter().map(|(sample, _)| sample.source_time).max();
        let no = self.before_change(tag, last, now)?;
        let edits: Vec<(TagNumber, Edit)> = changes
            .into_iter()
            .map(|(sample, kind)| {
                let (time, author) = (sample.source_time, author.clone());
                let sample = Some((sample, Reason::Unknown));
                (tag, Edit::Change(Change { time, kind, no, author, sample }))
            })
            .collect();
        self.write_edits(tag, &edits, no, now)?;
        Ok(outcomes)
    }

    /// Deletes all samples of a tag from `from` up to but without `to`; how many there were.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn delete_range(
        &mut self,
        tag: TagNumber,
        from: Timestamp,
        to: Timestamp,
        author: &Author,
        now: Moment,
    ) -> Result<u64, HistoryError> {
        self.slot(tag)?;
        if from >= to {
            return Ok(0);
        }
        let mut cursor = self.history().read(tag, Span::forward(from, to))?;
        let mut n = 0;
        let mut last = None;
        while let Some(view) = cursor.next(usize::MAX)? {
            n += view.len() as u64;
            last = view.times().last().copied();
        }
        if n == 0 {
            return Ok(0);
        }
        let no = self.before_change(tag, last.map(Timestamp::from_ticks), now)?;
        // Samples that come later may share a page with those deleted, but are never older.
        let to = last.map_or(to, |last| to.min(Timestamp::from_ticks(last.saturating_add(1))));
        let range = RangeDelete { from, to, no, author: author.clone() };
        self.write_edits(tag, &[(tag, Edit::Range(range))], no, now)?;
        Ok(n)
    }

    /// Deletes the samples at some times; whether there was one, for each.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn delete_at(
        &mut self,
        tag: TagNumber,
        times: &[Timestamp],
        author: &Author,
        now: Moment,
    ) -> Result<Vec<UpdateOutcome>, HistoryError> {
        self.slot(tag)?;
        let mut outcomes = Vec::with_capacity(times.len());
        let mut gone: Vec<Timestamp> = Vec::new();
        let mut seen: HashSet<i64> = HashSet::new();
        for time in times {
            if seen.insert(time.ticks()) && self.exists(tag, *time)? {
                gone.push(*time);
                outcomes.push(UpdateOutcome::Deleted);
            } else {
                outcomes.push(UpdateOutcome::Missing);
            }
        }
        let no = self.before_change(tag, gone.iter().max().copied(), now)?;
        let kind = ChangeKind::Deleted;
        let edits: Vec<(TagNumber, Edit)> = gone
            .into_iter()
            .map(|time| (tag, Edit::Change(Change { time, kind, no, author: author.clone(), sample: None })))
            .collect();
        self.write_edits(tag, &edits, no, now)?;
        Ok(outcomes)
    }

    /// Adds an annotation (its `id` is 0), or changes the one with its `id`; deletes that one when `is_deleted`. The
    /// number of the annotation.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn annotate(
        &mut self,
        tag: TagNumber,
        annotation: &Annotation,
        is_deleted: bool,
        author: &Author,
    ) -> Result<u64, HistoryError> {
        self.slot(tag)?;
        let kind = match (annotation.id, is_deleted) {
            (_, true) => ChangeKind::Deleted,
            (0, _) => ChangeKind::Inserted,
            _ => ChangeKind::Replaced,
        };
        let stored =
            StoredAnnotation { kind, of: annotation.id, author: author.clone(), annotation: annotation.clone() };
        self.shared.annotated.write().insert(tag);
        let serial = self.shared.catalogue.put_annotation(tag, &stored)?;
        Ok(if annotation.id == 0 { serial } else { annotation.id })
    }

    fn exists(&self, tag: TagNumber, time: Timestamp) -> Result<bool, HistoryError> {
        Ok(self.history().read(tag, Span::at(time))?.next(1)?.is_some())
    }

    /// Sees to it that samples that come later can be told from those that the change concerns; the number that tells.
    fn before_change(&mut self, tag: TagNumber, last: Option<Timestamp>, now: Moment) -> Result<u64, HistoryError> {
        let Some(last) = last else { return Ok(self.log.next_no()) };
        self.log.barrier(tag.0, last.ticks());
        self.barrier(tag, last.ticks());
        self.commit(now)?;
        Ok(self.log.next_no())
    }

    pub(super) fn barrier(&mut self, tag: TagNumber, time: i64) {
        let Some(slot) = self.slots.get(tag.0 as usize).copied() else { return };
        let lane = &mut self.lanes[slot.group as usize];
        lane.barrier = lane.barrier.max(time);
        let closed = lane.group.state.lock().close_late(slot.member);
        self.hot_bytes += closed.as_ref().map_or(0, |page| page.size());
        self.queue.extend(closed.map(|page| (slot.group, page)));
    }

    fn write_edits(
        &mut self,
        tag: TagNumber,
        edits: &[(TagNumber, Edit)],
        no: u64,
        now: Moment,
    ) -> Result<(), HistoryError> {
        if edits.is_empty() {
            return Ok(());
        }
        // Readers must look for changes before there is one.
        self.shared.edited.write().insert(tag, no);
        self.shared
            .catalogue
            .put_edits(edits)
            .map(|serial| self.shared.last_serial.store(serial, Ordering::Release))
            .map_err(|error| if error.is_disk_full() { self.pause(error, now) } else { error })
    }
}
