//! Writing the log.

use std::sync::Arc;

use super::{FRAME_LEN, FrameHead, HEAD_LEN, Kind, MAGIC, wal_name};
use crate::storage::{Storage, StorageFile};
use crate::{FORMAT_VERSION, HistoryError};

/// One file of the log.
#[derive(Clone, Copy, Debug)]
struct LogFile {
    number: u64,
    first_no: u64,
    len: u64,
}

/// The end of the log, with what is not on the disk yet.
#[derive(Debug)]
pub(crate) struct Log {
    storage: Arc<dyn Storage>,
    /// Oldest first; the last one is written to.
    files: Vec<LogFile>,
    file: Option<Arc<dyn StorageFile>>,
    next_file: u64,
    buffer: Vec<u8>,
    next_no: u64,
    durable_no: u64,
    n_commits: u64,
}

impl Log {
    /// A log that goes on behind the files `(number, first number, length)` with the file `next_file`.
    pub(crate) fn new(storage: Arc<dyn Storage>, files: &[(u64, u64, u64)], next_file: u64, next_no: u64) -> Self {
        let files =
            files.iter().map(|(number, first_no, len)| LogFile { number: *number, first_no: *first_no, len: *len });
        Self {
            storage,
            files: files.collect(),
            file: None,
            next_file,
            buffer: Vec::new(),
            next_no,
            durable_no: next_no,
            n_commits: 0,
        }
    }

    /// The number of the next sample.
    pub(crate) const fn next_no(&self) -> u64 {
        self.next_no
    }

    /// All samples below this number are on the disk.
    pub(crate) const fn durable_no(&self) -> u64 {
        self.durable_no
    }

    /// Bytes that wait for the next commit.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes of all files.
    pub(crate) fn size(&self) -> u64 {
        self.files.iter().map(|file| file.len).sum()
    }

    /// Bytes of the file that is written to.
    pub(crate) fn file_size(&self) -> u64 {
        if self.file.is_some() { self.files.last().map_or(0, |file| file.len) } else { 0 }
    }

    /// Names and lengths of all files.
    pub(crate) fn names(&self) -> Vec<(String, u64)> {
        self.files.iter().map(|file| (wal_name(file.number), file.len)).collect()
    }

    /// Adds a frame of samples whose payload `write` appends; the number behind them.
    pub(crate) fn samples(&mut self, count: u32, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        self.frame(Kind::Samples, count, write);
        self.next_no
    }

    /// Adds a barrier.
    pub(crate) fn barrier(&mut self, tag: u32, time: i64) {
        self.frame(Kind::Barrier, 0, |out| {
            out.extend_from_slice(&tag.to_le_bytes());
            out.extend_from_slice(&time.to_le_bytes());
        });
    }

    fn frame(&mut self, kind: Kind, count: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; FRAME_LEN]);
        write(&mut self.buffer);
        let payload = &self.buffer[start + FRAME_LEN..];
        let head = FrameHead {
            len: payload.len() as u32,
            first_no: self.next_no,
            count,
            kind,
            durable_no: self.durable_no,
            crc: crc32c::crc32c(payload),
        };
        self.buffer[start..start + FRAME_LEN].copy_from_slice(&head.put());
        self.next_no += u64::from(count);
    }

    /// Writes what waits and returns when it is on the disk. After an error all of it still waits, and is written to a
    /// new file next time, because nothing is known about the old one.
    pub(crate) fn commit(&mut self) -> Result<(), HistoryError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            self.begin()?;
        }
        let (Some(file), Some(last)) = (&self.file, self.files.last_mut()) else { return Err(HistoryError::Closed) };
        let written = file.write_at(last.len, &self.buffer).and_then(|()| file.sync());
        if let Err(source) = written {
            // What stands behind the last good frame would only be read for nothing.
            let _ = file.set_len(last.len);
            self.file = None;
            return Err(HistoryError::io(&wal_name(last.number))(source));
        }
        last.len += self.buffer.len() as u64;
        self.buffer.clear();
        self.durable_no = self.next_no;
        self.n_commits += 1;
        Ok(())
    }

    /// Begins a new file with the next commit.
    pub(crate) fn rotate(&mut self) {
        self.file = None;
    }

    fn begin(&mut self) -> Result<(), HistoryError> {
        let name = wal_name(self.next_file);
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        head.extend_from_slice(&self.next_file.to_le_bytes());
        head.extend_from_slice(&self.durable_no.to_le_bytes());
        let crc = crc32c::crc32c(&head);
        head.extend_from_slice(&crc.to_le_bytes());
        let file = self.storage.open(&name, true).map_err(HistoryError::io(&name))?;
        file.set_len(0)
            .and_then(|()| file.write_at(0, &head))
            .and_then(|()| self.storage.sync_names())
            .map_err(HistoryError::io(&name))?;
        self.file = Some(file);
        self.files.push(LogFile { number: self.next_file, first_no: self.durable_no, len: HEAD_LEN as u64 });
        self.next_file += 1;
        Ok(())
    }

    /// Deletes the files that hold no sample from `keep` on.
    pub(crate) fn release(&mut self, keep: u64) -> Result<(), HistoryError> {
        let mut dropped = 0;
        for pair in self.files.windows(2) {
            if pair[1].first_no > keep {
                break;
            }
            let name = wal_name(pair[0].number);
            self.storage.remove(&name).map_err(HistoryError::io(&name))?;
            dropped += 1;
        }
        self.files.drain(..dropped);
        // A file nobody writes to any more goes too when its last sample does.
        if self.file.is_none()
            && self.buffer.is_empty()
            && keep >= self.next_no
            && let [only] = self.files[..]
        {
            let name = wal_name(only.number);
            self.storage.remove(&name).map_err(HistoryError::io(&name))?;
            self.files.clear();
            dropped += 1;
        }
        // A file that came back after a crash would stand behind younger ones with lower numbers.
        if dropped > 0 { self.storage.sync_names().map_err(HistoryError::io("history")) } else { Ok(()) }
    }
}

impl Log {
    /// The number below which samples must be in segments so that the files take at most `bytes`.
    pub(crate) fn release_target(&self, bytes: u64) -> u64 {
        let mut size = self.size();
        for pair in self.files.windows(2) {
            if size <= bytes {
                return pair[0].first_no;
            }
            size -= pair[0].len;
        }
        // With its last file closed, everything in the log may have to go.
        if size > bytes && self.file.is_none() {
            return self.next_no;
        }
        self.files.last().map_or(0, |file| file.first_no)
    }
}
