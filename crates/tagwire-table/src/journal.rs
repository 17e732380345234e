//! What an export has written so far, in a small file beside it, so that it can go on after it was cut off.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tagwire_history::Position;
use tagwire_model::hex;

use crate::TableError;

/// The journal: a head line, then a line for each part that is whole.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

/// A part that is whole and on the disk.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// Bytes of the file up to its end.
    pub(crate) end: u64,
    /// Samples up to its end.
    pub(crate) rows: u64,
    /// Samples left out up to its end.
    pub(crate) left_out: u64,
    /// The tag whose samples it ends with.
    pub(crate) tag: u32,
    /// Where to go on with that tag, in hexadecimal; nothing when it is done.
    pub(crate) position: Option<String>,
    /// What the form of the file has to remember.
    pub(crate) more: Json,
}

impl Journal {
    /// Opens the journal or makes an empty one, and takes it for this process; its head, and the parts that it tells of.
    pub(crate) fn open(path: &Path) -> Result<(Self, Option<Json>, Vec<Part>), TableError> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(TableError::io(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(TableError::Busy(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(TableError::io(path)(error)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(TableError::io(path))?;
        let mut good = 0;
        let (mut head, mut parts) = (None, Vec::new());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            // The line written last may not be whole.
            let Some(json) = line.strip_suffix(b"\n").and_then(|line| serde_json::from_slice::<Json>(line).ok()) else {
                break;
            };
            if head.is_none() {
                head = Some(json);
            } else {
                let Some(part) = Part::read(&json) else { break };
                parts.push(part);
            }
            good += line.len() as u64;
        }
        file.set_len(good).and_then(|()| file.seek(SeekFrom::Start(good))).map_err(TableError::io(path))?;
        Ok((Self { path: path.to_owned(), file }, head, parts))
    }

    /// Begins anew.
    pub(crate) fn begin(&mut self, head: &Json) -> Result<(), TableError> {
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(TableError::io(&self.path))?;
        self.write(head)
    }

    /// Adds a part; it counts when this returns.
    pub(crate) fn add(&mut self, part: &Part) -> Result<(), TableError> {
        self.write(&part.json())
    }

    fn write(&mut self, json: &Json) -> Result<(), TableError> {
        let line = format!("{json}\n");
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(TableError::io(&self.path))
    }
}

impl Part {
    fn json(&self) -> Json {
        json!({
            "end": self.end,
            "rows": self.rows,
            "left_out": self.left_out,
            "tag": self.tag,
            "position": self.position,
            "more": self.more,
        })
    }

    fn read(json: &Json) -> Option<Self> {
        let number = |name: &str| json.get(name)?.as_u64();
        let position = match json.get("position")? {
            Json::Null => None,
            text => Some(text.as_str().filter(|text| read_position(text).is_some())?.to_owned()),
        };
        Some(Self {
            end: number("end")?,
            rows: number("rows")?,
            left_out: number("left_out")?,
            tag: u32::try_from(number("tag")?).ok()?,
            position,
            more: json.get("more")?.clone(),
        })
    }
}

/// A position as a part tells it.
pub(crate) fn read_position(text: &str) -> Option<Position> {
    Position::from_bytes(&hex::decode(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_tells_its_whole_parts_whatever_was_cut_off() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("x.state");
        let (mut journal, head, parts) = Journal::open(&path).expect("opens");
        assert_eq!((head, parts), (None, Vec::new()));
        journal.begin(&json!({ "a": 1 })).expect("written");
        let part = |end| Part { end, rows: 2, left_out: 0, tag: 7, position: Some("00".repeat(21)), more: Json::Null };
        journal.add(&part(10)).expect("written");
        journal.add(&part(20)).expect("written");
        assert!(matches!(Journal::open(&path), Err(TableError::Busy(_))));
        drop(journal);
        let whole = std::fs::read(&path).expect("bytes");
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("written");
            let (_, head, parts) = Journal::open(&path).expect("opens");
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(head.is_some(), lines > 0);
            assert_eq!(parts, [part(10), part(20)][..lines.saturating_sub(1)]);
        }
    }
}
