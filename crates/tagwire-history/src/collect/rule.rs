//! What is kept of a tag.

use std::sync::Arc;
use std::time::Duration;

use tagwire_model::{TagId, ValueType};

/// When a sample is stored; a change of the quality always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Whenever the value changes.
    #[default]
    Change,
    /// Once per interval, whether or not the value changed.
    Cyclic(Duration),
}

/// What is kept of a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rule {
    /// When a sample is stored.
    pub when: When,
    /// A change of a number counts when it is larger than this many units; 0 for every change. Means nothing for cyclic
    /// samples.
    pub deadband: f64,
}

/// A tag whose samples are to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Its number in the live table.
    pub tag: TagId,
    /// Its path, by which the historian knows it over restarts.
    pub path: Arc<str>,
    /// Its type.
    pub value_type: ValueType,
    /// Its scan group: tags that are read together and share their times; `None` for a tag with times of its own.
    pub group: Option<u32>,
    /// What is kept.
    pub rule: Rule,
}
