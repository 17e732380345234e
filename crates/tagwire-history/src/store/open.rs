//! Opening a store: what is sealed is found, what is only in the log is taken again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::RwLock;
use tagwire_model::ValueType;

use super::append::{Lane, Slot, Store};
use super::group::{Group, MAX_MEMBERS};
use super::options::{Moment, Options};
use super::shared::{Shared, State, Tag};
use crate::catalogue::{Catalogue, Marker, MarkerKind, Series};
use crate::read::RecentTimes;
use crate::sealed::{Segment, recover, segment_name};
use crate::storage::Storage;
use crate::wal::{Log, first_number};
use crate::{Damage, HistoryError, TagNumber};

const NO_GROUP: u32 = u32::MAX;

/// A tag that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSpec {
    /// Its path.
    pub path: Arc<str>,
    /// Its type; with another type it is another tag.
    pub value_type: ValueType,
    /// Its scan group: tags whose samples come together with the same times. `None` for a tag with times of its own.
    pub group: Option<u32>,
}

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Samples taken again from the log.
    pub from_log: u64,
    /// Bytes of the log that belong to no whole record. A crash leaves some, of samples that were not acknowledged; damage
    /// of the records written last looks the same.
    pub cut: u64,
    /// What damaged files cost.
    pub damage: Vec<Damage>,
}

impl Store {
    /// Opens the store or makes an empty one.
    ///
    /// # Errors
    /// [`HistoryError::InUse`], [`HistoryError::Newer`], or what the system says.
    pub fn open(storage: Arc<dyn Storage>, options: Options, now: Moment) -> Result<(Self, Opened), HistoryError> {
        let (store, opened) = Self::open_unmarked(storage, options, now)?;
        store.mark_start(now)?;
        Ok((store, opened))
    }

    /// As [`Store::open`], for work that is no collection: it leaves no marker of a start. [`Store::flush`] ends it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_unmarked(
        storage: Arc<dyn Storage>,
        options: Options,
        now: Moment,
    ) -> Result<(Self, Opened), HistoryError> {
        let lock = storage.lock().map_err(HistoryError::io("lock"))?.ok_or(HistoryError::InUse)?;
        let options = Options { page_rows: options.page_rows.clamp(16, 50_000), ..options };
        let catalogue = Catalogue::open(storage.clone())?;
        let mut opened = Opened::default();
        let oldest_in_log = first_number(&*storage)?;
        let (segments, last_segment) = open_segments(&*storage, &catalogue, &mut opened)?;
        let series = catalogue.series()?;
        let edited = catalogue.edited()?;
        let annotated = catalogue.annotated()?;
        let known_no = catalogue.number("number")?.unwrap_or(0);
        let sealed_no = segments.iter().map(|segment| segment.spans().end_no).max().unwrap_or(0).max(known_no);
        let last_serial = catalogue.number("serial")?.unwrap_or(0);
        let shared = Arc::new(Shared {
            storage: storage.clone(),
            catalogue,
            tags: RwLock::new(Vec::new()),
            paths: RwLock::new(HashMap::new()),
            groups: RwLock::new(Vec::new()),
            segments: RwLock::new(Arc::new(segments)),
            joins: AtomicU64::new(0),
            edited: RwLock::new(edited),
            annotated: RwLock::new(annotated),
            durable_no: AtomicU64::new(0),
            last_serial: AtomicU64::new(last_serial),
            state: RwLock::new(State::Running),
            damage: RwLock::new(Vec::new()),
            recent_times: RecentTimes::default(),
        });
        let log = Log::new(storage.clone(), &[], 1, 0);
        let mut store = Self::new(shared, options, log, lock);
        store.next_segment = last_segment + 1;
        let mut fill = HashMap::new();
        for series in series {
            store.place(series, &mut fill);
        }
        store.recover(sealed_no, oldest_in_log, &mut opened, now)?;
        opened.damage.iter().for_each(|damage| store.shared.tell(damage));
        Ok((store, opened))
    }

    /// Gives a tag its place in memory.
    fn place(&mut self, series: Series, fill: &mut HashMap<u32, u32>) {
        let column_type = series.column_type();
        let id = series.group.unwrap_or(NO_GROUP);
        let open = fill.get(&id).copied().filter(|_| id != NO_GROUP);
        let room = |lane: &u32| self.lanes[*lane as usize].group.state.lock().members.len() < MAX_MEMBERS;
        let group = match open.filter(room) {
            Some(lane) => lane,
            None => {
                let lane = self.lanes.len() as u32;
                let group = Arc::new(Group::new(id));
                self.shared.groups.write().push(group.clone());
                // Pages that fill up together would all be sealed at the same instant.
                let half = self.options.page_rows / 2;
                let limit = half + (lane.wrapping_mul(0x9E37_79B9) >> 8) % half.max(1) + 1;
                self.lanes.push(Lane { group, high: i64::MIN, barrier: i64::MIN, limit });
                fill.insert(id, lane);
                lane
            }
        };
        let member = self.lanes[group as usize].group.state.lock().join(series.number, column_type);
        let number = series.number;
        let slot = Slot { group, member, column_type };
        let path = series.path.clone();
        let tag = Tag { series, group, member };
        let mut tags = self.shared.tags.write();
        match self.slots.get_mut(number.0 as usize) {
            Some(known) => {
                *known = slot;
                tags[number.0 as usize] = tag;
            }
            None => {
                self.slots.push(slot);
                tags.push(tag);
            }
        }
        let mut paths = self.shared.paths.write();
        let numbers = paths.entry(path).or_default();
        numbers.retain(|known| *known != number);
        numbers.push(number);
    }

    /// Makes tags known, in one go; the number of each. A tag keeps its number for ever.
    ///
    /// # Errors
    /// [`HistoryError::Catalogue`]; then none is known.
    pub fn register(&mut self, specs: &[TagSpec], now: Moment) -> Result<Vec<TagNumber>, HistoryError> {
        let mut numbers = Vec::with_capacity(specs.len());
        let mut changed: Vec<Series> = Vec::new();
        let mut fresh: HashMap<(Arc<str>, ValueType), usize> = HashMap::new();
        let mut moved = false;
        let mut next = self.slots.len() as u32;
        for spec in specs {
            let history = self.history();
            let known = history.find(&spec.path).into_iter().find(|series| series.value_type == spec.value_type);
            match known {
                Some(series) => {
                    numbers.push(series.number);
                    if series.group != spec.group {
                        moved = true;
                        changed.push(Series { group: spec.group, ..series });
                    }
                }
                None => {
                    let at = *fresh.entry((spec.path.clone(), spec.value_type)).or_insert_with(|| {
                        changed.push(Series {
                            number: TagNumber(next),
                            path: spec.path.clone(),
                            value_type: spec.value_type,
                            group: spec.group,
                        });
                        next += 1;
                        changed.len() - 1
                    });
                    numbers.push(changed[at].number);
                }
            }
        }
        if changed.is_empty() {
            return Ok(numbers);
        }
        if moved {
            // A tag must not be joined in two groups, or in none.
            self.stop_joining();
            // What the log has for a tag must go to the group it belonged to then.
            self.flush(now)?;
        }
        changed.sort_by_key(|series| series.number);
        self.shared.catalogue.put_series(&changed)?;
        let mut fill = self.open_groups();
        for series in changed {
            self.place(series, &mut fill);
        }
        Ok(numbers)
    }

    /// For each scan group the last of its parts in memory.
    fn open_groups(&self) -> HashMap<u32, u32> {
        let lanes = self.lanes.iter().enumerate();
        lanes.map(|(idx, lane)| (lane.group.state.lock().page.group, idx as u32)).collect()
    }

    fn mark_start(&self, now: Moment) -> Result<(), HistoryError> {
        self.shared.catalogue.mark(Marker { time: now.utc, kind: MarkerKind::Start })
    }

    /// Seals everything and notes that collection stopped in good order.
    ///
    /// # Errors
    /// What the system says; then the log still has what was acknowledged.
    pub fn close_store(mut self, now: Moment) -> Result<(), HistoryError> {
        self.flush(now)?;
        self.shared.catalogue.mark(Marker { time: now.utc, kind: MarkerKind::Stop })
    }
}

/// All segments with footers, after those without have got theirs; and the highest number.
fn open_segments(
    storage: &dyn Storage,
    catalogue: &Catalogue,
    opened: &mut Opened,
) -> Result<(Vec<Arc<Segment>>, u64), HistoryError> {
    let mut names: Vec<(u64, u32)> = Vec::new();
    for name in storage.list().map_err(HistoryError::io("history"))? {
        let parts = name.strip_suffix(".seg").and_then(|name| name.split_once('-'));
        if let Some((number, generation)) = parts
            && let (Ok(number), Ok(generation)) = (number.parse(), generation.parse())
        {
            names.push((number, generation));
        }
    }
    names.sort_unstable();
    let mut last = names.last().map_or(0, |(number, _)| *number);
    let synced = (catalogue.number("segment")?, catalogue.number("synced")?.unwrap_or(0));
    let released = catalogue.number("released")?.unwrap_or(0);
    let mut segments = Vec::new();
    // Segments up to this number were joined into one, and may not have been deleted yet.
    let mut joined = 0;
    for versions in names.chunk_by(|a, b| a.0 == b.0) {
        if versions[0].0 <= joined {
            for (number, generation) in versions {
                let name = segment_name(*number, *generation);
                storage.remove(&name).map_err(HistoryError::io(&name))?;
            }
            continue;
        }
        let mut found: Option<Segment> = None;
        for (number, generation) in versions.iter().rev() {
            let stale = match &found {
                Some(_) => true,
                None => {
                    found = Segment::open(storage, *number, *generation)?;
                    // A segment written again is nothing before it is whole.
                    found.is_none() && *generation > 0
                }
            };
            if stale {
                let name = segment_name(*number, *generation);
                storage.remove(&name).map_err(HistoryError::io(&name))?;
            }
        }
        let number = versions[0].0;
        match found {
            Some(segment) => {
                joined = segment.last_number;
                // A number that was joined must not be given again.
                last = last.max(joined);
                segments.push(Arc::new(segment));
            }
            None if versions[0].1 == 0 => {
                let (mut writer, recovered) = recover(storage, number, 0)?;
                let lasting = if synced.0 == Some(number) { synced.1 } else { 0 };
                let name = segment_name(number, 0);
                for entry in &recovered.broken {
                    // What was not released from the log is in the log, or was never acknowledged.
                    if entry.first_no < released {
                        opened.damage.push(writer.segment().damage(entry));
                    }
                }
                if recovered.gaps.iter().any(|gap| *gap < lasting) || recovered.end < lasting {
                    opened.damage.push(Damage::unknown(name.clone(), None));
                }
                if writer.is_empty() {
                    storage.remove(&name).map_err(HistoryError::io(&name))?;
                } else {
                    segments.push(writer.finish(storage)?);
                }
            }
            None => {}
        }
    }
    Ok((segments, last))
}
