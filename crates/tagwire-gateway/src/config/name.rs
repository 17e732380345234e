//! What links, devices and tags may be called, and which names get in each other's way.

use std::collections::HashMap;

use super::problem::Complaint;

/// Longest name of a link, a device, or one part of a tag's name, in bytes.
pub const MAX_NAME: usize = 256;

/// Longest name of a tag with its groups, in bytes.
pub const MAX_TAG_NAME: usize = 1024;

/// Checks the name of a link or device.
pub(crate) fn check_part(what: &str, name: &str) -> Result<(), Complaint> {
    if name.contains('.') {
        let fix = format!("use another sign, for example \"{}\"", name.replace('.', "_"));
        return Err(Complaint::new(format!("the name \"{name}\" has a dot, which separates {what} from tag"), fix));
    }
    check_segment(what, name, name)
}

/// Checks the name of a tag; its dots separate groups.
pub(crate) fn check_tag_name(name: &str) -> Result<(), Complaint> {
    if name.len() > MAX_TAG_NAME {
        let problem = format!("the name has {} bytes, more than {MAX_TAG_NAME}", name.len());
        return Err(Complaint::new(problem, "give the tag a shorter name"));
    }
    name.split('.').try_for_each(|part| check_segment("tag", name, part))
}

fn check_segment(what: &str, name: &str, part: &str) -> Result<(), Complaint> {
    if name.is_empty() {
        return Err(Complaint::new(format!("the {what} has an empty name"), "give it a name such as \"press_1\""));
    }
    if part.is_empty() {
        let fix = "write a name on both sides of each dot; a dot makes a group";
        return Err(Complaint::new(format!("the name \"{name}\" has nothing on one side of a dot"), fix));
    }
    // Names are plain almost always, so the common case is one pass over the bytes.
    let plain = part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !part.starts_with('_');
    if plain && part.len() <= MAX_NAME {
        return Ok(());
    }
    if part.starts_with('_') {
        let fix = format!(
            "start it with a letter or digit, for example \"{}\"",
            name.replace(part, part.trim_start_matches('_'))
        );
        let problem = format!("the name \"{name}\" starts with an underscore, which marks the server's own tags");
        return Err(Complaint::new(problem, fix));
    }
    if part.trim() != part {
        let fix = format!("write \"{}\"", name.replace(part, part.trim()));
        return Err(Complaint::new(format!("the name \"{name}\" has a space at an end"), fix));
    }
    if let Some(bad) = part.chars().find(|c| c.is_control() || matches!(c, '"' | '/' | '\\')) {
        let problem = format!("the name {name:?} has the character {bad:?}");
        return Err(Complaint::new(problem, "use letters, digits, spaces, '-' and '_'"));
    }
    if part.len() > MAX_NAME {
        let problem = format!("a part of the name has {} bytes, more than {MAX_NAME}", part.len());
        return Err(Complaint::new(problem, "give it a shorter name"));
    }
    Ok(())
}

/// What stands at a path below one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Tag,
    Group,
}

/// The paths below one device, to find tags with the same name and tags with the name of a group.
///
/// A place is told as `at`, an index into the device's tags, from which the caller knows file and line.
#[derive(Debug, Default)]
pub(crate) struct Paths<'a> {
    places: HashMap<&'a str, (Place, usize)>,
}

/// How a name gets in the way of an earlier one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Clash<'a> {
    /// Another tag has the same name.
    Tag(usize),
    /// Another tag's name makes a group of this name.
    TagIsGroup(usize),
    /// A group in this name is the name of another tag.
    GroupIsTag(&'a str, usize),
}

impl<'a> Paths<'a> {
    pub(crate) fn with_capacity(n_tags: usize) -> Self {
        Self { places: HashMap::with_capacity(n_tags) }
    }

    /// Adds a tag's name, unless it clashes.
    pub(crate) fn add(&mut self, name: &'a str, at: usize) -> Result<(), Clash<'a>> {
        match self.places.get(name) {
            Some((Place::Tag, first)) => return Err(Clash::Tag(*first)),
            Some((Place::Group, first)) => return Err(Clash::TagIsGroup(*first)),
            None => {}
        }
        for (dot, _) in name.match_indices('.') {
            let Some((group, _)) = name.split_at_checked(dot) else { continue };
            match self.places.get(group) {
                Some((Place::Tag, first)) => return Err(Clash::GroupIsTag(group, *first)),
                Some((Place::Group, _)) => {}
                None => {
                    self.places.insert(group, (Place::Group, at));
                }
            }
        }
        self.places.insert(name, (Place::Tag, at));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass() {
        for name in ["temp", "Tag 1", "a.b.c", "Ölstand", "x-1", "1st"] {
            assert!(check_tag_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_would_break_paths_are_refused() {
        for name in ["", ".", "a.", ".a", "a..b", "_System", "a._b", " a", "a\tb", "a/b", &"x".repeat(300)] {
            assert!(check_tag_name(name).is_err(), "{name}");
        }
        assert!(check_part("device", "a.b").is_err());
    }

    #[test]
    fn a_name_is_either_a_tag_or_a_group() {
        let mut paths = Paths::default();
        assert_eq!(paths.add("a.b", 0), Ok(()));
        assert_eq!(paths.add("a.c", 1), Ok(()));
        assert_eq!(paths.add("a.b", 2), Err(Clash::Tag(0)));
        assert_eq!(paths.add("a", 3), Err(Clash::TagIsGroup(0)));
        assert_eq!(paths.add("a.b.d", 4), Err(Clash::GroupIsTag("a.b", 0)));
    }
}
