//! The history store of tagwire, its log on.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value as Json, json};
use tagwire_history::{Disk, History, Moment, Options, Span, State, Store, TagNumber, Values};
use tagwire_model::Timestamp;

use crate::figures::{Meter, ROUNDS, resident, size, step};
use crate::load::{Load, batches};

fn moment(started: Instant, utc: i64) -> Moment {
    Moment { steady: started.elapsed(), utc: Timestamp::from_ticks(utc) }
}

/// Ingest, sealing of all that is left, scans of single tags, memory and opening.
pub fn run(folder: &Path, n_tags: usize, n_samples: usize) -> Result<Json> {
    let started = Instant::now();
    let mut load = Load::new(n_tags);
    let storage = Arc::new(Disk::new(folder)?);
    let (mut store, _) = Store::open(storage.clone(), Options::default(), moment(started, load.time()))?;
    let tags = store.register(&load.specs(), moment(started, load.time()))?;
    let (mut rows, mut ready) = (Vec::new(), Vec::new());
    let (mut taken, mut ingest, mut slowest, mut memory) = (0, Meter::default(), Duration::ZERO, 0);
    while taken < n_samples {
        let time = load.time();
        load.rows(&mut rows);
        batches(&rows, &tags, &mut ready);
        taken += rows.len();
        ingest.run(|| -> Result<()> {
            for batch in &ready {
                let sent = Instant::now();
                let now = moment(started, time);
                store.append(batch, now)?;
                store.tick(now)?;
                slowest = slowest.max(sent.elapsed());
            }
            Ok(())
        })?;
        memory = memory.max(resident());
    }
    let end = moment(started, load.time());
    ingest.run(|| store.commit(end))?;
    let mut sealing = Meter::default();
    sealing.run(|| store.flush(end))?;
    let (bytes, segments) = store.history().size();
    // Days pass, in which segments are joined.
    let (mut joining, mut quiet, mut step) = (Meter::default(), 0, 0);
    let mut last = store.history().size();
    joining.run(|| -> Result<()> {
        // A group or more is done at each tick, and nothing is seen before all are.
        while quiet < 20_000 + 20 * n_tags {
            step += 1;
            store.tick(Moment { steady: end.steady + Duration::from_secs(step), utc: end.utc })?;
            let size = store.history().size();
            quiet = if size == last { quiet + 1 } else { 0 };
            last = size;
        }
        Ok(())
    })?;
    let joined = store.history().size();
    let (scanned, took) = scan(&store.history(), &tags)?;
    ensure!(store.history().state() == State::Running, "the store paused");
    store.close_store(end)?;
    let begun = Instant::now();
    let (store, _) = Store::open(storage, Options::default(), end)?;
    let opened = begun.elapsed();
    drop(store);
    Ok(json!({
        "samples": taken,
        "ingest_cpu_s": ingest.total.as_secs_f64(),
        "sealing_cpu_s": sealing.total.as_secs_f64(),
        "bytes": bytes,
        "files": size(folder),
        "segments": segments,
        "joining_cpu_s": joining.total.as_secs_f64(),
        "joined_bytes": joined.0,
        "joined_segments": joined.1,
        "scanned": scanned,
        "scan_cpu_s": took.as_secs_f64(),
        "memory": memory,
        "open_s": opened.as_secs_f64(),
        "slowest_batch_s": slowest.as_secs_f64(),
    }))
}

/// All samples of 200 tags, one tag after the other; the best of [`ROUNDS`].
fn scan(history: &History, tags: &[TagNumber]) -> Result<(u64, Duration)> {
    let mut best: Option<(u64, Duration)> = None;
    for _ in 0..ROUNDS {
        let mut meter = Meter::default();
        let n = meter.run(|| -> Result<u64> {
            let (mut n, mut sum) = (0, 0.0);
            for tag in tags.iter().step_by(step(tags.len())) {
                let mut cursor = history.read(*tag, Span::all())?;
                while let Some(view) = cursor.next(usize::MAX)? {
                    n += view.len() as u64;
                    if let (Values::Double(values), range) = view.values() {
                        sum += values[range].iter().sum::<f64>();
                    }
                }
            }
            std::hint::black_box(sum);
            Ok(n)
        })?;
        if best.is_none_or(|(_, least)| meter.total < least) {
            best = Some((n, meter.total));
        }
    }
    Ok(best.unwrap_or_default())
}

/// Fills a store until its segments take `megabytes`, with values that no codec makes smaller.
pub fn fill(folder: &Path, n_tags: usize, megabytes: usize) -> Result<Json> {
    let started = Instant::now();
    let mut load = Load::noise(n_tags);
    let (mut store, _) = Store::open(Arc::new(Disk::new(folder)?), Options::default(), moment(started, load.time()))?;
    let tags = store.register(&load.specs(), moment(started, load.time()))?;
    let (mut rows, mut ready) = (Vec::new(), Vec::new());
    let mut taken = 0_u64;
    while store.history().size().0 < (megabytes as u64) << 20 {
        for _ in 0..100 {
            load.rows(&mut rows);
            batches(&rows, &tags, &mut ready);
            for batch in &ready {
                store.append(batch, moment(started, load.time()))?;
                taken += batch.len() as u64;
            }
        }
    }
    let (bytes, segments) = store.history().size();
    store.commit(moment(started, load.time()))?;
    // It ends as a process that is killed does, with a full log.
    Ok(json!({ "samples": taken, "bytes": bytes, "segments": segments }))
}

/// Opens a store as it was left, reads the newest sample of some tags, and closes it in good order.
pub fn open_again(folder: &Path) -> Result<Json> {
    let started = Instant::now();
    let now = moment(started, 200_000_000_000_000_000);
    let (store, opened) = Store::open(Arc::new(Disk::new(folder)?), Options::default(), now)?;
    let took = started.elapsed();
    let history = store.history();
    let (bytes, segments) = history.size();
    let begun = Instant::now();
    let all = history.all_series();
    for series in all.iter().step_by(step(all.len())) {
        ensure!(history.at_or_before(series.number, now.utc)?.is_some(), "{} has no samples", series.path);
    }
    let looked = begun.elapsed();
    store.close_store(now)?;
    Ok(json!({
        "bytes": bytes,
        "segments": segments,
        "from_log": opened.from_log,
        "open_s": took.as_secs_f64(),
        "newest_s": looked.as_secs_f64(),
        "memory": resident(),
    }))
}
