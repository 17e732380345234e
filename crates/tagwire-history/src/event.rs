//! Events beside the samples: what happened, as whoever tells it wrote it down.

use redb::{ReadableTable as _, ReadableTableMetadata as _, TableDefinition, TableError};
use tagwire_model::Timestamp;

use crate::catalogue::{Catalogue, META, NAME};
use crate::{History, HistoryError, Store};

const EVENTS: TableDefinition<'_, (i64, u64), &[u8]> = TableDefinition::new("events");
const EVENT_IDS: TableDefinition<'_, &[u8; 16], (i64, u64)> = TableDefinition::new("event_ids");
const ID_LEN: usize = 16;
/// Events that one call of [`Store::retain_events`] lets go at most.
const MAX_RELEASED: usize = 10_000;

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// When it happened.
    pub time: Timestamp,
    /// What tells it from every other.
    pub id: [u8; ID_LEN],
    /// Everything else; what it means is the writer's business.
    pub body: Vec<u8>,
}

/// The place of an event among all of them: by time, and by arrival within one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    time: i64,
    serial: u64,
}

impl EventPlace {
    /// Before every event of a time.
    pub const fn before(time: Timestamp) -> Self {
        Self { time: time.ticks(), serial: 0 }
    }

    /// Behind every event of a time.
    pub const fn behind(time: Timestamp) -> Self {
        Self { time: time.ticks(), serial: u64::MAX }
    }

    /// The next place in the direction of time, or against it.
    #[must_use]
    pub const fn next(self, is_backward: bool) -> Self {
        let Self { time, serial } = self;
        if is_backward {
            Self { time, serial: serial.saturating_sub(1) }
        } else {
            Self { time, serial: serial.saturating_add(1) }
        }
    }
}

impl History {
    /// At most `max` events between two places, both included: the earliest ones in the order of time, or the latest ones
    /// against it.
    ///
    /// # Errors
    /// [`HistoryError::Catalogue`].
    pub fn events(
        &self,
        (low, high): (EventPlace, EventPlace),
        is_backward: bool,
        max: usize,
    ) -> Result<Vec<(EventPlace, StoredEvent)>, HistoryError> {
        self.shared.catalogue.events((low, high), is_backward, max)
    }
}

impl Store {
    /// Keeps events; they are on the disk when it returns.
    ///
    /// # Errors
    /// [`HistoryError::Catalogue`]; then none of them is kept.
    pub fn append_events(&mut self, events: &[StoredEvent]) -> Result<(), HistoryError> {
        self.history().shared.catalogue.put_events(events)
    }

    /// Deletes those events that `may` agrees to; for each id what came of it, `None` where there is no such event.
    ///
    /// # Errors
    /// [`HistoryError::Catalogue`]; then none is deleted.
    pub fn remove_events<E>(
        &mut self,
        ids: &[[u8; ID_LEN]],
        may: impl FnMut(&StoredEvent) -> Result<(), E>,
    ) -> Result<Vec<Option<Result<(), E>>>, HistoryError> {
        self.history().shared.catalogue.remove_events(ids, may)
    }

    /// Lets some of the events go that are older than `before` or more than `most`; how many.
    ///
    /// # Errors
    /// [`HistoryError::Catalogue`].
    pub fn retain_events(&mut self, before: Timestamp, most: u64) -> Result<usize, HistoryError> {
        self.history().shared.catalogue.retain_events(before.ticks(), most)
    }
}

fn read(key: (i64, u64), bytes: &[u8]) -> Result<(EventPlace, StoredEvent), HistoryError> {
    let (id, body) = bytes.split_first_chunk().ok_or_else(|| HistoryError::damaged(NAME, "event"))?;
    let (time, serial) = key;
    let event = StoredEvent { time: Timestamp::from_ticks(time), id: *id, body: body.to_vec() };
    Ok((EventPlace { time, serial }, event))
}

impl Catalogue {
    fn put_events(&self, events: &[StoredEvent]) -> Result<(), HistoryError> {
        let write = self.begin_write()?;
        {
            let mut meta = write.open_table(META)?;
            let mut serial = meta.get("serial")?.map_or(0, |value| value.value());
            let (mut table, mut ids) = (write.open_table(EVENTS)?, write.open_table(EVENT_IDS)?);
            for event in events {
                serial += 1;
                let key = (event.time.ticks(), serial);
                table.insert(key, [&event.id[..], &event.body].concat().as_slice())?;
                ids.insert(&event.id, key)?;
            }
            meta.insert("serial", serial)?;
        }
        write.commit()?;
        Ok(())
    }

    fn events(
        &self,
        (low, high): (EventPlace, EventPlace),
        is_backward: bool,
        max: usize,
    ) -> Result<Vec<(EventPlace, StoredEvent)>, HistoryError> {
        let transaction = self.begin_read()?;
        let table = match transaction.open_table(EVENTS) {
            Ok(table) => table,
            // The files are older than the first event.
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        if low > high {
            return Ok(Vec::new());
        }
        let mut rows = table.range((low.time, low.serial)..=(high.time, high.serial))?;
        let mut found = Vec::new();
        while found.len() < max
            && let Some(row) = if is_backward { rows.next_back() } else { rows.next() }
        {
            let (key, value) = row?;
            found.push(read(key.value(), value.value())?);
        }
        Ok(found)
    }

    fn remove_events<E>(
        &self,
        wanted: &[[u8; ID_LEN]],
        mut may: impl FnMut(&StoredEvent) -> Result<(), E>,
    ) -> Result<Vec<Option<Result<(), E>>>, HistoryError> {
        let write = self.begin_write()?;
        let mut outcomes = Vec::with_capacity(wanted.len());
        {
            let (mut table, mut ids) = (write.open_table(EVENTS)?, write.open_table(EVENT_IDS)?);
            for id in wanted {
                let key = ids.get(id)?.map(|key| key.value());
                let found = match key {
                    Some(key) => table.get(key)?.map(|value| read(key, value.value())).transpose()?,
                    None => None,
                };
                let (Some(key), Some((_, event))) = (key, found) else {
                    outcomes.push(None);
                    continue;
                };
                let outcome = may(&event);
                if outcome.is_ok() {
                    table.remove(key)?;
                    ids.remove(id)?;
                }
                outcomes.push(Some(outcome));
            }
        }
        write.commit()?;
        Ok(outcomes)
    }

    /// Whether an event is older than `before`, or there are more than `most`.
    fn has_surplus_events(&self, before: i64, most: u64) -> Result<bool, HistoryError> {
        let transaction = self.begin_read()?;
        let table = match transaction.open_table(EVENTS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let is_old = table.first()?.is_some_and(|(key, _)| key.value().0 < before);
        Ok(is_old || table.len()? > most)
    }

    fn retain_events(&self, before: i64, most: u64) -> Result<usize, HistoryError> {
        if !self.has_surplus_events(before, most)? {
            return Ok(0);
        }
        let write = self.begin_write()?;
        let mut released = Vec::new();
        {
            let (mut table, mut ids) = (write.open_table(EVENTS)?, write.open_table(EVENT_IDS)?);
            let surplus = usize::try_from(table.len()?.saturating_sub(most)).unwrap_or(usize::MAX);
            for row in table.iter()?.take(MAX_RELEASED) {
                let (key, value) = row?;
                if key.value().0 >= before && released.len() >= surplus {
                    break;
                }
                released.push((key.value(), read(key.value(), value.value())?.1.id));
            }
            for (key, id) in &released {
                table.remove(*key)?;
                ids.remove(id)?;
            }
        }
        write.commit()?;
        Ok(released.len())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use super::*;
    use crate::{CrashDisk, Moment, Options};

    fn event(time: i64, number: u8) -> StoredEvent {
        StoredEvent { time: Timestamp::from_ticks(time), id: [number; ID_LEN], body: vec![number; 3] }
    }

    fn opened(disk: &CrashDisk) -> Store {
        let now = Moment { steady: std::time::Duration::ZERO, utc: Timestamp::from_ticks(1) };
        Store::open(Arc::new(disk.clone()), Options::default(), now).expect("opens").0
    }

    fn numbers(history: &History, span: (i64, i64), is_backward: bool, max: usize) -> Vec<u8> {
        let (low, high) = (Timestamp::from_ticks(span.0), Timestamp::from_ticks(span.1));
        let span = (EventPlace::before(low), EventPlace::behind(high));
        history.events(span, is_backward, max).expect("reads").into_iter().map(|(_, event)| event.id[0]).collect()
    }

    #[test]
    fn events_are_read_by_time_and_arrival_in_both_directions_and_after_a_restart() {
        let disk = CrashDisk::default();
        let mut store = opened(&disk);
        assert_eq!(numbers(&store.history(), (0, 100), false, 9), []);
        store.append_events(&[event(5, 1), event(7, 2), event(5, 3)]).expect("writes");
        drop(store);
        let store = opened(&disk);
        assert_eq!(numbers(&store.history(), (0, 100), false, 9), [1, 3, 2]);
        assert_eq!(numbers(&store.history(), (0, 100), true, 9), [2, 3, 1]);
        assert_eq!(numbers(&store.history(), (5, 5), false, 1), [1]);
        assert_eq!(numbers(&store.history(), (6, 6), false, 9), []);
        assert_eq!(numbers(&store.history(), (9, 3), false, 9), []);
    }

    #[test]
    fn reading_goes_on_behind_a_place_whatever_came_meanwhile() {
        let disk = CrashDisk::default();
        let mut store = opened(&disk);
        store.append_events(&[event(5, 1), event(5, 2), event(6, 3)]).expect("writes");
        let history = store.history();
        let (low, high) = (EventPlace::before(Timestamp::from_ticks(0)), EventPlace::behind(Timestamp::from_ticks(9)));
        let place = history.events((low, high), false, 2).expect("reads")[1].0;
        store.append_events(&[event(5, 4), event(4, 5)]).expect("writes");
        let rest = history.events((place.next(false), high), false, 9).expect("reads");
        assert_eq!(rest.iter().map(|(_, event)| event.id[0]).collect::<Vec<_>>(), [4, 3]);
        let before = history.events((low, place.next(true)), true, 9).expect("reads");
        assert_eq!(before.iter().map(|(_, event)| event.id[0]).collect::<Vec<_>>(), [1, 5]);
    }

    #[test]
    fn events_go_by_id_by_age_and_by_number() {
        let disk = CrashDisk::default();
        let mut store = opened(&disk);
        store
            .append_events(&(1..=9).map(|number| event(i64::from(number), number)).collect::<Vec<_>>())
            .expect("writes");
        let outcomes = store.remove_events(&[[3; 16], [77; 16]], |_| Ok::<_, Infallible>(())).expect("removes");
        assert_eq!(outcomes, [Some(Ok(())), None]);
        assert_eq!(store.remove_events(&[[4; 16]], |_| Err(5)).expect("removes"), [Some(Err(5))]);
        assert_eq!(numbers(&store.history(), (0, 100), false, 99), [1, 2, 4, 5, 6, 7, 8, 9]);
        assert_eq!(store.retain_events(Timestamp::from_ticks(3), 100).expect("retains"), 2);
        assert_eq!(store.retain_events(Timestamp::from_ticks(3), 4).expect("retains"), 2);
        assert_eq!(numbers(&store.history(), (0, 100), false, 99), [6, 7, 8, 9]);
        let again = store.remove_events(&[[1; 16]], |_| Ok::<_, Infallible>(())).expect("removes");
        assert_eq!(again, [None], "its id went with it");
    }
}
