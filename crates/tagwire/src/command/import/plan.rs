//! What an import makes: links, devices and tags, before they are written.

use std::collections::BTreeMap;

/// A configuration in the making.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) links: Vec<Link>,
}

/// Keys of a table with their values as TOML writes them.
pub(crate) type Keys = Vec<(&'static str, toml::Value)>;

/// One link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) address: String,
    pub(crate) keys: Keys,
    pub(crate) devices: Vec<Device>,
}

/// One device with its tags.
#[derive(Debug, Default)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) keys: Vec<(String, toml::Value)>,
    pub(crate) tags: Vec<Row>,
    /// Groups of tags that are structures, by the names of their types.
    pub(crate) structures: BTreeMap<String, Vec<String>>,
}

impl Device {
    /// Sets a key; a second value replaces the first.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<toml::Value>) {
        let value = value.into();
        match self.keys.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => self.keys.push((key.to_owned(), value)),
        }
    }
}

/// Columns of our own tag list that an import can fill.
pub(crate) const COLUMNS: [&str; N_COLUMNS] = [
    "name",
    "address",
    "type",
    "access",
    "scan",
    "scaling",
    "raw_low",
    "raw_high",
    "scaled_low",
    "scaled_high",
    "scaled_type",
    "clamp_low",
    "clamp_high",
    "negate",
    "unit",
    "description",
    "node_id",
];

const N_COLUMNS: usize = 17;

/// One tag as a row of our own tag list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// Where the tag stood in the file that is imported: a line, or its path in a project.
    pub(crate) origin: String,
    pub(crate) cells: [String; N_COLUMNS],
}

impl Row {
    /// A row with a name and an address.
    pub(crate) fn new(origin: String, name: String, address: &str) -> Self {
        let mut row = Self { origin, ..Self::default() };
        row.set("name", name);
        row.set("address", address);
        row
    }

    /// The cell of a column of [`COLUMNS`]; empty for any other name.
    pub(crate) fn cell(&self, column: &str) -> &str {
        COLUMNS.iter().position(|known| *known == column).map_or("", |idx| &self.cells[idx])
    }

    /// Fills a cell; a line break becomes a space, so that every tag is one line of the list.
    pub(crate) fn set(&mut self, column: &str, text: impl Into<String>) {
        if let Some(idx) = COLUMNS.iter().position(|known| *known == column) {
            let text = text.into();
            self.cells[idx] = if text.contains(['\n', '\r']) { text.replace(['\n', '\r'], " ") } else { text };
        }
    }
}

/// A name that our configuration takes, and whether it differs from the one given. Dots separate groups.
pub(crate) fn usable_name(name: &str) -> (String, bool) {
    let parts: Vec<String> = name.split('.').map(usable_part).filter(|part| !part.is_empty()).collect();
    let usable = if parts.is_empty() { "unnamed".to_owned() } else { parts.join(".") };
    let differs = usable != name;
    (usable, differs)
}

/// The name of a link, a device or a group, which has no dots.
pub(crate) fn usable_part(part: &str) -> String {
    let part = part.trim().trim_start_matches('_').trim_start();
    part.chars().map(|c| if c.is_control() || matches!(c, '"' | '/' | '\\' | '.') { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_groups_and_lose_what_breaks_paths() {
        for (name, usable, differs) in [
            ("Tag 1", "Tag 1", false),
            ("Group.Tag", "Group.Tag", false),
            ("_Hidden.a/b", "Hidden.a_b", true),
            ("a..b ", "a.b", true),
            ("...", "unnamed", true),
        ] {
            assert_eq!(usable_name(name), (usable.to_owned(), differs), "{name}");
        }
    }
}
