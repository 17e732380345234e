//! A disk in memory that loses power: it tells what was written from what is lasting, and stops at a chosen moment.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use fastrand::Rng;
use parking_lot::Mutex;

use super::{Storage, StorageFile};

/// A simulated disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct CrashDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, Content>,
    /// Names as the process sees them.
    live: BTreeMap<String, u64>,
    /// Names that outlive a crash for certain.
    durable: BTreeMap<String, u64>,
    next: u64,
    syncs: u64,
    stop_at: Option<u64>,
    stopped: bool,
    /// Counts crashes, so that a file opened before one is dead after it.
    epoch: u64,
    free: Option<u64>,
    locked: bool,
}

#[derive(Debug, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone, Debug)]
enum Pending {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl Pending {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let at = *at as usize;
                if image.len() < at + bytes.len() {
                    image.resize(at + bytes.len(), 0);
                }
                image[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(len) => image.resize(*len as usize, 0),
        }
    }
}

impl CrashDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// The power fails during the `n`-th sync from now, counted from 1; that sync and all after it fail.
    pub fn stop_at_sync(&self, n: u64) {
        let mut state = self.state.lock();
        state.stop_at = Some(state.syncs + n);
    }

    /// The power fails now.
    pub fn stop(&self) {
        self.state.lock().stopped = true;
    }

    /// Whether the power has failed.
    pub fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    /// Syncs so far.
    pub fn n_syncs(&self) -> u64 {
        self.state.lock().syncs
    }

    /// From now on only `bytes` more can be written; `None` is a disk without end.
    pub fn set_free(&self, bytes: Option<u64>) {
        self.state.lock().free = bytes;
    }

    /// Power is back: of what was not synced some writes are there, some are not, some only in part.
    pub fn restart(&self, rng: &mut Rng) {
        let mut state = self.state.lock();
        state.stopped = false;
        state.stop_at = None;
        state.locked = false;
        state.epoch += 1;
        for content in state.files.values_mut() {
            let mut image = std::mem::take(&mut content.durable);
            let fate = rng.u8(..3);
            for pending in std::mem::take(&mut content.pending) {
                // All, none or any part of what was on its way.
                let keep = fate == 0 || fate == 1 && rng.bool();
                match pending {
                    Pending::Write(at, mut bytes) if keep => {
                        if fate == 1 && rng.u8(..3) == 0 {
                            bytes.truncate(rng.usize(..=bytes.len()));
                        }
                        Pending::Write(at, bytes).apply(&mut image);
                    }
                    Pending::Length(len) if keep => Pending::Length(len).apply(&mut image),
                    _ => {}
                }
            }
            content.live = image.clone();
            content.durable = image;
        }
        let mut names = state.durable.clone();
        for (name, id) in &state.live {
            if !names.contains_key(name) && rng.bool() {
                names.insert(name.clone(), *id);
            }
        }
        for name in state.durable.keys() {
            if !state.live.contains_key(name) && rng.bool() {
                names.remove(name);
            }
        }
        state.live.clone_from(&names);
        state.durable = names;
        let State { files, live, .. } = &mut *state;
        files.retain(|id, _| live.values().any(|named| named == id));
    }

    /// Flips one bit of a file; whether there was one to flip.
    pub fn flip(&self, name: &str, bit: u64) -> bool {
        let mut state = self.state.lock();
        let Some(id) = state.live.get(name).copied() else { return false };
        let Some(content) = state.files.get_mut(&id) else { return false };
        let at = (bit / 8) as usize;
        if at >= content.live.len() {
            return false;
        }
        content.live[at] ^= 1 << (bit % 8);
        if let Some(byte) = content.durable.get_mut(at) {
            *byte ^= 1 << (bit % 8);
        }
        true
    }
}

impl State {
    fn check(&self, epoch: u64) -> io::Result<()> {
        if self.stopped || epoch != self.epoch { Err(io::Error::other("the power failed")) } else { Ok(()) }
    }

    fn sync_point(&mut self) -> io::Result<()> {
        self.syncs += 1;
        if self.stop_at.is_some_and(|stop| self.syncs >= stop) {
            self.stopped = true;
            return Err(io::Error::other("the power failed"));
        }
        Ok(())
    }
}

impl Storage for CrashDisk {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn StorageFile>> {
        let mut state = self.state.lock();
        state.check(state.epoch)?;
        let id = match state.live.get(name) {
            Some(id) => *id,
            None if create => {
                state.next += 1;
                let id = state.next;
                state.live.insert(name.to_owned(), id);
                state.files.insert(id, Content::default());
                id
            }
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(CrashFile { disk: self.state.clone(), id, epoch: state.epoch }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state.lock();
        state.check(state.epoch)?;
        Ok(state.live.keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check(state.epoch)?;
        state.live.remove(name).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check(state.epoch)?;
        state.sync_point()?;
        state.durable = state.live.clone();
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let mut state = self.state.lock();
        if state.locked {
            return Ok(None);
        }
        state.locked = true;
        Ok(Some(Box::new(Held { disk: self.state.clone(), epoch: state.epoch })))
    }
}

struct Held {
    disk: Arc<Mutex<State>>,
    epoch: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.disk.lock();
        if state.epoch == self.epoch {
            state.locked = false;
        }
    }
}

#[derive(Debug)]
struct CrashFile {
    disk: Arc<Mutex<State>>,
    id: u64,
    epoch: u64,
}

impl CrashFile {
    fn with<T>(&self, act: impl FnOnce(&mut State, u64) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.lock();
        state.check(self.epoch)?;
        act(&mut state, self.id)
    }
}

fn content(state: &mut State, id: u64) -> io::Result<&mut Content> {
    state.files.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
}

impl StorageFile for CrashFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|state, id| Ok(content(state, id)?.live.len() as u64))
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|state, id| {
            let live = &content(state, id)?.live;
            let end = (at as usize).checked_add(out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            let bytes = live.get(at as usize..end).ok_or(io::ErrorKind::UnexpectedEof)?;
            out.copy_from_slice(bytes);
            Ok(())
        })
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|state, id| {
            let mut bytes = bytes;
            let mut full = false;
            if let Some(free) = &mut state.free {
                full = *free < bytes.len() as u64;
                bytes = &bytes[..bytes.len().min(*free as usize)];
                *free -= bytes.len() as u64;
            }
            let content = content(state, id)?;
            let write = Pending::Write(at, bytes.to_vec());
            write.apply(&mut content.live);
            content.pending.push(write);
            if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|state, id| {
            let content = content(state, id)?;
            Pending::Length(len).apply(&mut content.live);
            content.pending.push(Pending::Length(len));
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|state, id| {
            state.sync_point()?;
            let content = content(state, id)?;
            for pending in std::mem::take(&mut content.pending) {
                pending.apply(&mut content.durable);
            }
            Ok(())
        })
    }
}
