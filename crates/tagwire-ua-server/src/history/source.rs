//! Where history comes from.

use std::sync::Arc;

use tagwire_history::{Archive, Elsewhere, Historian, History, TagNumber};
use tagwire_model::{TagId, ValueType};

use super::EventJournal;

/// How the history of a tag is to be understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Whether a value holds until the next one, where a line could lead there (Part 11, Stepped).
    pub stepped: bool,
    /// Whether AnnotationCount counts values instead of annotations, as the published examples of Part 13 do.
    pub counts_values: bool,
}

type KeptOf = Arc<dyn Fn(&str) -> Kept + Send + Sync>;

/// The historian, and how the history of each tag is to be understood.
pub struct HistorySource {
    historian: Arc<Historian>,
    kept: KeptOf,
    journal: Option<Arc<EventJournal>>,
    /// Where values are read from instead of the own files.
    shared: Option<Arc<dyn Elsewhere>>,
    /// Where the values of some tags are read from, because their sources keep them.
    sources: Option<Arc<dyn Elsewhere>>,
}

/// The numbers of tags whose sources keep their history have this bit, which no number of the own files reaches.
pub const SOURCE_NUMBERS: u32 = 1 << 31;

impl HistorySource {
    /// History from `historian`; `kept` tells for the path of a tag how it is kept, and must not wait.
    pub fn new(historian: Arc<Historian>, kept: impl Fn(&str) -> Kept + Send + Sync + 'static) -> Self {
        Self { historian, kept: Arc::new(kept), journal: None, shared: None, sources: None }
    }

    /// Has events kept and serves those that were.
    #[must_use]
    pub fn with_events(mut self, journal: Option<Arc<EventJournal>>) -> Self {
        self.journal = journal;
        self
    }

    /// Has values read from a place that several servers share, instead of the own files; events, annotations and changes
    /// stay with those.
    #[must_use]
    pub fn with_shared(mut self, shared: Option<Arc<dyn Elsewhere>>) -> Self {
        self.shared = shared;
        self
    }

    /// Has the values of the tags that `sources` knows read from there; its numbers begin with [`SOURCE_NUMBERS`].
    #[must_use]
    pub fn with_sources(mut self, sources: Option<Arc<dyn Elsewhere>>) -> Self {
        self.sources = sources;
        self
    }

    /// Where the values of a tag are read from.
    pub(crate) fn archive(&self, number: TagNumber) -> Archive {
        match (&self.sources, &self.shared) {
            (Some(sources), _) if number.0 & SOURCE_NUMBERS != 0 => Archive::There(Arc::clone(sources)),
            (_, Some(shared)) => Archive::There(Arc::clone(shared)),
            (_, None) => Archive::Here(self.history().clone()),
        }
    }

    pub(crate) const fn journal(&self) -> Option<&Arc<EventJournal>> {
        self.journal.as_ref()
    }

    pub(crate) fn historian(&self) -> &Historian {
        &self.historian
    }

    pub(crate) fn history(&self) -> &History {
        self.historian.history()
    }

    /// The number of the tag with this path and type where its values are read.
    pub(crate) fn number(&self, path: &str, value_type: ValueType) -> Option<TagNumber> {
        if let Some(number) = self.sources.as_ref().and_then(|sources| sources.number(path, value_type)) {
            return Some(number);
        }
        match &self.shared {
            Some(shared) => shared.number(path, value_type),
            None => self.local(path, value_type),
        }
    }

    /// The number in the own files of the tag with this path and type.
    pub(crate) fn local(&self, path: &str, value_type: ValueType) -> Option<TagNumber> {
        self.history().number(path, value_type)
    }

    /// Whether samples of a tag are taken now.
    pub(crate) fn is_collected(&self, tag: TagId) -> bool {
        self.historian.number(tag).is_some()
    }

    pub(crate) fn kept(&self, path: &str) -> Kept {
        (self.kept)(path)
    }

    /// Whether the values of a tag hold until the next one: what is no number always does.
    pub(crate) fn is_stepped(&self, path: &str, value_type: ValueType) -> bool {
        !value_type.is_scalar() || !value_type.data_type.is_number() || self.kept(path).stepped
    }
}
