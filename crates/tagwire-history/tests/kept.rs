//! Stores that earlier versions wrote, kept in the repository: each is read as it was written, and goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tagwire_history::{
    Annotation, Author, Batch, CrashDisk, Disk, EventPlace, History, Moment, Options, Reason, Span, Storage, Store,
    StoredEvent, TagNumber, TagSpec, UpdateMode, verify,
};
use tagwire_model::{DataType, Sample, Status, Timestamp, Value, ValueType};

const TYPES: [&str; 14] =
    ["bool", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64", "string", "datetime", "bytes"];

fn at(second: i64) -> Timestamp {
    Timestamp::from_ticks(133_600_000_000_000_000 + second * Timestamp::TICKS_PER_SECOND)
}

fn moment(second: i64) -> Moment {
    Moment { steady: Duration::from_secs(second as u64), utc: at(second) }
}

fn open(storage: impl Storage) -> Store {
    let options = Options { page_rows: 64, segment_bytes: 20_000, log_bytes: 40_000, ..Options::default() };
    Store::open(Arc::new(storage), options, moment(0)).expect("opens").0
}

fn author() -> Author {
    Author { user: "anna".into(), time: at(300) }
}

fn value(data_type: DataType, second: i64) -> Value {
    match data_type {
        DataType::String => Value::text(&format!("state {}", second / 30)),
        DataType::ByteString => Value::bytes(&[second as u8; 3]),
        DataType::Boolean => Value::Boolean(second % 7 == 0),
        DataType::Float => Value::Float(second as f32 * 0.5),
        DataType::Double => Value::Double(second as f64 * 0.25),
        other => Value::from_bits(other, second as u64 % 100),
    }
}

/// Tags of every type, sealed and in the log, in time and late, and a change by a user.
fn write_version_1(store: &mut Store) {
    let spec = |(idx, name): (usize, &&str)| TagSpec {
        path: format!("kept.{name}").into(),
        value_type: ValueType::parse(name).expect("known"),
        group: (idx % 3 > 0).then_some(1),
    };
    let specs: Vec<TagSpec> = TYPES.iter().enumerate().map(spec).collect();
    let tags = store.register(&specs, moment(0)).expect("registers");
    for second in 0..300 {
        let mut batch = Batch::new();
        let late = if second % 50 == 49 { second - 45 } else { second };
        batch.scan(at(late), at(second));
        for (tag, spec) in tags.iter().zip(&specs) {
            let status = if second % 40 == 7 { Status::BAD_NO_COMMUNICATION } else { Status::GOOD };
            batch.push(*tag, value(spec.value_type.data_type, second), status, Reason::Changed);
        }
        store.append(&batch, moment(second)).expect("there is room");
        if second == 200 {
            store.flush(moment(second)).expect("there is room");
        }
    }
    let replaced = Sample::good(Value::Double(-1.0), at(150));
    store.update(tags[10], UpdateMode::Replace, &[replaced], &author(), moment(300)).expect("changes");
    store.commit(moment(300)).expect("there is room");
}

/// Segments that became one, events and an annotation, and what version 1 has.
fn write_version_2(store: &mut Store) {
    let spec =
        |name: &str| TagSpec { path: name.into(), value_type: ValueType::scalar(DataType::Double), group: Some(7) };
    let tags = store.register(&[spec("joined.a"), spec("joined.b")], moment(0)).expect("registers");
    let mut fill = |from: i64, to: i64| {
        for second in from..to {
            let mut batch = Batch::new();
            batch.scan(at(second), at(second));
            tags.iter().for_each(|tag| batch.push(*tag, Value::Double(second as f64), Status::GOOD, Reason::Cyclic));
            store.append(&batch, moment(second)).expect("there is room");
            if second % 20 == 0 {
                store.flush(moment(second)).expect("there is room");
            }
        }
    };
    fill(-900, 0);
    let scattered = store.history().size().1;
    for step in 0..2_000 {
        store.tick(moment(step)).expect("there is room");
    }
    assert!(store.history().size().1 < scattered, "nothing was joined");
    let event = |second: i64, id: u8| StoredEvent { time: at(second), id: [id; 16], body: vec![id; 40] };
    store.append_events(&[event(10, 1), event(20, 2), event(10, 3)]).expect("there is room");
    let note = Annotation {
        id: 0,
        time: at(-5),
        message: "filter changed".into(),
        user: "anna".into(),
        annotation_time: at(9),
    };
    store.annotate(tags[0], &note, false, &author()).expect("adds");
    write_version_1(store);
}

fn folder(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testcases/version-{version}"))
}

/// Makes the kept store, which is only done when a version begins.
fn write_kept(version: u32, write: fn(&mut Store)) {
    let folder = folder(version);
    std::fs::create_dir_all(&folder).expect("folder");
    write(&mut open(Disk::new(&folder).expect("folder")));
}

/// Everything that readers can see.
fn seen(history: &History) -> Vec<String> {
    let mut lines = Vec::new();
    for series in history.all_series() {
        lines.push(format!("{series:?}"));
        let mut cursor = history.read(series.number, Span::all()).expect("reads");
        while let Some(view) = cursor.next(usize::MAX).expect("reads") {
            let reasons = view.to_samples().reasons;
            lines.extend((0..view.len()).map(|idx| format!("{:?} {:?}", view.sample(idx), reasons.get(idx))));
        }
        let (from, to) = (at(-1_000), at(1_000));
        lines.push(format!("{:?}", history.read_modified(series.number, from, to).expect("reads")));
        lines.push(format!("{:?}", history.annotations(series.number, from, to).expect("reads")));
    }
    let all = (EventPlace::before(at(-1_000)), EventPlace::behind(at(1_000)));
    lines.push(format!("{:?}", history.events(all, false, 100).expect("reads")));
    lines
}

fn is_read_as_it_was_written(version: u32, write: fn(&mut Store)) {
    if std::env::var("TAGWIRE_HISTORY_WRITE_KEPT").is_ok_and(|wanted| wanted == version.to_string()) {
        write_kept(version, write);
    }
    let copy = tempfile::tempdir().expect("folder");
    for entry in std::fs::read_dir(folder(version)).expect("is kept") {
        let entry = entry.expect("lists");
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copies");
    }
    let disk = || Arc::new(Disk::new(copy.path()).expect("folder"));
    let (mut store, opened) = Store::open(disk(), Options::default(), moment(400)).expect("opens");
    assert!(opened.damage.is_empty() && opened.from_log > 0, "{opened:?}");
    let mut fresh = open(CrashDisk::new());
    write(&mut fresh);
    let (kept, written) = (seen(&store.history()), seen(&fresh.history()));
    assert!(written.len() > 4_000, "{}", written.len());
    let differs = kept.iter().zip(&written).find(|(kept, written)| kept != written);
    assert_eq!((differs, kept.len()), (None, written.len()));
    let tag: TagNumber = store.history().find("kept.f64")[0].number;
    let mut batch = Batch::new();
    batch.scan(at(500), at(500));
    batch.push(tag, Value::Double(5.0), Status::GOOD, Reason::Changed);
    store.append(&batch, moment(500)).expect("it goes on");
    store.close_store(moment(600)).expect("closes");
    assert!(verify(disk()).expect("checks").damage.is_empty());
}

#[test]
fn a_store_of_version_1_is_read_as_it_was_written() {
    is_read_as_it_was_written(1, write_version_1);
}

#[test]
fn a_store_of_version_2_is_read_as_it_was_written() {
    is_read_as_it_was_written(2, write_version_2);
}
