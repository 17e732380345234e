//! Reading the log while it is written, for whoever sends its samples elsewhere.

use std::io;
use std::sync::Arc;

use tagwire_model::{Sample, Status, Timestamp};

use super::replay::{file_head, find_frame, frame_at, numbers};
use super::{FRAME_LEN, FrameHead, HEAD_LEN, Kind, take_scans, wal_name};
use crate::storage::{Storage, StorageFile, read_vec};
use crate::store::History;
use crate::{HistoryError, Reason, TagNumber};

/// A sample as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// Its tag.
    pub tag: TagNumber,
    /// The sample.
    pub sample: Sample,
    /// Why it was stored.
    pub reason: Reason,
}

/// What a [`Tail`] found.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed {
    /// Samples in the order of their numbers; the tail now stands behind them.
    Samples(Vec<Arrival>),
    /// The log has let go of the samples up to but without this number; the store still has them, see
    /// [`History::arrived`].
    Gap(u64),
    /// Nothing came.
    Nothing,
}

/// A place in the log that moves towards its end. It sees only what is on the disk, and never holds back the log.
#[derive(Debug)]
pub struct Tail {
    history: History,
    number: u64,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    number: u64,
    file: Arc<dyn StorageFile>,
    at: u64,
}

/// What stands at a place.
enum Found {
    Frame(FrameHead, Vec<u8>),
    Gap(u64),
}

impl History {
    /// Follows the log from the sample with this number on.
    pub fn follow(&self, number: u64) -> Tail {
        Tail { history: self.clone(), number, place: None }
    }
}

impl Tail {
    /// All samples below this number were handed out or skipped.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Goes on with this number; a lower one than before is allowed.
    pub fn go_to(&mut self, number: u64) {
        if number < self.number {
            self.place = None;
        }
        self.number = number;
    }

    /// The next samples below the number `up_to`, about `max` of them. May wait for the disk.
    ///
    /// # Errors
    /// What the system says.
    pub fn next(&mut self, up_to: u64, max: usize) -> Result<Followed, HistoryError> {
        let end = self.history.durable_up_to().min(up_to);
        let mut arrived = Vec::new();
        while self.number < end && arrived.len() < max {
            match self.find(end)? {
                Found::Frame(head, payload) => {
                    let taken = take_scans(&payload, |scan| {
                        let (source_time, server_time) =
                            (Timestamp::from_ticks(scan.time), Timestamp::from_ticks(scan.server));
                        arrived.extend(scan.items.into_iter().map(|item| {
                            let status = Status(item.status);
                            let sample = Sample { value: item.value, status, source_time, server_time };
                            Arrival { tag: item.tag, sample, reason: item.reason }
                        }));
                    });
                    self.number = head.first_no + u64::from(head.count);
                    taken.map_err(|_| HistoryError::damaged("log", "a frame does not hold what its checksum says"))?;
                }
                Found::Gap(to) if arrived.is_empty() => return Ok(Followed::Gap(to)),
                Found::Gap(_) => break,
            }
        }
        Ok(if arrived.is_empty() { Followed::Nothing } else { Followed::Samples(arrived) })
    }

    /// The frame with the next sample, of which there is one below `end`.
    fn find(&mut self, end: u64) -> Result<Found, HistoryError> {
        let storage = Arc::clone(&self.history.shared.storage);
        let failed = |place: &Place, error| HistoryError::io(&wal_name(place.number))(error);
        loop {
            let Some(place) = &mut self.place else {
                match locate(&*storage, self.number)? {
                    Ok(place) => self.place = Some(place),
                    Err(first) => return Ok(Found::Gap(first.filter(|first| *first > self.number).unwrap_or(end))),
                }
                continue;
            };
            let len = place.file.len().map_err(|error| failed(place, error))?;
            let head = if len.saturating_sub(place.at) >= FRAME_LEN as u64 {
                let bytes = read_vec(&*place.file, place.at, FRAME_LEN).map_err(|error| failed(place, error))?;
                FrameHead::read(&bytes).ok().filter(|head| len - place.at >= FRAME_LEN as u64 + u64::from(head.len))
            } else {
                None
            };
            let Some(head) = head else {
                if !self.skip_damage(&*storage, len)? {
                    return Ok(Found::Gap(end));
                }
                continue;
            };
            let next = place.at + FRAME_LEN as u64 + u64::from(head.len);
            let is_known = head.first_no + u64::from(head.count) <= self.number;
            if is_known || head.kind == Kind::Barrier {
                place.at = next;
                continue;
            }
            if head.first_no > self.number {
                return Ok(Found::Gap(head.first_no));
            }
            let payload = read_vec(&*place.file, place.at + FRAME_LEN as u64, head.len as usize);
            let payload = payload.map_err(|error| failed(place, error))?;
            if crc32c::crc32c(&payload) != head.crc {
                if !self.skip_damage(&*storage, len)? {
                    return Ok(Found::Gap(end));
                }
                continue;
            }
            place.at = next;
            return Ok(Found::Frame(head, payload));
        }
    }

    /// Goes to the next whole frame behind bytes that are none, or to the next file; whether there is one.
    fn skip_damage(&mut self, storage: &dyn Storage, len: u64) -> Result<bool, HistoryError> {
        let Some(place) = &mut self.place else { return Ok(false) };
        let rest = usize::try_from(len.saturating_sub(place.at)).unwrap_or(0);
        if rest > FRAME_LEN {
            let name = wal_name(place.number);
            let bytes = read_vec(&*place.file, place.at, rest).map_err(HistoryError::io(&name))?;
            if let Some(found) = find_frame(&bytes, 1).filter(|found| frame_at(&bytes, *found).is_some()) {
                place.at += found as u64;
                return Ok(true);
            }
        }
        let current = place.number;
        self.place = None;
        for number in numbers(storage)?.into_iter().filter(|number| *number > current) {
            if let Some(file) = open(storage, number)? {
                self.place = Some(Place { number, file, at: HEAD_LEN as u64 });
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A file of the log; `None` when it has gone meanwhile.
fn open(storage: &dyn Storage, number: u64) -> Result<Option<Arc<dyn StorageFile>>, HistoryError> {
    let name = wal_name(number);
    match storage.open(&name, false) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HistoryError::io(&name)(error)),
    }
}

/// The youngest file that begins at the number or before it, or the number with which the oldest one begins.
fn locate(storage: &dyn Storage, wanted: u64) -> Result<Result<Place, Option<u64>>, HistoryError> {
    let mut found = None;
    for number in numbers(storage)? {
        let Some(file) = open(storage, number)? else { continue };
        let name = wal_name(number);
        let len = file.len().map_err(HistoryError::io(&name))?;
        let bytes = read_vec(&*file, 0, HEAD_LEN.min(len as usize)).map_err(HistoryError::io(&name))?;
        let Some(first_no) = file_head(&name, &bytes)? else { continue };
        if first_no > wanted {
            return Ok(found.ok_or(Some(first_no)));
        }
        found = Some(Place { number, file, at: HEAD_LEN as u64 });
    }
    Ok(found.ok_or(None))
}
