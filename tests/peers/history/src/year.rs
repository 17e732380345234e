//! Aggregates over a year of one sample a second.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Map, Value as Json, json};
use tagwire_history::aggregate::{Aggregate, Configuration, Engine, Intervals, Outcome, Processed, Settings};
use tagwire_history::{Batch, Disk, History, Moment, Options, Reason, Span, Store, TagNumber, TagSpec, Values};
use tagwire_model::{DataType, Status, Timestamp, Value, ValueType};

use crate::figures::{Meter, size};
use crate::load::EPOCH;

const SECONDS: i64 = 365 * 86_400;
const HOUR: i64 = 3_600 * Timestamp::TICKS_PER_SECOND;

const AGGREGATES: [(&str, Aggregate); 6] = [
    ("Average", Aggregate::Average),
    ("Minimum", Aggregate::Minimum),
    ("Maximum", Aggregate::Maximum),
    ("Count", Aggregate::Count),
    ("TimeAverage", Aggregate::TimeAverage),
    ("Total", Aggregate::Total),
];

pub fn run(folder: &Path) -> Result<Json> {
    let started = Instant::now();
    let moment = |ticks: i64| Moment { steady: started.elapsed(), utc: Timestamp::from_ticks(ticks) };
    let value_type = ValueType::scalar(DataType::Double);
    let (mut store, _) = Store::open(Arc::new(Disk::new(folder)?), Options::default(), moment(EPOCH))?;
    let spec = TagSpec { path: "plant.all.flow".into(), value_type, group: Some(1) };
    let tag = store.register(&[spec], moment(EPOCH))?[0];
    let mut rng = fastrand::Rng::with_seed(1);
    let (mut batch, mut raw) = (Batch::new(), 2_000);
    for first in (0..SECONDS).step_by(1_000) {
        batch.clear();
        for second in first..(first + 1_000).min(SECONDS) {
            let time = Timestamp::from_ticks(EPOCH + second * Timestamp::TICKS_PER_SECOND);
            raw = (raw + rng.i32(-3..=3)).clamp(0, 4_095);
            batch.scan(time, time);
            batch.push(tag, Value::Double(f64::from(raw) * (100.0 / 4_095.0)), Status::GOOD, Reason::Cyclic);
        }
        let now = moment(EPOCH + first * Timestamp::TICKS_PER_SECOND);
        store.append(&batch, now)?;
        store.tick(now)?;
    }
    let end = EPOCH + SECONDS * Timestamp::TICKS_PER_SECOND;
    store.flush(moment(end))?;
    let history = store.history();
    let mut figures = Map::new();
    for (name, aggregate) in AGGREGATES {
        let settings = Settings {
            aggregate,
            configuration: Configuration::default(),
            stepped: false,
            value_type,
            annotations: None,
        };
        let first = EPOCH.div_euclid(HOUR) * HOUR;
        let intervals = Intervals::new(Timestamp::from_ticks(first), Timestamp::from_ticks(end), HOUR)
            .map_err(|_| anyhow::anyhow!("no intervals"))?;
        let mut with = Meter::default();
        let (results, blocks) = with.run(|| by_sums(&history, tag, &settings, intervals))?;
        let mut without = Meter::default();
        let wanted = without.run(|| by_samples(&history, tag, &settings, intervals))?;
        ensure!(results.len() == wanted.len(), "{name}: {} results in place of {}", results.len(), wanted.len());
        for (found, wanted) in results.iter().zip(&wanted) {
            ensure!(is_same(found, wanted), "{name}: {found:?} in place of {wanted:?}");
        }
        figures.insert(
            name.to_owned(),
            json!({
                "by_sums_ms": with.total.as_secs_f64() * 1e3,
                "by_samples_ms": without.total.as_secs_f64() * 1e3,
                "intervals": results.len(),
                "blocks_taken": blocks,
            }),
        );
    }
    Ok(json!({ "samples": SECONDS, "files": size(folder), "aggregates": figures }))
}

fn is_same(found: &Processed, wanted: &Processed) -> bool {
    let value = match (&found.value, &wanted.value) {
        (Outcome::Value(a), Outcome::Value(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
            (a, b) => a == b,
        },
        (a, b) => a == b,
    };
    value && found.status == wanted.status && found.time == wanted.time
}

fn by_samples(history: &History, tag: TagNumber, settings: &Settings, intervals: Intervals) -> Result<Vec<Processed>> {
    let mut engine = Engine::new(settings.clone(), intervals)?;
    let mut results = Vec::new();
    read(history, tag, (i64::MIN, i64::MAX), &mut engine, &mut results)?;
    engine.finish(&mut results);
    Ok(results)
}

fn read(
    history: &History,
    tag: TagNumber,
    (from, to): (i64, i64),
    engine: &mut Engine,
    results: &mut Vec<Processed>,
) -> Result<()> {
    let span = Span::forward(Timestamp::from_ticks(from), Timestamp::from_ticks(to));
    let mut cursor = history.read(tag, span)?;
    let mut times = Vec::new();
    while let Some(view) = cursor.next(usize::MAX)? {
        let (Values::Double(values), range) = view.values() else { continue };
        times.clear();
        times.extend(view.times().iter().copied().map(Timestamp::from_ticks));
        engine.push_good(&times, &values[range], results);
    }
    Ok(())
}

fn by_sums(
    history: &History,
    tag: TagNumber,
    settings: &Settings,
    intervals: Intervals,
) -> Result<(Vec<Processed>, usize)> {
    let mut engine = Engine::new(settings.clone(), intervals)?;
    let (mut results, mut taken) = (Vec::new(), 0);
    for summary in history.summaries(tag, intervals.early(), intervals.late())? {
        let block = summary.block(settings.value_type, settings.aggregate);
        if block.is_some_and(|block| engine.push_block(&block, &mut results)) {
            taken += 1;
            continue;
        }
        let span = (summary.from.ticks(), summary.to.ticks().saturating_add(1));
        read(history, tag, span, &mut engine, &mut results)?;
    }
    engine.finish(&mut results);
    Ok((results, taken))
}
