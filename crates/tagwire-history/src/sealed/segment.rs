//! A segment file: pages, and a footer that finds them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use parking_lot::RwLock;
use tagwire_model::Timestamp;

use super::codec::Corrupt;
use super::entry::{ENTRY_LEN, ENTRY_LEN_1, Entry};
use super::page::{HEAD_LEN, PageHead};
use crate::bytes::Reader;
use crate::storage::{Storage, StorageFile, read_vec};
use crate::{Damage, FORMAT_VERSION, HistoryError, TagNumber};

const MAGIC: [u8; 8] = *b"TWHISSEG";
const END_MAGIC: [u8; 8] = *b"TWHISEND";
const HEAD: usize = 32;
const TAG_LEN: usize = 24;
const END_LEN: usize = 96;
/// Bytes of the end in version 1, which replaces no other segments.
const END_LEN_1: usize = 80;
/// Bytes that are searched at once for the next page behind a damaged one.
const STRIDE: usize = 1 << 20;

/// The name of a segment.
pub(crate) fn segment_name(number: u64, generation: u32) -> String {
    format!("{number:010}-{generation:03}.seg")
}

/// A segment that can be read. Pages never change once they are in it.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    /// It holds what the segments from `number` up to this number held.
    pub(crate) last_number: u64,
    pub(crate) generation: u32,
    pub(crate) name: String,
    pub(crate) file: Arc<dyn StorageFile>,
    index: RwLock<Index>,
    spans: RwLock<Spans>,
}

/// What a segment spans in time, numbers and bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spans {
    pub(crate) t_first: i64,
    pub(crate) t_last: i64,
    pub(crate) first_no: u64,
    pub(crate) end_no: u64,
    pub(crate) bytes: u64,
    pub(crate) n_entries: u64,
    /// Those of late samples.
    pub(crate) n_late: u64,
}

impl Spans {
    const NONE: Self =
        Self { t_first: i64::MAX, t_last: i64::MIN, first_no: u64::MAX, end_no: 0, bytes: 0, n_entries: 0, n_late: 0 };

    fn add(&mut self, entry: &Entry) {
        self.t_first = self.t_first.min(entry.t_first);
        self.t_last = self.t_last.max(entry.t_last);
        self.first_no = self.first_no.min(entry.first_no);
        self.end_no = self.end_no.max(entry.end_no);
        self.n_entries += 1;
        self.n_late += u64::from(entry.late);
    }
}

#[derive(Debug)]
enum Index {
    /// Still growing, or rebuilt.
    Memory(HashMap<TagNumber, Vec<Entry>>),
    /// In the file, the tags not looked at yet.
    Footer(End),
    /// In the file, with the places of the tags.
    Tags(End, Arc<[TagPlace]>),
}

#[derive(Clone, Copy, Debug)]
struct TagPlace {
    tag: u32,
    first: u32,
    n: u32,
}

#[derive(Clone, Copy, Debug)]
struct End {
    entry_len: usize,
    last_number: u64,
    n_tags: u32,
    entries_at: u64,
    n_entries: u64,
    tags_at: u64,
    spans: Spans,
    tags_crc: u32,
}

impl Segment {
    /// Opens a segment by its footer; `None` when it has no whole one.
    pub(crate) fn open(storage: &dyn Storage, number: u64, generation: u32) -> Result<Option<Self>, HistoryError> {
        let name = segment_name(number, generation);
        let file = storage.open(&name, false).map_err(HistoryError::io(&name))?;
        let len = file.len().map_err(HistoryError::io(&name))?;
        if len >= HEAD as u64 {
            let head = read_vec(&*file, 0, HEAD).map_err(HistoryError::io(&name))?;
            check_version(&name, &head)?;
        }
        let Some(mut end) = read_end(&*file, len, number).map_err(HistoryError::io(&name))? else { return Ok(None) };
        end.spans.bytes = len;
        let last_number = end.last_number;
        let (index, spans) = (RwLock::new(Index::Footer(end)), RwLock::new(end.spans));
        Ok(Some(Self { number, last_number, generation, name, file, index, spans }))
    }

    pub(crate) fn spans(&self) -> Spans {
        *self.spans.read()
    }

    /// How many tags it has.
    pub(crate) fn n_tags(&self) -> u64 {
        match &*self.index.read() {
            Index::Memory(tags) => tags.len() as u64,
            Index::Footer(end) | Index::Tags(end, _) => u64::from(end.n_tags),
        }
    }

    /// The entries of a tag that touch `from..=to`, in the order of time.
    pub(crate) fn entries(&self, tag: TagNumber, from: i64, to: i64) -> Result<Vec<Entry>, HistoryError> {
        let touches = |entry: &Entry| entry.t_last >= from && entry.t_first <= to;
        if let Some(found) = self.memory(|tags| {
            tags.get(&tag).map_or(Vec::new(), |entries| entries.iter().filter(|e| touches(e)).copied().collect())
        }) {
            return Ok(found);
        }
        match self.footer_entries(tag) {
            Ok(entries) => Ok(entries.into_iter().filter(touches).collect()),
            Err(HistoryError::Damaged { .. }) => {
                // The pages tell the same as the footer.
                self.rebuild()?;
                let found = self.memory(|tags| tags.get(&tag).cloned().unwrap_or_default()).unwrap_or_default();
                Ok(found.into_iter().filter(touches).collect())
            }
            Err(error) => Err(error),
        }
    }

    /// Every entry, sorted.
    pub(crate) fn all_entries(&self) -> Result<Vec<Entry>, HistoryError> {
        let all = |tags: &HashMap<TagNumber, Vec<Entry>>| tags.values().flatten().copied().collect::<Vec<_>>();
        let mut entries = match self.memory(all) {
            Some(entries) => entries,
            None => match self.read_footer() {
                Ok(entries) => entries,
                Err(HistoryError::Damaged { .. }) => {
                    self.rebuild()?;
                    self.memory(all).unwrap_or_default()
                }
                Err(error) => return Err(error),
            },
        };
        entries.sort_by_key(Entry::order);
        Ok(entries)
    }

    /// For each tag with numbers from `from_no` on, its entries.
    pub(crate) fn numbers(&self, from_no: u64) -> Result<Vec<(TagNumber, bool, u64, u64)>, HistoryError> {
        if self.spans().end_no <= from_no {
            return Ok(Vec::new());
        }
        let entries = self.all_entries()?;
        let newer = entries.into_iter().filter(|entry| entry.end_no > from_no);
        Ok(newer.map(|entry| (entry.tag, entry.late, entry.first_no, entry.end_no)).collect())
    }

    fn memory<T>(&self, look: impl FnOnce(&HashMap<TagNumber, Vec<Entry>>) -> T) -> Option<T> {
        match &*self.index.read() {
            Index::Memory(tags) => Some(look(tags)),
            _ => None,
        }
    }

    fn tags(&self) -> Result<(End, Arc<[TagPlace]>), HistoryError> {
        let end = match &*self.index.read() {
            Index::Tags(end, tags) => return Ok((*end, tags.clone())),
            Index::Footer(end) => *end,
            Index::Memory(_) => return Err(HistoryError::damaged(&self.name, "no footer")),
        };
        let len = end.n_tags as usize * TAG_LEN;
        let bytes = read_vec(&*self.file, end.tags_at, len).map_err(HistoryError::io(&self.name))?;
        if crc32c::crc32c(&bytes) != end.tags_crc {
            return Err(HistoryError::damaged(&self.name, "list of tags"));
        }
        let place = |bytes: &[u8]| -> Result<TagPlace, Corrupt> {
            let mut reader = Reader::new(bytes);
            let (tag, first, n) = (reader.u32()?, reader.u32()?, reader.u32()?);
            Ok(TagPlace { tag, first, n })
        };
        let tags: Result<Vec<TagPlace>, Corrupt> = bytes.chunks_exact(TAG_LEN).map(place).collect();
        let tags: Arc<[TagPlace]> = tags.map_err(|_| HistoryError::damaged(&self.name, "list of tags"))?.into();
        *self.index.write() = Index::Tags(end, tags.clone());
        Ok((end, tags))
    }

    fn footer_entries(&self, tag: TagNumber) -> Result<Vec<Entry>, HistoryError> {
        let (end, tags) = self.tags()?;
        let Ok(idx) = tags.binary_search_by_key(&tag.0, |place| place.tag) else { return Ok(Vec::new()) };
        self.read_entries(end, u64::from(tags[idx].first), u64::from(tags[idx].n))
    }

    fn read_footer(&self) -> Result<Vec<Entry>, HistoryError> {
        let (end, _) = self.tags()?;
        self.read_entries(end, 0, end.n_entries)
    }

    fn read_entries(&self, end: End, first: u64, n: u64) -> Result<Vec<Entry>, HistoryError> {
        let damaged = || HistoryError::damaged(&self.name, "footer");
        if first + n > end.n_entries {
            return Err(damaged());
        }
        let at = end.entries_at + first * end.entry_len as u64;
        let bytes = read_vec(&*self.file, at, n as usize * end.entry_len).map_err(HistoryError::io(&self.name))?;
        bytes.chunks_exact(end.entry_len).map(|bytes| Entry::read(bytes).map_err(|_| damaged())).collect()
    }

    fn rebuild(&self) -> Result<(), HistoryError> {
        let recovered = scan(&self.name, &*self.file, false)?;
        *self.index.write() = Index::Memory(by_tag(&recovered.entries));
        Ok(())
    }

    /// Bytes of an entry's times or column, checked.
    pub(crate) fn part(&self, entry: &Entry, times: bool) -> Result<Vec<u8>, HistoryError> {
        let (at, len, crc) = if times {
            (entry.times_at, entry.times_len, entry.times_crc)
        } else {
            (entry.column_at, entry.column_len, entry.column_crc)
        };
        let at = entry.page_at + u64::from(at);
        // The length was covered by a checksum, and is held against the file before memory is taken.
        if at + u64::from(len) > self.spans().bytes {
            return Err(HistoryError::damaged(&self.name, "page"));
        }
        let mut bytes = vec![0; len as usize];
        match self.file.read_at(at, &mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(HistoryError::damaged(&self.name, "page"));
            }
            Err(error) => return Err(HistoryError::io(&self.name)(error)),
        }
        if crc32c::crc32c(&bytes) == crc { Ok(bytes) } else { Err(HistoryError::damaged(&self.name, "page")) }
    }

    /// What an entry cost that cannot be read.
    pub(crate) fn damage(&self, entry: &Entry) -> Damage {
        Damage {
            file: self.name.clone(),
            tag: Some(entry.tag),
            from: Timestamp::from_ticks(entry.t_first),
            to: Timestamp::from_ticks(entry.t_last),
            samples: Some(u64::from(entry.n)),
        }
    }
}

fn by_tag(entries: &[Entry]) -> HashMap<TagNumber, Vec<Entry>> {
    let mut tags: HashMap<TagNumber, Vec<Entry>> = HashMap::new();
    entries.iter().for_each(|entry| tags.entry(entry.tag).or_default().push(*entry));
    tags
}

fn check_version(name: &str, head: &[u8]) -> Result<(), HistoryError> {
    let version = head.get(8..12).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    if head.starts_with(&MAGIC) && version > FORMAT_VERSION {
        return Err(HistoryError::Newer { file: name.to_owned(), found: version, known: FORMAT_VERSION });
    }
    Ok(())
}

/// The end of a file, of any version; `None` when there is no whole one.
fn read_end(file: &dyn StorageFile, len: u64, number: u64) -> io::Result<Option<End>> {
    let Some(at) = len.checked_sub(END_LEN as u64) else { return Ok(None) };
    let bytes = read_vec(file, at, END_LEN)?;
    let first = &bytes[END_LEN - END_LEN_1..];
    Ok(End::read(&bytes, number).or_else(|_| End::read(first, number)).ok())
}

impl End {
    fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&END_MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&self.n_tags.to_le_bytes());
        for number in [self.entries_at, self.n_entries, self.tags_at] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.spans.t_first.to_le_bytes());
        out.extend_from_slice(&self.spans.t_last.to_le_bytes());
        out.extend_from_slice(&self.spans.first_no.to_le_bytes());
        out.extend_from_slice(&self.spans.end_no.to_le_bytes());
        out.extend_from_slice(&self.last_number.to_le_bytes());
        out.extend_from_slice(&self.spans.n_late.to_le_bytes());
        out.extend_from_slice(&self.tags_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// Reads the end of a segment with this number; its length tells its version.
    fn read(bytes: &[u8], number: u64) -> Result<Self, Corrupt> {
        let is_first = bytes.len() == END_LEN_1;
        let (content, crc) = bytes.split_last_chunk::<4>().ok_or(Corrupt)?;
        if !content.starts_with(&END_MAGIC) || crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
            return Err(Corrupt);
        }
        let mut reader = Reader::new(content);
        reader.u64()?;
        reader.u32()?;
        let n_tags = reader.u32()?;
        let (entries_at, n_entries, tags_at) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let mut spans = Spans {
            t_first: reader.i64()?,
            t_last: reader.i64()?,
            first_no: reader.u64()?,
            end_no: reader.u64()?,
            bytes: 0,
            n_entries,
            n_late: 0,
        };
        let mut last_number = number;
        if !is_first {
            last_number = reader.u64()?;
            spans.n_late = reader.u64()?;
        }
        let entry_len = if is_first { ENTRY_LEN_1 } else { ENTRY_LEN };
        Ok(Self { entry_len, last_number, n_tags, entries_at, n_entries, tags_at, spans, tags_crc: reader.u32()? })
    }
}

/// The segment that pages are added to.
#[derive(Debug)]
pub(crate) struct SegmentWriter {
    segment: Arc<Segment>,
    last_number: u64,
    entries: Vec<Entry>,
    at: u64,
    synced: u64,
}

impl SegmentWriter {
    /// Begins a segment.
    pub(crate) fn create(
        storage: &dyn Storage,
        number: u64,
        generation: u32,
        now: Timestamp,
    ) -> Result<Self, HistoryError> {
        let name = segment_name(number, generation);
        let file = storage.open(&name, true).map_err(HistoryError::io(&name))?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        head.extend_from_slice(&number.to_le_bytes());
        head.extend_from_slice(&now.ticks().to_le_bytes());
        let crc = crc32c::crc32c(&head);
        head.extend_from_slice(&crc.to_le_bytes());
        file.set_len(0).and_then(|()| file.write_at(0, &head)).map_err(HistoryError::io(&name))?;
        storage.sync_names().map_err(HistoryError::io(&name))?;
        Ok(Self::over(number, generation, name, file, &[], HEAD as u64))
    }

    /// Notes that this segment will hold what those up to `last_number` held, which are nothing once it has its footer.
    pub(crate) const fn replace_up_to(&mut self, last_number: u64) {
        self.last_number = last_number;
    }

    fn over(
        number: u64,
        generation: u32,
        name: String,
        file: Arc<dyn StorageFile>,
        entries: &[Entry],
        at: u64,
    ) -> Self {
        let mut spans = Spans::NONE;
        entries.iter().for_each(|entry| spans.add(entry));
        spans.bytes = at;
        let index = RwLock::new(Index::Memory(by_tag(entries)));
        let last_number = number;
        let segment = Segment { number, last_number, generation, name, file, index, spans: RwLock::new(spans) };
        Self { segment: Arc::new(segment), last_number, entries: entries.to_vec(), at, synced: 0 }
    }

    /// The segment as readers see it.
    pub(crate) const fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// Where the next page will stand.
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a page that was sealed for this place.
    pub(crate) fn add(&mut self, bytes: &[u8], entries: &[Entry]) -> Result<(), HistoryError> {
        self.segment.file.write_at(self.at, bytes).map_err(HistoryError::io(&self.segment.name))?;
        self.at += bytes.len() as u64;
        self.entries.extend_from_slice(entries);
        {
            let mut spans = self.segment.spans.write();
            entries.iter().for_each(|entry| spans.add(entry));
            spans.bytes = self.at;
        }
        if let Index::Memory(tags) = &mut *self.segment.index.write() {
            entries.iter().for_each(|entry| tags.entry(entry.tag).or_default().push(*entry));
        }
        Ok(())
    }

    /// Returns when all pages are on the disk.
    pub(crate) fn sync(&mut self) -> Result<(), HistoryError> {
        if self.synced != self.at {
            self.segment.file.sync().map_err(HistoryError::io(&self.segment.name))?;
            self.synced = self.at;
        }
        Ok(())
    }

    /// Writes the footer; the finished segment.
    pub(crate) fn finish(&mut self, storage: &dyn Storage) -> Result<Arc<Segment>, HistoryError> {
        // A footer on the disk must never speak of pages that are not.
        self.sync()?;
        let segment = &self.segment;
        let mut entries = self.entries.clone();
        entries.sort_by_key(Entry::order);
        let mut footer = Vec::with_capacity(entries.len() * ENTRY_LEN + END_LEN);
        entries.iter().for_each(|entry| entry.put(&mut footer));
        let tags_at = self.at + footer.len() as u64;
        let start = footer.len();
        let mut n_tags = 0;
        let mut first = 0_usize;
        for chunk in entries.chunk_by(|a, b| a.tag == b.tag) {
            let end_no = chunk.iter().map(|entry| entry.end_no).max().unwrap_or(0);
            for number in [chunk[0].tag.0, first as u32, chunk.len() as u32, 0] {
                footer.extend_from_slice(&number.to_le_bytes());
            }
            footer.extend_from_slice(&end_no.to_le_bytes());
            first += chunk.len();
            n_tags += 1;
        }
        let end = End {
            entry_len: ENTRY_LEN,
            last_number: self.last_number,
            n_tags,
            entries_at: self.at,
            n_entries: entries.len() as u64,
            tags_at,
            spans: segment.spans(),
            tags_crc: crc32c::crc32c(&footer[start..]),
        };
        end.put(&mut footer);
        let error = HistoryError::io(&segment.name);
        let file = &segment.file;
        let written = file.set_len(self.at).and_then(|()| file.write_at(self.at, &footer)).and_then(|()| file.sync());
        written.map_err(error)?;
        match Segment::open(storage, segment.number, segment.generation)? {
            Some(finished) => Ok(Arc::new(finished)),
            None => Err(HistoryError::damaged(&segment.name, "footer just written")),
        }
    }
}

/// What the pages of a segment without a footer hold.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) entries: Vec<Entry>,
    /// Entries whose page is there but not whole.
    pub(crate) broken: Vec<Entry>,
    /// Where bytes begin that are no whole page, or whose entry is damaged.
    pub(crate) gaps: Vec<u64>,
    /// End of the last whole page.
    pub(crate) end: u64,
}

/// Reads a segment page by page, as it was left when the process ended, and prepares it for its footer.
pub(crate) fn recover(
    storage: &dyn Storage,
    number: u64,
    generation: u32,
) -> Result<(SegmentWriter, Recovered), HistoryError> {
    let name = segment_name(number, generation);
    let file = storage.open(&name, false).map_err(HistoryError::io(&name))?;
    let recovered = scan(&name, &*file, true)?;
    let writer = SegmentWriter::over(number, generation, name, file, &recovered.entries, recovered.end);
    Ok((writer, recovered))
}

fn scan(name: &str, file: &dyn StorageFile, check: bool) -> Result<Recovered, HistoryError> {
    let error = |source| HistoryError::io(name)(source);
    let len = file.len().map_err(error)?;
    let mut recovered = Recovered { entries: Vec::new(), broken: Vec::new(), gaps: Vec::new(), end: HEAD as u64 };
    let mut at = HEAD as u64;
    while at + HEAD_LEN as u64 <= len {
        let head = read_vec(file, at, HEAD_LEN).map_err(error)?;
        let page = PageHead::read(&head).ok().filter(|page| at + u64::from(page.len) <= len);
        let Some(page) = page else {
            recovered.gaps.push(at);
            let Some(next) = find_page(file, at + 1, len).map_err(error)? else { break };
            at = next;
            continue;
        };
        let bytes = read_vec(file, at, page.len as usize).map_err(error)?;
        let whole = |at: u32, len: u32, crc: u32| {
            let part = bytes.get(at as usize..).and_then(|rest| rest.get(..len as usize));
            part.is_some_and(|part| !check || crc32c::crc32c(part) == crc)
        };
        for entry in page.entries(&bytes) {
            let Ok(entry) = entry else {
                // Which tag it was is not known.
                recovered.gaps.push(at);
                continue;
            };
            let times = whole(entry.times_at, entry.times_len, entry.times_crc);
            if times && whole(entry.column_at, entry.column_len, entry.column_crc) && entry.page_at == at {
                recovered.entries.push(entry);
            } else {
                recovered.broken.push(entry);
            }
        }
        at += u64::from(page.len);
        recovered.end = at;
    }
    if at < len && recovered.gaps.last().is_none_or(|gap| *gap < recovered.end) {
        recovered.gaps.push(at);
    }
    Ok(recovered)
}

/// Where the next whole head of a page stands.
fn find_page(file: &dyn StorageFile, from: u64, len: u64) -> io::Result<Option<u64>> {
    let mut at = from;
    while at + HEAD_LEN as u64 <= len {
        let take = STRIDE.min((len - at) as usize);
        let bytes = read_vec(file, at, take)?;
        for (idx, window) in bytes.windows(HEAD_LEN).enumerate() {
            if window.starts_with(b"TWPG")
                && PageHead::read(window).is_ok_and(|page| at + idx as u64 + u64::from(page.len) <= len)
            {
                return Ok(Some(at + idx as u64));
            }
        }
        if take < STRIDE {
            break;
        }
        at += (take - HEAD_LEN + 1) as u64;
    }
    Ok(None)
}

/// What a check of one segment found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) columns: u64,
    pub(crate) samples: u64,
    pub(crate) damage: Vec<Damage>,
}

/// Checks every page of a segment, decodes every column, and reads its footer if it has one. What was not released from
/// the log yet may be half written.
pub(crate) fn check_file(storage: &dyn Storage, name: &str, released: u64) -> Result<Checked, HistoryError> {
    let file = storage.open(name, false).map_err(HistoryError::io(name))?;
    let len = file.len().map_err(HistoryError::io(name))?;
    if len >= HEAD as u64 {
        check_version(name, &read_vec(&*file, 0, HEAD).map_err(HistoryError::io(name))?)?;
    }
    let recovered = scan(name, &*file, true)?;
    let end = read_end(&*file, len, 0).ok().flatten();
    let mut checked = Checked::default();
    let mut spans = Spans { bytes: len, ..Spans::NONE };
    let (number, last_number, generation) = (0, 0, 0);
    recovered.entries.iter().for_each(|entry| spans.add(entry));
    let index = RwLock::new(Index::Memory(HashMap::new()));
    let (name, spans) = (name.to_owned(), RwLock::new(spans));
    let segment = Segment { number, last_number, generation, name, file, index, spans };
    let mut times: Option<(u64, super::page::RowTimes)> = None;
    for entry in &recovered.entries {
        if times.as_ref().is_none_or(|(at, _)| *at != entry.page_at) {
            let bytes = segment.part(entry, true)?;
            times = super::page::decode_times(&bytes, entry.n_rows).ok().map(|decoded| (entry.page_at, decoded));
        }
        let decoded = times.as_ref().and_then(|(_, times)| {
            let bytes = segment.part(entry, false).ok()?;
            super::page::decode_column(&bytes, entry.column_type, entry.n, entry.first_row, times).ok()
        });
        match decoded {
            Some(samples) => {
                checked.columns += 1;
                checked.samples += samples.len() as u64;
            }
            None => checked.damage.push(segment.damage(entry)),
        }
    }
    let lost = |entry: &&Entry| entry.first_no < released || end.is_some();
    checked.damage.extend(recovered.broken.iter().filter(lost).map(|entry| segment.damage(entry)));
    let whole = end.map_or(recovered.end, |end| end.entries_at);
    if end.is_some_and(|end| end.n_entries > (recovered.entries.len() + recovered.broken.len()) as u64)
        || end.is_some() && recovered.gaps.iter().any(|gap| *gap < whole)
    {
        checked.damage.push(Damage::unknown(segment.name.clone(), None));
    }
    Ok(checked)
}

/// The head of a page.
pub(crate) fn read_head(segment: &Segment, at: u64) -> Result<PageHead, HistoryError> {
    let bytes = read_vec(&*segment.file, at, HEAD_LEN).map_err(HistoryError::io(&segment.name))?;
    PageHead::read(&bytes).map_err(|_| HistoryError::damaged(&segment.name, "page"))
}
