//! The tree: branches have names, leaves have item ids.

use std::collections::HashSet;

use tagwire_access::Operation;
use tagwire_hub::{FolderId, Registry};
use tagwire_model::pattern;

use crate::ask::Arguments;
use crate::items::Asker;
use crate::status::Raised;
use crate::{Face, ItemIds, Literal};

/// Most entries of an answer.
const MAX_ENTRIES: usize = 200_000;
/// Most paths and steps of a path in one call.
const MAX_PATHS: usize = 1_000;

pub(crate) const NAMES: &[&str] = &["paths", "recursive", "flat", "include_type", "access_rights"];

/// The entries that fit.
pub(crate) fn list(face: &Face, asker: &Asker, asked: &Arguments<'_>) -> Result<Vec<Literal>, Raised> {
    let (paths, _) = asked.names("paths")?;
    let paths = if paths.is_empty() { vec!["*".to_owned()] } else { paths };
    if paths.len() > MAX_PATHS {
        return Err(Raised::opc(format!("list: more than {MAX_PATHS} paths")));
    }
    let (recursive, flat, with_type) = (asked.flag("recursive"), asked.flag("flat"), asked.flag("include_type"));
    let registry = face.hub.registry();
    let tree = Tree { registry: &registry, asker, item_ids: &face.item_ids };
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for path in &paths {
        let found = if flat { tree.flat(path) } else { tree.matching(path, recursive) };
        for entry in found {
            if entries.len() >= MAX_ENTRIES {
                return Err(Raised::opc(format!("list: more than {MAX_ENTRIES} entries; name a branch")));
            }
            if seen.insert(entry.clone()) {
                let (name, is_leaf) = entry;
                let kind = Literal::text(if is_leaf { "Leaf" } else { "Branch" });
                entries.push(if with_type {
                    Literal::Tuple(vec![Literal::Text(name), kind])
                } else {
                    Literal::Text(name)
                });
            }
        }
    }
    Ok(entries)
}

/// A name or item id, and whether it is a leaf.
type Entry = (String, bool);

/// A place in the tree.
#[derive(Clone)]
enum Place {
    Branch(FolderId, String),
    Leaf(String, String),
}

impl Place {
    fn name(&self) -> &str {
        match self {
            Self::Branch(_, name) | Self::Leaf(_, name) => name,
        }
    }

    fn entry(self) -> Entry {
        match self {
            Self::Branch(_, name) => (name, false),
            Self::Leaf(item, _) => (item, true),
        }
    }
}

struct Tree<'a> {
    registry: &'a Registry,
    asker: &'a Asker,
    item_ids: &'a ItemIds,
}

impl Tree<'_> {
    /// What lies in a branch, branches first, without what the server tells about itself.
    fn inside(&self, folder: FolderId) -> Vec<Place> {
        let Some(folder) = self.registry.folder(folder) else { return Vec::new() };
        let branches = folder.folders.iter().chain(&folder.structures).filter_map(|id| {
            let found = self.registry.folder(*id)?;
            let is_seen = self.asker.may(Operation::Browse, &found.path)
                || self.asker.policy.leads_to_visible(&self.asker.principal, &found.path);
            (is_seen && !found.name().starts_with('_')).then(|| Place::Branch(*id, found.name().to_owned()))
        });
        let leaves = folder.tags.iter().filter_map(|id| {
            let found = self.registry.tag(*id)?;
            let is_seen = !found.is_system && self.asker.may(Operation::Browse, found.path);
            let item = || self.item_ids.of(*id).map_or_else(|| found.path.to_owned(), |own| own.to_string());
            is_seen.then(|| Place::Leaf(item(), found.name().to_owned()))
        });
        branches.chain(leaves).collect()
    }

    /// All leaves below a branch.
    fn leaves(&self, folder: FolderId) -> Vec<Entry> {
        let mut found = Vec::new();
        let mut open = vec![folder];
        while let Some(folder) = open.pop() {
            let inside = self.inside(folder);
            // The last one put on is taken off first.
            open.extend(inside.iter().rev().filter_map(|place| match place {
                Place::Branch(id, _) => Some(*id),
                Place::Leaf(..) => None,
            }));
            found.extend(inside.into_iter().filter(|place| matches!(place, Place::Leaf(..))).map(Place::entry));
            if found.len() > MAX_ENTRIES {
                break;
            }
        }
        found
    }

    fn flat(&self, path: &str) -> Vec<Entry> {
        self.leaves(FolderId::ROOT).into_iter().filter(|(item, _)| fits(path, item)).collect()
    }

    fn matching(&self, path: &str, recursive: bool) -> Vec<Entry> {
        let mut steps: Vec<&str> = path.split(['.', '/']).filter(|step| !step.is_empty()).take(MAX_PATHS).collect();
        if steps.is_empty() {
            steps.push("*");
        }
        let mut level = Vec::new();
        let mut above = vec![FolderId::ROOT];
        for step in &steps {
            level = above
                .iter()
                .flat_map(|folder| self.inside(*folder))
                .filter(|place| fits(step, place.name()))
                .collect::<Vec<_>>();
            above = level
                .iter()
                .filter_map(|place| match place {
                    Place::Branch(id, _) => Some(*id),
                    Place::Leaf(..) => None,
                })
                .collect();
        }
        let has_wildcard = steps.last().is_some_and(|step| step.contains(['*', '?', '[']));
        // A path that names a branch lists what is in it; one with a wildcard lists what fits.
        let shown: Vec<Place> = if has_wildcard {
            level
        } else {
            level
                .into_iter()
                .flat_map(|place| match place {
                    Place::Branch(id, _) => self.inside(id),
                    leaf @ Place::Leaf(..) => vec![leaf],
                })
                .collect()
        };
        if !recursive {
            return shown.into_iter().map(Place::entry).collect();
        }
        shown
            .into_iter()
            .flat_map(|place| match place {
                Place::Branch(id, _) => self.leaves(id),
                leaf @ Place::Leaf(..) => vec![leaf.entry()],
            })
            .collect()
    }
}

/// Whether a name fits a pattern of `*` and `?`, in any letter case and with `.` for `/`.
fn fits(wanted: &str, name: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace('/', ".");
    pattern::matches(&plain(wanted), &plain(name))
}
