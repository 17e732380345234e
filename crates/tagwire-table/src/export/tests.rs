//! Exports, cut off and gone on with, and taken back.

use std::sync::Arc;
use std::time::Duration;

use tagwire_history::{CrashDisk, Import, Moment, Options, Reason, Span, Store};
use tagwire_model::{ArrayData, DataType, Dims, Sample, Status, Value, ValueType};

use super::*;
use crate::{ImportOptions, Taker, import};

const NOW: Moment = Moment { steady: Duration::ZERO, utc: Timestamp::from_ticks(1) };
const EPOCH: i64 = 133_600_000_000_000_000;

#[cfg(feature = "parquet")]
const FORMATS: &[&str] = &["csv", "parquet"];
#[cfg(not(feature = "parquet"))]
const FORMATS: &[&str] = &["csv"];

fn names(status: Status) -> String {
    status.to_string()
}

fn store() -> Store {
    Store::open(Arc::new(CrashDisk::new()), Options { page_rows: 64, ..Options::default() }, NOW).expect("opens").0
}

/// Samples of every type, among them what a double cannot hold, nothing, and what is Bad.
fn every_type() -> Vec<Import> {
    let array = |dims: &[u32], data| Value::array(Dims::new(dims).expect("dims"), data).expect("array");
    let columns: Vec<Vec<Value>> = vec![
        vec![Value::Boolean(true), Value::Boolean(false)],
        vec![Value::Int8(-128), Value::Int8(127)],
        vec![Value::UInt8(255)],
        vec![Value::Int16(i16::MIN)],
        vec![Value::UInt16(u16::MAX)],
        vec![Value::Int32(i32::MIN)],
        vec![Value::UInt32(u32::MAX)],
        vec![Value::Int64(i64::MIN), Value::Int64(i64::MAX), Value::Int64(9_007_199_254_740_993), Value::Int64(-5)],
        vec![Value::UInt64(u64::MAX), Value::UInt64(3)],
        vec![Value::Float(0.1), Value::Float(f32::MAX), Value::Float(f32::NEG_INFINITY)],
        vec![Value::Double(0.1), Value::Double(-0.0), Value::Double(5e-324), Value::Double(f64::NAN)],
        vec![Value::DateTime(Timestamp::from_ticks(EPOCH + 1)), Value::DateTime(Timestamp::from_ticks(1))],
        vec![Value::text(""), Value::text("a,\"b\"\r\n;\tä "), Value::text("1")],
        vec![Value::bytes(&[]), Value::bytes(&[0, 255])],
        vec![array(&[2], ArrayData::Int64(vec![i64::MIN, 1]))],
        vec![array(&[2, 2], ArrayData::Float(vec![0.1, f32::NAN, 1e-30, 3.0]))],
        vec![array(&[2], ArrayData::String(vec![Arc::from("x,\"]"), Arc::from("")]))],
    ];
    let import = |values: Vec<Value>| {
        let value_type = values[0].value_type().expect("typed");
        let path = format!("all.{}", value_type.to_string().replace(['[', ',', ']'], "_")).into();
        let mut samples = Vec::new();
        for (idx, value) in values.into_iter().chain([Value::Null]).enumerate() {
            let source_time = Timestamp::from_ticks(EPOCH + idx as i64 * 1_234_567);
            let server_time = if idx == 0 { Timestamp::NONE } else { source_time.saturating_add_ticks(idx as i64 - 2) };
            let status = [Status::GOOD, Status::UNCERTAIN, Status(0x0000_0480)][idx % 3];
            samples.push((Sample { value, status, source_time, server_time }, Reason::ALL[idx % 7]));
        }
        let bad = Sample {
            value: Value::Null,
            status: Status(0x80AB_0000),
            source_time: Timestamp::from_ticks(EPOCH + 99_999_999),
            server_time: Timestamp::NONE,
        };
        samples.push((bad, Reason::Quality));
        Import { path, value_type, samples }
    };
    columns.into_iter().map(import).collect()
}

type Found = (String, String, Vec<(Sample, Reason)>);

fn everything(history: &History) -> Vec<Found> {
    let all = Selection { patterns: vec!["*".to_owned()], from: Timestamp::NONE, to: Timestamp::NONE };
    let mut found = Vec::new();
    for series in all.tags(history) {
        let mut samples = Vec::new();
        let mut cursor = history.read(series.number, Span::all()).expect("reads");
        while let Some(view) = cursor.next(usize::MAX).expect("reads") {
            samples.extend((0..view.len()).map(|idx| (view.sample(idx).expect("there"), view.reasons()[idx])));
        }
        found.push((series.path.to_string(), series.value_type.to_string(), samples));
    }
    found
}

struct Into(Store);

impl Taker for Into {
    fn types(&mut self, tags: &[String]) -> Result<Vec<Option<ValueType>>, TableError> {
        Ok(tags.iter().map(|_| None).collect())
    }

    fn take(&mut self, imports: &[Import]) -> Result<tagwire_history::Imported, TableError> {
        Ok(self.0.import(imports, NOW)?)
    }
}

fn selection() -> Selection {
    Selection { patterns: vec!["*".to_owned()], from: Timestamp::from_ticks(1), to: Timestamp::from_ticks(i64::MAX) }
}

fn prepare(out: &Path, part_rows: u64) -> Result<Export, TableError> {
    let format = Format::of(out)?;
    Ok(Export { part_rows, ..Export::prepare(out, format, selection(), vec!["*".to_owned()], false)? })
}

#[test]
fn every_type_comes_back_as_it_was() {
    for format in FORMATS {
        let folder = tempfile::tempdir().expect("folder");
        let out = folder.path().join(format!("x.{format}"));
        let mut from = store();
        from.import(&every_type(), NOW).expect("taken");
        let done = prepare(&out, 1 << 20).expect("prepared").run(&from.history(), names, |_| true).expect("written");
        let Done::Whole(exported) = done else { panic!("stopped") };
        let n: usize = every_type().iter().map(|import| import.samples.len()).sum();
        assert_eq!((exported.samples, exported.left_out), (n as u64, 0));
        let mut into = Into(store());
        let mut problems = Vec::new();
        let told =
            import(&out, &ImportOptions::default(), &mut into, |problem| problems.push(problem.clone()), |_, _| {});
        assert_eq!(problems, []);
        assert_eq!(told.expect("read").samples.taken, n as u64);
        let same = |a: &(Sample, Reason), b: &(Sample, Reason)| {
            let times = (a.0.source_time, a.0.server_time) == (b.0.source_time, b.0.server_time);
            let value = a.0.value.same_as(&b.0.value) || a.0.value.to_string() == b.0.value.to_string();
            times && value && a.0.status == b.0.status && a.1 == b.1
        };
        for (before, after) in everything(&from.history()).iter().zip(&everything(&into.0.history())) {
            assert_eq!((&before.0, &before.1), (&after.0, &after.1));
            assert_eq!(before.2.len(), after.2.len());
            for (a, b) in before.2.iter().zip(&after.2) {
                assert!(same(a, b), "{}: {a:?} {b:?}", before.0);
            }
        }
    }
}

#[test]
fn an_export_that_is_cut_off_again_and_again_writes_the_same_file_as_one_that_is_not() {
    let mut from = store();
    let tag = |path: &str, n: i64| Import {
        path: path.into(),
        value_type: ValueType::scalar(DataType::Double),
        samples: (0..n)
            .map(|idx| {
                let time = Timestamp::from_ticks(EPOCH + idx * 10_000);
                (Sample::good(Value::Double(idx as f64 / 3.0), time), Reason::Changed)
            })
            .collect(),
    };
    from.import(&[tag("a", 1_000), tag("b", 5), tag("c", 2_000)], NOW).expect("taken");
    let history = from.history();
    for format in FORMATS {
        let folder = tempfile::tempdir().expect("folder");
        let (whole, parts) = (folder.path().join(format!("whole.{format}")), folder.path().join(format!("x.{format}")));
        prepare(&whole, 100).expect("prepared").run(&history, names, |_| true).expect("written");
        let mut runs = 0;
        let exported = loop {
            runs += 1;
            let mut steps = 0;
            let export = prepare(&parts, 100).expect("prepared");
            assert_eq!(export.goes_on(), runs > 1);
            let stopped = export.run(&history, names, |_| {
                steps += 1;
                steps < 5
            });
            assert!(!parts.exists() || matches!(stopped, Ok(Done::Whole(_))), "only a whole file has the name");
            match stopped.expect("written") {
                Done::Whole(exported) => break exported,
                Done::Stopped { samples } => {
                    assert!(samples <= 3_005);
                    // What a crash leaves behind the last part that is whole.
                    let partial = folder.path().join(format!("x.{format}.partial"));
                    let mut file = File::options().append(true).open(&partial).expect("there");
                    io::Write::write_all(&mut file, b"half a line").expect("written");
                }
            }
        };
        assert!(runs > 5, "{runs}");
        assert_eq!(exported.samples, 3_005);
        assert!(exported.resumed > 0);
        if *format == "csv" {
            assert!(fs::read(&whole).expect("bytes") == fs::read(&parts).expect("bytes"));
        }
        let mut into = (Into(store()), Into(store()));
        for (path, into) in [(&whole, &mut into.0), (&parts, &mut into.1)] {
            let told = import(path, &ImportOptions::default(), into, |problem| panic!("{problem:?}"), |_, _| {});
            assert_eq!(told.expect("read").samples.taken, 3_005);
        }
        assert!(everything(&into.0.0.history()) == everything(&into.1.0.history()));
        let left: Vec<_> = fs::read_dir(folder.path()).expect("folder").map(|entry| entry.expect("entry")).collect();
        assert_eq!(left.len(), 2, "nothing but the files is left: {left:?}");
    }
}

#[test]
fn a_file_that_is_there_and_parts_of_another_export_are_not_overwritten() {
    let mut from = store();
    from.import(&every_type(), NOW).expect("taken");
    let history = from.history();
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("x.csv");
    prepare(&out, 3).expect("prepared").run(&history, names, |progress| progress.samples < 10).expect("stopped");
    let other = Export::prepare(&out, Format::Csv, selection(), vec!["all".to_owned()], false);
    assert!(matches!(other, Err(TableError::OtherExport(_))));
    prepare(&out, 3).expect("prepared").run(&history, names, |_| true).expect("written");
    assert!(matches!(prepare(&out, 3), Err(TableError::Exists(_))));
    let again = Export::prepare(&out, Format::Csv, selection(), vec!["*".to_owned()], true).expect("may overwrite");
    assert!(matches!(again.run(&history, names, |_| true), Ok(Done::Whole(_))));
    assert!(matches!(Format::of(Path::new("x.xlsx")), Err(TableError::Format(_))));
}

#[test]
fn no_tag_is_told_and_leaves_no_file() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("x.csv");
    let refused = prepare(&out, 3).expect("prepared").run(&store().history(), names, |_| true);
    assert!(matches!(refused, Err(TableError::NoTag(_))));
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 0);
}
