//! The store as it is at one moment, in a folder of its own for a reader in another process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::append::Store;
use super::options::{Moment, Options};
use super::shared::{History, State};
use crate::sealed::Segment;
use crate::storage::{Disk, Storage, StorageFile, read_vec};
use crate::{HistoryError, Opened, catalogue};

const PIECE: usize = 1 << 20;
/// A growing file is finished rather than copied from this part of its full size on, so that many readers neither copy
/// much nor leave many small files.
const FINISHED_PART: u64 = 4;
/// Bytes of samples that a reader keeps in memory because they stand in the log only.
const HOT_BYTES: usize = 32 << 20;

/// A folder in which all files that never change are there already, and the others are still to be copied.
#[derive(Debug)]
pub struct Frozen {
    folder: PathBuf,
    growing: Vec<(String, Arc<dyn StorageFile>, u64)>,
    catalogue: Vec<u8>,
}

impl Store {
    /// Begins to leave the store as it is now in an empty folder, sharing files where the file system can. The store
    /// itself stays as it is, except that a large segment may be finished. [`Frozen::finish`] needs no more of the store.
    ///
    /// # Errors
    /// What the system says.
    pub fn freeze_into(&mut self, folder: &Path, now: Moment) -> Result<Frozen, HistoryError> {
        if *self.shared.state.read() == State::Running {
            self.commit(now)?;
            if self.active.as_ref().is_some_and(|active| active.at() >= self.options.segment_bytes / FINISHED_PART) {
                self.finish_segment()?;
            }
            if self.log.file_size() >= self.options.log_bytes / FINISHED_PART / FINISHED_PART {
                self.log.rotate();
            }
        }
        let storage = self.storage();
        let mut frozen = Frozen::begin(&*storage, folder)?;
        let active = self.active.as_ref().map(|active| (active.segment().number, active.at()));
        let segments = self.shared.segments.read().clone();
        for segment in segments.iter() {
            match active {
                Some((number, at)) if number == segment.number => {
                    frozen.growing.push((segment.name.clone(), segment.file.clone(), at));
                }
                _ => frozen.add(&*storage, &segment.name)?,
            }
        }
        let is_growing = self.log.file_size() > 0;
        let mut names = self.log.names();
        let last = if is_growing { names.pop() } else { None };
        for (name, _) in names {
            frozen.add(&*storage, &name)?;
        }
        if let Some((name, len)) = last {
            let file = storage.open(&name, false).map_err(HistoryError::io(&name))?;
            frozen.growing.push((name, file, len));
        }
        Ok(frozen)
    }
}

/// Leaves a store that no process uses in an empty folder, as [`Store::freeze_into`] does beside a writer.
///
/// # Errors
/// [`HistoryError::InUse`], or what the system says.
pub fn freeze_folder(storage: &dyn Storage, folder: &Path) -> Result<(), HistoryError> {
    let _lock = storage.lock().map_err(HistoryError::io("lock"))?.ok_or(HistoryError::InUse)?;
    let mut frozen = Frozen::begin(storage, folder)?;
    for name in storage.list().map_err(HistoryError::io("history"))? {
        if name.ends_with(".wal") {
            frozen.add(storage, &name)?;
        }
        let parts = name.strip_suffix(".seg").and_then(|name| name.split_once('-'));
        let Some((number, generation)) = parts else { continue };
        if let (Ok(number), Ok(generation)) = (number.parse(), generation.parse()) {
            // A segment without a footer gets one where it is opened, and must not be shared.
            match Segment::open(storage, number, generation)? {
                Some(_) => frozen.add(storage, &name)?,
                None => frozen.copy_later(storage, &name)?,
            }
        }
    }
    frozen.finish().map(|_| ())
}

impl Frozen {
    fn begin(storage: &dyn Storage, folder: &Path) -> Result<Self, HistoryError> {
        let target = Disk::new(folder).map_err(HistoryError::io("folder"))?;
        let names = target.list().map_err(HistoryError::io("folder"))?;
        if !names.is_empty() {
            return Err(HistoryError::io("folder")(io::ErrorKind::AlreadyExists.into()));
        }
        let file = storage.open(catalogue::NAME, false).map_err(HistoryError::io(catalogue::NAME))?;
        let catalogue = file.len().and_then(|len| read_vec(&*file, 0, len as usize));
        let catalogue = catalogue.map_err(HistoryError::io(catalogue::NAME))?;
        Ok(Self { folder: folder.to_owned(), growing: Vec::new(), catalogue })
    }

    /// Adds a file that never changes again.
    fn add(&mut self, storage: &dyn Storage, name: &str) -> Result<(), HistoryError> {
        if storage.share(name, &self.folder).map_err(HistoryError::io(name))? {
            return Ok(());
        }
        self.copy_later(storage, name)
    }

    fn copy_later(&mut self, storage: &dyn Storage, name: &str) -> Result<(), HistoryError> {
        let file = storage.open(name, false).map_err(HistoryError::io(name))?;
        let len = file.len().map_err(HistoryError::io(name))?;
        self.growing.push((name.to_owned(), file, len));
        Ok(())
    }

    /// Copies what could not be shared; the folder. It is a store then, which a crash need not survive.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(self) -> Result<PathBuf, HistoryError> {
        let target = Disk::new(&self.folder).map_err(HistoryError::io("folder"))?;
        for (name, from, len) in &self.growing {
            let to = target.open(name, true).map_err(HistoryError::io(name))?;
            let mut at = 0;
            while at < *len {
                let piece = PIECE.min((len - at) as usize);
                let bytes = read_vec(&**from, at, piece).map_err(HistoryError::io(name))?;
                to.write_at(at, &bytes).map_err(HistoryError::io(name))?;
                at += piece as u64;
            }
        }
        let to = target.open(catalogue::NAME, true).map_err(HistoryError::io(catalogue::NAME))?;
        to.write_at(0, &self.catalogue).map_err(HistoryError::io(catalogue::NAME))?;
        Ok(self.folder)
    }
}

/// A store as it was when it was frozen, open for reading. Its folder is gone already: the system keeps the files until
/// this is dropped, however the process ends.
#[derive(Debug)]
pub struct FrozenHistory {
    store: Store,
    opened: Opened,
}

impl FrozenHistory {
    /// Opens the folder that [`Frozen::finish`] or [`freeze_folder`] left, and removes it.
    ///
    /// # Errors
    /// As [`Store::open`]; the folder is removed all the same.
    pub fn open(folder: &Path, now: Moment) -> Result<Self, HistoryError> {
        let options = Options { hot_bytes: HOT_BYTES, ..Options::default() };
        let opened = Disk::new(folder)
            .map_err(HistoryError::io("folder"))
            .and_then(|disk| Store::open_unmarked(Arc::new(disk), options, now));
        // What stays behind is removed by the next process that freezes the store.
        let _ = fs::remove_dir_all(folder);
        let (store, opened) = opened?;
        Ok(Self { store, opened })
    }

    /// What readers use.
    pub fn history(&self) -> History {
        self.store.history()
    }

    /// What opening found, as damage.
    pub const fn opened(&self) -> &Opened {
        &self.opened
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tagwire_model::{DataType, Status, Timestamp, Value, ValueType};

    use super::*;
    use crate::{Batch, Reason, Span, TagNumber, TagSpec};

    const SECOND: i64 = Timestamp::TICKS_PER_SECOND;

    fn now(second: i64) -> Moment {
        Moment { steady: Duration::from_secs(second as u64), utc: time(second) }
    }

    fn time(second: i64) -> Timestamp {
        Timestamp::from_ticks(133_600_000_000_000_000 + second * SECOND)
    }

    fn store(folder: &Path) -> (Store, TagNumber) {
        let disk = Arc::new(Disk::new(folder).expect("folder"));
        let options = Options { page_rows: 16, ..Options::default() };
        let (mut store, _) = Store::open(disk, options, now(0)).expect("opens");
        let spec = TagSpec { path: "a.b".into(), value_type: ValueType::scalar(DataType::Int32), group: None };
        let tags = store.register(&[spec], now(0)).expect("registers");
        (store, tags[0])
    }

    fn append(store: &mut Store, tag: TagNumber, seconds: std::ops::Range<i64>) {
        let mut batch = Batch::new();
        for second in seconds {
            batch.scan(time(second), time(second));
            batch.push(tag, Value::Int32(second as i32), Status::GOOD, Reason::Changed);
        }
        store.append(&batch, now(0)).expect("taken");
    }

    fn seconds(history: &History, tag: TagNumber) -> Vec<i64> {
        let mut cursor = history.read(tag, Span::all()).expect("reads");
        let mut found = Vec::new();
        while let Some(view) = cursor.next(usize::MAX).expect("reads") {
            found.extend(view.times().iter().map(|ticks| (ticks - time(0).ticks()) / SECOND));
        }
        found
    }

    #[test]
    fn a_frozen_store_stays_as_it_was_while_the_store_goes_on() {
        let folder = tempfile::tempdir().expect("folder");
        let (mut store, tag) = store(&folder.path().join("history"));
        append(&mut store, tag, 1..100);
        let view = folder.path().join("history/views/1");
        let frozen = store.freeze_into(&view, now(0)).expect("freezes");
        append(&mut store, tag, 100..300);
        store.flush(now(0)).expect("flushes");
        let frozen = FrozenHistory::open(&frozen.finish().expect("copies"), now(0)).expect("opens");
        assert_eq!(frozen.opened().damage, []);
        assert_eq!(seconds(&frozen.history(), tag), (1..100).collect::<Vec<_>>());
        assert!(!view.exists(), "an open view needs no folder");
        append(&mut store, tag, 300..310);
        assert_eq!(seconds(&store.history(), tag), (1..310).collect::<Vec<_>>());
        assert_eq!(seconds(&frozen.history(), tag), (1..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_store_that_died_is_frozen_with_what_its_log_holds_and_is_not_changed() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("history");
        let (mut store, tag) = store(&path);
        append(&mut store, tag, 1..50);
        store.commit(now(0)).expect("writes");
        drop(store);
        let list = || {
            let files = fs::read_dir(&path).expect("folder").map(|entry| entry.expect("entry"));
            let mut all: Vec<_> = files
                .filter(|entry| entry.path().is_file())
                .map(|entry| (entry.file_name(), fs::read(entry.path()).expect("bytes")))
                .collect();
            all.sort();
            all
        };
        let before = list();
        for round in 0..2 {
            let view = path.join(format!("views/{round}"));
            freeze_folder(&Disk::new(&path).expect("folder"), &view).expect("freezes");
            let frozen = FrozenHistory::open(&view, now(0)).expect("opens");
            assert_eq!(seconds(&frozen.history(), tag), (1..50).collect::<Vec<_>>());
        }
        assert!(list() == before, "reading changes nothing");
    }

    #[test]
    fn a_store_in_use_cannot_be_frozen_from_outside() {
        let folder = tempfile::tempdir().expect("folder");
        let (_store, _) = store(folder.path());
        let refused = freeze_folder(&Disk::new(folder.path()).expect("folder"), &folder.path().join("views/1"));
        assert!(matches!(refused, Err(HistoryError::InUse)));
    }
}
