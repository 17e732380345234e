//! Item ids that the configuration gave to single tags, in place of their paths.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use tagwire_model::TagId;

/// Tags by item id and item ids by tag; whoever changes the tags keeps it.
#[derive(Debug, Default)]
pub struct ItemIds(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    tags: HashMap<Arc<str>, TagId>,
    ids: HashMap<TagId, Arc<str>>,
}

impl ItemIds {
    /// Gives a tag an item id in place of the one that it has.
    pub fn name(&self, tag: TagId, id: &str) {
        let mut maps = self.0.write();
        let id: Arc<str> = Arc::from(id);
        if let Some(old) = maps.ids.insert(tag, Arc::clone(&id)) {
            maps.tags.remove(&old);
        }
        maps.tags.insert(id, tag);
    }

    /// Takes the item ids of tags away.
    pub fn forget(&self, tags: &[TagId]) {
        let mut maps = self.0.write();
        for tag in tags {
            if let Some(id) = maps.ids.remove(tag) {
                maps.tags.remove(&id);
            }
        }
    }

    /// The tag with an item id of its own.
    pub fn find(&self, id: &str) -> Option<TagId> {
        self.0.read().tags.get(id).copied()
    }

    /// The item id of a tag that has one of its own.
    pub fn of(&self, tag: TagId) -> Option<Arc<str>> {
        self.0.read().ids.get(&tag).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_id_is_found_until_it_is_replaced_or_forgotten() {
        let ids = ItemIds::default();
        ids.name(TagId(1), "Random.Int4");
        ids.name(TagId(2), "Random.Int2");
        assert_eq!((ids.find("Random.Int4"), ids.of(TagId(2)).as_deref()), (Some(TagId(1)), Some("Random.Int2")));
        ids.name(TagId(1), "Random.Int8");
        assert_eq!((ids.find("Random.Int4"), ids.find("Random.Int8")), (None, Some(TagId(1))));
        ids.forget(&[TagId(1), TagId(7)]);
        assert_eq!((ids.find("Random.Int8"), ids.of(TagId(1))), (None, None));
    }
}
