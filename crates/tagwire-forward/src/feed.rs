//! What is to be sent next: samples from the log, what the log has let go from the store, and changes by users, in an order
//! in which the database ends up with what the store shows.
//!
//! Samples carry numbers in the order of arrival, and a change by a user tells which numbers it does not concern any more.
//! A change is therefore sent after all samples below its number and before all others. Where the log has a gap, the
//! changes that concern nothing behind it go first, then what the store shows now of all blocks in the gap: sending a
//! sample twice does no harm, because what is sent again is what stands there, and everything later is sent after it.

use std::collections::VecDeque;

use tagwire_history::{Cursor, Edited, Followed, History, HistoryError, Reason, Span, TagNumber, Tail};
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use tagwire_history::{Author, Batch, CrashDisk, Moment, Options, Store, TagSpec, UpdateMode, What, restore};
    use tagwire_model::{DataType, Status, Timestamp, Value, ValueType};

    const N_TAGS: u32 = 5;
    const EPOCH: i64 = 133_600_000_000_000_000;

    type Table = BTreeMap<(u32, i64), Sample>;

    /// A database that takes steps as the real one does.
    #[derive(Default)]
    struct Database {
        table: Table,
        position: Position,
    }

    impl Database {
        fn take(&mut self, step: Step) -> bool {
            let next = match step {
                Step::Nothing => return false,
                Step::Samples { samples, next } => {
                    for (tag, sample, _) in samples {
                        self.table.insert((tag.0, sample.source_time.ticks()), sample);
                    }
                    next
                }
                Step::Changes { changes, next } => {
                    for change in changes {
                        let tag = change.tag.0;
                        match change.what {
                            What::Put(sample, _) => {
                                self.table.insert((tag, sample.source_time.ticks()), sample);
                            }
                            What::Deleted(from, to) => {
                                self.table
                                    .retain(|(of, time), _| *of != tag || *time < from.ticks() || *time >= to.ticks());
                            }
                        }
                    }
                    next
                }
                Step::Move(next) => next,
            };
            self.position = next;
            true
        }
    }

    fn moment(at: i64) -> Moment {
        Moment { steady: Duration::from_millis(at as u64), utc: Timestamp::from_ticks(EPOCH + at * 10_000) }
    }

    fn options() -> Options {
        Options { page_rows: 16, segment_bytes: 8_000, log_bytes: 6_000, ..Options::default() }
    }

    fn open(disk: &CrashDisk, at: i64) -> Store {
        let (mut store, opened) = Store::open(Arc::new(disk.clone()), options(), moment(at)).expect("opens");
        assert!(opened.damage.is_empty(), "{:?}", opened.damage);
        let specs: Vec<TagSpec> = (0..N_TAGS)
            .map(|tag| TagSpec {
                path: format!("t{tag}").into(),
                value_type: ValueType::scalar(DataType::Int32),
                group: (tag < 3).then_some(1),
            })
            .collect();
        store.register(&specs, moment(at)).expect("registers");
        store
    }

    /// What the store shows; of several samples of one time the last one counts.
    fn truth(history: &History) -> Table {
        let mut table = Table::new();
        for tag in 0..N_TAGS {
            let mut cursor = history.read(TagNumber(tag), Span::all()).expect("reads");
            while let Some(view) = cursor.next(100).expect("reads") {
                for sample in (0..view.len()).filter_map(|idx| view.sample(idx)) {
                    table.insert((tag, sample.source_time.ticks()), sample);
                }
            }
        }
        table
    }

    fn act(store: &mut Store, random: &mut fastrand::Rng, at: i64, n: &mut i32) {
        let tag = TagNumber(random.u32(..N_TAGS));
        let time = |random: &mut fastrand::Rng| {
            let back = if random.u8(..) < 40 { random.i64(0..200) } else { 0 };
            Timestamp::from_ticks(EPOCH + (at - back).max(1) * 10_000)
        };
        let author = Author { user: "anna".into(), time: moment(at).utc };
        *n += 1;
        match random.u32(..100) {
            0..70 => {
                let mut batch = Batch::new();
                batch.scan(time(random), Timestamp::NONE);
                for tag in 0..N_TAGS {
                    if random.bool() {
                        let reason = Reason::Changed;
                        batch.push(TagNumber(tag), Value::Int32(*n * 10 + tag as i32), Status::GOOD, reason);
                    }
                }
                store.append(&batch, moment(at)).expect("takes");
            }
            70..80 => {
                let source_time = time(random);
                let sample =
                    Sample { value: Value::Int32(-*n), status: Status::GOOD, source_time, server_time: source_time };
                store.update(tag, UpdateMode::Update, &[sample], &author, moment(at)).expect("updates");
            }
            80..85 => {
                let from = time(random);
                let to = from.saturating_add_ticks(random.i64(1..50) * 10_000);
                store.delete_range(tag, from, to, &author, moment(at)).expect("deletes");
            }
            85..88 => {
                let times = [time(random)];
                store.delete_at(tag, &times, &author, moment(at)).expect("deletes");
            }
            88..89 => store.flush(moment(at)).expect("flushes"),
            _ => store.commit(moment(at)).expect("commits"),
        }
        store.tick(moment(at)).expect("ticks");
    }

    #[test]
    fn the_database_ends_up_with_what_the_store_shows_whatever_happens() {
        for seed in 0..60 {
            let mut random = fastrand::Rng::with_seed(seed);
            let disk = CrashDisk::new();
            let mut store = open(&disk, 0);
            let mut database = Database::default();
            let mut feed = Feed::new(store.history(), database.position);
            let (mut at, mut n) = (0, 0);
            for _ in 0..600 {
                at += random.i64(0..4);
                act(&mut store, &mut random, at, &mut n);
                // Long outages of the database let the log go.
                let is_outage = at / 200 % 3 == 1;
                match random.u32(..100) {
                    _ if is_outage => {}
                    0..40 => {
                        let step = feed.next(random.usize(1..30)).expect("reads");
                        database.take(step);
                    }
                    40..45 => {
                        // A step that failed, or of which nobody knows whether it did.
                        let step = feed.next(10).expect("reads");
                        if random.bool() {
                            database.take(step);
                        }
                        feed.go_to(database.position);
                    }
                    45..46 => {
                        // A restart in good order, and one without.
                        drop(feed);
                        if random.bool() {
                            store.close_store(moment(at)).expect("closes");
                        } else {
                            drop(store);
                        }
                        store = open(&disk, at);
                        feed = Feed::new(store.history(), database.position);
                    }
                    _ => {}
                }
            }
            store.commit(moment(at)).expect("commits");
            while database.take(feed.next(50).expect("reads")) {}
            assert_eq!(database.table, truth(&store.history()), "seed {seed}");
        }
    }

    #[test]
    fn what_a_crash_could_take_back_is_not_sent() {
        let disk = CrashDisk::new();
        let mut store = open(&disk, 0);
        let mut batch = Batch::new();
        batch.scan(moment(1).utc, Timestamp::NONE);
        batch.push(TagNumber(0), Value::Int32(1), Status::GOOD, Reason::Changed);
        store.append(&batch, moment(1)).expect("takes");
        store.flush(moment(1)).expect("flushes");
        store.append(&batch, moment(2)).expect("takes");
        let mut feed = Feed::new(store.history(), Position::default());
        let mut database = Database::default();
        while database.take(feed.next(50).expect("reads")) {}
        assert_eq!(database.table.len(), 0, "the gap holds a sample beyond the disk");
        store.commit(moment(3)).expect("commits");
        while database.take(feed.next(50).expect("reads")) {}
        assert_eq!(database.table, truth(&store.history()));
    }

    #[test]
    fn a_copy_that_was_taken_back_is_another_store() {
        let (disk, copy, back) = (CrashDisk::new(), CrashDisk::new(), CrashDisk::new());
        let mut store = open(&disk, 0);
        let identity = store.history().identity().expect("has one");
        assert_eq!(store.history().identity().ok(), Some(identity));
        store.backup(moment(1)).expect("begins").copy_to(&copy, |_| {}).expect("copies");
        restore(&copy, &back).expect("restores");
        assert_ne!(open(&back, 1).history().identity().ok(), Some(identity));
    }
}
