//! How structures lie in each other: what each one holds, nested ones included, counted once for every structure.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::symbols::{Template, member_type, value_type};

/// What a structure holds, nested structures included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Values with a type of their own.
    pub n_leaves: usize,
    /// Levels of structures down to the nearest value that a tag can be made of; [`usize::MAX`] when there is none.
    pub n_levels: usize,
}

impl Content {
    /// Whether it is that of a string, which is a value by itself.
    pub(super) const fn is_string(self) -> bool {
        self.n_levels == 0
    }
}

/// The content of every structure; `None` when one of them contains itself.
pub(super) fn contents(templates: &HashMap<u16, Arc<Template>>) -> Option<HashMap<u16, Content>> {
    let mut known: HashMap<u16, Content> = HashMap::new();
    let mut open: HashSet<u16> = HashSet::new();
    for first in templates.keys() {
        // How deep structures lie in each other is the controller's choice, hence no recursion.
        let mut stack = vec![(*first, false)];
        while let Some((number, is_counted)) = stack.pop() {
            let Some(template) = templates.get(&number).filter(|_| !known.contains_key(&number)) else { continue };
            if is_counted {
                open.remove(&number);
                known.insert(number, content(template, &known));
                continue;
            }
            if !open.insert(number) {
                return None;
            }
            stack.push((number, true));
            if !template.definition.is_string() {
                let inner: BTreeSet<u16> = template.visible().filter_map(|member| member.template()).collect();
                stack.extend(inner.into_iter().map(|inner| (inner, false)));
            }
        }
    }
    Some(known)
}

/// The content of a structure, those in it being known.
fn content(template: &Template, known: &HashMap<u16, Content>) -> Content {
    if template.definition.is_string() {
        return Content { n_leaves: 1, n_levels: 0 };
    }
    let mut sum = Content { n_leaves: 0, n_levels: usize::MAX };
    for member in template.visible() {
        let (kind, lens) = member_type(member);
        let (n_leaves, n_levels) = match member.template().map(|inner| known.get(&inner)) {
            Some(Some(inner)) => {
                let n = member.array_len().unwrap_or(1) as usize;
                (inner.n_leaves.saturating_mul(n), if n == 0 { usize::MAX } else { inner.n_levels })
            }
            Some(None) => (1, usize::MAX),
            None => (1, if value_type(kind, &lens, false).is_some() { 0 } else { usize::MAX }),
        };
        sum.n_leaves = sum.n_leaves.saturating_add(n_leaves);
        sum.n_levels = sum.n_levels.min(n_levels.saturating_add(1));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::template::{Attributes, Definition, Member};

    fn templates(of: &[(u16, &[(u16, u16)])]) -> HashMap<u16, Arc<Template>> {
        let template = |members: &[(u16, u16)]| {
            let member = |(idx, (kind, info)): (usize, &(u16, u16))| Member {
                name: format!("M{idx}"),
                info: *info,
                kind: *kind,
                offset: 0,
            };
            let attributes = Attributes { definition_size: 0, structure_size: 4, n_members: 0, handle: 1 };
            let members = members.iter().enumerate().map(member).collect();
            Arc::new(Template { attributes, definition: Definition { name: "T".to_owned(), members } })
        };
        of.iter().map(|(number, members)| (*number, template(members))).collect()
    }

    #[test]
    fn a_structure_that_contains_itself_is_found() {
        assert_eq!(contents(&templates(&[(1, &[(0xC4, 0), (0x8001, 0)])])), None);
        assert_eq!(contents(&templates(&[(1, &[(0x8002, 0)]), (2, &[(0x8003, 0)]), (3, &[(0x8001, 0)])])), None);
        let twice = contents(&templates(&[(1, &[(0x8002, 0), (0x8002, 0)]), (2, &[(0xC4, 0)])])).expect("no circle");
        assert_eq!(twice[&1], Content { n_leaves: 2, n_levels: 2 });
    }

    #[test]
    fn types_that_multiply_are_counted_without_walking_through_them() {
        let rows: Vec<(u16, Vec<(u16, u16)>)> = (0..4000).map(|n| (n, vec![(0x8000 | (n + 1), 0); 40])).collect();
        let mut rows: Vec<(u16, &[(u16, u16)])> = rows.iter().map(|(n, members)| (*n, members.as_slice())).collect();
        rows.push((4000, &[(0xC4, 0)]));
        let found = contents(&templates(&rows)).expect("no circle");
        assert_eq!(found[&3999], Content { n_leaves: 40, n_levels: 2 });
        assert_eq!(found[&0], Content { n_leaves: usize::MAX, n_levels: 4001 });
        rows.pop();
        assert_eq!(contents(&templates(&rows)).expect("no circle")[&0].n_levels, usize::MAX);
    }
}
