//! One device: a subscription with its items, and the order of its messages. No input or output here.
//!
//! - `wishes`: what is to be asked for next, and what the server granted.
//! - `messages`: what the server tells, in its order.
//! - `members`: tags that are members of one structure, which is watched once.
//! - `polls`: tags that the server has and does not watch.
//! - `silence`: how long it may say nothing, and what that means.

mod members;
mod messages;
mod polls;
mod silence;
mod wishes;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tagwire_driver::{AddressError, DeviceSettings, DeviceSpec};
use tagwire_ua_client::{FeedTerms, NodeId, Notification};
use tokio::time::Instant;

use super::item::{Item, State, Tag};
use super::sequence::Sequence;
use members::Group;
use polls::Polls;
pub(crate) use polls::is_unwatched;

/// Signs of life come about this often, or once per interval when that is longer.
const KEEP_ALIVE: Duration = Duration::from_millis(100);
/// Silent periods of an answering server after which the subscription is made anew, at first and at most.
const SILENT_PERIODS: (u32, u32) = (3, 48);
/// Stands for no tag.
const NOBODY: u32 = u32::MAX;

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stage {
    /// To be made at this time.
    Wanted(Instant),
    Opening,
    Open(u32),
}

/// A part of what a subscription tells, in its order.
#[derive(Debug)]
pub(crate) enum Backlog {
    /// A message to ask for once more.
    Missing(u32),
    /// A message to take.
    Here(Notification),
}

/// What a device asks for.
#[derive(Debug)]
pub(crate) enum Wish {
    Open(FeedTerms),
    /// Watch these tags, by their number in the device.
    Watch(u32, Vec<u32>),
    Unwatch(u32, Vec<u32>),
    /// Read these tags, which the server does not watch.
    Poll(Vec<u32>),
    /// Ask whether anybody is there, through this tag.
    Probe(u32),
    /// Read these tags, which were called bad meanwhile and have not changed.
    Refresh(Vec<u32>),
    /// Find out what comes in these encodings, each with a tag of the variable; whether what is known of them counts
    /// for nothing.
    Describe(Vec<(u32, NodeId)>, bool),
}

/// What is left to do after a subscription was taken over, because tags that did not change are not told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    Done,
    /// The next message brings what waited on the server.
    AfterMessage,
    Due,
}

/// A device.
pub(crate) struct Feed {
    tags: Vec<Tag>,
    pub(crate) items: Vec<Item>,
    /// The tag of each handle.
    by_handle: Vec<u32>,
    pub(crate) settings: DeviceSettings,
    pub(crate) stage: Stage,
    /// Grows whenever the subscription is made anew, so that late answers are known.
    pub(crate) epoch: u32,
    /// How often the tags were changed, so that their numbers mean others.
    pub(crate) shape: u32,
    sequence: Sequence,
    granted: FeedTerms,
    pub(crate) backlog: VecDeque<Backlog>,
    waiting: VecDeque<u32>,
    is_watching: bool,
    next_retry: Option<Instant>,
    /// Items that nobody wants any more.
    unwanted: Vec<u32>,
    last_heard: Instant,
    is_probing: bool,
    n_unanswered: u32,
    n_silent: u32,
    max_silent: u32,
    /// Its tags were called bad.
    pub(crate) is_silent: bool,
    /// Nobody wants its tags.
    is_off: bool,
    /// The server's numbers had holes that were none, so that a hole is no reason to start anew again and again.
    miscounts: bool,
    reopen: Duration,
    refresh: Refresh,
    polls: Polls,
    /// Structures whose members are tags.
    groups: Vec<Group>,
    /// Types are asked for.
    is_describing: bool,
    /// The device's name.
    name: String,
}

impl Feed {
    pub(crate) fn new(spec: &DeviceSpec, now: Instant) -> Result<Self, AddressError> {
        let tags = spec.tags.iter().map(Tag::new).collect::<Result<Vec<_>, _>>()?;
        let mut feed = Self {
            items: Vec::new(),
            by_handle: Vec::new(),
            tags,
            settings: DeviceSettings::default(),
            stage: Stage::Wanted(now),
            epoch: 0,
            shape: 0,
            sequence: Sequence::default(),
            granted: FeedTerms { interval: Duration::ZERO, keep_alive: 1, lifetime: 0 },
            backlog: VecDeque::new(),
            waiting: VecDeque::new(),
            is_watching: false,
            next_retry: None,
            unwanted: Vec::new(),
            last_heard: now,
            is_probing: false,
            n_unanswered: 0,
            n_silent: 0,
            max_silent: SILENT_PERIODS.0,
            is_silent: false,
            is_off: false,
            miscounts: false,
            reopen: KEEP_ALIVE,
            refresh: Refresh::Done,
            polls: Polls::default(),
            groups: Vec::new(),
            is_describing: false,
            name: spec.name.clone(),
        };
        feed.number();
        Ok(feed)
    }

    /// Gives every tag an item and a handle of its own.
    fn number(&mut self) {
        self.items = (1..).zip(&self.tags).map(|(handle, tag)| Item::new(handle, tag)).collect();
        self.by_handle = std::iter::once(NOBODY).chain(0..).take(self.tags.len() + 1).collect();
        self.regroup(&mut Vec::new());
        self.note_waiting();
    }

    fn note_waiting(&mut self) {
        let is_waiting = |(number, item): (u32, &Item)| matches!(item.state, State::Waiting).then_some(number);
        self.waiting = (0..).zip(&self.items).filter_map(is_waiting).collect();
    }

    pub(crate) fn tag(&self, tag: u32) -> Option<&Tag> {
        self.tags.get(tag as usize)
    }

    pub(crate) const fn id(&self) -> Option<u32> {
        match self.stage {
            Stage::Open(id) => Some(id),
            _ => None,
        }
    }

    /// Takes other tags over; those that stay keep their items on the server. Samples of those in `untold` will not be
    /// told, so that they must be read again.
    pub(crate) fn set_tags(&mut self, spec: &DeviceSpec, untold: &[u32]) -> Result<(), AddressError> {
        let tags = spec.tags.iter().map(Tag::new).collect::<Result<Vec<_>, _>>()?;
        for tag in untold {
            if let Some(item) = self.items.get_mut(*tag as usize) {
                item.is_fresh = false;
            }
        }
        // Answers that are under way are about the old numbers of the tags.
        self.epoch = self.epoch.wrapping_add(1);
        self.shape = self.shape.wrapping_add(1);
        self.name.clone_from(&spec.name);
        self.polls.forget_answer();
        self.is_probing = false;
        if self.stage == Stage::Opening {
            self.stage = Stage::Wanted(self.last_heard);
        }
        if self.refresh == Refresh::Done {
            self.refresh = Refresh::AfterMessage;
        }
        let mut old: HashMap<_, Vec<(Tag, Item)>> = HashMap::new();
        let items = std::mem::take(&mut self.items);
        for (tag, item) in self.tags.drain(..).zip(items) {
            old.entry(tag.address.clone()).or_default().push((tag, item));
        }
        for tag in tags {
            let same = old.get_mut(&tag.address).and_then(|candidates| {
                let at = candidates.iter().position(|(known, _)| *known == tag)?;
                Some(candidates.swap_remove(at).1)
            });
            let number = u32::try_from(self.items.len()).unwrap_or(NOBODY);
            let item = same.unwrap_or_else(|| {
                let handle = u32::try_from(self.by_handle.len()).unwrap_or(NOBODY);
                self.by_handle.push(number);
                Item::new(handle, &tag)
            });
            self.items.push(item);
            self.tags.push(tag);
        }
        let mut gone: Vec<(Tag, Item)> = old.into_values().flatten().collect();
        self.regroup(&mut gone);
        self.unwanted.extend(gone.into_iter().filter_map(|(_, item)| match item.state {
            State::Watched(id) => Some(id),
            _ => None,
        }));
        self.by_handle.fill(NOBODY);
        for (number, item) in (0..).zip(&self.items) {
            if let Some(place) = self.by_handle.get_mut(item.handle as usize) {
                *place = number;
            }
        }
        self.note_waiting();
        self.note_retries();
        Ok(())
    }

    /// Takes other settings over; those that the subscription was made with want a new one.
    pub(crate) fn set_settings(&mut self, settings: &DeviceSettings, now: Instant) -> Option<u32> {
        let is_off = !settings.enabled || settings.simulated;
        let is_remade = settings.scan != self.settings.scan || is_off != self.is_off;
        self.is_off = is_off;
        self.settings = settings.clone();
        if is_remade { self.start_anew(now) } else { None }
    }

    /// Forgets the subscription; gives its number, if it may still be on the server.
    pub(crate) fn start_anew(&mut self, now: Instant) -> Option<u32> {
        let old = self.id();
        self.stage = Stage::Wanted(now);
        self.epoch = self.epoch.wrapping_add(1);
        self.backlog.clear();
        self.unwanted.clear();
        self.is_watching = false;
        self.is_probing = false;
        self.n_silent = 0;
        self.n_unanswered = 0;
        self.next_retry = None;
        self.refresh = Refresh::Done;
        self.polls = Polls::default();
        self.last_heard = now;
        self.forget_types(true);
        // Handles start again, so that reloads never use them up.
        for (handle, item) in (1..).zip(&mut self.items) {
            item.forget();
            item.handle = handle;
        }
        self.by_handle = std::iter::once(NOBODY).chain(0..).take(self.items.len() + 1).collect();
        self.note_waiting();
        old
    }

    /// Whether items were asked for without an answer, so that nobody knows which of them the server has.
    pub(crate) const fn is_unsure(&self) -> bool {
        self.is_watching
    }

    /// The connection was lost, while the subscription may live on: what was under way will not be answered.
    pub(crate) fn interrupted(&mut self) {
        // Another session may be granted what this one was not.
        if matches!(self.stage, Stage::Opening | Stage::Wanted(_)) {
            self.stage = Stage::Wanted(self.last_heard);
        }
        self.reopen = KEEP_ALIVE;
        self.epoch = self.epoch.wrapping_add(1);
        self.is_watching = false;
        self.is_probing = false;
        self.n_unanswered = 0;
        self.polls.interrupted();
        self.forget_types(false);
        let mut asked: Vec<u32> = Vec::new();
        for (number, item) in (0..).zip(&mut self.items) {
            if item.state == State::Asked {
                item.state = State::Waiting;
                asked.push(number);
            }
        }
        self.waiting.extend(asked);
    }
}
