//! SetTriggering: items that report because another item did (Part 4, 5.13.5).

use tagwire_model::Status;

use super::{Item, Mode, Subscription, Target, enlist};

impl Subscription {
    /// Adds and removes links from one item to others; one status per link, in order.
    ///
    /// # Errors
    /// The service result when the triggering item does not exist.
    pub(crate) fn set_triggering(
        &mut self,
        triggering: u32,
        add: &[u32],
        remove: &[u32],
    ) -> Result<(Vec<Status>, Vec<Status>), Status> {
        let item = self.items.item(triggering).ok_or(tagwire_ua_proto::status::BAD_MONITORED_ITEM_ID_INVALID)?;
        let mut links = item.links().to_vec();
        // Part 4, 5.13.5.1: links are removed before others are added.
        let removed = remove
            .iter()
            .map(|id| match links.iter().position(|link| link == id) {
                Some(idx) => {
                    links.remove(idx);
                    // The link of an item that was deleted went with it.
                    if self.items.item(*id).is_some() {
                        Status::GOOD
                    } else {
                        tagwire_ua_proto::status::BAD_MONITORED_ITEM_ID_INVALID
                    }
                }
                None => tagwire_ua_proto::status::BAD_MONITORED_ITEM_ID_INVALID,
            })
            .collect();
        let added = add
            .iter()
            .map(|id| {
                if *id == triggering || self.items.item(*id).is_none() {
                    return tagwire_ua_proto::status::BAD_MONITORED_ITEM_ID_INVALID;
                }
                if !links.contains(id) {
                    links.push(*id);
                }
                Status::GOOD
            })
            .collect();
        self.note_change();
        if let Some(item) = self.items.item_mut(triggering) {
            item.set_links(links);
        }
        Ok((added, removed))
    }

    /// Lets the items linked to `id` report what they have queued, once.
    pub(super) fn trigger(&mut self, id: u32) {
        let links = self.items.item(id).map_or(&[][..], Item::links).to_vec();
        for linked in links {
            let Some(item) = self.items.item_mut(linked).filter(|item| item.mode == Mode::Sampling) else { continue };
            if let Target::Events(queue) = &item.target {
                item.is_triggered = !queue.is_empty();
                self.events.enlist(item);
            } else if item.n_queued() > 0 {
                item.is_triggered = true;
                enlist(item, &mut self.ready);
            }
        }
    }
}
