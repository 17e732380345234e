//! The catalogue: tags, changes by users, annotations and markers, in one redb database.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use parking_lot::RwLock;
use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};
use tagwire_model::{DataType, Dims, Timestamp, ValueType};

use crate::annotation::{Annotation, StoredAnnotation};
use crate::bytes::{Reader, Short, put_text};
use crate::edit::{Change, Edit, Edited, RangeDelete, What};
use crate::storage::{Storage, StorageFile};
use crate::values::ColumnType;
use crate::{FORMAT_VERSION, HistoryError, TagNumber};

pub(crate) const NAME: &str = "catalogue.redb";
const CACHE: usize = 16 << 20;
const NO_GROUP: u32 = u32::MAX;

pub(crate) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const SERIES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("series");
const EDITS: TableDefinition<'_, (u32, i64, u64), &[u8]> = TableDefinition::new("edits");
const RANGES: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("ranges");
const ANNOTATIONS: TableDefinition<'_, (u32, i64, u64), &[u8]> = TableDefinition::new("annotations");
/// Changes by serial: tag, time (nothing for a range).
const JOURNAL: TableDefinition<'_, u64, (u32, Option<i64>)> = TableDefinition::new("journal");
const MARKERS: TableDefinition<'_, (i64, u64), u8> = TableDefinition::new("markers");

/// A tag as the historian knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its number, which never changes.
    pub number: TagNumber,
    /// Its path.
    pub path: Arc<str>,
    /// Its type.
    pub value_type: ValueType,
    /// The scan group that it shares its times with; `None` for a tag with times of its own.
    pub group: Option<u32>,
}

impl Series {
    /// The type of its values as columns.
    pub const fn column_type(&self) -> ColumnType {
        if self.value_type.is_scalar() { ColumnType::Scalar(self.value_type.data_type) } else { ColumnType::Array }
    }
}

/// What happened to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkerKind {
    /// It started to collect.
    Start,
    /// It stopped in good order.
    Stop,
    /// It was noticed at the next start that it had not stopped in good order; the time is that of the last sample.
    Died,
}

/// A start or a stop, between which nothing was collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// When.
    pub time: Timestamp,
    /// What.
    pub kind: MarkerKind,
}

#[derive(Debug)]
struct Backend(Arc<dyn StorageFile>);

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}

/// The open database.
#[derive(Debug)]
pub(crate) struct Catalogue {
    storage: Arc<dyn Storage>,
    database: RwLock<Database>,
}

impl Catalogue {
    /// Opens or makes it.
    pub(crate) fn open(storage: Arc<dyn Storage>) -> Result<Self, HistoryError> {
        let is_new = !storage.list().map_err(HistoryError::io("history"))?.iter().any(|name| name == NAME);
        let database = RwLock::new(open_database(&*storage)?);
        if is_new {
            storage.sync_names().map_err(HistoryError::io(NAME))?;
        }
        let catalogue = Self { storage, database };
        let found = catalogue.number("version")?;
        match found {
            None => catalogue.prepare()?,
            Some(found) if found > u64::from(FORMAT_VERSION) => {
                return Err(HistoryError::Newer {
                    file: NAME.to_owned(),
                    found: u32::try_from(found).unwrap_or(u32::MAX),
                    known: FORMAT_VERSION,
                });
            }
            // Former programs must not write beside what only this version knows.
            Some(found) if found < u64::from(FORMAT_VERSION) => catalogue.prepare()?,
            Some(_) => {}
        }
        Ok(catalogue)
    }

    pub(crate) fn begin_read(&self) -> Result<ReadTransaction, HistoryError> {
        let begun = self.database.read().begin_read();
        match begun {
            Err(error) if self.must_reopen(&error)? => Ok(self.database.read().begin_read()?),
            begun => Ok(begun?),
        }
    }

    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, HistoryError> {
        let begun = self.database.read().begin_write();
        match begun {
            Err(error) if self.must_reopen(&error)? => Ok(self.database.read().begin_write()?),
            begun => Ok(begun?),
        }
    }

    /// After an error of the disk, as a full one, redb does nothing more until it is opened again.
    fn must_reopen(&self, error: &redb::TransactionError) -> Result<bool, HistoryError> {
        if !matches!(error, redb::TransactionError::Storage(redb::StorageError::PreviousIo)) {
            return Ok(false);
        }
        let mut database = self.database.write();
        *database = open_database(&*self.storage)?;
        Ok(true)
    }

    fn prepare(&self) -> Result<(), HistoryError> {
        let write = self.begin_write()?;
        {
            write.open_table(META)?.insert("version", u64::from(FORMAT_VERSION))?;
            write.open_table(SERIES)?;
            write.open_table(EDITS)?;
            write.open_table(RANGES)?;
            write.open_table(ANNOTATIONS)?;
            write.open_table(MARKERS)?;
            write.open_table(JOURNAL)?;
        }
        write.commit()?;
        Ok(())
    }

    /// A number of the table `meta`.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, HistoryError> {
        let read = self.begin_read()?;
        match read.open_table(META) {
            Ok(table) => Ok(table.get(name)?.map(|value| value.value())),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Remembers that all numbers given so far are below `number`, and all samples are in segments.
    pub(crate) fn set_number(&self, number: u64) -> Result<(), HistoryError> {
        let write = self.begin_write()?;
        {
            let mut meta = write.open_table(META)?;
            meta.insert("number", number)?;
            meta.insert("released", number)?;
        }
        write.commit()?;
        Ok(())
    }

    /// Remembers that all samples below `released` are in segments, the last of which is on the disk up to a length.
    pub(crate) fn set_released(&self, released: u64, active: Option<(u64, u64)>) -> Result<(), HistoryError> {
        let write = self.begin_write()?;
        {
            let mut meta = write.open_table(META)?;
            meta.insert("released", released)?;
            if let Some((number, synced)) = active {
                meta.insert("segment", number)?;
                meta.insert("synced", synced)?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// All tags, in the order of their numbers.
    pub(crate) fn series(&self) -> Result<Vec<Series>, HistoryError> {
        let read = self.begin_read()?;
        let table = read.open_table(SERIES)?;
        let mut all = Vec::new();
        for row in table.iter()? {
            let (key, value) = row?;
            let series = read_series(TagNumber(key.value()), value.value());
            all.push(series.map_err(|_| HistoryError::damaged(NAME, "tag"))?);
        }
        Ok(all)
    }

    /// Writes tags.
    pub(crate) fn put_series(&self, series: &[Series]) -> Result<(), HistoryError> {
        let write = self.begin_write()?;
        {
            let mut table = write.open_table(SERIES)?;
            for series in series {
                table.insert(series.number.0, put_series(series).as_slice())?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// Writes changes of samples and ranges in one go; each gets the next serial, the last of which is told.
    pub(crate) fn put_edits(&self, edits: &[(TagNumber, Edit)]) -> Result<u64, HistoryError> {
        let write = self.begin_write()?;
        let mut serial;
        {
            let mut meta = write.open_table(META)?;
            serial = meta.get("serial")?.map_or(0, |value| value.value());
            let mut points = write.open_table(EDITS)?;
            let mut ranges = write.open_table(RANGES)?;
            let mut journal = write.open_table(JOURNAL)?;
            for (tag, edit) in edits {
                serial += 1;
                match edit {
                    Edit::Change(change) => {
                        let key = (tag.0, change.time.ticks(), serial);
                        points.insert(key, change.put().as_slice())?;
                        journal.insert(serial, (tag.0, Some(change.time.ticks())))?;
                    }
                    Edit::Range(range) => {
                        ranges.insert((tag.0, serial), range.put().as_slice())?;
                        journal.insert(serial, (tag.0, None))?;
                    }
                }
            }
            meta.insert("serial", serial)?;
        }
        write.commit()?;
        Ok(serial)
    }

    /// The first `max` changes behind this serial that are still known.
    pub(crate) fn edits_after(&self, serial: u64, max: usize) -> Result<Vec<Edited>, HistoryError> {
        let read = self.begin_read()?;
        let journal = match read.open_table(JOURNAL) {
            Ok(journal) => journal,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let (points, ranges) = (read.open_table(EDITS)?, read.open_table(RANGES)?);
        let mut found = Vec::new();
        for row in journal.range(serial.saturating_add(1)..)?.take(max) {
            let (key, place) = row?;
            let (serial, (tag, time)) = (key.value(), place.value());
            let damaged = |_: Short| HistoryError::damaged(NAME, "change");
            let edited = match time {
                Some(ticks) => points.get((tag, ticks, serial))?.map(|bytes| {
                    let time = Timestamp::from_ticks(ticks);
                    let Change { no, author, sample, .. } = Change::read(time, bytes.value())?;
                    let what = match sample {
                        Some((sample, reason)) => What::Put(sample, reason),
                        None => What::Deleted(time, time.saturating_add_ticks(1)),
                    };
                    Ok(Edited { serial, number: no, tag: TagNumber(tag), author, what })
                }),
                None => ranges.get((tag, serial))?.map(|bytes| {
                    let RangeDelete { from, to, no, author } = RangeDelete::read(bytes.value())?;
                    Ok(Edited { serial, number: no, tag: TagNumber(tag), author, what: What::Deleted(from, to) })
                }),
            };
            // What concerned samples that are gone was let go with them.
            if let Some(edited) = edited {
                found.push(edited.map_err(damaged)?);
            }
        }
        Ok(found)
    }

    /// Tags that a user changed, each with the number of the last change.
    pub(crate) fn edited(&self) -> Result<HashMap<TagNumber, u64>, HistoryError> {
        let read = self.begin_read()?;
        let mut tags: HashMap<TagNumber, u64> = HashMap::new();
        let damaged = |_| HistoryError::damaged(NAME, "change");
        for row in read.open_table(EDITS)?.iter()? {
            let (key, value) = row?;
            let no = Reader::new(value.value().get(1..).unwrap_or_default()).u64().map_err(damaged)?;
            let last = tags.entry(TagNumber(key.value().0)).or_default();
            *last = no.max(*last);
        }
        for row in read.open_table(RANGES)?.iter()? {
            let (key, value) = row?;
            let no = Reader::new(value.value()).u64().map_err(damaged)?;
            let last = tags.entry(TagNumber(key.value().0)).or_default();
            *last = no.max(*last);
        }
        Ok(tags)
    }

    /// Tags with annotations.
    pub(crate) fn annotated(&self) -> Result<HashSet<TagNumber>, HistoryError> {
        let read = self.begin_read()?;
        let mut tags = HashSet::new();
        for row in read.open_table(ANNOTATIONS)?.iter()? {
            tags.insert(TagNumber(row?.0.value().0));
        }
        Ok(tags)
    }

    /// Changes of single samples of a tag in `from..=to`, by time and then serial.
    pub(crate) fn changes(&self, tag: TagNumber, from: i64, to: i64) -> Result<Vec<(u64, Change)>, HistoryError> {
        let read = self.begin_read()?;
        let table = read.open_table(EDITS)?;
        let mut changes = Vec::new();
        if from > to {
            return Ok(changes);
        }
        for row in table.range((tag.0, from, 0)..=(tag.0, to, u64::MAX))? {
            let (key, value) = row?;
            let (_, time, serial) = key.value();
            let change = Change::read(Timestamp::from_ticks(time), value.value());
            changes.push((serial, change.map_err(|_| HistoryError::damaged(NAME, "change"))?));
        }
        Ok(changes)
    }

    /// Deleted ranges of a tag, by serial.
    pub(crate) fn ranges(&self, tag: TagNumber) -> Result<Vec<(u64, RangeDelete)>, HistoryError> {
        let read = self.begin_read()?;
        let table = read.open_table(RANGES)?;
        let mut ranges = Vec::new();
        for row in table.range((tag.0, 0)..=(tag.0, u64::MAX))? {
            let (key, value) = row?;
            let range = RangeDelete::read(value.value()).map_err(|_| HistoryError::damaged(NAME, "range"))?;
            ranges.push((key.value().1, range));
        }
        Ok(ranges)
    }

    /// Writes an annotation, or a change of one.
    pub(crate) fn put_annotation(&self, tag: TagNumber, stored: &StoredAnnotation) -> Result<u64, HistoryError> {
        let write = self.begin_write()?;
        let serial;
        {
            let mut meta = write.open_table(META)?;
            serial = meta.get("serial")?.map_or(0, |value| value.value()) + 1;
            meta.insert("serial", serial)?;
            let key = (tag.0, stored.annotation.time.ticks(), serial);
            write.open_table(ANNOTATIONS)?.insert(key, stored.put().as_slice())?;
        }
        write.commit()?;
        Ok(serial)
    }

    /// Annotations of a tag in `from..=to` and their changes, by time and then serial.
    pub(crate) fn annotations(
        &self,
        tag: TagNumber,
        from: i64,
        to: i64,
    ) -> Result<Vec<(u64, StoredAnnotation)>, HistoryError> {
        let read = self.begin_read()?;
        let table = read.open_table(ANNOTATIONS)?;
        let mut found = Vec::new();
        if from > to {
            return Ok(found);
        }
        for row in table.range((tag.0, from, 0)..=(tag.0, to, u64::MAX))? {
            let (key, value) = row?;
            let (_, time, serial) = key.value();
            let stored = StoredAnnotation::read(Timestamp::from_ticks(time), value.value());
            found.push((serial, stored.map_err(|_| HistoryError::damaged(NAME, "annotation"))?));
        }
        Ok(found)
    }

    /// Deletes changes, ranges and annotations of a tag that concern nothing from `before` on.
    pub(crate) fn forget(&self, tags: &[TagNumber], before: i64) -> Result<(), HistoryError> {
        let write = self.begin_write()?;
        {
            let mut edits = write.open_table(EDITS)?;
            let mut annotations = write.open_table(ANNOTATIONS)?;
            let mut ranges = write.open_table(RANGES)?;
            for tag in tags {
                let span = (tag.0, i64::MIN, 0)..(tag.0, before, 0);
                edits.retain_in(span.clone(), |_, _| false)?;
                annotations.retain_in(span, |_, _| false)?;
                ranges.retain_in((tag.0, 0)..=(tag.0, u64::MAX), |_, value| {
                    RangeDelete::read(value).is_ok_and(|range| range.to.ticks() > before)
                })?;
            }
            write
                .open_table(JOURNAL)?
                .retain(|_, (tag, time)| time.is_none_or(|time| time >= before) || !tags.contains(&TagNumber(tag)))?;
        }
        write.commit()?;
        Ok(())
    }

    /// Writes a marker.
    pub(crate) fn mark(&self, marker: Marker) -> Result<(), HistoryError> {
        let write = self.begin_write()?;
        {
            let mut meta = write.open_table(META)?;
            let serial = meta.get("serial")?.map_or(0, |value| value.value()) + 1;
            meta.insert("serial", serial)?;
            let kind = match marker.kind {
                MarkerKind::Start => 1,
                MarkerKind::Stop => 2,
                MarkerKind::Died => 3,
            };
            write.open_table(MARKERS)?.insert((marker.time.ticks(), serial), kind)?;
            meta.insert("marker", u64::from(kind))?;
        }
        write.commit()?;
        Ok(())
    }

    /// Markers in `from..=to`.
    pub(crate) fn markers(&self, from: i64, to: i64) -> Result<Vec<Marker>, HistoryError> {
        let read = self.begin_read()?;
        let table = read.open_table(MARKERS)?;
        let mut markers = Vec::new();
        if from > to {
            return Ok(markers);
        }
        for row in table.range((from, 0)..=(to, u64::MAX))? {
            let (key, value) = row?;
            let kind = marker_kind(value.value());
            markers.push(Marker { time: Timestamp::from_ticks(key.value().0), kind });
        }
        Ok(markers)
    }

    /// What the marker written last says.
    pub(crate) fn last_marker(&self) -> Result<Option<MarkerKind>, HistoryError> {
        // By time alone it could not be found after the clock was set back.
        if let Some(kind) = self.number("marker")? {
            return Ok(Some(marker_kind(kind as u8)));
        }
        let read = self.begin_read()?;
        let table = read.open_table(MARKERS)?;
        let mut last: Option<(u64, u8)> = None;
        for row in table.iter()?.rev().take(8) {
            let (key, value) = row?;
            let serial = key.value().1;
            if last.is_none_or(|(found, _)| found < serial) {
                last = Some((serial, value.value()));
            }
        }
        Ok(last.map(|(_, kind)| marker_kind(kind)))
    }
}

const fn marker_kind(code: u8) -> MarkerKind {
    match code {
        1 => MarkerKind::Start,
        2 => MarkerKind::Stop,
        _ => MarkerKind::Died,
    }
}

fn open_database(storage: &dyn Storage) -> Result<Database, HistoryError> {
    let file = storage.open(NAME, true).map_err(HistoryError::io(NAME))?;
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    Ok(builder.create_with_backend(Backend(file))?)
}

fn put_series(series: &Series) -> Vec<u8> {
    let dims = series.value_type.dims;
    let mut out = vec![series.value_type.data_type.ua_id(), dims.rank() as u8];
    dims.lens().iter().for_each(|len| out.extend_from_slice(&len.to_le_bytes()));
    out.extend_from_slice(&series.group.unwrap_or(NO_GROUP).to_le_bytes());
    put_text(&mut out, &series.path);
    out
}

fn read_series(number: TagNumber, bytes: &[u8]) -> Result<Series, Short> {
    let mut reader = Reader::new(bytes);
    let data_type = DataType::from_ua_id(reader.u8()?).ok_or(Short)?;
    let rank = usize::from(reader.u8()?);
    let mut lens = [0; 3];
    for len in lens.get_mut(..rank).ok_or(Short)? {
        *len = reader.u32()?;
    }
    let dims = Dims::new(&lens[..rank]).ok_or(Short)?;
    let group = Some(reader.u32()?).filter(|group| *group != NO_GROUP);
    Ok(Series { number, path: reader.text()?.into(), value_type: ValueType { data_type, dims }, group })
}

/// Annotations that a reader may see: the last state of each.
pub(crate) fn current(stored: Vec<(u64, StoredAnnotation)>) -> Vec<Annotation> {
    let mut all: Vec<(u64, Option<Annotation>)> = Vec::new();
    for (serial, stored) in stored {
        let of = if stored.of == 0 { serial } else { stored.of };
        let state = stored.is_there().then_some(stored.annotation);
        match all.iter_mut().find(|(known, _)| *known == of) {
            Some(known) => known.1 = state,
            None => all.push((of, state)),
        }
    }
    all.into_iter()
        .filter_map(|(id, annotation)| annotation.map(|annotation| Annotation { id, ..annotation }))
        .collect()
}
