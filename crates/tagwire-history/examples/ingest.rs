//! Ingest and scan at full speed: `cargo run --release -p tagwire-history --example ingest -- FOLDER [TAGS] [SAMPLES]`.
//!
//! The load: 10,000 tags in scan groups of 100, 40 % doubles of an ADC, 15 % noisy singles, 5 % full noise, 15 % counters,
//! 10 % set-points, 15 % Booleans; times with jitter, a fifth of the tags with times of their own, mostly Good.

#![allow(clippy::print_stdout, reason = "figures are what it is for")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tagwire_history::{
    Batch, Disk, HistoryError, Moment, Options, Reason, Span, State, Store, TagNumber, TagSpec, Values,
};
use tagwire_model::{DataType, Status, Timestamp, Value, ValueType};

const GROUP: usize = 100;
const EPOCH: i64 = 133_600_000_000_000_000;
/// One scan in a second.
const STEP: i64 = Timestamp::TICKS_PER_SECOND;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Adc(i32),
    Single(f32),
    Noise,
    Counter(i32),
    SetPoint(i32),
    Switch(bool),
}

impl Kind {
    fn new(idx: usize) -> Self {
        match idx * 37 % 100 {
            0..40 => Self::Adc(2_000),
            40..55 => Self::Single(20.0),
            55..60 => Self::Noise,
            60..75 => Self::Counter(0),
            75..85 => Self::SetPoint(50),
            _ => Self::Switch(false),
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Adc(_) | Self::Noise | Self::Single(_) => DataType::Double,
            Self::Counter(_) | Self::SetPoint(_) => DataType::Int32,
            Self::Switch(_) => DataType::Boolean,
        }
    }

    fn next(&mut self, rng: &mut Rng) -> Value {
        match self {
            Self::Adc(raw) => {
                *raw = (*raw + rng.i32(-3..=3)).clamp(0, 4_095);
                Value::Double(f64::from(*raw) * (100.0 / 4_095.0))
            }
            Self::Single(value) => {
                *value += rng.f32() * 0.02 - 0.01;
                Value::Double(f64::from(*value))
            }
            Self::Noise => Value::Double(rng.f64()),
            Self::Counter(count) => {
                *count = count.wrapping_add(rng.i32(0..4));
                Value::Int32(*count)
            }
            Self::SetPoint(value) => {
                if rng.u32(..5_000) == 0 {
                    *value = rng.i32(0..100);
                }
                Value::Int32(*value)
            }
            Self::Switch(on) => {
                if rng.u32(..200) == 0 {
                    *on = !*on;
                }
                Value::Boolean(*on)
            }
        }
    }
}

fn main() -> Result<(), HistoryError> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "history-ingest".to_owned()));
    let mut number = |default: usize| args.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (n_tags, n_samples) = (number(10_000), number(50_000_000));
    let options = Options::default();
    let storage = Arc::new(Disk::new(&folder).map_err(|source| HistoryError::Io { file: "folder".into(), source })?);
    let started = Instant::now();
    let (mut store, opened) = Store::open(storage.clone(), options.clone(), moment(started, EPOCH))?;
    println!("open: {:?}, {} samples from the log", started.elapsed(), opened.from_log);
    let (own, mut kinds): (Vec<bool>, Vec<Kind>) =
        (0..n_tags).map(|idx| ((idx / GROUP).is_multiple_of(5), Kind::new(idx))).unzip();
    let specs: Vec<TagSpec> = kinds
        .iter()
        .enumerate()
        .map(|(idx, kind)| TagSpec {
            path: format!("plant.area{}.tag{idx}", idx / GROUP).into(),
            value_type: ValueType::scalar(kind.data_type()),
            group: (!own[idx]).then_some((idx / GROUP) as u32),
        })
        .collect();
    let begun = Instant::now();
    let tags = store.register(&specs, moment(started, EPOCH))?;
    println!("register {n_tags} tags: {:?}", begun.elapsed());
    let mut rng = Rng::with_seed(7);
    let mut batch = Batch::new();
    let (mut taken, mut scan, mut making, mut slowest) = (0, 0_i64, Duration::ZERO, Duration::ZERO);
    let begun = Instant::now();
    let cpu = cpu_time();
    while taken < n_samples {
        let time = EPOCH + scan * STEP;
        for group in 0..n_tags.div_ceil(GROUP) {
            let made = Instant::now();
            batch.clear();
            fill(&mut batch, group, time, &tags, &own, &mut kinds, &mut rng);
            making += made.elapsed();
            let now = moment(started, time);
            let sent = Instant::now();
            taken += batch.len();
            store.append(&batch, now)?;
            store.tick(now)?;
            slowest = slowest.max(sent.elapsed());
        }
        scan += 1;
    }
    store.commit(moment(started, EPOCH + scan * STEP))?;
    let (wall, cpu) = (begun.elapsed(), cpu_time() - cpu);
    let net = cpu.saturating_sub(making);
    println!("ingest: {taken} samples in {wall:?}, of which the load took {making:?}; cpu {cpu:?}");
    println!("  {:.2} M samples/s of one core without the load", taken as f64 / net.as_secs_f64() / 1e6);
    println!("  {:.2} M samples/s of the clock without the load", taken as f64 / (wall - making).as_secs_f64() / 1e6);
    println!("  slowest batch {slowest:?}, resident {} MB", resident() >> 20);
    let begun = Instant::now();
    let end = moment(started, EPOCH + scan * STEP);
    store.flush(end)?;
    let (bytes, segments) = store.history().size();
    println!(
        "flush: {:?}; {segments} segments, {} MB, {:.3} bytes per sample",
        begun.elapsed(),
        bytes >> 20,
        bytes as f64 / taken as f64
    );
    scan_tags(&store, &tags)?;
    assert_eq!(store.history().state(), State::Running);
    store.close_store(end)?;
    let begun = Instant::now();
    let (store, _) = Store::open(storage, options, end)?;
    println!("open again: {:?}", begun.elapsed());
    scan_tags(&store, &tags)
}

fn moment(started: Instant, utc: i64) -> Moment {
    Moment { steady: started.elapsed(), utc: Timestamp::from_ticks(utc) }
}

fn fill(
    batch: &mut Batch,
    group: usize,
    time: i64,
    tags: &[TagNumber],
    own: &[bool],
    kinds: &mut [Kind],
    rng: &mut Rng,
) {
    let jitter = |rng: &mut Rng| rng.i64(0..20_000) / 10 * 10;
    let members = group * GROUP..((group + 1) * GROUP).min(tags.len());
    let bad = rng.u32(..2_000) == 0;
    let status = if bad { Status::BAD_NO_COMMUNICATION } else { Status::GOOD };
    let scan_time = time + jitter(rng);
    if !own[members.start] {
        batch.scan(Timestamp::from_ticks(scan_time), Timestamp::from_ticks(scan_time));
    }
    for idx in members {
        if own[idx] {
            let source = time - jitter(rng);
            batch.scan(Timestamp::from_ticks(source), Timestamp::from_ticks(scan_time));
        }
        batch.push(tags[idx], kinds[idx].next(rng), status, Reason::Cyclic);
    }
}

fn scan_tags(store: &Store, tags: &[TagNumber]) -> Result<(), HistoryError> {
    let history = store.history();
    let begun = Instant::now();
    let (mut n, mut sum) = (0_u64, 0.0);
    for tag in tags.iter().step_by(tags.len().div_ceil(200)) {
        let mut cursor = history.read(*tag, Span::all())?;
        while let Some(view) = cursor.next(usize::MAX)? {
            n += view.len() as u64;
            if let (Values::Double(values), range) = view.values() {
                sum += values[range].iter().sum::<f64>();
            }
        }
    }
    let took = begun.elapsed();
    println!("scan: {n} samples in {took:?}, {:.1} M samples/s (sum {sum:.0})", n as f64 / took.as_secs_f64() / 1e6);
    let begun = Instant::now();
    let mut blocks = 0;
    for tag in tags.iter().step_by(tags.len().div_ceil(200)) {
        let (from, to) = (Timestamp::from_ticks(i64::MIN), Timestamp::from_ticks(i64::MAX));
        blocks += history.summaries(*tag, from, to)?.len();
    }
    println!("summaries: {blocks} blocks in {:?}", begun.elapsed());
    Ok(())
}

/// Time that this process has had on a core.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |idx: usize| fields.get(idx).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// Bytes of memory in use.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
