//! The historian: every sample kept, found again in microseconds.
//!
//! - [`Store`] is the writer: [`Store::append`] takes a [`Batch`], puts it into the write-ahead log and into memory, and
//!   seals full pages into segments. It owns no thread and reads no clock: [`Moment`] is an argument.
//! - [`History`] is what readers hold: [`History::read`] gives a [`Cursor`] that hands out columns, [`History::summaries`]
//!   the sums of whole blocks, [`History::read_modified`] what users changed.
//! - [`Store::backup`], [`restore`] and [`verify`] copy and check the files; [`Store::retain`] lets old ones go.
//! - [`Store::freeze_into`] leaves the store as it is now in a folder of its own, which another process reads through
//!   [`FrozenHistory`]; [`Store::import`] takes samples from elsewhere, each at most once.
//! - [`aggregate`]: the 37 standard aggregates of OPC UA Part 13, over samples in time order.
//! - [`Tail`] follows the log, [`History::changes_after`] what users changed, for whoever sends both elsewhere.
//! - [`Storage`] is the disk: [`Disk`] a folder, [`CrashDisk`] one in memory that loses power.
//! - [`Historian`] is the thread between the live table and the store: what [`Rule`]s say is collected.
//!
//! Every byte on the disk is described in `docs/formats/history.md`.

pub mod aggregate;
mod annotation;
mod backup;
mod batch;
mod blob;
mod bytes;
mod catalogue;
mod collect;
mod damage;
mod edit;
mod error;
mod event;
#[doc(hidden)]
pub mod fuzzing;
mod hot;
mod read;
mod reason;
mod samples;
mod sealed;
mod storage;
mod store;
mod values;
mod wal;

use std::fmt;

pub use annotation::Annotation;
pub use backup::{Backup, Verified, restore, verify};
pub use batch::Batch;
pub use blob::{array_from_bytes, array_to_bytes};
pub use catalogue::{Marker, MarkerKind, Series};
pub use collect::{Clock, Collector, Historian, HistorianError, Rule, Wanted, When};
pub use damage::Damage;
pub use edit::{Author, ChangeKind, Edited, Modification, UpdateMode, UpdateOutcome, What};
pub use error::HistoryError;
pub use event::{EventPlace, StoredEvent};
pub use read::{Archive, ArchiveCursor, Cursor, Elsewhere, Numbers, Position, Span, Summary, View};
pub use reason::Reason;
pub use samples::Samples;
pub use storage::{CrashDisk, Disk, Storage, StorageFile};
pub use store::{
    Frozen, FrozenHistory, History, Import, Imported, Moment, Opened, Options, Retained, Retention, State, Store,
    TagSpec, days, freeze_folder, imports_from_bytes, imports_to_bytes,
};
pub use values::{ColumnType, Values};
pub use wal::{Arrival, Followed, Tail};

/// The highest version of the files that this program reads, and the one it writes.
pub const FORMAT_VERSION: u32 = 2;

/// The number by which the historian knows a tag, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagNumber(pub u32);

impl fmt::Display for TagNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
