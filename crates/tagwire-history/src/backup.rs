//! Copies of a store: made while it runs, checked, and put back.

use std::sync::Arc;

use crate::catalogue::{self, Catalogue};
use crate::sealed::{Checked, check_file};
use crate::storage::{Storage, StorageFile, read_vec};
use crate::store::{Moment, Store};
use crate::wal::replay;
use crate::{Damage, HistoryError};

const MANIFEST: &str = "manifest";
const TITLE: &str = "tagwire-history 1";
const PIECE: usize = 1 << 20;

/// Files of a store at one moment. Copying them needs no more of the store: they never change, and stay readable when
/// the store deletes them meanwhile.
#[derive(Debug)]
pub struct Backup {
    files: Vec<(String, Arc<dyn StorageFile>, u64)>,
    catalogue: Vec<u8>,
}

impl Store {
    /// Begins a backup: finishes the segment that grows, begins a new file of the log and copies the catalogue.
    ///
    /// # Errors
    /// What the system says.
    pub fn backup(&mut self, now: Moment) -> Result<Backup, HistoryError> {
        let names = self.freeze(now)?;
        let storage = self.storage();
        let mut files = Vec::with_capacity(names.len());
        for (name, len) in names {
            let file = storage.open(&name, false).map_err(HistoryError::io(&name))?;
            files.push((name, file, len));
        }
        let file = storage.open(catalogue::NAME, false).map_err(HistoryError::io(catalogue::NAME))?;
        let catalogue = file.len().and_then(|len| read_vec(&*file, 0, len as usize));
        Ok(Backup { files, catalogue: catalogue.map_err(HistoryError::io(catalogue::NAME))? })
    }
}

impl Backup {
    /// Bytes that will be copied.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|(_, _, len)| len).sum::<u64>() + self.catalogue.len() as u64
    }

    /// Copies everything into an empty folder; `progress` hears the bytes copied so far.
    ///
    /// # Errors
    /// What the system says. A folder without a manifest is no backup.
    pub fn copy_to(&self, target: &dyn Storage, mut progress: impl FnMut(u64)) -> Result<(), HistoryError> {
        check_empty(target)?;
        let mut manifest = format!("{TITLE}\n");
        let mut done = 0;
        for (name, file, len) in &self.files {
            let crc = copy(&**file, *len, target, name, &mut done, &mut progress)?;
            manifest += &format!("{crc:08x} {len} {name}\n");
        }
        let crc = crc32c::crc32c(&self.catalogue);
        write_file(target, catalogue::NAME, &self.catalogue)?;
        progress(done + self.catalogue.len() as u64);
        manifest += &format!("{crc:08x} {} {}\n", self.catalogue.len(), catalogue::NAME);
        let crc = crc32c::crc32c(manifest.as_bytes());
        manifest += &format!("{crc:08x}\n");
        target.sync_names().map_err(HistoryError::io(MANIFEST))?;
        write_file(target, MANIFEST, manifest.as_bytes())?;
        target.sync_names().map_err(HistoryError::io(MANIFEST))
    }
}

/// Copies a backup into an empty folder, after every checksum was found right.
///
/// # Errors
/// [`HistoryError::Damaged`] when a file is not as it was copied, [`HistoryError::InUse`] when the folder holds a
/// history, or what the system says.
pub fn restore(backup: &dyn Storage, target: &dyn Storage) -> Result<(), HistoryError> {
    let _lock = target.lock().map_err(HistoryError::io("lock"))?.ok_or(HistoryError::InUse)?;
    check_empty(target)?;
    let files = manifest(backup)?;
    for (name, len, crc) in &files {
        if crc_of(backup, name, *len)? != *crc {
            return Err(HistoryError::damaged(name, "it differs from the manifest"));
        }
    }
    for (name, len, crc) in &files {
        let file = backup.open(name, false).map_err(HistoryError::io(name))?;
        if copy(&*file, *len, target, name, &mut 0, &mut |_| {})? != *crc {
            return Err(HistoryError::damaged(name, "it changed while it was copied"));
        }
    }
    target.sync_names().map_err(HistoryError::io("history"))
}

/// What a check of all files found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Segments.
    pub segments: u64,
    /// Columns of pages whose checksums are right and that can be decoded.
    pub columns: u64,
    /// Samples in them.
    pub samples: u64,
    /// Samples in the log; some of them may be in segments, too.
    pub in_log: u64,
    /// What cannot be read.
    pub damage: Vec<Damage>,
}

/// Checks every checksum of a store that no process uses, and decodes everything.
///
/// # Errors
/// [`HistoryError::InUse`], [`HistoryError::Newer`], or what the system says. Damage is no error.
pub fn verify(storage: Arc<dyn Storage>) -> Result<Verified, HistoryError> {
    let _lock = storage.lock().map_err(HistoryError::io("lock"))?.ok_or(HistoryError::InUse)?;
    let mut verified = Verified::default();
    let catalogue = Catalogue::open(storage.clone())?;
    catalogue.series()?;
    let released = catalogue.number("released")?.unwrap_or(0);
    for name in storage.list().map_err(HistoryError::io("history"))? {
        if name.ends_with(".seg") {
            let Checked { columns, samples, damage } = check_file(&*storage, &name, released)?;
            verified.segments += 1;
            verified.columns += columns;
            verified.samples += samples;
            verified.damage.extend(damage);
        }
    }
    let told = replay(&*storage, released, |frame| {
        verified.in_log += u64::from(frame.head.count);
        Ok(())
    })?;
    verified.damage.extend(told.damage);
    Ok(verified)
}

fn check_empty(target: &dyn Storage) -> Result<(), HistoryError> {
    let names = target.list().map_err(HistoryError::io("folder"))?;
    let is_ours =
        |name: &String| name.ends_with(".seg") || name.ends_with(".wal") || name == catalogue::NAME || name == MANIFEST;
    if names.iter().any(is_ours) {
        return Err(HistoryError::Occupied);
    }
    Ok(())
}

fn manifest(backup: &dyn Storage) -> Result<Vec<(String, u64, u32)>, HistoryError> {
    let damaged = || HistoryError::damaged(MANIFEST, "it is not as it was written");
    let file = backup.open(MANIFEST, false).map_err(HistoryError::io(MANIFEST))?;
    let bytes = file.len().and_then(|len| read_vec(&*file, 0, len as usize)).map_err(HistoryError::io(MANIFEST))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
    let (content, crc) = text.trim_end_matches('\n').rsplit_once('\n').ok_or_else(damaged)?;
    let content = format!("{content}\n");
    if u32::from_str_radix(crc, 16) != Ok(crc32c::crc32c(content.as_bytes())) {
        return Err(damaged());
    }
    let mut lines = content.lines();
    if let Some(title) = lines.next()
        && title != TITLE
    {
        let found = title.rsplit(' ').next().and_then(|version| version.parse().ok()).unwrap_or(0);
        return Err(HistoryError::Newer { file: MANIFEST.to_owned(), found, known: crate::FORMAT_VERSION });
    }
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let crc = u32::from_str_radix(words.next()?, 16).ok()?;
        let len = words.next()?.parse().ok()?;
        // A name must not lead out of the folder.
        let name = words.next().filter(|name| !name.contains(['/', '\\']) && *name != MANIFEST)?;
        Some((name.to_owned(), len, crc))
    };
    lines.map(|text| line(text).ok_or_else(damaged)).collect()
}

fn write_file(target: &dyn Storage, name: &str, bytes: &[u8]) -> Result<(), HistoryError> {
    let file = target.open(name, true).map_err(HistoryError::io(name))?;
    file.write_at(0, bytes).and_then(|()| file.sync()).map_err(HistoryError::io(name))
}

fn crc_of(storage: &dyn Storage, name: &str, len: u64) -> Result<u32, HistoryError> {
    let file = storage.open(name, false).map_err(HistoryError::io(name))?;
    if file.len().map_err(HistoryError::io(name))? != len {
        return Err(HistoryError::damaged(name, "its length differs from the manifest"));
    }
    let (mut crc, mut at) = (0, 0);
    while at < len {
        let piece = PIECE.min((len - at) as usize);
        let bytes = read_vec(&*file, at, piece).map_err(HistoryError::io(name))?;
        crc = crc32c::crc32c_append(crc, &bytes);
        at += piece as u64;
    }
    Ok(crc)
}

fn copy(
    from: &dyn StorageFile,
    len: u64,
    target: &dyn Storage,
    name: &str,
    done: &mut u64,
    progress: &mut impl FnMut(u64),
) -> Result<u32, HistoryError> {
    let to = target.open(name, true).map_err(HistoryError::io(name))?;
    let (mut crc, mut at) = (0, 0);
    while at < len {
        let piece = PIECE.min((len - at) as usize);
        let bytes = read_vec(from, at, piece).map_err(HistoryError::io(name))?;
        crc = crc32c::crc32c_append(crc, &bytes);
        to.write_at(at, &bytes).map_err(HistoryError::io(name))?;
        at += piece as u64;
        *done += piece as u64;
        progress(*done);
    }
    to.sync().map_err(HistoryError::io(name))?;
    Ok(crc)
}
