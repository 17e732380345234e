//! Reading the log after a start, on a thread of its own: while one part is taken, the next is read and decoded.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::replay::{Replayed, replay};
use super::{Decoded, Frame, Kind, take_scans};
use crate::bytes::Reader;
use crate::storage::Storage;
use crate::{HistoryError, TagNumber};

/// Samples after which a part ends with the frame that is being read.
const PART_SAMPLES: usize = 16_384;
/// Frames after which a part ends.
const PART_FRAMES: usize = 1024;
/// Parts that wait; more would only take memory.
const PARTS: usize = 4;

/// What a frame of the log says.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Samples, the first of which has this number.
    Scan(u64, Decoded),
    /// A page of the tag with a sample up to the time must not get another one.
    Barrier(TagNumber, i64),
    /// So many samples cannot be read although the frame is whole.
    Spoilt(u64),
}

/// Hands over what the log says, in order, in parts of whole frames; then as [`replay`].
pub(crate) fn read_ahead(
    storage: &dyn Storage,
    released: u64,
    mut each: impl FnMut(Vec<Entry>) -> Result<(), HistoryError>,
) -> Result<Replayed, HistoryError> {
    thread::scope(|scope| {
        let (sender, parts) = sync_channel(PARTS);
        let reader = scope.spawn(move || {
            let mut part = Part::default();
            let told = replay(storage, released, |frame| {
                part.add(frame);
                if part.is_full() {
                    // Nobody receives any more only when taking has failed, and then its error is told.
                    sender
                        .send(part.take())
                        .map_err(|_| HistoryError::io("log")(std::io::ErrorKind::BrokenPipe.into()))?;
                }
                Ok(())
            });
            let _ = sender.send(part.take());
            told
        });
        let mut taken = Ok(());
        for part in &parts {
            taken = each(part);
            if taken.is_err() {
                break;
            }
        }
        drop(parts);
        let told = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken.and(told)
    })
}

#[derive(Default)]
struct Part {
    entries: Vec<Entry>,
    samples: usize,
}

impl Part {
    fn add(&mut self, frame: &Frame<'_>) {
        if frame.head.kind == Kind::Barrier {
            let mut reader = Reader::new(frame.payload);
            if let (Ok(tag), Ok(time)) = (reader.u32(), reader.i64()) {
                self.entries.push(Entry::Barrier(TagNumber(tag), time));
            }
            return;
        }
        let mut no = frame.head.first_no;
        let whole = take_scans(frame.payload, |scan| {
            let first_no = no;
            no += scan.items.len() as u64;
            self.entries.push(Entry::Scan(first_no, scan));
        });
        let n = no - frame.head.first_no;
        self.samples += n as usize;
        if whole.is_err() {
            self.entries.push(Entry::Spoilt(u64::from(frame.head.count).saturating_sub(n)));
        }
    }

    fn is_full(&self) -> bool {
        self.samples >= PART_SAMPLES || self.entries.len() >= PART_FRAMES
    }

    fn take(&mut self) -> Vec<Entry> {
        std::mem::take(self).entries
    }
}
