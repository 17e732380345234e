//! A store, the list it is compared with, and the disk that fails below it.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tagwire_history::{
    Author, Batch, CrashDisk, HistoryError, Moment, Opened, Options, Position, Reason, Samples, Span, Storage, Store,
    TagNumber, TagSpec, UpdateMode,
};
use tagwire_model::{ArrayData, DataType, Dims, Sample, Status, Timestamp, Value, ValueType};

use crate::plain::{Kept, Plain, list, same};

const SECOND: i64 = Timestamp::TICKS_PER_SECOND;
const EPOCH: i64 = 133_600_000_000_000_000;

const TYPES: [&str; 10] = ["f64", "f32", "bool", "i32", "u16", "i64", "string", "bytes", "datetime", "i16[3]"];

pub(crate) struct World {
    seed: u64,
    rng: Rng,
    disk: CrashDisk,
    store: Option<Store>,
    options: Options,
    tags: Vec<(TagSpec, TagNumber)>,
    model: Vec<Plain>,
    /// What a tag may look like too, after a change that was cut off.
    other: Option<(usize, Plain)>,
    /// A batch that may have been taken, or not.
    now: i64,
    steady: Duration,
    step: usize,
    pub(crate) crashes: u64,
    pub(crate) samples: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let options = Options {
            commit_interval: Duration::from_millis(100),
            commit_bytes: rng.usize(256..8_192),
            page_rows: rng.u32(16..80),
            hot_bytes: if rng.bool() { 1 << 20 } else { rng.usize(1_000..50_000) },
            log_bytes: rng.u64(2_000..60_000),
            segment_bytes: rng.u64(4_000..60_000),
            join_segments: [0, 2, 2, 3, 4][rng.usize(..5)],
        };
        let mut tags = Vec::new();
        for idx in 0..rng.usize(2..14) {
            let value_type = ValueType::parse(TYPES[rng.usize(..TYPES.len())]).expect("known");
            let group = if rng.u8(..3) == 0 { None } else { Some(rng.u32(..3)) };
            let path = Arc::from(format!("plant.tag{idx}"));
            tags.push((TagSpec { path, value_type, group }, TagNumber(0)));
        }
        let model = vec![Plain::default(); tags.len()];
        let mut world = Self {
            seed,
            rng,
            disk: CrashDisk::new(),
            store: None,
            options,
            tags,
            model,
            other: None,
            now: EPOCH,
            steady: Duration::ZERO,
            step: 0,
            crashes: 0,
            samples: 0,
        };
        world.open().expect("a new store opens");
        world
    }

    fn moment(&self) -> Moment {
        Moment { steady: self.steady, utc: Timestamp::from_ticks(self.now) }
    }

    fn open(&mut self) -> Result<Opened, HistoryError> {
        let storage: Arc<dyn Storage> = Arc::new(self.disk.clone());
        let (mut store, opened) = Store::open(storage, self.options.clone(), self.moment())?;
        let specs: Vec<TagSpec> = self.tags.iter().map(|(spec, _)| spec.clone()).collect();
        let numbers = store.register(&specs, self.moment())?;
        self.tags.iter_mut().zip(numbers).for_each(|(tag, number)| tag.1 = number);
        self.store = Some(store);
        Ok(opened)
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("open")
    }

    pub(crate) fn run(&mut self, steps: usize, crash: bool) {
        if crash {
            self.disk.stop_at_sync(self.rng.u64(1..60));
        }
        for step in 0..steps {
            self.step = step;
            match self.operate() {
                // Joining fails without a word.
                Ok(()) if self.disk.is_stopped() => {
                    self.crash();
                    self.disk.stop_at_sync(self.rng.u64(1..60));
                }
                Ok(()) => self.compare_one(),
                Err(error) => {
                    assert!(self.disk.is_stopped(), "seed {} step {step}: {error}", self.seed);
                    self.crash();
                    self.disk.stop_at_sync(self.rng.u64(1..60));
                }
            }
        }
        if self.disk.is_stopped() {
            return self.crash();
        }
        self.disk.stop_at_sync(u64::MAX / 2);
        self.compare_all();
        let moment = self.moment();
        self.store.take().expect("open").close_store(moment).expect("closes");
        let opened = self.open().expect("opens again");
        assert_eq!((opened.from_log, opened.cut, opened.damage.len()), (0, 0, 0), "seed {}", self.seed);
        self.compare_all();
    }

    fn author(&mut self) -> Author {
        Author { user: "operator".into(), time: Timestamp::from_ticks(self.now) }
    }

    fn operate(&mut self) -> Result<(), HistoryError> {
        self.steady += Duration::from_millis(self.rng.u64(..80));
        match self.rng.u8(..100) {
            0..60 => self.append()?,
            60..70 => {
                // Joining looks for work every few seconds, and does a little at a time.
                self.steady += Duration::from_secs(5);
                for _ in 0..self.rng.usize(1..12) {
                    let moment = self.moment();
                    self.store().tick(moment)?;
                }
            }
            70..76 => self.update()?,
            76..80 => self.delete_at()?,
            80..83 => self.delete_range()?,
            83..85 => {
                let moment = self.moment();
                self.store().flush(moment)?;
            }
            85..87 => {
                let moment = self.moment();
                self.store.take().expect("open").close_store(moment)?;
                self.open()?;
            }
            87..89 => self.regroup()?,
            89..91 => {
                // An ended process without a power cut: all that was written is there.
                let durable = self.store().history().durable_up_to();
                self.store = None;
                self.open()?;
                self.check_after_crash(durable, 0);
            }
            _ => {
                let moment = self.moment();
                self.store().commit(moment)?;
            }
        }
        Ok(())
    }

    fn regroup(&mut self) -> Result<(), HistoryError> {
        let idx = self.rng.usize(..self.tags.len());
        self.tags[idx].0.group = if self.rng.bool() { None } else { Some(self.rng.u32(..3)) };
        let specs: Vec<TagSpec> = self.tags.iter().map(|(spec, _)| spec.clone()).collect();
        let moment = self.moment();
        self.store().register(&specs, moment)?;
        Ok(())
    }

    fn append(&mut self) -> Result<(), HistoryError> {
        let mut batch = Batch::new();
        let mut taken: Vec<(usize, Sample)> = Vec::new();
        for _ in 0..self.rng.usize(1..12) {
            match self.rng.u8(..40) {
                0 => self.now += 3_600 * SECOND,
                1 => self.now += 90_000 * SECOND,
                2 => {}
                _ => self.now += SECOND + self.rng.i64(-900..900) * 10,
            }
            let late = self.rng.u8(..12) == 0;
            let time = if late { self.now - self.rng.i64(0..20_000) * SECOND } else { self.now };
            let server = match self.rng.u8(..4) {
                0 => 0,
                1 => time + self.rng.i64(0..100_000),
                _ => time,
            };
            let (source_time, server_time) = (Timestamp::from_ticks(time), Timestamp::from_ticks(server));
            batch.scan(source_time, server_time);
            for idx in 0..self.tags.len() {
                if self.rng.u8(..5) == 0 {
                    continue;
                }
                let status = if self.rng.u8(..10) == 0 { Status::BAD_NO_COMMUNICATION } else { Status::GOOD };
                let value = if status.is_bad() && self.rng.bool() { Value::Null } else { self.value(idx) };
                batch.push(self.tags[idx].1, value.clone(), status, Reason::Cyclic);
                taken.push((idx, Sample { value, status, source_time, server_time }));
            }
        }
        let moment = self.moment();
        let next = self.store().next_number();
        let outcome = self.store().append(&batch, moment);
        // A batch whose commit failed may be there after all.
        let ticket = outcome.as_ref().copied().unwrap_or(next + batch.len() as u64);
        self.samples += taken.len() as u64;
        for (idx, sample) in taken {
            self.model[idx].append(sample, ticket);
        }
        outcome.map(|_| ())
    }

    fn value(&mut self, idx: usize) -> Value {
        let value_type = self.tags[idx].0.value_type;
        if !value_type.is_scalar() {
            let elements = (0..3).map(|_| self.rng.i16(..)).collect();
            return Value::array(Dims::one(3), ArrayData::Int16(elements)).expect("fits");
        }
        let n = self.rng.u64(..50);
        match value_type.data_type {
            DataType::Double => Value::Double(n as f64 * 0.25),
            DataType::Float => Value::Float(self.rng.f32()),
            DataType::String => Value::text(&format!("state {}", n / 20)),
            DataType::ByteString => Value::bytes(&vec![7; n as usize]),
            other => Value::from_bits(other, if other == DataType::Boolean { n % 2 } else { n }),
        }
    }

    /// A time near a sample, most often that of one.
    fn time_of(&mut self, idx: usize) -> Timestamp {
        let samples = &self.model[idx].samples;
        if samples.is_empty() || self.rng.u8(..5) == 0 {
            return Timestamp::from_ticks(self.now - self.rng.i64(0..30_000) * SECOND / 3);
        }
        samples[self.rng.usize(..samples.len())].sample.source_time
    }

    fn update(&mut self) -> Result<(), HistoryError> {
        let idx = self.rng.usize(..self.tags.len());
        let mode = [UpdateMode::Insert, UpdateMode::Replace, UpdateMode::Update][self.rng.usize(..3)];
        let samples: Vec<Sample> =
            (0..self.rng.usize(1..5)).map(|_| Sample::good(self.value(idx), self.time_of(idx))).collect();
        let before = self.model[idx].clone();
        let wanted: Vec<_> = samples.iter().map(|sample| self.model[idx].update(mode, sample)).collect();
        let (tag, author, moment) = (self.tags[idx].1, self.author(), self.moment());
        let outcome = self.store().update(tag, mode, &samples, &author, moment);
        self.note(idx, before, outcome.map(|outcomes| assert_eq!(outcomes, wanted, "seed {}", self.seed)))
    }

    fn delete_at(&mut self) -> Result<(), HistoryError> {
        let idx = self.rng.usize(..self.tags.len());
        let times: Vec<Timestamp> = (0..self.rng.usize(1..5)).map(|_| self.time_of(idx)).collect();
        let before = self.model[idx].clone();
        let wanted: Vec<_> = times.iter().map(|time| self.model[idx].delete_at(*time)).collect();
        let (tag, author, moment) = (self.tags[idx].1, self.author(), self.moment());
        let outcome = self.store().delete_at(tag, &times, &author, moment);
        self.note(idx, before, outcome.map(|outcomes| assert_eq!(outcomes, wanted, "seed {}", self.seed)))
    }

    fn delete_range(&mut self) -> Result<(), HistoryError> {
        let idx = self.rng.usize(..self.tags.len());
        let from = self.time_of(idx);
        let length = self.rng.i64(1..3_000) * SECOND * if self.rng.u8(..8) == 0 { 1_000 } else { 1 };
        let to = Timestamp::from_ticks(from.ticks() + length);
        let before = self.model[idx].clone();
        let wanted = self.model[idx].delete_range(from, to);
        let (tag, author, moment) = (self.tags[idx].1, self.author(), self.moment());
        let outcome = self.store().delete_range(tag, from, to, &author, moment);
        self.note(idx, before, outcome.map(|n| assert_eq!(n, wanted, "seed {}", self.seed)))
    }

    /// A change that failed was made or was not.
    fn note(&mut self, idx: usize, before: Plain, outcome: Result<(), HistoryError>) -> Result<(), HistoryError> {
        if outcome.is_err() {
            self.other = Some((idx, before));
        }
        outcome
    }

    fn crash(&mut self) {
        self.crashes += 1;
        let durable = self.store.take().map_or(u64::MAX, |store| store.history().durable_up_to());
        self.disk.stop();
        self.disk.restart(&mut self.rng);
        let opened = match self.open() {
            Ok(opened) => opened,
            Err(error) => panic!("seed {} step {}: does not open: {error}", self.seed, self.step),
        };
        assert!(opened.damage.is_empty(), "seed {} step {}: {:?}", self.seed, self.step, opened.damage);
        // While the store was being opened nothing new was acknowledged.
        self.check_after_crash(if durable == u64::MAX { 0 } else { durable }, 0);
    }

    fn content(&mut self, idx: usize) -> Samples {
        let tag = self.tags[idx].1;
        let history = self.store().history();
        let mut cursor = history.read(tag, Span::all()).expect("reads");
        let mut all: Option<Samples> = None;
        while let Some(view) = cursor.next(usize::MAX).expect("reads") {
            let part = view.to_samples();
            match &mut all {
                None => all = Some(part),
                Some(all) => list(&part).iter().for_each(|sample| all.push(sample, Reason::Unknown)),
            }
        }
        let column_type = history.series(tag).expect("known").column_type();
        all.unwrap_or_else(|| Samples::empty(column_type))
    }

    /// Every acknowledged sample is there but `allowed`, and nothing that never was; the list is then what is there.
    fn check_after_crash(&mut self, durable: u64, allowed: u64) {
        let mut lost = 0;
        for idx in 0..self.tags.len() {
            let content = list(&self.content(idx));
            let mut candidates = vec![self.model[idx].clone()];
            if let Some((other, plain)) = &self.other
                && *other == idx
            {
                candidates.push(plain.clone());
            }
            let missing: Vec<Option<u64>> =
                candidates.iter().map(|plain| missing(&plain.samples, &content, durable)).collect();
            let Some(n) = missing.iter().flatten().min() else {
                panic!("seed {} step {} tag {idx}: something was invented", self.seed, self.step);
            };
            lost += n;
            let samples = content.into_iter().map(|sample| Kept { sample, ticket: 0 }).collect();
            self.model[idx] = Plain { samples };
        }
        self.other = None;
        assert!(lost <= allowed, "seed {} step {}: {lost} samples are lost, told {allowed}", self.seed, self.step);
    }

    fn compare_all(&mut self) {
        for idx in 0..self.tags.len() {
            let content = list(&self.content(idx));
            let wanted = &self.model[idx].samples;
            assert_eq!(content.len(), wanted.len(), "seed {} step {} tag {idx}", self.seed, self.step);
            let alike = content.iter().zip(wanted).all(|(is, was)| same(is, &was.sample));
            assert!(alike, "seed {} step {} tag {idx}", self.seed, self.step);
        }
    }

    /// A random span of one tag, paged, in a random direction; and its summaries.
    fn compare_one(&mut self) {
        let idx = self.rng.usize(..self.tags.len());
        let (a, b) = (self.time_of(idx).ticks(), self.time_of(idx).ticks());
        let (low, high) = (a.min(b), a.max(b));
        let mut wanted: Vec<Sample> = self.model[idx].span(low, high).into_iter().cloned().collect();
        let (low, high) = (Timestamp::from_ticks(low), Timestamp::from_ticks(high));
        let backward = self.rng.bool();
        let one = |ticks: i64| Timestamp::from_ticks(ticks);
        let span = if backward {
            wanted.reverse();
            Span::backward(high, one(low.ticks() - 1))
        } else {
            Span::forward(low, one(high.ticks() + 1))
        };
        let tag = self.tags[idx].1;
        let history = self.store().history();
        let page = self.rng.usize(1..60);
        let mut found = Vec::new();
        let mut cursor = history.read(tag, span).expect("reads");
        while let Some(view) = cursor.next(page).expect("reads") {
            found.extend((0..view.len()).filter_map(|at| view.sample(at)));
            if self.rng.bool() {
                let Some(position) = cursor.position().expect("reads") else { break };
                let position = Position::from_bytes(&position.to_bytes()).expect("own bytes");
                cursor = history.resume(tag, position).expect("reads");
            }
        }
        let context = format!("seed {} step {} tag {idx} backward {backward} page {page}", self.seed, self.step);
        assert_eq!(found.len(), wanted.len(), "{context}");
        if let Some((is, was)) = found.iter().zip(&wanted).find(|(is, was)| !same(is, was)) {
            panic!("{context}: {is:?} in place of {was:?}");
        }
        for summary in history.summaries(tag, low, high).expect("reads").iter().filter(|summary| summary.exact) {
            let inside = self.model[idx].span(summary.from.ticks(), summary.to.ticks());
            assert_eq!(inside.len(), summary.n as usize, "{context}");
            let good: Vec<f64> =
                inside.iter().filter(|sample| sample.status.is_good()).filter_map(|s| s.value.as_f64()).collect();
            if let Some(numbers) = summary.numbers {
                assert!((numbers.sum - good.iter().sum::<f64>()).abs() < 1e-6, "{context}");
                assert_eq!(numbers.min, good.iter().copied().fold(f64::INFINITY, f64::min), "{context}");
                assert_eq!(numbers.max, good.iter().copied().fold(f64::NEG_INFINITY, f64::max), "{context}");
            }
        }
        let at = self.time_of(idx);
        let plain = &self.model[idx].samples;
        let before = plain.iter().rev().find(|kept| kept.sample.source_time <= at).map(|kept| &kept.sample);
        let found = history.at_or_before(tag, at).expect("reads");
        assert!(is_same(found.as_ref(), before), "{context}");
        let after = plain.iter().find(|kept| kept.sample.source_time >= at).map(|kept| &kept.sample);
        let found = history.at_or_after(tag, at).expect("reads");
        assert!(is_same(found.as_ref(), after), "{context}");
    }

    /// Fills a store, flips bits in it, and compares what is lost with what is told; the samples told.
    pub(crate) fn run_with_flips(&mut self, steps: usize) -> u64 {
        for step in 0..steps {
            self.step = step;
            self.append().expect("a whole disk");
            let moment = self.moment();
            self.steady += Duration::from_millis(50);
            self.store().tick(moment).expect("a whole disk");
        }
        let moment = self.moment();
        self.store().commit(moment).expect("a whole disk");
        let durable = self.store().history().durable_up_to();
        self.store = None;
        let names: Vec<String> = self
            .disk
            .list()
            .expect("lists")
            .into_iter()
            .filter(|name| name.ends_with(".seg") || name.ends_with(".wal"))
            .collect();
        let name = &names[self.rng.usize(..names.len())];
        let len = self.disk.open(name, false).and_then(|file| file.len()).expect("opens");
        self.disk.flip(name, self.rng.u64(..len * 8));
        let opened = match self.open() {
            Ok(opened) => opened,
            // The version of a file may have been hit.
            Err(HistoryError::Newer { .. }) => return 1,
            Err(error) => panic!("seed {}: {error}", self.seed),
        };
        // Reading finds the rest.
        for idx in 0..self.tags.len() {
            self.content(idx);
        }
        let damage = self.store().history().damage();
        let unknown = damage.iter().any(|damage| damage.samples.is_none()) || opened.cut > 0;
        let told: u64 = damage.iter().filter_map(|damage| damage.samples).sum();
        self.check_after_crash(durable, if unknown { u64::MAX } else { told });
        told + u64::from(unknown)
    }
}

/// How many acknowledged samples of the list are not there; `None` when something is there that is not in the list.
fn missing(samples: &[Kept], content: &[Sample], durable: u64) -> Option<u64> {
    let mut lost = 0;
    let mut content = content.iter().peekable();
    for kept in samples {
        if content.next_if(|sample| same(sample, &kept.sample)).is_none() && kept.ticket <= durable {
            lost += 1;
        }
    }
    content.peek().is_none().then_some(lost)
}

fn is_same(a: Option<&Sample>, b: Option<&Sample>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}
