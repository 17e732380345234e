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
struct Slot {
    generation: u32,
    item: Option<Item>,
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
                self.slots.push(Slot { generation: 0, item: None });
                self.slots.len() as u32 - 1
            }
            None => return None,
        };
        let slot = self.slots.get_mut(idx as usize)?;
        // Slot 0 of generation 0 would be id 0, which clients take for none.
        let id = slot.generation << INDEX_BITS | (idx + 1);
        slot.item = Some(make(id));
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
            self.slots.push(Slot { generation, item: None });
        }
        self.slots.push(Slot { generation, item: Some(make(id)) });
        true
    }

    #[inline]
    pub(crate) fn item(&self, id: u32) -> Option<&Item> {
        let slot = self.slots.get(index(id)?)?;
        slot.item.as_ref().filter(|item| item.id == id)
    }

    #[inline]
    pub(crate) fn item_mut(&mut self, id: u32) -> Option<&mut Item> {
        let slot = self.slots.get_mut(index(id)?)?;
        slot.item.as_mut().filter(|item| item.id == id)
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Item> {
        self.item(id)?;
        let idx = index(id)?;
        let slot = self.slots.get_mut(idx)?;
        slot.generation = (slot.generation + 1) & (u32::MAX >> INDEX_BITS);
        self.free.push(idx as u32);
        slot.item.take()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.slots.iter().filter_map(|slot| slot.item.as_ref())
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Item> {
        self.slots.iter_mut().filter_map(|slot| slot.item.as_mut())
    }
}

const fn index(id: u32) -> Option<usize> {
    match (id & INDEX_MASK).checked_sub(1) {
        Some(idx) => Some(idx as usize),
        None => None,
    }
}
