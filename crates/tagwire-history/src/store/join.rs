//! Joining segments in the background: pages of a scan group that stand in several become one for each hour, and late
//! samples take their place among the others. A little is done at each tick.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::append::Store;
use super::options::Moment;
use super::shared::Shared;
use super::snapshot::Source;
use crate::hot::{DENSE_ROWS, TICKS_PER_DAY, TICKS_PER_HOUR};
use crate::read::{Merge, Span};
use crate::sealed::{Entry, Portion, Segment, SegmentWriter, combine, n_times};
use crate::values::ColumnType;
use crate::{HistoryError, Samples, TagNumber};

/// How often segments are looked for that are worth joining.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long nothing is joined after a failure.
const REST: Duration = Duration::from_secs(600);
/// Steps of one tick, as long as they write little.
const STEPS: u32 = 64;
/// Bytes after which a tick ends.
const STEP_BYTES: u64 = 128 << 10;
/// Bytes of all segments that are joined, so that retention still lets samples go in small portions.
const MAX_BYTES: u64 = 1 << 30;
/// Rows of a page beyond which tags whose times differ are split sooner.
const MAX_JOINED_ROWS: usize = 50_000;

/// A page of a tag, with the place of its segment in the run.
type Found = (usize, Entry);

/// What is known of joining between two ticks.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    job: Option<Job>,
    look_at: Duration,
    /// Segments with a damaged page, which stay as they are for what they tell.
    spoilt: HashSet<u64>,
}

/// Segments that are being joined.
#[derive(Debug)]
struct Job {
    run: Vec<Arc<Segment>>,
    writer: SegmentWriter,
    lane: usize,
    streams: Vec<Stream>,
}

/// What is left of one tag.
#[derive(Debug)]
struct Stream {
    tag: TagNumber,
    column_type: ColumnType,
    merge: Merge,
    samples: Samples,
    at: usize,
    done: bool,
    first_no: u64,
    end_no: u64,
}

impl Stream {
    /// Decodes until a sample at `limit` or later is there.
    fn fill(&mut self, limit: i64) -> Result<(), HistoryError> {
        while !self.done && self.samples.times.last().is_none_or(|last| *last < limit) {
            let mut more = Samples::empty(self.column_type);
            self.done = !self.merge.next(&mut more)?;
            if self.at > 0 {
                self.samples.keep(self.at, self.samples.len());
                self.at = 0;
            }
            self.samples.extend_from(&more, 0, more.len());
        }
        self.check()
    }

    /// What is damaged must not be joined, because nothing would tell of it any more.
    fn check(&self) -> Result<(), HistoryError> {
        match self.merge.damage().first() {
            Some(damage) => Err(HistoryError::damaged(&damage.file, "page")),
            None => Ok(()),
        }
    }

    /// Decodes until there is a sample, or none is left.
    fn open(&mut self) -> Result<(), HistoryError> {
        while !self.done && self.head().is_none() {
            self.samples.clear();
            self.at = 0;
            self.done = !self.merge.next(&mut self.samples)?;
        }
        self.check()
    }

    fn head(&self) -> Option<i64> {
        self.samples.times.get(self.at).copied()
    }

    /// The samples that are older than `limit`, if there are any.
    fn portion(&self, limit: i64) -> Option<Portion<'_>> {
        let Self { tag, column_type, samples, at, first_no, end_no, .. } = self;
        let (from, to) = (*at, at + self.before(limit));
        let (tag, column_type, first_no, end_no) = (*tag, *column_type, *first_no, *end_no);
        (to > from).then_some(Portion { tag, column_type, samples, from, to, first_no, end_no })
    }

    /// How many samples are older than `limit`.
    fn before(&self, limit: i64) -> usize {
        self.samples.times[self.at..].partition_point(|time| *time < limit)
    }
}

impl Store {
    /// Joins a little, when nothing waits to be sealed.
    pub(super) fn join_some(&mut self, now: Moment) {
        if self.options.join_segments < 2 || !self.queue.is_empty() {
            return;
        }
        let job = match self.joiner.job.take() {
            Some(job) => job,
            None => {
                if now.steady < self.joiner.look_at {
                    return;
                }
                self.joiner.look_at = now.steady + LOOK_EVERY;
                let Some(run) = self.run_to_join() else { return };
                match Job::begin(&self.shared, run, now) {
                    Ok(job) => job,
                    Err(error) => return self.rest(&error, now),
                }
            }
        };
        let name = job.writer.segment().name.clone();
        let numbers: Vec<u64> = job.run.iter().map(|segment| segment.number).collect();
        match self.join_steps(job) {
            Ok(Some(job)) => self.joiner.job = Some(job),
            Ok(None) => {}
            Err(HistoryError::Damaged { .. }) => {
                self.joiner.spoilt.extend(numbers);
                self.remove_unfinished(&name);
            }
            Err(error) => {
                self.remove_unfinished(&name);
                self.rest(&error, now);
            }
        }
    }

    /// Joining only saves room, so that a failure is no reason to take no samples.
    fn rest(&mut self, error: &HistoryError, now: Moment) {
        tracing::warn!(%error, "segments of the history were not joined");
        self.joiner.look_at = now.steady + REST;
    }

    /// Forgets what was joined so far, because the segments are about to change.
    pub(super) fn stop_joining(&mut self) {
        if let Some(job) = self.joiner.job.take() {
            let name = job.writer.segment().name.clone();
            self.remove_unfinished(&name);
        }
    }

    fn remove_unfinished(&self, name: &str) {
        // Without its footer it is nothing, and goes at the next start at the latest.
        let _ = self.shared.storage.remove(name);
    }

    /// Segments side by side that were joined equally often and have many small pages.
    fn run_to_join(&self) -> Option<Vec<Arc<Segment>>> {
        let growing = self.active.as_ref().map(|active| active.segment().number);
        let all = self.shared.segments.read().clone();
        let level =
            |segment: &Segment| (segment.last_number - segment.number + 1).ilog(self.options.join_segments as u64);
        let is_ready = |segment: &Segment| {
            Some(segment.number) != growing
                && segment.spans().end_no <= self.released
                && !self.joiner.spoilt.contains(&segment.number)
        };
        all.windows(self.options.join_segments)
            .find(|run| {
                let same = run.iter().all(|segment| is_ready(segment) && level(segment) == level(&run[0]));
                same && run.iter().map(|segment| segment.spans().bytes).sum::<u64>() <= MAX_BYTES && is_worth_it(run)
            })
            .map(<[_]>::to_vec)
    }

    /// Does as many steps as make about one large page; nothing is left of a job that is done.
    fn join_steps(&mut self, mut job: Job) -> Result<Option<Job>, HistoryError> {
        let end = job.writer.at() + STEP_BYTES;
        for _ in 0..STEPS {
            match self.join_step(job)? {
                Some(more) if more.writer.at() < end => job = more,
                rest => return Ok(rest),
            }
        }
        Ok(Some(job))
    }

    /// Does the next page or the next group; nothing is left of a job that is done.
    fn join_step(&mut self, mut job: Job) -> Result<Option<Job>, HistoryError> {
        if job.streams.is_empty() {
            if job.lane >= self.lanes.len() {
                return self.finish_join(job).map(|()| None);
            }
            let lane = job.lane;
            job.lane += 1;
            let members: Vec<(TagNumber, ColumnType)> = self.lanes[lane].group.state.lock().members.clone();
            // A tag that has another place now, perhaps in the same group, is joined there.
            let is_here = |(member, (tag, _)): &(usize, (TagNumber, ColumnType))| {
                let slot = self.slots[tag.0 as usize];
                slot.group == lane as u32 && slot.member as usize == *member
            };
            let members: Vec<_> = members.into_iter().enumerate().filter(is_here).map(|(_, member)| member).collect();
            return self.open_lane(&mut job, &members).map(|()| Some(job));
        }
        let group = self.lanes[job.lane - 1].group.state.lock().page.group;
        job.write_page(group, self.options.page_rows as usize)?;
        Ok(Some(job))
    }

    /// Copies what cannot be joined, and opens the rest.
    fn open_lane(&self, job: &mut Job, members: &[(TagNumber, ColumnType)]) -> Result<(), HistoryError> {
        let mut copied: Vec<Vec<Entry>> = vec![Vec::new(); job.run.len()];
        let mut streams: Vec<(Stream, Vec<Found>)> = Vec::new();
        for (tag, column_type) in members {
            let mut found: Vec<Found> = Vec::new();
            for (place, segment) in job.run.iter().enumerate() {
                let entries = segment.entries(*tag, i64::MIN, i64::MAX)?;
                found.extend(entries.into_iter().map(|entry| (place, entry)));
            }
            if found.is_empty() {
                continue;
            }
            let (found, stay) =
                if column_type.is_fixed() { self.divide(*tag, &job.run, found)? } else { (Vec::new(), found) };
            stay.into_iter().for_each(|(place, entry)| copied[place].push(entry));
            if found.is_empty() {
                continue;
            }
            let sources = found.iter().map(|(place, entry)| Source::Sealed(job.run[*place].clone(), *entry)).collect();
            let merge = Merge::new(self.history(), sources, Span::all(), *column_type, false);
            let stream = Stream {
                tag: *tag,
                column_type: *column_type,
                merge,
                samples: Samples::empty(*column_type),
                at: 0,
                done: false,
                first_no: found.iter().map(|(_, entry)| entry.first_no).min().unwrap_or(0),
                end_no: found.iter().map(|(_, entry)| entry.end_no).max().unwrap_or(0),
            };
            streams.push((stream, found));
        }
        // Pages that are as large as they will be are copied, which takes no decoding.
        if streams.iter().all(|(_, found)| is_joined(found)) {
            streams.drain(..).flat_map(|(_, found)| found).for_each(|(place, entry)| copied[place].push(entry));
        }
        for (segment, entries) in job.run.iter().zip(&copied) {
            super::retain::copy_columns(&self.shared, segment, entries, (&mut job.writer, true))?;
        }
        job.streams = streams.into_iter().map(|(stream, _)| stream).collect();
        Ok(())
    }

    /// Which of the pages of a tag may become one, and which must stay: what came after a user had changed something
    /// there, because numbers tell what a change concerns, and what has samples of one time with a page that came between
    /// others of them, since samples of one time are told in the order in which they came.
    fn divide(
        &self,
        tag: TagNumber,
        run: &[Arc<Segment>],
        mut found: Vec<Found>,
    ) -> Result<(Vec<Found>, Vec<Found>), HistoryError> {
        let from = found.iter().map(|(_, entry)| entry.t_first).min().unwrap_or(0);
        let to = found.iter().map(|(_, entry)| entry.t_last).max().unwrap_or(0);
        let mut copied = Vec::new();
        if self.shared.edited.read().contains_key(&tag) {
            let ranges = self.shared.catalogue.ranges(tag)?;
            let changes = self.shared.catalogue.changes(tag, from, to)?;
            let came_after = |(_, entry): &mut Found| {
                let deleted = ranges.iter().any(|(_, range)| {
                    range.no < entry.end_no && range.from.ticks() <= entry.t_last && range.to.ticks() > entry.t_first
                });
                let is_there = |time: i64| (entry.t_first..=entry.t_last).contains(&time);
                deleted || changes.iter().any(|(_, c)| c.no < entry.end_no && is_there(c.time.ticks()))
            };
            copied.extend(found.extract_if(.., came_after));
        }
        let mut others: Vec<Entry> = copied.iter().map(|(_, entry)| *entry).collect();
        let all = self.shared.segments.read().clone();
        for segment in all.iter().filter(|segment| run.iter().all(|joined| joined.number != segment.number)) {
            let spans = segment.spans();
            if spans.t_first <= to && spans.t_last >= from {
                others.extend(segment.entries(tag, from, to)?);
            }
        }
        let mut idx = 0;
        while let Some(other) = others.get(idx).copied() {
            idx += 1;
            let lowest = found.iter().map(|(_, entry)| entry.first_no).min().unwrap_or(0);
            let highest = found.iter().map(|(_, entry)| entry.rank()).max().unwrap_or(0);
            if other.rank() < lowest || other.rank() > highest {
                continue;
            }
            let touches = |(_, entry): &mut Found| entry.t_first <= other.t_last && entry.t_last >= other.t_first;
            let moved: Vec<Found> = found.extract_if(.., touches).collect();
            others.extend(moved.iter().map(|(_, entry)| *entry));
            copied.extend(moved);
        }
        Ok((found, copied))
    }

    /// The joined segment takes the place of the others, for readers at once.
    fn finish_join(&self, mut job: Job) -> Result<(), HistoryError> {
        let storage = &*self.shared.storage;
        if let Some(last) = job.run.last() {
            job.writer.replace_up_to(last.last_number);
        }
        let joined = job.writer.finish(storage)?;
        {
            let mut segments = self.shared.segments.write();
            let mut all = Vec::clone(&segments);
            all.retain(|segment| job.run.iter().all(|former| former.number != segment.number));
            all.push(joined);
            all.sort_by_key(|segment| segment.number);
            // Readers that saw pages in memory before look again, because the pages are not found by their numbers now.
            self.shared.joins.fetch_add(1, Ordering::AcqRel);
            *segments = Arc::new(all);
        }
        for segment in &job.run {
            storage.remove(&segment.name).map_err(HistoryError::io(&segment.name))?;
        }
        storage.sync_names().map_err(HistoryError::io("history"))
    }
}

/// Whether many of the pages would become one, or many samples are late.
fn is_worth_it(run: &[Arc<Segment>]) -> bool {
    let spans = || run.iter().map(|segment| segment.spans());
    let pages: u64 = spans().map(|spans| spans.n_entries).sum();
    let late: u64 = spans().map(|spans| spans.n_late).sum();
    let (first, last) = (spans().map(|s| s.t_first).min().unwrap_or(0), spans().map(|s| s.t_last).max().unwrap_or(0));
    let hours = (last.div_euclid(TICKS_PER_HOUR) - first.div_euclid(TICKS_PER_HOUR) + 1).unsigned_abs();
    let tags = run.iter().map(|segment| segment.n_tags()).max().unwrap_or(0);
    pages.saturating_mul(2) > tags.saturating_mul(hours).saturating_mul(3) || late.saturating_mul(20) > pages
}

/// Whether no two pages of a tag belong to one hour, and none is late.
fn is_joined(found: &[Found]) -> bool {
    let mut hours: Vec<i64> = found.iter().map(|(_, entry)| entry.t_first.div_euclid(TICKS_PER_HOUR)).collect();
    hours.sort_unstable();
    let is_alone = |hours: &[i64]| hours.windows(2).all(|pair| pair[0] != pair[1]);
    is_alone(&hours) && !found.iter().any(|(_, entry)| entry.late)
}

impl Job {
    fn begin(shared: &Shared, run: Vec<Arc<Segment>>, now: Moment) -> Result<Self, HistoryError> {
        let (number, generation) = (run[0].number, run[0].generation + 1);
        let writer = SegmentWriter::create(&*shared.storage, number, generation, now.utc)?;
        Ok(Self { run, writer, lane: 0, streams: Vec::new() })
    }

    /// Writes the next page of the lane.
    fn write_page(&mut self, group: u32, max_rows: usize) -> Result<(), HistoryError> {
        let mut first = None;
        for stream in &mut self.streams {
            stream.open()?;
            first = [first, stream.head()].into_iter().flatten().min();
        }
        let Some(first) = first else {
            self.streams.clear();
            return Ok(());
        };
        let mut limit = end_of(first, TICKS_PER_DAY);
        let hour = end_of(first, TICKS_PER_HOUR);
        self.fill(hour)?;
        let many = |job: &Self, limit: i64| job.streams.iter().map(|stream| stream.before(limit)).max().unwrap_or(0);
        if many(self, hour) >= DENSE_ROWS as usize {
            limit = hour;
        } else {
            self.fill(limit)?;
            if n_times(&self.portions(limit)) >= DENSE_ROWS as usize {
                limit = hour;
            }
        }
        if many(self, limit) > max_rows {
            let nth = |stream: &Stream| stream.samples.times.get(stream.at + max_rows).copied();
            let full = self.streams.iter().filter_map(nth).min().unwrap_or(limit);
            limit = limit.min(full.max(first.saturating_add(1)));
        }
        while n_times(&self.portions(limit)) > MAX_JOINED_ROWS && limit > first.saturating_add(1) {
            limit = first + (limit - first) / 2;
        }
        let portions = self.portions(limit);
        let sealed = combine(group, &portions, self.writer.at());
        let (bytes, entries) = sealed.map_err(|_| HistoryError::damaged("memory", "joined page"))?;
        drop(portions);
        self.writer.add(&bytes, &entries)?;
        for stream in &mut self.streams {
            stream.at += stream.before(limit);
        }
        self.streams.retain(|stream| !stream.done || stream.head().is_some());
        Ok(())
    }

    fn fill(&mut self, limit: i64) -> Result<(), HistoryError> {
        self.streams.iter_mut().try_for_each(|stream| stream.fill(limit))
    }

    fn portions(&self, limit: i64) -> Vec<Portion<'_>> {
        self.streams.iter().filter_map(|stream| stream.portion(limit)).collect()
    }
}

/// The first time that does not belong to the span of this length around `time` any more.
const fn end_of(time: i64, span: i64) -> i64 {
    time.div_euclid(span).saturating_add(1).saturating_mul(span)
}
