//! NodeIds that the configuration gave to single tags.

use std::collections::HashMap;

use hashbrown::HashTable;
use tagwire_model::TagId;
use tagwire_ua_proto::types::{NodeId, NodeIdRef};
use thiserror::Error;

use super::namespaces::{NAMESPACE_TAGS, Namespaces};

/// Why a tag cannot have an id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TagIdError {
    /// Another tag has it.
    #[error("node id {0} is taken")]
    Taken(NodeId),
    /// The namespace belongs to OPC UA or to the server itself, or is not in the namespace table.
    #[error("node id {0} lies in a namespace that tags cannot use")]
    Namespace(NodeId),
    /// The id names no node.
    #[error("node id is null")]
    Null,
}

/// Tags by id and ids by tag.
#[derive(Default)]
pub(super) struct TagIds {
    ids: HashMap<TagId, NodeId>,
    index: HashTable<TagId>,
}

impl TagIds {
    /// The tag with an id.
    #[inline]
    pub(super) fn find(&self, id: &NodeIdRef<'_>) -> Option<TagId> {
        if self.index.is_empty() {
            return None;
        }
        self.index.find(id.hash64(), |tag| self.ids.get(tag).is_some_and(|known| *id == *known)).copied()
    }

    /// The id of a tag.
    #[inline]
    pub(super) fn id(&self, tag: TagId) -> Option<&NodeId> {
        if self.ids.is_empty() { None } else { self.ids.get(&tag) }
    }

    /// Names all tags or, when one name is refused, leaves everything as it was.
    pub(super) fn insert(&mut self, names: &[(TagId, NodeId)], namespaces: &Namespaces) -> Result<(), TagIdError> {
        let tags: Vec<TagId> = names.iter().map(|(tag, _)| *tag).collect();
        let before: Vec<(TagId, NodeId)> =
            tags.iter().filter_map(|tag| Some((*tag, self.ids.get(tag)?.clone()))).collect();
        self.remove(&tags);
        for (tag, id) in names {
            let refusal = self.refusal(id, namespaces);
            if let Some(error) = refusal {
                self.remove(&tags);
                before.into_iter().for_each(|(tag, id)| self.put(tag, id));
                return Err(error);
            }
            self.put(*tag, id.clone());
        }
        Ok(())
    }

    fn refusal(&self, id: &NodeId, namespaces: &Namespaces) -> Option<TagIdError> {
        if id.is_null() {
            return Some(TagIdError::Null);
        }
        if id.namespace < NAMESPACE_TAGS || !namespaces.contains(id.namespace) {
            return Some(TagIdError::Namespace(id.clone()));
        }
        self.find(&id.borrowed()).map(|_| TagIdError::Taken(id.clone()))
    }

    fn put(&mut self, tag: TagId, id: NodeId) {
        let hash = id.borrowed().hash64();
        self.ids.insert(tag, id);
        let ids = &self.ids;
        self.index.insert_unique(hash, tag, |tag| ids.get(tag).map_or(0, |id| id.borrowed().hash64()));
    }

    pub(super) fn remove(&mut self, tags: &[TagId]) {
        for tag in tags {
            let Some(id) = self.ids.get(tag) else { continue };
            if let Ok(entry) = self.index.find_entry(id.borrowed().hash64(), |known| known == tag) {
                entry.remove();
            }
            self.ids.remove(tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces() -> Namespaces {
        Namespaces::new("urn:a", "urn:t", ["urn:old"])
    }

    #[test]
    fn ids_of_every_form_lead_to_their_tag() {
        let mut ids = TagIds::default();
        let names = [
            (TagId(1), NodeId::numeric(3, 1001)),
            (TagId(2), NodeId::string(3, "Channel1.Device1.Tag1")),
            (TagId(3), NodeId::opaque(3, &b"\x01\x02"[..])),
        ];
        ids.insert(&names, &namespaces()).expect("free");
        for (tag, id) in &names {
            assert_eq!(ids.find(&id.borrowed()), Some(*tag));
            assert_eq!(ids.id(*tag), Some(id));
        }
        ids.remove(&[TagId(1)]);
        assert_eq!(ids.find(&names[0].1.borrowed()), None);
        assert_eq!(ids.find(&names[1].1.borrowed()), Some(TagId(2)));
    }

    #[test]
    fn a_refused_id_leaves_nothing_behind() {
        let mut ids = TagIds::default();
        ids.insert(&[(TagId(1), NodeId::numeric(3, 1))], &namespaces()).expect("free");
        let taken = ids.insert(&[(TagId(2), NodeId::numeric(3, 2)), (TagId(3), NodeId::numeric(3, 1))], &namespaces());
        assert_eq!(taken, Err(TagIdError::Taken(NodeId::numeric(3, 1))));
        assert_eq!(ids.find(&NodeId::numeric(3, 2).borrowed()), None);
        for id in [NodeId::ns0(85), NodeId::numeric(1, 5), NodeId::numeric(4, 5)] {
            assert_eq!(ids.insert(&[(TagId(2), id.clone())], &namespaces()), Err(TagIdError::Namespace(id)));
        }
    }

    #[test]
    fn a_tag_can_be_named_anew() {
        let mut ids = TagIds::default();
        ids.insert(&[(TagId(1), NodeId::numeric(3, 1))], &namespaces()).expect("free");
        ids.insert(&[(TagId(1), NodeId::numeric(3, 2))], &namespaces()).expect("free");
        assert_eq!(ids.find(&NodeId::numeric(3, 1).borrowed()), None);
        assert_eq!(ids.find(&NodeId::numeric(3, 2).borrowed()), Some(TagId(1)));
        let swapped = [(TagId(2), NodeId::numeric(3, 2)), (TagId(1), NodeId::numeric(3, 1))];
        ids.insert(&swapped, &namespaces()).expect("free once both are taken away");
        let refused = [(TagId(1), NodeId::numeric(3, 7)), (TagId(2), NodeId::NULL)];
        assert_eq!(ids.insert(&refused, &namespaces()), Err(TagIdError::Null));
        assert_eq!(ids.find(&NodeId::numeric(3, 1).borrowed()), Some(TagId(1)));
        assert_eq!(ids.find(&NodeId::numeric(3, 2).borrowed()), Some(TagId(2)));
    }
}
