//! Samples from elsewhere, each at most once.

use std::sync::Arc;

use tagwire_model::{Sample, Status, Timestamp, ValueType};

use super::append::Store;
use super::open::TagSpec;
use super::options::Moment;
use super::shared::State;
use crate::batch::{Batch, Item};
use crate::bytes::{Reader, put_text};
use crate::read::Span;
use crate::wal::{Decoded, put_scan, take_scans};
use crate::{HistoryError, Reason, TagNumber};

/// Samples of one tag, in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// Path of the tag, which need not be known yet.
    pub path: Arc<str>,
    /// Its type, which all values have.
    pub value_type: ValueType,
    /// The samples.
    pub samples: Vec<(Sample, Reason)>,
}

/// What became of imported samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Samples that were taken.
    pub taken: u64,
    /// Samples of a time that the tag has one of already, or that came before in the same import; the first one stays.
    pub there: u64,
    /// Those among them whose value or status differs from the one that stays.
    pub differing: u64,
}

impl std::ops::AddAssign for Imported {
    fn add_assign(&mut self, other: Self) {
        self.taken += other.taken;
        self.there += other.there;
        self.differing += other.differing;
    }
}

impl Store {
    /// Takes the samples whose tag has none of their time. All of them are on the disk then.
    ///
    /// # Errors
    /// [`HistoryError::WrongType`] and [`HistoryError::Paused`], then none was taken; or what the system says, then the
    /// same import may be tried again.
    pub fn import(&mut self, imports: &[Import], now: Moment) -> Result<Imported, HistoryError> {
        if let State::Paused { why, .. } = &*self.shared.state.read() {
            return Err(HistoryError::Paused { why: why.clone() });
        }
        let specs: Vec<TagSpec> = imports.iter().map(|import| self.spec(import)).collect();
        let numbers = self.register(&specs, now)?;
        for (number, import) in numbers.iter().zip(imports) {
            let column_type = self.slot(*number)?.column_type;
            if import.samples.iter().any(|(sample, _)| !column_type.fits(&sample.value)) {
                return Err(HistoryError::WrongType(*number));
            }
        }
        let mut all = Imported::default();
        for (number, import) in numbers.into_iter().zip(imports) {
            let (batch, imported) = self.fresh(number, import)?;
            if !batch.is_empty() {
                // The next part may hold the same tag again, and must see these.
                self.append(&batch, now)?;
            }
            all += imported;
        }
        self.commit(now)?;
        Ok(all)
    }

    /// A tag that is known keeps its scan group.
    fn spec(&self, import: &Import) -> TagSpec {
        let history = self.history();
        let known = history.number(&import.path, import.value_type).and_then(|number| history.series(number).ok());
        let group = known.and_then(|series| series.group);
        TagSpec { path: Arc::clone(&import.path), value_type: import.value_type, group }
    }

    /// The samples of times that the tag has none of.
    fn fresh(&self, tag: TagNumber, import: &Import) -> Result<(Batch, Imported), HistoryError> {
        let mut order: Vec<&(Sample, Reason)> = import.samples.iter().collect();
        order.sort_by_key(|(sample, _)| sample.source_time);
        let mut told = Imported::default();
        let mut differs = |a: &Sample, b: &Sample| {
            told.there += 1;
            told.differing += u64::from(a.status != b.status || !a.value.same_as(&b.value));
        };
        order.dedup_by(|later, first| {
            let same = later.0.source_time == first.0.source_time;
            if same {
                differs(&later.0, &first.0);
            }
            same
        });
        let mut batch = Batch::new();
        let (Some(first), Some(last)) = (order.first(), order.last()) else { return Ok((batch, told)) };
        let span = Span::closed(first.0.source_time.ticks(), last.0.source_time.ticks(), false);
        let mut push = |(sample, reason): &(Sample, Reason)| {
            batch.scan(sample.source_time, sample.server_time);
            batch.push(tag, sample.value.clone(), sample.status, *reason);
        };
        let mut wanted = order.into_iter().peekable();
        let mut cursor = self.history().read(tag, span)?;
        while let Some(view) = cursor.next(usize::MAX)? {
            for (idx, time) in view.times().iter().enumerate() {
                let time = Timestamp::from_ticks(*time);
                while let Some(before) = wanted.next_if(|(sample, _)| sample.source_time < time) {
                    push(before);
                }
                if let Some((sample, _)) = wanted.next_if(|(sample, _)| sample.source_time == time)
                    && let Some(known) = view.sample(idx)
                {
                    differs(sample, &known);
                }
            }
        }
        wanted.for_each(push);
        told.taken = batch.len() as u64;
        Ok((batch, told))
    }
}

/// Imports as bytes, for the way to the process that owns the store.
pub fn imports_to_bytes(imports: &[Import]) -> Vec<u8> {
    let mut out = (imports.len() as u32).to_le_bytes().to_vec();
    for import in imports {
        put_text(&mut out, &import.path);
        put_text(&mut out, &import.value_type.to_string());
    }
    for (idx, import) in imports.iter().enumerate() {
        for (sample, reason) in &import.samples {
            let tag = TagNumber(idx as u32);
            let item = Item { tag, status: sample.status.0, reason: *reason, value: sample.value.clone() };
            put_scan(&mut out, false, (sample.source_time.ticks(), sample.server_time.ticks()), &[item]);
        }
    }
    out
}

/// What [`imports_to_bytes`] wrote.
///
/// # Errors
/// [`HistoryError::Damaged`] when it is something else.
pub fn imports_from_bytes(bytes: &[u8]) -> Result<Vec<Import>, HistoryError> {
    let damaged = || HistoryError::damaged("import", "it is not understood");
    let mut reader = Reader::new(bytes);
    let n = reader.u32().map_err(|_| damaged())?;
    let mut imports = Vec::new();
    for _ in 0..n {
        let path = Arc::from(reader.text().map_err(|_| damaged())?);
        let name = reader.text().map_err(|_| damaged())?;
        let value_type = ValueType::parse(name).map_err(|_| damaged())?;
        imports.push(Import { path, value_type, samples: Vec::new() });
    }
    let mut is_strange = false;
    let rest = bytes.get(bytes.len() - reader.len()..).unwrap_or_default();
    let take = |scan: Decoded| {
        for item in scan.items {
            let Some(import) = imports.get_mut(item.tag.0 as usize) else {
                is_strange = true;
                continue;
            };
            let sample = Sample {
                value: item.value,
                status: Status(item.status),
                source_time: Timestamp::from_ticks(scan.time),
                server_time: Timestamp::from_ticks(scan.server),
            };
            import.samples.push((sample, item.reason));
        }
    };
    take_scans(rest, take).map_err(|_| damaged())?;
    if is_strange { Err(damaged()) } else { Ok(imports) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tagwire_model::{DataType, Value};

    use super::*;
    use crate::{CrashDisk, History, Options};

    const NOW: Moment = Moment { steady: Duration::ZERO, utc: Timestamp::from_ticks(1) };

    fn import(path: &str, samples: &[(i64, f64)]) -> Import {
        let sample = |(ticks, value): &(i64, f64)| {
            (Sample::good(Value::Double(*value), Timestamp::from_ticks(*ticks)), Reason::Imported)
        };
        let value_type = ValueType::scalar(DataType::Double);
        Import { path: path.into(), value_type, samples: samples.iter().map(sample).collect() }
    }

    fn held(history: &History, path: &str) -> Vec<(i64, f64)> {
        let number = history.find(path).last().expect("known").number;
        let mut cursor = history.read(number, Span::all()).expect("reads");
        let mut all = Vec::new();
        while let Some(view) = cursor.next(usize::MAX).expect("reads") {
            for idx in 0..view.len() {
                let sample = view.sample(idx).expect("there");
                all.push((sample.source_time.ticks(), sample.value.as_f64().expect("number")));
            }
        }
        all
    }

    fn store() -> Store {
        Store::open(Arc::new(CrashDisk::new()), Options { page_rows: 16, ..Options::default() }, NOW).expect("opens").0
    }

    #[test]
    fn a_sample_is_taken_once_however_often_it_comes() {
        let mut store = store();
        let samples: Vec<(i64, f64)> = (0..100).map(|idx| (1_000 + (idx * 37) % 100, idx as f64)).collect();
        let once = [import("a", &samples), import("b", &samples[..10])];
        assert_eq!(store.import(&once, NOW).expect("taken"), Imported { taken: 110, there: 0, differing: 0 });
        let mut sorted = samples.clone();
        sorted.sort_by_key(|(time, _)| *time);
        assert_eq!(held(&store.history(), "a"), sorted);
        assert_eq!(store.import(&once, NOW).expect("taken"), Imported { taken: 0, there: 110, differing: 0 });
        let other = [import("a", &[(999, 1.0), (1_000, 77.0), (1_000, 77.0), (2_000, 2.0), (2_000, 3.0)])];
        assert_eq!(store.import(&other, NOW).expect("taken"), Imported { taken: 2, there: 3, differing: 2 });
        let mut held = held(&store.history(), "a");
        assert_eq!((held.remove(0), held.pop()), ((999, 1.0), Some((2_000, 2.0))));
        assert_eq!(held, sorted);
    }

    #[test]
    fn one_wrong_value_refuses_the_whole_import() {
        let mut store = store();
        let mut wrong = import("a", &[(1, 1.0), (2, 2.0)]);
        wrong.samples[1].0.value = Value::Int32(1);
        assert!(matches!(store.import(&[wrong], NOW), Err(HistoryError::WrongType(_))));
        assert_eq!(held(&store.history(), "a"), []);
    }

    #[test]
    fn imports_cross_the_socket_unchanged_and_nonsense_is_refused() {
        let mut all = vec![import("a", &[(1, 1.5), (2, f64::MAX)]), import("b.c", &[])];
        all.push(Import {
            path: "t".into(),
            value_type: ValueType::parse("string").expect("type"),
            samples: vec![(Sample::good(Value::text("x,\n"), Timestamp::from_ticks(5)), Reason::Start)],
        });
        let bytes = imports_to_bytes(&all);
        assert_eq!(imports_from_bytes(&bytes).expect("reads"), all);
        for end in 0..bytes.len() {
            // A cut between two samples leaves a shorter import; anything else is refused, and nothing panics.
            if let Ok(imports) = imports_from_bytes(&bytes[..end]) {
                assert_eq!(imports.len(), all.len());
            }
        }
        assert!(imports_from_bytes(&u32::MAX.to_le_bytes()).is_err());
    }
}
