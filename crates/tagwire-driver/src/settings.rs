//! The settings that a driver kind understands, described so that the configuration can check and document them.

use std::time::Duration;

/// One key of the configuration that belongs to a driver.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key as written in the file.
    pub name: &'static str,
    /// What it holds.
    pub kind: KeyKind,
    /// The default as a person would write it; empty when there is none.
    pub default: &'static str,
    /// One sentence for the generated reference.
    pub doc: &'static str,
}

/// What a key may hold; the configuration refuses everything else before a driver sees it.
#[derive(Clone, Copy, Debug)]
pub enum KeyKind {
    /// `true` or `false`.
    Bool,
    /// A whole number within both ends.
    Integer {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// A number.
    Float,
    /// A duration such as `"500ms"` or `"2s"`, within both ends.
    Duration {
        /// Shortest duration allowed.
        min: Duration,
        /// Longest duration allowed.
        max: Duration,
    },
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// The value of one key, already checked against its [`KeyKind`].
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Of [`KeyKind::Bool`].
    Bool(bool),
    /// Of [`KeyKind::Integer`].
    Integer(i64),
    /// Of [`KeyKind::Float`].
    Float(f64),
    /// Of [`KeyKind::Duration`].
    Duration(Duration),
    /// Of [`KeyKind::Text`] and [`KeyKind::Choice`].
    Text(String),
}

/// The keys that were given, in no particular order; keys left out are absent, so that the driver applies its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    given: Vec<(&'static str, Setting)>,
}

impl Settings {
    /// Nothing given.
    pub const fn new() -> Self {
        Self { given: Vec::new() }
    }

    /// Records a checked value; a second value for the same key replaces the first.
    pub fn set(&mut self, name: &'static str, setting: Setting) {
        match self.given.iter_mut().find(|(given, _)| *given == name) {
            Some((_, old)) => *old = setting,
            None => self.given.push((name, setting)),
        }
    }

    /// Whether no key was given.
    pub const fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The value of a key, when it was given.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, setting)| setting)
    }

    /// A Boolean key.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.setting(name) {
            Some(Setting::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// An integer key.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.setting(name) {
            Some(Setting::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    /// A number key.
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.setting(name) {
            Some(Setting::Float(value)) => Some(*value),
            _ => None,
        }
    }

    /// A duration key.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.setting(name) {
            Some(Setting::Duration(value)) => Some(*value),
            _ => None,
        }
    }

    /// A text or choice key.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.setting(name) {
            Some(Setting::Text(value)) => Some(value),
            _ => None,
        }
    }
}
