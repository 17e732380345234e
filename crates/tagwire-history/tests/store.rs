//! What a user of the store sees: full disks, copies, retention, changes, starts and stops.

use std::sync::Arc;
use std::time::Duration;

use tagwire_history::{
    Annotation, Author, Batch, ChangeKind, CrashDisk, HistoryError, MarkerKind, Moment, Options, Position, Reason,
    Retention, Span, State, Storage, Store, TagNumber, TagSpec, UpdateMode, UpdateOutcome, days, restore, verify,
};
use tagwire_model::{DataType, Sample, Status, Timestamp, Value, ValueType};

const SECOND: i64 = Timestamp::TICKS_PER_SECOND;
const EPOCH: i64 = 133_600_000_000_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_ticks(EPOCH + second * SECOND)
}

fn moment(second: i64) -> Moment {
    Moment { steady: Duration::from_secs(second as u64), utc: at(second) }
}

fn author(second: i64) -> Author {
    Author { user: "anna".into(), time: at(second) }
}

fn open(storage: impl Storage, options: Options, second: i64) -> Store {
    let (store, opened) = Store::open(Arc::new(storage), options, moment(second)).expect("opens");
    assert!(opened.damage.is_empty(), "{:?}", opened.damage);
    store
}

fn small() -> Options {
    Options { page_rows: 64, segment_bytes: 20_000, log_bytes: 40_000, ..Options::default() }
}

fn register(store: &mut Store, paths: &[&str]) -> Vec<TagNumber> {
    let spec =
        |path: &&str| TagSpec { path: (*path).into(), value_type: ValueType::scalar(DataType::Double), group: Some(1) };
    let specs: Vec<TagSpec> = paths.iter().map(spec).collect();
    store.register(&specs, moment(0)).expect("registers")
}

/// One sample a second of each tag; the value is the second.
fn fill(store: &mut Store, tags: &[TagNumber], seconds: std::ops::Range<i64>) -> Result<u64, HistoryError> {
    let mut ticket = 0;
    for second in seconds {
        let mut batch = Batch::new();
        batch.scan(at(second), at(second));
        tags.iter().for_each(|tag| batch.push(*tag, Value::Double(second as f64), Status::GOOD, Reason::Cyclic));
        ticket = store.append(&batch, moment(second))?;
        store.tick(moment(second))?;
    }
    Ok(ticket)
}

fn values(store: &Store, tag: TagNumber, span: Span) -> Vec<f64> {
    let mut cursor = store.history().read(tag, span).expect("reads");
    let mut all = Vec::new();
    while let Some(view) = cursor.next(usize::MAX).expect("reads") {
        all.extend((0..view.len()).filter_map(|idx| view.sample(idx)?.value.as_f64()));
    }
    all
}

#[test]
fn a_full_disk_pauses_and_loses_nothing_that_was_taken_and_goes_on_alone() {
    let disk = CrashDisk::new();
    let mut store = open(disk.clone(), small(), 0);
    let tags = register(&mut store, &["a", "b"]);
    fill(&mut store, &tags, 0..100).expect("there is room");
    disk.set_free(Some(3_000));
    let mut second = 100;
    while fill(&mut store, &tags, second..second + 1).is_ok() {
        second += 1;
        assert!(second < 2_000, "the disk is never full");
    }
    let State::Paused { since, .. } = store.history().state() else { panic!("it runs on") };
    assert_eq!(since, at(second));
    let batch = |second: i64| {
        let mut batch = Batch::new();
        batch.scan(at(second), at(second));
        batch.push(tags[0], Value::Double(0.0), Status::GOOD, Reason::Cyclic);
        batch
    };
    for later in 1..6 {
        let refused = store.append(&batch(second + later), moment(second + later));
        assert!(matches!(refused, Err(HistoryError::Paused { .. })));
        assert!(store.tick(moment(second + later)).is_err());
    }
    let State::Paused { lost, .. } = store.history().state() else { panic!("it runs on") };
    assert_eq!(lost, 5);
    disk.set_free(None);
    store.tick(moment(second + 10)).expect("there is room again");
    assert_eq!(store.history().state(), State::Running);
    fill(&mut store, &tags, second + 10..second + 20).expect("there is room");
    store.commit(moment(second + 20)).expect("there is room");
    let wanted: Vec<f64> = (0..=second).chain(second + 10..second + 20).map(|second| second as f64).collect();
    assert_eq!(values(&store, tags[1], Span::all()), wanted);
    drop(store);
    let store = open(disk, small(), second + 30);
    assert_eq!(values(&store, tags[1], Span::all()), wanted);
}

#[test]
fn a_change_that_found_the_disk_full_can_be_made_when_there_is_room() {
    let disk = CrashDisk::new();
    let mut store = open(disk.clone(), small(), 0);
    let tags = register(&mut store, &["a"]);
    fill(&mut store, &tags, 0..10).expect("there is room");
    store.commit(moment(10)).expect("there is room");
    let sample = [Sample::good(Value::Double(33.0), at(3))];
    for room in [0, 100, 4_000] {
        disk.set_free(Some(room));
        let refused = store.update(tags[0], UpdateMode::Update, &sample, &author(11), moment(11));
        assert!(refused.is_err(), "{room} bytes are enough");
        assert!(!store.history().state().is_running());
        disk.set_free(None);
        store.tick(moment(12)).expect("there is room again");
        assert!(store.history().state().is_running());
        assert_eq!(values(&store, tags[0], Span::at(at(3))), [3.0], "{room}");
    }
    store.update(tags[0], UpdateMode::Update, &sample, &author(13), moment(13)).expect("there is room");
    assert_eq!(values(&store, tags[0], Span::at(at(3))), [33.0]);
    drop(store);
    assert_eq!(values(&open(disk, small(), 20), tags[0], Span::at(at(3))), [33.0]);
}

#[test]
fn a_backup_made_while_samples_come_is_restored_whole_or_refused() {
    let (disk, copy, target) = (CrashDisk::new(), CrashDisk::new(), CrashDisk::new());
    let mut store = open(disk, small(), 0);
    let tags = register(&mut store, &["a", "b"]);
    fill(&mut store, &tags, 0..5_000).expect("there is room");
    let backup = store.backup(moment(5_000)).expect("begins");
    fill(&mut store, &tags, 5_000..9_000).expect("there is room");
    let mut told = 0;
    backup.copy_to(&copy, |bytes| told = bytes).expect("copies");
    assert_eq!(told, backup.size());
    assert!(verify(Arc::new(copy.clone())).expect("checks").damage.is_empty(), "a check leaves the copy as it is");
    restore(&copy, &target).expect("restores");
    let verified = verify(Arc::new(target.clone())).expect("checks");
    assert!(verified.damage.is_empty(), "{:?}", verified.damage);
    assert!(verified.samples + verified.in_log >= 10_000);
    let restored = open(target.clone(), small(), 9_000);
    let wanted: Vec<f64> = (0..5_000).map(f64::from).collect();
    assert_eq!(values(&restored, tags[0], Span::all()), wanted);
    drop(restored);
    assert!(restore(&copy, &target).is_err(), "a history must not be overwritten");
    let name = copy.list().expect("lists").into_iter().find(|name| name.ends_with(".seg")).expect("one");
    copy.flip(&name, 4_321);
    assert!(matches!(restore(&copy, &CrashDisk::new()), Err(HistoryError::Damaged { .. })));
}

#[test]
fn old_samples_go_by_age_and_by_size_for_each_pattern() {
    let mut store = open(CrashDisk::new(), small(), 0);
    let tags = register(&mut store, &["line1.temp", "line1.count", "line2.temp"]);
    // A sample each 20 minutes for 100 days.
    for step in 0..7_200 {
        fill(&mut store, &tags, step * 1_200..step * 1_200 + 1).expect("there is room");
    }
    store.flush(moment(7_200 * 1_200)).expect("there is room");
    let (before, segments) = store.history().size();
    assert!(segments > 5);
    let end = 7_200 * 1_200;
    let rules = [
        Retention { patterns: vec!["*.count".into()], max_age: None, max_bytes: None },
        Retention { patterns: vec!["line1.*".into()], max_age: Some(days(30)), max_bytes: None },
        Retention { patterns: vec!["*".into()], max_age: None, max_bytes: Some(before / 10) },
    ];
    let retained = store.retain(&rules, moment(end)).expect("lets go");
    assert!(retained.bytes > 0 && retained.rewritten > 0, "{retained:?}");
    assert_eq!(values(&store, tags[1], Span::all()).len(), 7_200, "a rule without limits keeps everything");
    let first = |tag| store.history().at_or_after(tag, at(0)).expect("reads").expect("one").source_time;
    let age = at(end).ticks_since(first(tags[0]));
    assert!((days(30)..days(45)).contains(&age), "{} days are kept", age / days(1));
    let kept = values(&store, tags[2], Span::all()).len();
    assert!((200..4_000).contains(&kept), "{kept} samples are kept");
    let nothing = [Retention { patterns: vec!["*".into()], max_age: Some(0), max_bytes: None }];
    let retained = store.retain(&nothing, moment(end + 1)).expect("lets go");
    assert!(retained.dropped > 0);
    assert_eq!(store.history().size(), (0, 0));
}

#[test]
fn changes_are_seen_and_their_former_values_are_kept() {
    let disk = CrashDisk::new();
    let mut store = open(disk.clone(), small(), 0);
    let tags = register(&mut store, &["a"]);
    let tag = tags[0];
    fill(&mut store, &tags, 0..10).expect("there is room");
    let sample = |value: f64, second: i64| Sample::good(Value::Double(value), at(second));
    let mut update = |mode, value, second, when| {
        store.update(tag, mode, &[sample(value, second)], &author(when), moment(when)).expect("changes")[0]
    };
    assert_eq!(update(UpdateMode::Insert, 1.0, 3, 20), UpdateOutcome::Exists);
    assert_eq!(update(UpdateMode::Replace, 33.0, 3, 21), UpdateOutcome::Replaced);
    assert_eq!(update(UpdateMode::Replace, 34.0, 3, 22), UpdateOutcome::Replaced);
    assert_eq!(update(UpdateMode::Replace, 1.0, 30, 23), UpdateOutcome::Missing);
    assert_eq!(update(UpdateMode::Update, 300.0, 30, 24), UpdateOutcome::Inserted);
    assert_eq!(
        store.delete_at(tag, &[at(4), at(44)], &author(25), moment(25)).expect("deletes"),
        [UpdateOutcome::Deleted, UpdateOutcome::Missing]
    );
    assert_eq!(store.delete_range(tag, at(6), at(9), &author(26), moment(26)).expect("deletes"), 3);
    let wanted = [0.0, 1.0, 2.0, 34.0, 5.0, 9.0, 300.0];
    assert_eq!(values(&store, tag, Span::all()), wanted);
    store.close_store(moment(40)).expect("closes");
    let store = open(disk, small(), 50);
    assert_eq!(values(&store, tag, Span::all()), wanted);
    let modified = store.history().read_modified(tag, at(0), at(100)).expect("reads");
    let number = |sample: &Option<Sample>| sample.as_ref().and_then(|sample| sample.value.as_f64());
    let told: Vec<_> = modified
        .iter()
        .map(|m| (m.kind, m.author.time.ticks_since(at(0)) / SECOND, number(&m.before), number(&m.after)))
        .collect();
    assert_eq!(
        told,
        [
            (ChangeKind::Replaced, 21, Some(3.0), Some(33.0)),
            (ChangeKind::Replaced, 22, Some(33.0), Some(34.0)),
            (ChangeKind::Inserted, 24, None, Some(300.0)),
            (ChangeKind::Deleted, 25, Some(4.0), None),
            (ChangeKind::Deleted, 26, Some(6.0), None),
            (ChangeKind::Deleted, 26, Some(7.0), None),
            (ChangeKind::Deleted, 26, Some(8.0), None),
        ]
    );
    assert_eq!(&*modified[0].author.user, "anna");
}

#[test]
fn annotations_are_added_changed_and_deleted() {
    let mut store = open(CrashDisk::new(), small(), 0);
    let tag = register(&mut store, &["a"])[0];
    let note = |id, text: &str| Annotation {
        id,
        time: at(5),
        message: text.into(),
        user: "anna".into(),
        annotation_time: at(9),
    };
    let first = store.annotate(tag, &note(0, "filter changed"), false, &author(9)).expect("adds");
    let second = store.annotate(tag, &note(0, "pump off"), false, &author(10)).expect("adds");
    store.annotate(tag, &note(first, "filter cleaned"), false, &author(11)).expect("changes");
    store.annotate(tag, &note(second, ""), true, &author(12)).expect("deletes");
    let found = store.history().annotations(tag, at(0), at(10)).expect("reads");
    assert_eq!(found, [note(first, "filter cleaned")]);
    assert!(store.history().annotations(tag, at(6), at(10)).expect("reads").is_empty());
}

#[test]
fn starts_stops_and_sudden_ends_leave_markers_and_no_samples() {
    let disk = CrashDisk::new();
    let mut store = open(disk.clone(), small(), 0);
    let tags = register(&mut store, &["a"]);
    fill(&mut store, &tags, 0..10).expect("there is room");
    store.close_store(moment(20)).expect("closes");
    let mut store = open(disk.clone(), small(), 30);
    fill(&mut store, &tags, 30..40).expect("there is room");
    store.commit(moment(41)).expect("there is room");
    drop(store);
    let store = open(disk, small(), 60);
    let markers: Vec<_> = store.history().markers(at(-10), at(100)).expect("reads");
    let told: Vec<_> = markers.iter().map(|marker| (marker.kind, marker.time)).collect();
    assert_eq!(
        told,
        [
            (MarkerKind::Start, at(0)),
            (MarkerKind::Stop, at(20)),
            (MarkerKind::Start, at(30)),
            (MarkerKind::Died, at(39)),
            (MarkerKind::Start, at(60)),
        ]
    );
    assert_eq!(values(&store, tags[0], Span::all()).len(), 20);
}

#[test]
fn paged_reading_equals_unpaged_while_samples_come() {
    let mut store = open(CrashDisk::new(), small(), 0);
    let tags = register(&mut store, &["a"]);
    fill(&mut store, &tags, 0..20_000).expect("there is room");
    let history = store.history();
    for page in [1_usize, 7, 64, 1_000] {
        let (mut all, mut next) = (Vec::new(), 20_000);
        let mut cursor = history.read(tags[0], Span::forward(at(100), at(1_000_000))).expect("reads");
        while let Some(view) = cursor.next(page).expect("reads") {
            all.extend_from_slice(view.times());
            if all.len() > 4_000 * page.min(5) {
                break;
            }
            next += 1;
            fill(&mut store, &tags, next..next + 1).expect("there is room");
            let Some(position) = cursor.position().expect("reads") else { break };
            let position = Position::from_bytes(&position.to_bytes()).expect("whole");
            cursor = history.resume(tags[0], position).expect("reads");
        }
        let unpaged = history.read(tags[0], Span::all()).expect("reads").next(1).expect("reads").is_some();
        assert!(unpaged);
        let wanted: Vec<i64> = (0..all.len() as i64).map(|idx| at(100 + idx).ticks()).collect();
        let same = all.iter().zip(&wanted).take(19_000).all(|(a, b)| a == b);
        assert!(same && all.len() >= 4_000, "page {page}: {} samples", all.len());
    }
}

#[test]
fn readers_beside_the_writer_see_every_sample_once() {
    let options = Options { page_rows: 16, segment_bytes: 8_000, log_bytes: 20_000, ..small() };
    let mut store = open(CrashDisk::new(), options, 0);
    let tag = register(&mut store, &["a", "b"])[0];
    let readers: Vec<_> = [false, true]
        .map(|backward| {
            let history = store.history();
            std::thread::spawn(move || {
                let mut seen = 0;
                while seen < 20_000 {
                    let span = if backward { Span::backward(at(1_000_000), at(-1)) } else { Span::all() };
                    let mut cursor = history.read(tag, span).expect("reads");
                    let mut times = Vec::new();
                    while let Some(view) = cursor.next(1_000).expect("reads") {
                        times.extend_from_slice(view.times());
                    }
                    if backward {
                        times.reverse();
                    }
                    assert!(times.len() >= seen, "samples went away");
                    seen = times.len();
                    let whole = times.iter().enumerate().all(|(idx, time)| *time == at(idx as i64).ticks());
                    assert!(whole, "{seen} samples with a gap or twice");
                }
            })
        })
        .into_iter()
        .collect();
    for second in 0..20_000 {
        let mut batch = Batch::new();
        batch.scan(at(second), at(second));
        batch.push(tag, Value::Double(1.0), Status::GOOD, Reason::Cyclic);
        store.append(&batch, moment(second)).expect("there is room");
        store.tick(moment(second)).expect("written");
    }
    readers.into_iter().for_each(|reader| reader.join().expect("sees everything"));
}

#[test]
fn a_backward_read_goes_on_where_it_stopped_among_samples_of_one_time() {
    let mut store = open(CrashDisk::new(), small(), 0);
    let tag = register(&mut store, &["a"])[0];
    let add = |store: &mut Store, value: f64| {
        let mut batch = Batch::new();
        batch.scan(at(5), at(5));
        batch.push(tag, Value::Double(value), Status::GOOD, Reason::Changed);
        store.append(&batch, moment(5)).expect("there is room");
    };
    [1.0, 2.0, 3.0].iter().for_each(|value| add(&mut store, *value));
    for (span, wanted) in [
        (Span::backward(at(9), at(0)), vec![3.0, 2.0, 1.0]),
        (Span::forward(at(0), at(9)), vec![1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0]),
    ] {
        let history = store.history();
        let mut cursor = history.read(tag, span).expect("reads");
        let mut found = Vec::new();
        while let Some(view) = cursor.next(1).expect("reads") {
            found.push(view.sample(0).and_then(|sample| sample.value.as_f64()).expect("a number"));
            if found.len() <= 2 {
                add(&mut store, 4.0);
            }
            let Some(position) = cursor.position().expect("reads") else { break };
            cursor = history.resume(tag, position).expect("reads");
        }
        assert_eq!(found, wanted);
    }
}

#[test]
fn bounds_are_the_nearest_samples_outside() {
    let mut store = open(CrashDisk::new(), small(), 0);
    let tags = register(&mut store, &["a"]);
    for second in [10, 20, 30, 40] {
        fill(&mut store, &tags, second..second + 1).expect("there is room");
    }
    let read = |start, end| {
        let mut cursor = store.history().read_bounded(tags[0], at(start), at(end)).expect("reads");
        let mut all = Vec::new();
        while let Some(view) = cursor.next(100).expect("reads") {
            all.extend(view.times().iter().map(|time| (time - EPOCH) / SECOND));
        }
        all
    };
    assert_eq!(read(15, 35), [10, 20, 30, 40]);
    assert_eq!(read(35, 15), [40, 30, 20, 10]);
    assert_eq!(read(20, 30), [20, 30]);
    assert_eq!(read(5, 12), [10, 20]);
    assert_eq!(read(45, 50), [40]);
    assert_eq!(read(0, 5), [10]);
}

#[test]
fn a_batch_with_a_strange_sample_is_refused_whole() {
    let mut store = open(CrashDisk::new(), small(), 0);
    let tag = register(&mut store, &["a"])[0];
    let mut batch = Batch::new();
    batch.scan(at(1), at(1));
    batch.push(tag, Value::Double(1.0), Status::GOOD, Reason::Changed);
    batch.push(tag, Value::Int32(1), Status::GOOD, Reason::Changed);
    assert!(matches!(store.append(&batch, moment(1)), Err(HistoryError::WrongType(_))));
    batch.clear();
    batch.scan(at(1), at(1));
    batch.push(TagNumber(77), Value::Double(1.0), Status::GOOD, Reason::Changed);
    assert!(matches!(store.append(&batch, moment(1)), Err(HistoryError::UnknownTag(TagNumber(77)))));
    assert!(values(&store, tag, Span::all()).is_empty());
}

#[test]
fn the_newer_format_is_refused_by_name() {
    let disk = CrashDisk::new();
    let mut store = open(disk.clone(), small(), 0);
    let tags = register(&mut store, &["a"]);
    fill(&mut store, &tags, 0..100).expect("there is room");
    store.close_store(moment(100)).expect("closes");
    let name = disk.list().expect("lists").into_iter().find(|name| name.ends_with(".seg")).expect("one");
    disk.flip(&name, 8 * 8 + 4);
    let refused = Store::open(Arc::new(disk), small(), moment(101)).expect_err("refused");
    assert_eq!(refused.to_string(), format!("{name} has format 18, this program reads up to 2"));
}

/// A store whose log is short, so that pages are sealed early, and the samples that it holds.
fn scattered(disk: &CrashDisk, join_segments: usize) -> (Store, Vec<TagNumber>) {
    let options =
        Options { page_rows: 4_096, segment_bytes: 6_000, log_bytes: 8_000, join_segments, ..Options::default() };
    let mut store = open(disk.clone(), options, 0);
    let tags = register(&mut store, &["a", "b", "c"]);
    for second in 0..6_000 {
        fill(&mut store, &tags, second..second + 1).expect("there is room");
        if second % 50 == 49 {
            // Late ones, half a second off.
            let mut batch = Batch::new();
            let late = Timestamp::from_ticks(at(second - 30).ticks() + SECOND / 2);
            batch.scan(late, at(second));
            batch.push(tags[1], Value::Double(second as f64 - 29.5), Status::GOOD, Reason::Cyclic);
            store.append(&batch, moment(second)).expect("there is room");
        }
    }
    (store, tags)
}

#[test]
fn small_pages_and_late_samples_are_joined_beside_collection() {
    let disk = CrashDisk::new();
    let (mut store, tags) = scattered(&disk, 4);
    let (plain, _) = scattered(&CrashDisk::new(), 0);
    let all = |store: &Store| tags.iter().map(|tag| values(store, *tag, Span::all())).collect::<Vec<_>>();
    let wanted = all(&plain);
    assert_eq!(wanted[1].len(), 6_120);
    let blocks = |store: &Store| {
        tags.iter().map(|tag| store.history().summaries(*tag, at(0), at(6_000)).expect("reads").len()).sum::<usize>()
    };
    for step in 0..4_000 {
        store.tick(moment(6_000 + step)).expect("there is room");
        if step % 500 == 0 {
            assert_eq!(all(&store), wanted, "step {step}");
        }
    }
    let (joined, scattered) = (blocks(&store), blocks(&plain));
    assert!(joined * 3 < scattered, "{joined} blocks of {scattered}");
    assert!(store.history().size().1 * 2 < plain.history().size().1);
    assert_eq!(all(&store), wanted);
    store.close_store(moment(11_000)).expect("closes");
    let store = open(disk.clone(), small(), 11_001);
    assert_eq!(all(&store), wanted);
    drop(store);
    assert!(verify(Arc::new(disk)).expect("checks").damage.is_empty());
}

#[test]
fn changes_stay_what_they_are_when_segments_are_joined() {
    let disk = CrashDisk::new();
    let (mut store, tags) = scattered(&disk, 2);
    let sample = |value: f64, second: i64| Sample::good(Value::Double(value), at(second));
    store.update(tags[0], UpdateMode::Replace, &[sample(-1.0, 100)], &author(1), moment(6_000)).expect("changes");
    store.update(tags[0], UpdateMode::Insert, &[sample(-2.0, -5)], &author(2), moment(6_000)).expect("changes");
    store.delete_range(tags[2], at(200), at(300), &author(3), moment(6_000)).expect("changes");
    let look = |store: &Store| {
        let modified = |tag: &TagNumber| store.history().read_modified(*tag, at(-10), at(7_000)).expect("reads");
        let values: Vec<_> = tags.iter().map(|tag| values(store, *tag, Span::all())).collect();
        (values, tags.iter().map(modified).collect::<Vec<_>>())
    };
    let wanted = look(&store);
    assert_eq!((wanted.1[0].len(), wanted.1[2].len()), (2, 100));
    // These come after the changes, at times that were changed.
    for second in [100, 250] {
        let mut batch = Batch::new();
        batch.scan(at(second), at(6_000));
        tags.iter().for_each(|tag| batch.push(*tag, Value::Double(0.5), Status::GOOD, Reason::Cyclic));
        store.append(&batch, moment(6_000)).expect("there is room");
    }
    store.flush(moment(6_000)).expect("there is room");
    let wanted = look(&store);
    assert_eq!(values(&store, tags[0], Span::at(at(100))), [-1.0, 0.5]);
    assert_eq!(values(&store, tags[2], Span::at(at(250))), [0.5]);
    let blocks = |store: &Store, tag| store.history().summaries(tag, at(0), at(6_000)).expect("reads").len();
    let n_blocks = blocks(&store, tags[0]);
    for step in 0..4_000 {
        store.tick(moment(6_000 + step)).expect("there is room");
    }
    let (joined, scattered) = (store.history().size().1, scattered(&CrashDisk::new(), 0).0.history().size().1);
    assert!(joined * 2 < scattered, "{joined} segments of {scattered}");
    assert!(blocks(&store, tags[0]) * 3 < n_blocks, "{} blocks of {n_blocks}", blocks(&store, tags[0]));
    assert_eq!(look(&store), wanted);
    store.delete_at(tags[1], &[at(77)], &author(4), moment(11_000)).expect("changes");
    assert_eq!(values(&store, tags[1], Span::at(at(77))), Vec::<f64>::new());
    assert_eq!(look(&store).0[1].len(), wanted.0[1].len() - 1);
}

/// Samples and page sizes of the paged reads; `TAGWIRE_HISTORY_PAGES=all` takes minutes.
fn paged_reads() -> (i64, Vec<usize>) {
    if std::env::var_os("TAGWIRE_HISTORY_PAGES").is_some_and(|word| word == "all") {
        return (1_000_000, (1..=1_000).collect());
    }
    (150_000, vec![9, 64, 100, 333, 1_000])
}

#[test]
fn pages_of_every_size_together_are_the_whole_while_samples_come() {
    let (n, sizes) = paged_reads();
    let mut store = open(CrashDisk::new(), Options::default(), 0);
    let tag = register(&mut store, &["a"])[0];
    let mut next = 0;
    let mut add = |store: &mut Store, n: i64| {
        let mut batch = Batch::new();
        for second in next..next + n {
            batch.scan(at(second), at(second));
            batch.push(tag, Value::Double(second as f64), Status::GOOD, Reason::Cyclic);
        }
        next += n;
        store.append(&batch, moment(next)).expect("there is room");
        store.tick(moment(next)).expect("there is room");
    };
    for _ in 0..n / 1_000 {
        add(&mut store, 1_000);
    }
    let history = store.history();
    for size in sizes {
        let mut cursor = history.read(tag, Span::forward(at(0), at(n))).expect("reads");
        let mut seen = 0;
        while let Some(view) = cursor.next(size).expect("reads") {
            assert!(view.len() <= size);
            let is_next = view.times().iter().zip(seen..).all(|(time, second)| *time == at(second).ticks());
            assert!(is_next, "pages of {size}: something is missing or twice near sample {seen}");
            seen += view.len() as i64;
            if seen % 7 == 0 {
                add(&mut store, 1);
            }
            let Some(position) = cursor.position().expect("reads") else { break };
            cursor = history.resume(tag, position).expect("reads");
        }
        assert_eq!(seen, n, "pages of {size}");
    }
}

#[test]
fn a_clock_that_is_set_back_costs_nothing_and_the_markers_stay_in_their_order() {
    let disk = CrashDisk::new();
    let mut store = open(disk.clone(), small(), 100);
    let tags = register(&mut store, &["a"]);
    fill(&mut store, &tags, 1_000..1_100).expect("there is room");
    fill(&mut store, &tags, 400..500).expect("there is room");
    store.close_store(moment(500)).expect("closes");
    let mut store = open(disk.clone(), small(), 50);
    fill(&mut store, &tags, 50..60).expect("there is room");
    store.commit(moment(60)).expect("there is room");
    drop(store);
    let store = open(disk, small(), 20);
    let wanted: Vec<f64> = (50..60).chain(400..500).chain(1_000..1_100).map(f64::from).collect();
    assert_eq!(values(&store, tags[0], Span::all()), wanted);
    let died = |marker: &&tagwire_history::Marker| marker.kind == MarkerKind::Died;
    let markers = store.history().markers(at(0), at(2_000)).expect("reads");
    assert_eq!(markers.iter().filter(died).count(), 1, "{markers:?}");
}

#[test]
fn aggregates_by_the_sums_of_blocks_are_those_of_the_samples() {
    use tagwire_history::aggregate::{Aggregate, Configuration, Engine, Intervals, Outcome, Settings};
    let mut rng = fastrand::Rng::with_seed(5);
    let options = Options { page_rows: 4_096, ..Options::default() };
    let mut store = open(CrashDisk::new(), options, 0);
    let tag = register(&mut store, &["a"])[0];
    let mut taken = 0;
    // Seconds to the next full hour.
    let first = 3_600 - EPOCH / SECOND % 3_600;
    for round in 0..8 {
        // Hours with and without bad samples, and gaps.
        let mut batch = Batch::new();
        for second in 0..3_600 {
            if rng.u8(..20) == 0 || (round == 5 && second < 900) {
                continue;
            }
            let time = at(first + round * 3_600 + second);
            let status = if round % 3 == 1 && rng.u16(..900) == 0 { Status::UNCERTAIN } else { Status::GOOD };
            batch.scan(time, time);
            batch.push(tag, Value::Double(f64::from(rng.i16(-50..50)) / 4.0), status, Reason::Cyclic);
        }
        store.append(&batch, moment(round * 3_600)).expect("there is room");
    }
    store.flush(moment(40_000)).expect("there is room");
    let history = store.history();
    let value_type = ValueType::scalar(DataType::Double);
    for aggregate in Aggregate::ALL {
        for (stepped, width) in [(false, 3_600), (true, 3_600), (false, 7_200), (false, 500)] {
            let configuration = Configuration::default();
            let settings = Settings { aggregate, configuration, stepped, value_type, annotations: None };
            let intervals = Intervals::new(at(first - 3_600), at(first + 33_000), width * SECOND).expect("intervals");
            let (mut by_sums, mut by_samples) = (Vec::new(), Vec::new());
            let push = |engine: &mut Engine, span: Span, results: &mut Vec<_>| {
                let mut cursor = history.read(tag, span).expect("reads");
                while let Some(view) = cursor.next(usize::MAX).expect("reads") {
                    (0..view.len()).filter_map(|idx| view.sample(idx)).for_each(|sample| engine.push(&sample, results));
                }
            };
            let mut engine = Engine::new(settings.clone(), intervals).expect("settings");
            push(&mut engine, Span::all(), &mut by_samples);
            engine.finish(&mut by_samples);
            let mut engine = Engine::new(settings, intervals).expect("settings");
            let mut from = at(first - 3_600);
            for summary in history.summaries(tag, from, at(first + 40_000)).expect("reads") {
                let block = summary.block(value_type, aggregate).filter(|_| summary.from >= from);
                let end = Timestamp::from_ticks(summary.to.ticks() + 1);
                if block.is_some_and(|block| engine.push_block(&block, &mut by_sums)) {
                    taken += 1;
                } else {
                    push(&mut engine, Span::forward(from, end), &mut by_sums);
                }
                from = from.max(end);
            }
            engine.finish(&mut by_sums);
            assert_eq!(by_sums.len(), by_samples.len());
            for (found, wanted) in by_sums.iter().zip(&by_samples) {
                let is_same = match (&found.value, &wanted.value) {
                    (Outcome::Value(a), Outcome::Value(b)) => match (a.as_f64(), b.as_f64()) {
                        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
                        (a, b) => a == b,
                    },
                    (a, b) => a == b,
                };
                let rest = found.status == wanted.status && found.time == wanted.time;
                assert!(is_same && rest, "{aggregate:?} {width}: {found:?} in place of {wanted:?}");
            }
        }
    }
    assert!(taken > 100, "{taken} blocks");
}
