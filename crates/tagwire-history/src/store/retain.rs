//! Letting old samples go, by age and by size.

use std::sync::Arc;

use tagwire_model::{Timestamp, pattern};

use super::append::Store;
use super::options::Moment;
use super::shared::Shared;
use crate::sealed::{Entry, PageHead, Segment, SegmentWriter, encode_page, read_head};
use crate::{HistoryError, TagNumber};

/// A segment is written again when at least this part of its columns is to go.
const REWRITE_FROM: f64 = 0.25;

/// How long the samples of some tags are kept. Of several rules that match a tag the first one counts; a tag without a
/// rule keeps everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What it covers, with everything below: paths in which `*` stands for any text and `?` for one character.
    pub patterns: Vec<String>,
    /// Oldest age in ticks of 100 ns; `None` for ever.
    pub max_age: Option<i64>,
    /// Most bytes of all tags of the rule together; `None` for any number.
    pub max_bytes: Option<u64>,
}

/// What was let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Segments deleted.
    pub dropped: u64,
    /// Segments written again without what was too old.
    pub rewritten: u64,
    /// Bytes freed.
    pub bytes: u64,
}

impl Store {
    /// Deletes what the rules no longer keep. Only whole columns of finished segments go, so that samples may stay until
    /// the last one of their page is too old, and until a fair part of their segment is.
    ///
    /// # Errors
    /// What the system says; what was deleted until then stays deleted.
    pub fn retain(&mut self, rules: &[Retention], now: Moment) -> Result<Retained, HistoryError> {
        let rule_of: Vec<Option<usize>> = {
            let tags = self.shared.tags.read();
            let find = |path: &str| {
                let covers = |rule: &Retention| rule.patterns.iter().any(|pattern| pattern::covers(pattern, path));
                rules.iter().position(covers)
            };
            tags.iter().map(|tag| find(&tag.series.path)).collect()
        };
        self.stop_joining();
        let growing = self.active.as_ref().map(|active| active.segment().number);
        let all = self.shared.segments.read().clone();
        let mut segments: Vec<Arc<Segment>> =
            all.iter().filter(|segment| Some(segment.number) != growing).cloned().collect();
        segments.sort_by_key(|segment| std::cmp::Reverse(segment.spans().t_last));
        let cutoffs = cutoffs(rules, &rule_of, &segments, now)?;
        let cutoff_of = |tag: TagNumber| {
            let rule = rule_of.get(tag.0 as usize).copied().flatten();
            rule.map_or(i64::MIN, |rule| cutoffs[rule])
        };
        let least = if rule_of.iter().any(Option::is_none) { None } else { cutoffs.iter().min().copied() };
        let most = cutoffs.iter().max().copied().unwrap_or(i64::MIN);
        let mut retained = Retained::default();
        for segment in segments {
            let spans = segment.spans();
            if spans.t_first >= most {
                continue;
            }
            let (n, keep) = if least.is_some_and(|least| spans.t_last < least) {
                (spans.n_entries, Vec::new())
            } else {
                let entries = segment.all_entries()?;
                let n = entries.len() as u64;
                (n, entries.into_iter().filter(|entry| entry.t_last >= cutoff_of(entry.tag)).collect())
            };
            if keep.is_empty() {
                self.replace_segment(segment.number, None);
                self.shared.storage.remove(&segment.name).map_err(HistoryError::io(&segment.name))?;
                retained.dropped += 1;
                retained.bytes += spans.bytes;
            } else if (n - keep.len() as u64) as f64 >= n as f64 * REWRITE_FROM {
                let again = self.write_again(&segment, &keep, now)?;
                retained.rewritten += 1;
                retained.bytes += spans.bytes.saturating_sub(again.spans().bytes);
                self.replace_segment(segment.number, Some(again));
                self.shared.storage.remove(&segment.name).map_err(HistoryError::io(&segment.name))?;
            }
        }
        for (rule, cutoff) in cutoffs.iter().enumerate().filter(|(_, cutoff)| **cutoff > i64::MIN) {
            let numbers = rule_of.iter().enumerate().filter(|(_, of)| **of == Some(rule));
            let edited = self.shared.edited.read().clone();
            let tags: Vec<TagNumber> = numbers
                .map(|(number, _)| TagNumber(number as u32))
                .filter(|tag| edited.contains_key(tag) || self.shared.annotated.read().contains(tag))
                .collect();
            if !tags.is_empty() {
                self.shared.catalogue.forget(&tags, *cutoff)?;
            }
        }
        Ok(retained)
    }

    /// The same segment with these columns only.
    fn write_again(&self, segment: &Segment, keep: &[Entry], now: Moment) -> Result<Arc<Segment>, HistoryError> {
        let storage = &*self.shared.storage;
        let mut writer = SegmentWriter::create(storage, segment.number, segment.generation + 1, now.utc)?;
        writer.replace_up_to(segment.last_number);
        copy_columns(&self.shared, segment, keep, (&mut writer, false))?;
        writer.finish(storage)
    }
}

/// Copies columns of a segment as they are; those that are damaged are told and left out, or are an error.
pub(super) fn copy_columns(
    shared: &Shared,
    segment: &Segment,
    keep: &[Entry],
    (writer, is_strict): (&mut SegmentWriter, bool),
) -> Result<(), HistoryError> {
    let mut keep = keep.to_vec();
    keep.sort_by_key(|entry| (entry.page_at, entry.column_at));
    for columns in keep.chunk_by(|a, b| a.page_at == b.page_at) {
        let mut head = read_head(segment, columns[0].page_at)?;
        let mut body = segment.part(&columns[0], true)?;
        head.times_len = body.len() as u32;
        head.head_len = PageHead::len_of_head(columns.len()) as u32;
        let mut entries = Vec::with_capacity(columns.len());
        for entry in columns {
            let bytes = match segment.part(entry, false) {
                Ok(bytes) => bytes,
                Err(HistoryError::Damaged { .. }) if !is_strict => {
                    shared.tell(&segment.damage(entry));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let column_at = head.head_len + body.len() as u32;
            entries.push(Entry { page_at: writer.at(), times_at: head.head_len, column_at, ..*entry });
            body.extend_from_slice(&bytes);
        }
        // A damaged column leaves its place in the head empty.
        let head_len = PageHead::len_of_head(entries.len()) as u32;
        let gap = head.head_len - head_len;
        entries.iter_mut().for_each(|entry| {
            entry.times_at -= gap;
            entry.column_at -= gap;
        });
        head.head_len = head_len;
        head.n_columns = entries.len() as u32;
        head.len = head_len + body.len() as u32;
        writer.add(&encode_page(head, &entries, &body), &entries)?;
    }
    Ok(())
}

/// The lowest time that each rule keeps. Segments come youngest first.
fn cutoffs(
    rules: &[Retention],
    rule_of: &[Option<usize>],
    segments: &[Arc<Segment>],
    now: Moment,
) -> Result<Vec<i64>, HistoryError> {
    let by_age = |rule: &Retention| rule.max_age.map_or(i64::MIN, |age| now.utc.ticks().saturating_sub(age));
    let mut cutoffs: Vec<i64> = rules.iter().map(by_age).collect();
    if rules.iter().all(|rule| rule.max_bytes.is_none()) {
        return Ok(cutoffs);
    }
    let mut sizes = vec![0_u64; rules.len()];
    let beyond = |cutoff: &mut i64, last: i64| *cutoff = (*cutoff).max(last.saturating_add(1));
    for segment in segments {
        for entry in segment.all_entries()? {
            if let Some(rule) = rule_of.get(entry.tag.0 as usize).copied().flatten() {
                sizes[rule] += u64::from(entry.column_len) + PageHead::PER_COLUMN;
            }
        }
        for (idx, rule) in rules.iter().enumerate() {
            if rule.max_bytes.is_some_and(|most| sizes[idx] > most) && cutoffs[idx] <= segment.spans().t_last {
                beyond(&mut cutoffs[idx], segment.spans().t_last);
            }
        }
    }
    Ok(cutoffs)
}

/// An age in days, in ticks.
pub const fn days(n: i64) -> i64 {
    n * 86_400 * Timestamp::TICKS_PER_SECOND
}
