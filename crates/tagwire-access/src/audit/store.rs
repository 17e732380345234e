//! The files of a log as the writer has them: append, rotate, repair, and the note of the chain's end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use tagwire_model::Timestamp;

use super::chain::{self, Head};
use super::read::{AuditFile, HEAD_FILE, files};
use super::verify::NotedHead;
use crate::file::{self, Readers};

/// Bytes at the end of a file in which its last record is looked for.
const TAIL: u64 = 4 << 20;

/// Where records go: a file, or in tests a disk that fails.
pub(super) trait Medium: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

/// Makes a medium of an opened file.
pub(super) type Wrap = fn(File) -> Box<dyn Medium>;

/// The folder and the file that records go to.
pub(super) struct Store {
    folder: PathBuf,
    wrap: Wrap,
    current: AuditFile,
    medium: Box<dyn Medium>,
    /// Bytes of whole records in the file.
    len: u64,
    /// Whether bytes of a failed append may stand after them.
    is_torn: bool,
}

/// What a log was found to be when it was opened.
#[derive(Debug)]
pub(super) struct Found {
    /// The record that the next one follows.
    pub(super) head: Head,
    /// Bytes of an unfinished record that were cut off.
    pub(super) n_cut: u64,
    /// First and last number of records that were noted as written and are not there.
    pub(super) gap: Option<(u64, u64)>,
    /// When the current file was begun; `None` when its header is still to be written.
    pub(super) begun: Option<Timestamp>,
}

impl Store {
    pub(super) fn open(folder: &Path, wrap: Wrap) -> io::Result<(Self, Found)> {
        make_folder(folder)?;
        let noted = NotedHead::read(folder);
        let files = files(folder)?;
        let mut found = Found { head: Head::START, n_cut: 0, gap: None, begun: None };
        let mut current = None;
        let mut len = 0;
        for file in files.iter().rev() {
            let end = End::of(file)?;
            let is_newest = current.is_none();
            if is_newest {
                current = Some(file.clone());
                len = end.n_whole;
                found.n_cut = end.n_cut;
            }
            let Some(last) = end.last else { continue };
            match chain::links(&last) {
                Some(links) if links.is_intact => {
                    found.head = links.head;
                    found.begun = begun(file)?.filter(|_| is_newest);
                }
                // What is no record is evidence: it stays, and the log goes on in another file.
                links => {
                    found.head = links.map_or(Head::START, |links| links.head);
                    let newest = files.last().map_or(0, |newest| newest.number);
                    (current, len, found.n_cut) = (Some(AuditFile::numbered(folder, newest + 1)), 0, 0);
                }
            }
            break;
        }
        if let Some(noted) = noted.as_ref().and_then(NotedHead::head)
            && noted.seq > found.head.seq
        {
            found.gap = Some((found.head.seq + 1, noted.seq));
            found.head.seq = noted.seq;
        }
        let current = current.unwrap_or_else(|| {
            let former = noted.and_then(|noted| noted.file.strip_prefix("audit-")?.split('.').next()?.parse().ok());
            AuditFile::numbered(folder, former.map_or(1, |number: u64| number.saturating_add(1)))
        });
        let mut medium = wrap(open_append(&current.path)?);
        if found.n_cut > 0 {
            medium.truncate(len)?;
        }
        Ok((Self { folder: folder.to_owned(), wrap, current, medium, len, is_torn: false }, found))
    }

    /// Number of the file that records go to.
    pub(super) const fn number(&self) -> u64 {
        self.current.number
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Appends whole records; after an error none of them counts as written.
    pub(super) fn append(&mut self, records: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.medium.truncate(self.len)?;
        }
        self.is_torn = true;
        self.medium.append(records)?;
        self.is_torn = false;
        self.len += records.len() as u64;
        Ok(())
    }

    /// Has everything on the disk, and notes the end of the chain beside it.
    pub(super) fn commit(&mut self, head: Head) -> io::Result<()> {
        self.medium.sync()?;
        let note = format!(
            "{{\"file\":\"{}\",\"seq\":{},\"hash\":\"{}\"}}\n",
            self.current.name(),
            head.seq,
            head.hash_text()
        );
        file::replace(&self.folder.join(HEAD_FILE), note.as_bytes(), Readers::Owner).map_err(io::Error::other)
    }

    /// Goes on in a new file, whose header the caller writes.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        self.medium.sync()?;
        let next = AuditFile::numbered(&self.folder, self.current.number + 1);
        self.medium = (self.wrap)(open_append(&next.path)?);
        (self.current, self.len, self.is_torn) = (next, 0, false);
        File::open(&self.folder)?.sync_all()
    }

    /// Number of the oldest file when so many are kept.
    pub(super) fn oldest(&self, keep: u64) -> u64 {
        let first = files(&self.folder).ok().and_then(|files| files.first().map(|file| file.number));
        first.unwrap_or(self.current.number).max((self.current.number + 1).saturating_sub(keep))
    }

    /// Deletes the files before a number.
    pub(super) fn prune(&self, oldest: u64) -> io::Result<()> {
        for file in files(&self.folder)?.iter().filter(|file| file.number < oldest) {
            fs::remove_file(&file.path)?;
        }
        Ok(())
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The end of a file.
struct End {
    /// Bytes up to the last line end.
    n_whole: u64,
    /// Bytes after it.
    n_cut: u64,
    /// The last whole line.
    last: Option<Vec<u8>>,
}

impl End {
    fn of(file: &AuditFile) -> io::Result<Self> {
        let mut opened = File::open(&file.path)?;
        let len = opened.metadata()?.len();
        let start = len.saturating_sub(TAIL);
        opened.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        opened.take(TAIL).read_to_end(&mut tail)?;
        let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(Self { n_whole: start, n_cut: len - start, last: None });
        };
        let line_start = tail[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
        let n_whole = start + end as u64 + 1;
        Ok(Self { n_whole, n_cut: len - n_whole, last: Some(tail[line_start..end].to_vec()) })
    }
}

/// When a file was begun, as its first record says.
fn begun(file: &AuditFile) -> io::Result<Option<Timestamp>> {
    let Some(line) = file.lines()?.next().transpose()? else { return Ok(None) };
    let time = serde_json::from_slice::<serde_json::Value>(&line.bytes).ok();
    let time = time.as_ref().and_then(|record| record.get("time")?.as_str()).and_then(Timestamp::parse_rfc3339);
    Ok(Some(time.unwrap_or(Timestamp::NONE)))
}
