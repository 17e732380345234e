//! A store whose sums everybody can compute: `cargo run --release -p tagwire-history --example fill -- FOLDER [TAGS] [SAMPLES]`.
//!
//! Tag `plant.t0007` has, `i` seconds after 2026-01-01 UTC, the value `((i * 7919 + 7 * 104729) % 100003) / 8`.

#![allow(clippy::print_stdout, reason = "figures are what it is for")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tagwire_history::{Batch, Disk, HistoryError, Moment, Options, Reason, Store, TagSpec};
use tagwire_model::{DataType, Status, Timestamp, Value, ValueType};

/// Tags that share their times.
const GROUP: usize = 100;

fn main() -> Result<(), HistoryError> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "history-fill".to_owned()));
    let mut number = |default: usize| args.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (n_tags, n_samples) = (number(1_000), number(100_000_000));
    let begin = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").unwrap_or_default();
    let started = Instant::now();
    let now = |time: Timestamp| Moment { steady: started.elapsed(), utc: time };
    let storage = Arc::new(Disk::new(&folder).map_err(|source| HistoryError::Io { file: "folder".into(), source })?);
    let options = Options { commit_interval: Duration::from_secs(1), commit_bytes: 8 << 20, ..Options::default() };
    let (mut store, _) = Store::open(storage, options, now(begin))?;
    let spec = |idx: usize| TagSpec {
        path: format!("plant.t{idx:04}").into(),
        value_type: ValueType::scalar(DataType::Double),
        group: Some((idx / GROUP) as u32),
    };
    let tags = store.register(&(0..n_tags).map(spec).collect::<Vec<_>>(), now(begin))?;
    let mut batch = Batch::new();
    let per_tag = n_samples / n_tags.max(1);
    for second in 0..per_tag {
        let time = begin.saturating_add_ticks(second as i64 * Timestamp::TICKS_PER_SECOND);
        for (idx, tag) in tags.iter().enumerate() {
            if idx % GROUP == 0 {
                batch.scan(time, time);
            }
            let value = ((second * 7_919 + idx * 104_729) % 100_003) as f64 / 8.0;
            batch.push(*tag, Value::Double(value), Status::GOOD, Reason::Changed);
        }
        store.append(&batch, now(time))?;
        store.tick(now(time))?;
        batch.clear();
    }
    store.close_store(now(begin))?;
    println!("{} samples of {n_tags} tags in {:.1} s", per_tag * n_tags, started.elapsed().as_secs_f64());
    Ok(())
}
