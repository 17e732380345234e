//! The log as it is written, killed, filled up and tampered with.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tagwire_model::Timestamp;
use tempfile::TempDir;

use super::store::Medium;
use super::{Actor, Audit as _, AuditEvent, AuditLog, AuditSettings, Head, Report, What, files, verify};
use crate::{Face, Identity};

const NOW: Timestamp = Timestamp::from_ticks(133_000_000_000_000_001);

fn open(folder: &Path, settings: AuditSettings) -> AuditLog {
    AuditLog::open(folder, settings, Arc::new(|| NOW)).expect("thread")
}

fn event(number: usize) -> AuditEvent {
    AuditEvent {
        time: NOW,
        what: What::Write,
        actor: Actor {
            face: Some(Face::Ua),
            identity: Some(Identity::User("anna".into())),
            peer: "10.0.0.7:4000".parse().ok(),
            uid: None,
        },
        details: Box::new(vec![("number", number.to_string())]),
    }
}

/// A log with so many records after its header, closed in good order.
fn log_of(n: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let log = open(folder.path(), AuditSettings::default());
    (0..n).for_each(|number| log.record(event(number)));
    log.close();
    folder
}

fn check(folder: &TempDir) -> Report {
    verify(folder.path(), None).expect("readable")
}

fn flaws(folder: &TempDir) -> Vec<(u64, &'static str, String)> {
    check(folder).flaws.into_iter().map(|flaw| (flaw.line, flaw.kind, flaw.text)).collect()
}

fn first_file(folder: &TempDir) -> std::path::PathBuf {
    files(folder.path()).expect("listed")[0].path.clone()
}

/// Changes the lines of the first file.
fn tamper(folder: &TempDir, change: impl FnOnce(&mut Vec<String>)) {
    let path = first_file(folder);
    let text = fs::read_to_string(&path).expect("text");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).expect("written");
}

#[test]
fn records_are_chained_lines_that_say_who_did_what() {
    let folder = log_of(3);
    let report = check(&folder);
    assert!(report.is_good(), "{:?}", report.flaws);
    assert_eq!((report.n_files, report.n_records, report.first), (1, 4, Some(1)));
    let text = fs::read_to_string(first_file(&folder)).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with(r#"{"seq":1,"time":"2022-06-18T04:26:40.0000001Z","what":"log-file","version":1,"file":1,"oldest":1,"prev":"0000"#),
        "{text}"
    );
    assert!(
        lines[1]
            .contains(r#""what":"write","face":"opc-ua","user":"anna","peer":"10.0.0.7:4000","number":"0","prev":""#),
        "{text}"
    );
    let record: serde_json::Value = serde_json::from_str(lines[3]).expect("JSON");
    assert_eq!(record["hash"], report.last.expect("records").hash_text());
}

#[test]
fn every_kind_of_tampering_is_found_where_it_is() {
    type Case = (&'static str, fn(&mut Vec<String>), &'static [(u64, &'static str)]);
    let cases: [Case; 9] = [
        ("changed byte", |lines| lines[2] = lines[2].replace("anna", "emma"), &[(3, "changed")]),
        (
            "changed hash",
            |lines| lines[2] = lines[2].replace("\"hash\":\"", "\"hush\":\""),
            &[(3, "unreadable"), (4, "missing")],
        ),
        ("removed line", |lines| drop(lines.remove(3)), &[(4, "missing")]),
        ("swapped lines", |lines| lines.swap(3, 4), &[(4, "missing"), (5, "misplaced")]),
        ("doubled line", |lines| lines.insert(3, lines[2].clone()), &[(4, "misplaced")]),
        ("added line", |lines| lines.insert(3, "{}".to_owned()), &[(4, "unreadable")]),
        ("removed header", |lines| drop(lines.remove(0)), &[(1, "missing")]),
        ("removed end", |lines| lines.truncate(5), &[(0, "truncated")]),
        ("another beginning", |lines| drop(lines.drain(..4)), &[(1, "missing")]),
    ];
    for (name, change, expected) in cases {
        let folder = log_of(8);
        tamper(&folder, change);
        let found = flaws(&folder);
        let kinds: Vec<(u64, &str)> = found.iter().map(|(line, kind, _)| (*line, *kind)).collect();
        assert_eq!(kinds, expected, "{name}: {found:?}");
    }
}

#[test]
fn a_chain_made_anew_is_found_by_a_head_noted_elsewhere() {
    let (ours, other) = (log_of(5), log_of(7));
    let noted = check(&ours).last.expect("records");
    assert!(verify(ours.path(), Some(noted)).expect("readable").is_good());
    let forged = Head { hash: [b'a'; super::HASH_DIGITS], ..noted };
    let found = verify(ours.path(), Some(forged)).expect("readable").flaws;
    assert_eq!(found.iter().map(|flaw| flaw.kind).collect::<Vec<_>>(), ["unexpected"], "{found:?}");
    let later = check(&other).last.expect("records");
    let found = verify(ours.path(), Some(later)).expect("readable").flaws;
    assert_eq!(found.iter().map(|flaw| flaw.kind).collect::<Vec<_>>(), ["truncated"], "{found:?}");
    assert_eq!(later.to_string().parse(), Ok(later));
}

#[test]
fn the_note_of_the_end_must_be_there() {
    let folder = log_of(2);
    fs::remove_file(folder.path().join("head")).expect("removed");
    assert_eq!(flaws(&folder)[0].1, "no-head");
    let nothing = tempfile::tempdir().expect("folder");
    assert_eq!(flaws(&nothing)[0].1, "empty");
}

fn small_files(keep: u64) -> AuditSettings {
    AuditSettings { max_file_bytes: 2_000, keep, ..AuditSettings::default() }
}

#[test]
fn the_chain_runs_through_all_files_and_only_old_ones_go() {
    let folder = tempfile::tempdir().expect("folder");
    let log = open(folder.path(), small_files(3));
    (0..60).for_each(|number| log.record(event(number)));
    log.close();
    let kept = files(folder.path()).expect("listed");
    assert_eq!(kept.len(), 3);
    assert!(kept[0].number > 4 && kept.iter().all(|file| fs::metadata(&file.path).expect("file").len() < 2_500));
    let report = check(&folder);
    assert!(report.is_good() && report.first > Some(1), "{report:?}");
    for (gone, expected) in [(1, vec!["missing-file", "missing"]), (0, vec!["missing-file"])] {
        let bytes = fs::read(&kept[gone].path).expect("read");
        fs::remove_file(&kept[gone].path).expect("removed");
        let kinds: Vec<_> = flaws(&folder).into_iter().map(|(_, kind, _)| kind).collect();
        assert_eq!(kinds, expected, "file {gone}");
        fs::write(&kept[gone].path, bytes).expect("put back");
    }
    let last = kept.last().expect("files");
    fs::remove_file(&last.path).expect("removed");
    assert_eq!(flaws(&folder)[0].1, "truncated");
}

#[test]
fn old_files_are_left_for_new_ones_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = AuditSettings { rotate_every: Duration::from_secs(3600), ..AuditSettings::default() };
    let log = open(folder.path(), settings.clone());
    log.record(event(0));
    log.close();
    let later = NOW.saturating_add_ticks(3601 * Timestamp::TICKS_PER_SECOND);
    let log = AuditLog::open(folder.path(), settings, Arc::new(move || later)).expect("thread");
    log.record(event(1));
    log.close();
    assert_eq!(files(folder.path()).expect("listed").len(), 2);
    assert!(check(&folder).is_good(), "{:?}", flaws(&folder));
}

#[test]
fn an_unfinished_record_is_cut_off_and_told_and_the_chain_goes_on() {
    let folder = log_of(3);
    let path = first_file(&folder);
    let mut bytes = fs::read(&path).expect("read");
    bytes.extend_from_slice(b"{\"seq\":5,\"time\":\"2026");
    fs::write(&path, &bytes).expect("written");
    let report = check(&folder);
    assert!(report.is_good() && report.n_unfinished == 21, "{report:?}");
    let log = open(folder.path(), AuditSettings::default());
    log.record(event(9));
    log.close();
    let report = check(&folder);
    assert!(report.is_good() && report.n_unfinished == 0 && report.n_records == 6, "{report:?}");
    let text = fs::read_to_string(&path).expect("text");
    assert!(text.contains(r#""what":"log-repaired","cut_bytes":21,"#), "{text}");
}

#[test]
fn a_file_without_a_whole_record_gets_its_header_again() {
    let folder = log_of(3);
    fs::write(folder.path().join("audit-000002.jsonl"), "{\"seq\":5,").expect("written");
    let log = open(folder.path(), AuditSettings::default());
    log.record(event(9));
    log.close();
    let report = check(&folder);
    assert!(report.is_good() && report.n_files == 2, "{report:?}");
}

#[test]
fn a_cut_off_end_stays_found_after_a_restart() {
    let folder = log_of(8);
    tamper(&folder, |lines| lines.truncate(5));
    let log = open(folder.path(), AuditSettings::default());
    log.record(event(9));
    log.close();
    let found = flaws(&folder);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].2, "records 6 to 9 are missing before this one");
    let text = fs::read_to_string(first_file(&folder)).expect("text");
    assert!(text.contains(r#""what":"log-gap","first":6,"last":9,"#), "{text}");
}

#[test]
fn a_damaged_end_stays_as_it_is_and_the_log_goes_on_in_another_file() {
    let folder = log_of(3);
    tamper(&folder, |lines| lines[3] = lines[3].replace("anna", "emma"));
    let before = fs::read(first_file(&folder)).expect("read");
    let log = open(folder.path(), AuditSettings::default());
    log.record(event(9));
    log.close();
    assert_eq!(fs::read(first_file(&folder)).expect("read"), before);
    let found = flaws(&folder);
    assert_eq!(found.iter().map(|(line, kind, _)| (*line, *kind)).collect::<Vec<_>>(), [(4, "changed")], "{found:?}");
    assert_eq!(check(&folder).n_files, 2);
}

#[test]
fn flush_says_what_is_on_the_disk() {
    let folder = tempfile::tempdir().expect("folder");
    let log = open(folder.path(), AuditSettings { commit: Duration::from_secs(3600), ..AuditSettings::default() });
    log.record(event(0));
    let head = log.flush().expect("on the disk");
    assert_eq!(check(&folder).last, Some(head));
    assert_eq!(head.seq, 2);
}

static DISK_IS_FULL: AtomicBool = AtomicBool::new(true);

/// A file on a disk that takes half of what it is given while it is full.
struct FullDisk(File);

impl Medium for FullDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if DISK_IS_FULL.load(Ordering::SeqCst) {
            Medium::append(&mut self.0, &bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Medium::append(&mut self.0, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }
}

#[test]
fn a_full_disk_costs_nothing_but_what_the_queue_cannot_hold() {
    let folder = tempfile::tempdir().expect("folder");
    let wrap = |file| Box::new(FullDisk(file)) as Box<dyn Medium>;
    let log = AuditLog::open_on(folder.path(), AuditSettings::default(), Arc::new(|| NOW), wrap).expect("thread");
    (0..30_000).for_each(|number| log.record(event(number)));
    assert_eq!(log.flush(), None);
    let n_lost = log.n_lost();
    assert!(n_lost > 0);
    DISK_IS_FULL.store(false, Ordering::SeqCst);
    log.close();
    let report = check(&folder);
    assert!(report.is_good(), "{:?}", report.flaws);
    assert_eq!(report.n_records, 30_000 - n_lost + 2);
    let text = fs::read_to_string(first_file(&folder)).expect("text");
    assert!(text.contains(&format!(r#""what":"log-lost","count":{n_lost},"#)));
}

#[test]
fn a_folder_that_cannot_be_made_is_tried_again() {
    let above = tempfile::tempdir().expect("folder");
    let path = above.path().join("audit");
    fs::write(&path, "in the way").expect("written");
    let log = open(&path, AuditSettings::default());
    log.record(event(0));
    assert_eq!(log.flush(), None);
    fs::remove_file(&path).expect("removed");
    log.close();
    let report = verify(&path, None).expect("readable");
    assert!(report.is_good() && report.n_records == 2, "{report:?}");
}

#[test]
fn strangers_cannot_flood_the_log() {
    let folder = tempfile::tempdir().expect("folder");
    let log = open(folder.path(), AuditSettings::default());
    for _ in 0..5_000 {
        log.record(AuditEvent { what: What::ChannelRefused, ..event(0) });
    }
    log.record(event(1));
    log.close();
    let report = check(&folder);
    assert!(report.is_good() && report.n_records < 300, "{report:?}");
    let text = fs::read_to_string(first_file(&folder)).expect("text");
    assert!(text.contains(r#""what":"log-suppressed","count":4"#) && text.contains(r#""what":"write""#));
}
