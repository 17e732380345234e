//! Tags that are members of structures: each structure is watched once, through one of its tags, and taken apart here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::Seen;
use tagwire_model::{Sample, Status, Timestamp, Value};
use tagwire_ua_client::{NodeId, SourceSample, Structured};
use tokio::time::Instant;

use super::super::item::{Item, State, Tag};
use super::{Feed, Wish};
use crate::address::Address;
use crate::structure::{Members, Miss, Path, Types, Wanted, members};

/// Samples that wait for their types at most; with more, only the newest one stays, and it is marked.
const MAX_WAITING: usize = 64;
/// Bytes of those samples at most, of all but one.
const MAX_WAITING_BYTES: usize = 4 << 20;
/// First pause before types are asked for once more.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Encodings of one request.
const MAX_ENCODINGS: usize = 16;
/// Rounds of questions about structures within a structure, after which there is a pause.
const MAX_ROUNDS: u32 = 8;

/// Whether types are to be asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asking {
    Nothing,
    Due,
    UnderWay,
    /// The server did not answer: once more at this time.
    Later(Instant),
}

/// A structure whose members are tags.
#[derive(Debug)]
pub(super) struct Group {
    /// The variable.
    node: Address,
    /// Its members; the first one is watched.
    pub(super) tags: Vec<u32>,
    wanted: Wanted,
    /// Sampling intervals and queues of the tags, as the server was asked for them.
    terms: Vec<(Option<Duration>, Option<u32>)>,
    /// Samples whose types are not known yet.
    waiting: VecDeque<SourceSample>,
    /// The last sample that was taken apart.
    last: Option<SourceSample>,
    /// Members that have no value, because something is wrong or because they are new.
    lacking: Vec<u32>,
    /// Encodings to ask for.
    needs: Vec<NodeId>,
    asking: Asking,
    /// Something was wrong: what is known counts for nothing at this time.
    retry: Option<Instant>,
    n_rounds: u32,
    pause: Duration,
    /// What was wrong last.
    reason: Option<Arc<str>>,
}

impl Group {
    fn new(node: Address) -> Self {
        Self {
            node,
            tags: Vec::new(),
            wanted: Wanted::default(),
            terms: Vec::new(),
            waiting: VecDeque::new(),
            last: None,
            lacking: Vec::new(),
            needs: Vec::new(),
            asking: Asking::Nothing,
            retry: None,
            n_rounds: 0,
            pause: FIRST_PAUSE,
            reason: None,
        }
    }

    /// When to try again: after pauses that grow.
    fn later(&mut self, now: Instant, longest: Duration) -> Instant {
        let pause = self.pause.min(longest);
        self.pause = pause.saturating_mul(2).min(longest);
        self.n_rounds = 0;
        now + pause
    }
}

impl Feed {
    /// Finds out which tags are members of the same structures. A tag that is gone hands what the server has for it to
    /// another member.
    pub(super) fn regroup(&mut self, gone: &mut Vec<(Tag, Item)>) {
        let mut numbers: HashMap<Address, usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut old: HashMap<Address, Group> =
            std::mem::take(&mut self.groups).into_iter().map(|group| (group.node.clone(), group)).collect();
        for (number, tag) in (0..).zip(&self.tags) {
            if tag.address.member().is_none() {
                continue;
            }
            let node = tag.address.whole();
            let at = *numbers.entry(node.clone()).or_insert_with(|| {
                groups.push(Group::new(node));
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(at) {
                group.tags.push(number);
            }
        }
        for (node, at) in numbers {
            let Some(group) = groups.get_mut(at) else { continue };
            let is_asked = |tag: &u32| {
                let state = self.items.get(*tag as usize).map(|item| item.state);
                matches!(state, Some(State::Watched(_) | State::Asked | State::Refused(_)))
            };
            let leader = group.tags.iter().position(is_asked);
            group.tags.swap(0, leader.unwrap_or(0));
            let heir = if leader.is_some() { None } else { take_heir(gone, &node) };
            let tags = || group.tags.iter().filter_map(|tag| self.tags.get(*tag as usize));
            let terms: Vec<_> = tags().map(|tag| (tag.sampling, tag.queue)).collect();
            let paths: Vec<(u32, Path)> = group
                .tags
                .iter()
                .filter_map(|tag| Some((*tag, self.tags.get(*tag as usize)?.address.member()?.clone())))
                .collect();
            group.wanted = Wanted::new(paths.iter().map(|(tag, path)| (*tag, path)));
            let mut is_same = true;
            if let Some(old) = old.remove(&node) {
                is_same = same_terms(&old.terms, &terms);
                group.waiting = old.waiting;
                group.last = old.last;
                group.retry = old.retry;
                // New members have their value from the last sample, without waiting for a change.
                let is_new = |tag: &u32| self.items.get(*tag as usize).is_some_and(Item::is_new);
                group.lacking = group.tags.iter().copied().filter(is_new).collect();
                let has_work = !group.waiting.is_empty() || group.last.is_some() && !group.lacking.is_empty();
                group.asking = if has_work { Asking::Due } else { Asking::Nothing };
            }
            group.terms = terms;
            for (place, tag) in group.tags.iter().enumerate() {
                let Some(item) = self.items.get_mut(*tag as usize) else { continue };
                item.group = Some(at);
                match (place, item.state, &heir) {
                    (0, State::Member | State::Waiting, Some(heir)) => {
                        item.state = heir.state;
                        item.handle = heir.handle;
                    }
                    (0, State::Member, None) => item.state = State::Waiting,
                    (0, ..) => {}
                    _ => item.state = State::Member,
                }
                if place == 0
                    && !is_same
                    && let State::Watched(id) = item.state
                {
                    self.unwanted.push(id);
                    item.state = State::Waiting;
                }
            }
        }
        self.groups = groups;
        self.is_describing = false;
    }

    /// What is known of types counts no more; `is_anew` when the samples do not either.
    pub(super) fn forget_types(&mut self, is_anew: bool) {
        self.is_describing = false;
        for group in &mut self.groups {
            if is_anew {
                group.waiting.clear();
                group.last = None;
            }
            group.asking = if group.waiting.is_empty() { Asking::Nothing } else { Asking::Due };
            group.needs.clear();
            group.retry = None;
            group.n_rounds = 0;
            group.pause = FIRST_PAUSE;
        }
    }

    /// The tags that are told when the server tells something of this one.
    pub(crate) fn sharing(&self, tag: u32) -> Vec<u32> {
        let group = self.items.get(tag as usize).and_then(|item| item.group);
        match group.and_then(|group| self.groups.get(group)) {
            Some(group) => group.tags.clone(),
            None => vec![tag],
        }
    }

    /// Whether tags that anybody wants are members of structures.
    pub(crate) fn has_members(&self) -> bool {
        !self.is_off && !self.groups.is_empty()
    }

    /// The structure that a tag is a member of, as it was told last.
    pub(crate) fn last_told(&self, tag: u32) -> Option<&Structured> {
        let group = self.items.get(tag as usize)?.group?;
        self.groups.get(group)?.last.as_ref()?.structured.as_deref()
    }

    /// The shortest sampling interval of all members, and the longest queue.
    pub(super) fn terms_of_group(&self, group: usize) -> (Duration, u32) {
        let tags = self.groups.get(group).map(|group| group.tags.as_slice()).unwrap_or_default();
        let tags = tags.iter().filter_map(|tag| self.tags.get(*tag as usize));
        let all = tags.map(|tag| tag.terms(self.settings.scan));
        all.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))).unwrap_or((self.settings.scan, 2))
    }

    /// The types to ask for next.
    pub(super) fn wish_for_types(&mut self, now: Instant) -> Option<Wish> {
        if self.is_describing || self.is_off {
            return None;
        }
        let due = |group: &Group| match group.asking {
            Asking::Due => true,
            Asking::Later(at) => at <= now,
            Asking::Nothing | Asking::UnderWay => false,
        };
        let is_anew = !self.groups.iter().any(due);
        let mut asks: Vec<(u32, NodeId)> = Vec::new();
        for group in &mut self.groups {
            let is_due = if is_anew { group.retry.is_some_and(|at| at <= now) } else { due(group) };
            if !is_due || asks.len() >= MAX_ENCODINGS {
                continue;
            }
            if is_anew {
                group.retry = None;
            }
            let leader = group.tags.first().copied().unwrap_or_default();
            if group.needs.is_empty() {
                let told = group.waiting.front().or(group.last.as_ref());
                group.needs = told.map(encodings).unwrap_or_default();
            }
            group.asking = Asking::UnderWay;
            asks.extend(group.needs.iter().map(|encoding| (leader, encoding.clone())));
        }
        // A value that is no structure has nothing to ask for, and is told all the same.
        self.is_describing = self.groups.iter().any(|group| group.asking == Asking::UnderWay);
        self.is_describing.then_some(Wish::Describe(asks, is_anew))
    }

    /// When types are to be asked for once more.
    pub(super) fn wake_for_types(&self) -> Option<Instant> {
        if self.is_describing {
            return None;
        }
        let at = |group: &Group| match group.asking {
            Asking::Later(at) => Some(at),
            _ => group.retry,
        };
        self.groups.iter().filter_map(at).min()
    }

    /// Types were asked for; what to show now that they are known, or when `failure` says why they are not.
    pub(crate) fn described(&mut self, at: usize, types: &Types, failure: Option<Status>, now: Instant) -> Vec<Seen> {
        self.is_describing = false;
        let mut seen = Vec::new();
        for number in 0..self.groups.len() {
            let Some(group) = self.groups.get_mut(number).filter(|group| group.asking == Asking::UnderWay) else {
                continue;
            };
            group.needs.clear();
            group.n_rounds += 1;
            group.asking = Asking::Nothing;
            if let Some(status) = failure {
                group.asking = Asking::Later(group.later(now, self.settings.retry_refused));
                if group.last.is_none() {
                    seen.extend(group.tags.iter().map(|tag| (at, *tag, Value::Null, status, Timestamp::NONE)));
                }
                continue;
            }
            if group.waiting.is_empty()
                && let Some(last) = group.last.take()
            {
                // Only those that had no value learn something from a sample that was there before.
                let lacking = std::mem::take(&mut group.lacking);
                self.take_apart(at, number, last, types, now, Some(&lacking), &mut seen);
                continue;
            }
            self.go_on(at, number, types, now, &mut seen);
        }
        seen
    }

    /// Takes apart what waited, as far as types are known.
    fn go_on(&mut self, at: usize, number: usize, types: &Types, now: Instant, seen: &mut Vec<Seen>) {
        while let Some(told) = self
            .groups
            .get_mut(number)
            .filter(|group| group.needs.is_empty())
            .and_then(|group| group.waiting.pop_front())
        {
            self.take_apart(at, number, told, types, now, None, seen);
        }
    }

    /// What to show for what the server told of a structure.
    pub(super) fn tell_members(
        &mut self,
        at: usize,
        number: usize,
        told: SourceSample,
        types: &Types,
        now: Instant,
        seen: &mut Vec<Seen>,
    ) {
        let Some(group) = self.groups.get_mut(number) else { return };
        if let Some(leader) = group.tags.first().and_then(|tag| self.items.get_mut(*tag as usize)) {
            leader.is_fresh = true;
        }
        if group.waiting.is_empty() && group.needs.is_empty() {
            return self.take_apart(at, number, told, types, now, None, seen);
        }
        let is_full = group.waiting.len() >= MAX_WAITING
            || group.waiting.iter().map(n_bytes).sum::<usize>() + n_bytes(&told) > MAX_WAITING_BYTES;
        if is_full {
            // The newest one is what counts.
            group.waiting.clear();
            for tag in &group.tags {
                if let Some(item) = self.items.get_mut(*tag as usize) {
                    item.doubt();
                }
            }
        }
        group.waiting.push_back(told);
        self.go_on(at, number, types, now, seen);
    }

    /// Takes a sample apart, or keeps it until its types are known; `only` these tags are told.
    #[expect(clippy::too_many_arguments, reason = "one step of the walk over samples, used in this file")]
    fn take_apart(
        &mut self,
        at: usize,
        number: usize,
        told: SourceSample,
        types: &Types,
        now: Instant,
        only: Option<&[u32]>,
        seen: &mut Vec<Seen>,
    ) {
        let Self { groups, items, tags, settings, name, .. } = self;
        let Some(group) = groups.get_mut(number) else { return };
        let is_told = |tag: u32| only.is_none_or(|only| only.contains(&tag));
        let read = if told.sample.status.is_bad() {
            group.tags.iter().map(|tag| (*tag, Ok(Value::Null))).collect()
        } else {
            match members(types, &told, &group.wanted) {
                Members::Read(read) => read,
                Members::Needs(needs) => {
                    group.waiting.push_front(told);
                    group.needs = needs;
                    if group.n_rounds >= MAX_ROUNDS {
                        group.asking = Asking::Later(group.later(now, settings.retry_refused));
                    } else if group.asking == Asking::Nothing {
                        group.asking = Asking::Due;
                    }
                    return;
                }
            }
        };
        group.n_rounds = 0;
        let mut wrong: Option<(u32, Miss)> = None;
        let mut lacking = Vec::new();
        for (tag, found) in read {
            let (value, status) = match found {
                Ok(value) => (value, told.sample.status),
                Err(miss) => {
                    let status = miss.status();
                    if miss.reason().is_some() {
                        lacking.push(tag);
                        wrong.get_or_insert((tag, miss));
                    }
                    (Value::Null, status)
                }
            };
            let (Some(of), Some(item)) = (tags.get(tag as usize), items.get_mut(tag as usize)) else { continue };
            if is_told(tag) {
                let sample = Sample { value, status, ..told.sample };
                let (value, status, time) = item.take(sample, of.value_type);
                seen.push((at, tag, value, status, time));
            }
        }
        group.lacking = lacking;
        let reason = wrong.as_ref().and_then(|(_, miss)| miss.reason().cloned());
        match (&wrong, &reason) {
            (Some((tag, _)), Some(reason)) => {
                if group.reason.as_ref() != Some(reason) {
                    let address = tags.get(*tag as usize).map(|tag| tag.address.to_string()).unwrap_or_default();
                    tracing::warn!(device = %name, %address, %reason, "member of a structure has no value");
                }
                if group.retry.is_none() {
                    group.retry = Some(group.later(now, settings.retry_refused));
                }
            }
            _ => {
                group.retry = None;
                group.pause = FIRST_PAUSE;
            }
        }
        group.reason = reason;
        group.last = (!told.sample.status.is_bad()).then_some(told);
    }
}

/// What the server has for a member that is gone.
fn take_heir(gone: &mut Vec<(Tag, Item)>, node: &Address) -> Option<Item> {
    let is_watched = |(tag, item): &(Tag, Item)| {
        matches!(item.state, State::Watched(_)) && tag.address.member().is_some() && tag.address.whole() == *node
    };
    let at = gone.iter().position(is_watched)?;
    Some(gone.swap_remove(at).1)
}

/// Whether the server would be asked for the same.
fn same_terms(one: &[(Option<Duration>, Option<u32>)], other: &[(Option<Duration>, Option<u32>)]) -> bool {
    let extremes = |terms: &[(Option<Duration>, Option<u32>)]| {
        let sampling = terms.iter().filter_map(|(sampling, _)| *sampling).min();
        let has_default = terms.iter().any(|(sampling, _)| sampling.is_none());
        (sampling, has_default, terms.iter().filter_map(|(_, queue)| *queue).max())
    };
    extremes(one) == extremes(other)
}

/// The bytes of the structures that a sample consists of.
fn n_bytes(told: &SourceSample) -> usize {
    match told.structured.as_deref() {
        Some(Structured::One(structure)) => structure.body.len(),
        Some(Structured::Many(all)) => all.iter().map(|structure| structure.body.len() + 64).sum(),
        None => 0,
    }
}

/// The encodings of the structures that a sample consists of.
fn encodings(told: &SourceSample) -> Vec<NodeId> {
    match told.structured.as_deref() {
        Some(Structured::One(structure)) => vec![structure.encoding.clone()],
        Some(Structured::Many(all)) => {
            let mut found: Vec<NodeId> = Vec::new();
            for structure in all {
                if !structure.encoding.is_null() && !found.contains(&structure.encoding) && found.len() < MAX_ENCODINGS
                {
                    found.push(structure.encoding.clone());
                }
            }
            found
        }
        None => Vec::new(),
    }
}
