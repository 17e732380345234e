//! The items of one subscription, found by id in constant time.

use super::item::Item;
use crate::limits;

const INDEX_BITS: u32 = 20;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;

/// Items by slot. An id holds the slot and how often it was used, so that the id of a deleted item is not soon reused.
#[derive(Debug, Default)]
pub(crate) struct Slab {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug)]
enum Slot {
    /// Free, with how often it was used.
    Free(u32),
    Used(Item),
}

impl Slot {
    #[inline]
    fn item(&self) -> Option<&Item> {
        match self {
            Self::Used(item) => Some(item),
            Self::Free(_) => None,
        }
    }

    #[inline]
    fn item_mut(&mut self) -> Option<&mut Item> {
        match self {
            Self::Used(item) => Some(item),
            Self::Free(_) => None,
        }
    }
}

impl Slab {
    /// Number of items.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Puts in the item that `make` returns for the id it gets; `None` when all ids are taken.
    pub(crate) fn insert(&mut self, make: impl FnOnce(u32) -> Item) -> Option<u32> {
        let idx = match self.free.pop() {
            Some(idx) => idx,
            None if self.slots.len() < INDEX_MASK as usize => {
                self.slots.push(Slot::Free(0));
                self.slots.len() as u32 - 1
            }
            None => return None,
        };
        let slot = self.slots.get_mut(idx as usize)?;
        let Slot::Free(generation) = *slot else { return None };
        // Slot 0 of generation 0 would be id 0, which clients take for none.
        let id = generation << INDEX_BITS | (idx + 1);
        *slot = Slot::Used(make(id));
        Some(id)
    }

    /// Puts an item back into the place that its id tells, which must be behind all others; false when it is not.
    pub(crate) fn insert_at(&mut self, id: u32, make: impl FnOnce(u32) -> Item) -> bool {
        let first = self.slots.len();
        let Some(idx) =
            index(id).filter(|idx| (first..limits::MAX_MONITORED_ITEMS_PER_SUBSCRIPTION as usize).contains(idx))
        else {
            return false;
        };
        let generation = id >> INDEX_BITS;
        for gap in first..idx {
            self.free.push(gap as u32);
            self.slots.push(Slot::Free(generation));
        }
        self.slots.push(Slot::Used(make(id)));
        true
    }

    #[inline]
    pub(crate) fn item(&self, id: u32) -> Option<&Item> {
        self.slots.get(index(id)?)?.item().filter(|item| item.id == id)
    }

    #[inline]
    pub(crate) fn item_mut(&mut self, id: u32) -> Option<&mut Item> {
        self.slots.get_mut(index(id)?)?.item_mut().filter(|item| item.id == id)
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Item> {
        self.item(id)?;
        let idx = index(id)?;
        let generation = ((id >> INDEX_BITS) + 1) & (u32::MAX >> INDEX_BITS);
        let Slot::Used(item) = std::mem::replace(self.slots.get_mut(idx)?, Slot::Free(generation)) else { return None };
        self.free.push(idx as u32);
        Some(item)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.slots.iter().filter_map(Slot::item)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Item> {
        self.slots.iter_mut().filter_map(Slot::item_mut)
    }
}

const fn index(id: u32) -> Option<usize> {
    match (id & INDEX_MASK).checked_sub(1) {
        Some(idx) => Some(idx as usize),
        None => None,
    }
}
