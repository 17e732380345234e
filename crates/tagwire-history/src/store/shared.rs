//! What writer and readers share.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use tagwire_model::{Timestamp, ValueType};

use super::group::Group;
use crate::annotation::Annotation;
use crate::catalogue::{Catalogue, Marker, Series, current};
use crate::read::RecentTimes;
use crate::sealed::Segment;
use crate::storage::Storage;
use crate::{Damage, HistoryError, TagNumber};

/// Whether samples are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// They are.
    Running,
    /// Nothing can be written; samples that come are not taken. What was acknowledged is safe.
    Paused {
        /// What the system said.
        why: String,
        /// Since when.
        since: Timestamp,
        /// Samples that were refused since then.
        lost: u64,
    },
}

impl State {
    /// Whether samples are taken.
    pub fn is_running(&self) -> bool {
        *self == Self::Running
    }
}

/// A tag and the place of its samples in memory.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) series: Series,
    pub(crate) group: u32,
    pub(crate) member: u32,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) catalogue: Catalogue,
    pub(crate) tags: RwLock<Vec<Tag>>,
    pub(crate) paths: RwLock<HashMap<Arc<str>, Vec<TagNumber>>>,
    pub(crate) groups: RwLock<Vec<Arc<Group>>>,
    pub(crate) segments: RwLock<Arc<Vec<Arc<Segment>>>>,
    /// How often segments were joined.
    pub(crate) joins: AtomicU64,
    /// Tags that a user changed.
    pub(crate) edited: RwLock<HashMap<TagNumber, u64>>,
    /// Tags with annotations.
    pub(crate) annotated: RwLock<HashSet<TagNumber>>,
    pub(crate) durable_no: AtomicU64,
    /// Serial of the last change by a user, or a higher one.
    pub(crate) last_serial: AtomicU64,
    pub(crate) state: RwLock<State>,
    pub(crate) damage: RwLock<Vec<Damage>>,
    pub(crate) recent_times: RecentTimes,
}

/// Most damages that are remembered one by one.
const MAX_DAMAGE: usize = 10_000;

impl Shared {
    /// Remembers what cannot be read.
    pub(crate) fn tell(&self, damage: &Damage) {
        let mut all = self.damage.write();
        if all.len() < MAX_DAMAGE && !all.contains(damage) {
            all.push(damage.clone());
        }
    }

    pub(crate) fn tag(&self, tag: TagNumber) -> Result<Tag, HistoryError> {
        self.tags.read().get(tag.0 as usize).cloned().ok_or(HistoryError::UnknownTag(tag))
    }
}

/// The historian as readers see it. Clones are the same historian.
#[derive(Clone, Debug)]
pub struct History {
    pub(crate) shared: Arc<Shared>,
}

impl History {
    /// The tag with this number.
    ///
    /// # Errors
    /// [`HistoryError::UnknownTag`].
    pub fn series(&self, tag: TagNumber) -> Result<Series, HistoryError> {
        self.shared.tag(tag).map(|tag| tag.series)
    }

    /// All tags that ever had this path, each of another type; the one in use last comes last.
    pub fn find(&self, path: &str) -> Vec<Series> {
        let numbers = self.shared.paths.read().get(path).cloned().unwrap_or_default();
        let tags = self.shared.tags.read();
        numbers.iter().filter_map(|number| tags.get(number.0 as usize)).map(|tag| tag.series.clone()).collect()
    }

    /// The tag with this path and type, without looking at its details.
    pub fn number(&self, path: &str, value_type: ValueType) -> Option<TagNumber> {
        let paths = self.shared.paths.read();
        let numbers = paths.get(path)?;
        let tags = self.shared.tags.read();
        let has_type =
            |number: &TagNumber| tags.get(number.0 as usize).is_some_and(|t| t.series.value_type == value_type);
        numbers.iter().rev().copied().find(has_type)
    }

    /// Whether a user ever changed samples of a tag, so that some may lie in no block.
    pub fn is_edited(&self, tag: TagNumber) -> bool {
        self.shared.edited.read().contains_key(&tag)
    }

    /// Time of the oldest sample that was stored and is still kept; `None` when there is none.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn begin(&self, tag: TagNumber) -> Result<Option<Timestamp>, HistoryError> {
        let sources = self.sources(tag, i64::MIN, i64::MAX)?;
        Ok(sources.iter().map(super::snapshot::Source::t_first).min().map(Timestamp::from_ticks))
    }

    /// How many tags there are; their numbers are all below.
    pub fn n_series(&self) -> u32 {
        self.shared.tags.read().len() as u32
    }

    /// All tags, in the order of their numbers.
    pub fn all_series(&self) -> Vec<Series> {
        self.shared.tags.read().iter().map(|tag| tag.series.clone()).collect()
    }

    /// All samples whose ticket is at most this are on the disk.
    pub fn durable_up_to(&self) -> u64 {
        self.shared.durable_no.load(Ordering::Acquire)
    }

    /// Whether samples are taken.
    pub fn state(&self) -> State {
        self.shared.state.read().clone()
    }

    /// What damaged files cost, as far as it was noticed since the start.
    pub fn damage(&self) -> Vec<Damage> {
        self.shared.damage.read().clone()
    }

    /// Starts and stops in `from..=to`.
    ///
    /// # Errors
    /// [`HistoryError::Catalogue`].
    pub fn markers(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Marker>, HistoryError> {
        self.shared.catalogue.markers(from.ticks(), to.ticks())
    }

    /// Annotations of a tag in `from..=to`, in the order of time.
    ///
    /// # Errors
    /// [`HistoryError::Catalogue`].
    pub fn annotations(&self, tag: TagNumber, from: Timestamp, to: Timestamp) -> Result<Vec<Annotation>, HistoryError> {
        Ok(current(self.shared.catalogue.annotations(tag, from.ticks(), to.ticks())?))
    }

    /// Bytes of all segments, and how many there are.
    pub fn size(&self) -> (u64, usize) {
        let segments = self.shared.segments.read().clone();
        (segments.iter().map(|segment| segment.spans().bytes).sum(), segments.len())
    }
}
