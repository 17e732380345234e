//! One device as its link's task sees it: tags, scan classes, queues, health and counters.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tagwire_model::{Status, TagId, Value};
use tokio::time::Instant;

use super::health::Health;
use super::learned::Learned;
use super::round::Round;
use super::schedule::Ticks;
use super::statistics::{DeviceState, DeviceStatistics};
use super::system::{Board, DeviceItem};
use super::tags::TagTable;
use super::write_queue::WriteQueue;
use crate::{DeviceSettings, DeviceSpec, Poll, ScanMode, Sink};

/// Most scan classes of one device; further intervals join the nearest faster one.
const MAX_CLASSES: usize = 64;

/// The tags of one device that are polled at one interval.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) ticks: Ticks,
    pub(crate) is_active: bool,
    /// The device failed since the last complete round, which therefore is no overrun.
    pub(crate) is_disturbed: bool,
    pub(crate) round: Round,
    pub(crate) tags: Vec<u32>,
    /// The version of the learned facts that the blocks were planned with.
    pub(crate) planned: Option<u64>,
}

/// A read outside the scan classes.
#[derive(Debug)]
pub(crate) struct Extra {
    pub(crate) id: u64,
    pub(crate) queued: Instant,
    pub(crate) tags: Vec<u32>,
    pub(crate) is_planned: bool,
    pub(crate) round: Round,
    pub(crate) purpose: Purpose,
}

/// Who wants an extra read.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// A client: its ticket, and the place of each tag in it, sorted by tag.
    Client(u64, Vec<(TagId, usize)>),
    /// A write to `_DemandPoll`.
    Demand,
    /// A tag that was written or that a client started to refer to.
    Refresh,
}

/// What a device wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Write,
    Extra,
    Class(usize),
    Probe,
}

/// One device of a link.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) settings: DeviceSettings,
    pub(crate) is_removed: bool,
    pub(crate) tags: TagTable,
    pub(crate) health: Health,
    pub(crate) has_answered: bool,
    pub(crate) learned: Learned,
    pub(crate) classes: Vec<Class>,
    pub(crate) extras: VecDeque<Extra>,
    pub(crate) writes: WriteQueue,
    /// Values of a simulated device.
    pub(crate) memory: Vec<Value>,
    pub(crate) board: Board<DeviceItem>,
    pub(crate) counters: DeviceStatistics,
    pub(crate) at_reset: DeviceStatistics,
    pub(crate) is_demand_polling: bool,
    /// What a gateway or another module on the way said of the device's silence.
    pub(crate) excuse: Option<String>,
}

impl Device {
    pub(crate) fn new(spec: &DeviceSpec, settings: DeviceSettings, system: &[(DeviceItem, TagId)]) -> Self {
        let tags = TagTable::new(&spec.tags);
        let counters = DeviceStatistics { name: Arc::from(spec.name.as_str()), ..DeviceStatistics::default() };
        Self {
            settings,
            is_removed: false,
            tags,
            health: Health::default(),
            has_answered: false,
            learned: Learned::default(),
            classes: Vec::new(),
            extras: VecDeque::new(),
            writes: WriteQueue::default(),
            memory: Vec::new(),
            board: Board::new(system),
            counters,
            at_reset: DeviceStatistics::default(),
            is_demand_polling: false,
            excuse: None,
        }
    }

    /// Whether requests are sent to the device at all.
    pub(crate) const fn is_asked(&self) -> bool {
        self.settings.enabled && !self.is_removed && !self.settings.simulated
    }

    /// What the device is doing.
    pub(crate) fn state(&self, now: Instant) -> DeviceState {
        if self.is_removed {
            DeviceState::Removed
        } else if !self.settings.enabled {
            DeviceState::Disabled
        } else if self.settings.simulated {
            DeviceState::Simulated
        } else if self.health.is_resting(now) {
            DeviceState::Demoted
        } else if self.health.bad().is_some() {
            DeviceState::Bad
        } else if self.has_answered {
            DeviceState::Good
        } else {
            DeviceState::Waiting
        }
    }

    /// Whether somebody's interest decides what is polled.
    pub(crate) fn depends_on_demand(&self) -> bool {
        let by_mode = matches!(self.settings.scan_mode, ScanMode::Client | ScanMode::NotFaster | ScanMode::Tag);
        self.is_asked() && (by_mode || self.settings.poll == Poll::Referenced)
    }

    /// The interval at which a tag is to be polled now; `None` for not at all.
    fn interval(&self, tag: u32, sink: &dyn Sink) -> Option<Duration> {
        const FASTEST: Duration = Duration::from_millis(10);
        if !self.tags.access(tag)?.read {
            return None;
        }
        let own = self.tags.scan(tag);
        let demand = || self.tags.id(tag).and_then(|id| sink.demand(id));
        let interval = match self.settings.scan_mode {
            ScanMode::All => own.unwrap_or(self.settings.scan),
            ScanMode::Client => return demand().map(|wanted| wanted.max(FASTEST)),
            ScanMode::NotFaster => return demand().map(|wanted| wanted.max(self.settings.scan)),
            ScanMode::Demand => return None,
            ScanMode::Tag => match own {
                Some(own) => own,
                None => return demand().map(|wanted| wanted.max(FASTEST)),
            },
        };
        let is_wanted = self.settings.poll == Poll::Always || demand().is_some();
        is_wanted.then(|| interval.max(FASTEST))
    }

    /// Sorts the tags into scan classes. Classes whose interval stays keep their ticks, and those whose tags stay keep
    /// their plan and the round they are in. Tags that were polled by no class before are read at once, unless they
    /// may wait for their next poll.
    pub(crate) fn classify(&mut self, now: Instant, sink: &dyn Sink, next_id: &mut u64) {
        let mut lists: Vec<(Duration, Vec<u32>)> = Vec::new();
        if self.is_asked() {
            for tag in 0..self.tags.len() as u32 {
                if let Some(interval) = self.interval(tag, sink) {
                    list_of(&mut lists, interval).push(tag);
                }
            }
        }
        let mut was_polled = vec![false; self.tags.len()];
        for tag in self.classes.iter().flat_map(|class| &class.tags) {
            if let Some(slot) = was_polled.get_mut(*tag as usize) {
                *slot = true;
            }
        }
        let mut old = std::mem::take(&mut self.classes);
        let mut fresh = Vec::new();
        for (interval, mut tags) in lists {
            tags.shrink_to_fit();
            match old.iter().position(|class| class.ticks.interval() == interval).map(|at| old.swap_remove(at)) {
                Some(class) if class.tags == tags => self.classes.push(class),
                Some(mut class) => {
                    if !self.settings.initial_updates_from_cache {
                        fresh.extend(tags.iter().filter(|tag| !was_polled[**tag as usize]));
                    }
                    class.tags = tags;
                    class.planned = None;
                    self.classes.push(class);
                }
                None => {
                    let waits = self.settings.initial_updates_from_cache && self.depends_on_demand();
                    let first = if waits { now + interval } else { now };
                    self.classes.push(Class {
                        ticks: Ticks::new(interval, first),
                        is_active: false,
                        is_disturbed: false,
                        round: Round::default(),
                        tags,
                        planned: None,
                    });
                }
            }
        }
        if !fresh.is_empty() && self.health.bad().is_none() {
            self.queue_extra(fresh, Purpose::Refresh, now, next_id);
        }
    }

    /// Queues a read outside the scan classes.
    pub(crate) fn queue_extra(&mut self, tags: Vec<u32>, purpose: Purpose, now: Instant, next_id: &mut u64) {
        let id = *next_id;
        *next_id += 1;
        self.extras.push_back(Extra { id, queued: now, tags, is_planned: false, round: Round::default(), purpose });
    }

    /// The tags that a demand poll reads: those that can be read and, where only these count, that a client refers to.
    pub(crate) fn demanded(&self, sink: &dyn Sink) -> Vec<u32> {
        let by_demand = self.settings.poll == Poll::Referenced;
        let wanted = |tag: &u32| {
            self.tags.access(*tag).is_some_and(|access| access.read)
                && (!by_demand || self.tags.id(*tag).is_some_and(|id| sink.demand(id).is_some()))
        };
        (0..self.tags.len() as u32).filter(wanted).collect()
    }

    /// Takes over from the device that had this place before what a change of tags and settings does not touch.
    pub(crate) fn inherit(&mut self, old: &mut Self, now: Instant) {
        let is_asked = old.is_asked() && self.is_asked();
        self.counters = std::mem::take(&mut old.counters);
        self.at_reset = std::mem::take(&mut old.at_reset);
        if !is_asked {
            return;
        }
        self.health = std::mem::take(&mut old.health);
        self.health.clear_pauses();
        self.has_answered = old.has_answered;
        for class in &old.classes {
            let mut ticks = class.ticks;
            ticks.pull(now);
            ticks.finish(now);
            self.classes.push(Class {
                ticks,
                is_active: false,
                is_disturbed: false,
                round: Round::default(),
                tags: Vec::new(),
                planned: None,
            });
        }
    }

    /// The write that waits longest, when the device may be written to now.
    pub(crate) fn write_offer(&self, now: Instant) -> Option<(Instant, Job)> {
        let queued = self.writes.oldest()?;
        self.health.write_at().is_none_or(|at| at <= now).then_some((queued, Job::Write))
    }

    /// The read that should be served first, when the device may be asked now.
    pub(crate) fn read_offer(&self, now: Instant) -> Option<(u8, Instant, Job)> {
        if self.health.ask_at().is_some_and(|at| at > now) {
            return None;
        }
        if let Some(extra) = self.extras.front() {
            return Some((0, extra.queued, Job::Extra));
        }
        let mut best: Option<(u8, Instant, Job)> = None;
        for (idx, class) in self.classes.iter().enumerate() {
            if (class.is_active || class.ticks.due() <= now)
                && best.is_none_or(|(_, at, _)| class.ticks.deadline() < at)
            {
                best = Some((1, class.ticks.deadline(), Job::Class(idx)));
            }
        }
        if let Some(at) = self.learned.probe_at()
            && at <= now
            && best.is_none_or(|(_, best_at, _)| at < best_at)
        {
            best = Some((1, at, Job::Probe));
        }
        best
    }

    /// When the device wants something next, when it wants nothing now.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        let work = self.classes.iter().map(|class| class.ticks.due()).chain(self.learned.probe_at());
        let queued = self.extras.front().map(|extra| extra.queued);
        let read_at = work.chain(queued).min().map(|at| self.health.ask_at().map_or(at, |ask_at| ask_at.max(at)));
        let write_at = self.writes.oldest().map(|queued| self.health.write_at().unwrap_or(queued));
        [read_at, write_at].into_iter().flatten().min()
    }

    /// Why a request of a client is answered at once with an error; `None` when it may be sent.
    pub(crate) fn closed(&self, now: Instant, is_write: bool) -> Option<Status> {
        if self.is_removed {
            return Some(Status::BAD_NODE_ID_UNKNOWN);
        }
        if !self.settings.enabled {
            return Some(Status::BAD_OUT_OF_SERVICE);
        }
        let bad = self.health.bad()?;
        if is_write && self.health.is_resting(now) && !self.settings.demotion.discard_writes {
            let may_try = self.health.write_at().is_none_or(|at| at <= now);
            return (!may_try).then_some(Status::BAD_NO_COMMUNICATION);
        }
        // Where no poll would ever find out that the device is back, the client's request has to.
        let is_probed = !self.classes.is_empty() || self.health.ask_at().is_some_and(|at| at > now);
        is_probed.then_some(if is_write { Status::BAD_NO_COMMUNICATION } else { bad })
    }
}

fn list_of(lists: &mut Vec<(Duration, Vec<u32>)>, interval: Duration) -> &mut Vec<u32> {
    let found = lists.iter().position(|(of, _)| *of == interval);
    let at = match found {
        Some(at) => at,
        None if lists.len() < MAX_CLASSES => {
            lists.push((interval, Vec::new()));
            lists.len() - 1
        }
        None => {
            let faster = (0..lists.len()).filter(|at| lists[*at].0 <= interval).max_by_key(|at| lists[*at].0);
            faster.or_else(|| (0..lists.len()).min_by_key(|at| lists[*at].0)).unwrap_or(0)
        }
    };
    &mut lists[at].1
}
