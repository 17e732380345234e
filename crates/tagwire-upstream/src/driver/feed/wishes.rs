//! What is to be asked for next, and what the server granted.

use std::time::Duration;

use tagwire_driver::Seen;
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_client::{FeedItem, FeedTerms, NodeId, Watched};
use tokio::time::Instant;

use super::super::item::{Item, State};
use super::super::sequence::Sequence;
use super::{Feed, KEEP_ALIVE, Refresh, Stage, Wish, is_unwatched};

/// Longest pause before a subscription that was refused is asked for once more.
const MAX_REOPEN: Duration = Duration::from_secs(4);

impl Feed {
    /// The terms to ask for.
    pub(super) fn terms(&self) -> FeedTerms {
        let interval = self.settings.scan;
        let keep_alive = u32::try_from(KEEP_ALIVE.as_nanos() / interval.as_nanos().max(1)).unwrap_or(1).max(1);
        FeedTerms { interval, keep_alive, lifetime: 0 }
    }

    /// What to ask for next; called until there is nothing more.
    pub(crate) fn wish(&mut self, now: Instant, n_items: usize, session_timeout: Duration) -> Option<Wish> {
        if let Some(tags) = self.due_polls(now) {
            return Some(Wish::Poll(tags));
        }
        if let Some(wish) = self.wish_for_types(now) {
            return Some(wish);
        }
        match self.stage {
            Stage::Wanted(at) if at <= now && !self.items.is_empty() && !self.is_off => {
                self.stage = Stage::Opening;
                let terms = self.terms();
                // The server keeps it for as long as the session, so that both can be taken over together.
                let lifetime = session_timeout.as_nanos() / terms.interval.as_nanos().max(1);
                let lifetime = u32::try_from(lifetime).unwrap_or(u32::MAX);
                Some(Wish::Open(FeedTerms { lifetime: lifetime.max(terms.keep_alive.saturating_mul(3)), ..terms }))
            }
            Stage::Wanted(_) | Stage::Opening => None,
            Stage::Open(id) => self.wish_of_open(id, now, n_items),
        }
    }

    fn wish_of_open(&mut self, id: u32, now: Instant, n_items: usize) -> Option<Wish> {
        if !self.unwanted.is_empty() {
            return Some(Wish::Unwatch(id, std::mem::take(&mut self.unwanted)));
        }
        if !self.is_watching {
            // Tags that were refused are asked for apart from the others, so that they never delay them.
            let batch: Vec<u32> = if self.waiting.is_empty() {
                self.take_retries(now, n_items)
            } else {
                let n = self.waiting.len().min(n_items.max(1));
                self.waiting.drain(..n).collect()
            };
            if !batch.is_empty() {
                for number in &batch {
                    if let Some(item) = self.items.get_mut(*number as usize) {
                        item.state = State::Asked;
                    }
                }
                self.is_watching = true;
                return Some(Wish::Watch(id, batch));
            }
        }
        if self.refresh == Refresh::Due {
            self.refresh = Refresh::Done;
            let is_stale = |(number, item): (u32, &Item)| {
                (matches!(item.state, State::Watched(_)) && !item.is_fresh).then_some(number)
            };
            let stale: Vec<u32> = (0..).zip(&self.items).filter_map(is_stale).collect();
            if !stale.is_empty() {
                return Some(Wish::Refresh(stale));
            }
        }
        if !self.is_probing && now >= self.last_heard + self.period() {
            let watched = |item: &Item| matches!(item.state, State::Watched(_));
            let tag = self.items.iter().position(watched).unwrap_or(0);
            self.is_probing = true;
            return Some(Wish::Probe(u32::try_from(tag).unwrap_or(0)));
        }
        None
    }

    fn take_retries(&mut self, now: Instant, n_items: usize) -> Vec<u32> {
        if self.next_retry.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let due = |(number, item): (u32, &Item)| match item.state {
            State::Refused(at) if at <= now => Some(number),
            _ => None,
        };
        let batch: Vec<u32> = (0..).zip(&self.items).filter_map(due).take(n_items.max(1)).collect();
        if batch.is_empty() {
            self.note_retries();
        }
        batch
    }

    pub(super) fn note_retries(&mut self) {
        let at = |item: &Item| match item.state {
            State::Refused(at) => Some(at),
            _ => None,
        };
        self.next_retry = self.items.iter().filter_map(at).min();
    }

    /// Asks at once for every tag that was refused because its namespace was unknown.
    pub(crate) fn retry_now(&mut self, now: Instant) {
        for item in &mut self.items {
            if let State::Refused(at) = &mut item.state {
                *at = now;
            }
        }
        self.note_retries();
    }

    /// When to look after the device again.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let own = match self.stage {
            Stage::Wanted(at) if !self.items.is_empty() && !self.is_off => Some(at),
            Stage::Open(_) => {
                let silence = (!self.is_probing).then(|| self.last_heard + self.period());
                let retry = self.next_retry.filter(|_| !self.is_watching);
                [silence, retry].into_iter().flatten().min()
            }
            _ => None,
        };
        let others = [self.polls.wake(), self.wake_for_types()];
        [own].into_iter().chain(others.map(|at| at.filter(|_| !self.is_off))).flatten().min()
    }

    /// The item to ask for a tag of a batch.
    pub(crate) fn request(&self, tag: u32, node: NodeId) -> Option<FeedItem> {
        let (of, item) = (self.tags.get(tag as usize)?, self.items.get(tag as usize)?);
        let (sampling, queue) = match item.group {
            Some(group) => self.terms_of_group(group),
            None => of.terms(self.settings.scan),
        };
        Some(FeedItem { node, handle: item.handle, sampling, queue, deadband: of.deadband })
    }

    /// What to show for the methods: they are there to be written to.
    pub(crate) fn methods(&self, at: usize) -> Vec<Seen> {
        let methods = (0..).zip(&self.items).filter(|(_, item)| matches!(item.state, State::Method));
        methods.map(|(number, _)| (at, number, Value::Null, Status::GOOD, Timestamp::NONE)).collect()
    }

    /// A batch is under way, or no more.
    pub(crate) const fn is_watching(&mut self, is_watching: bool) {
        self.is_watching = is_watching;
    }

    /// The server made the subscription.
    pub(crate) fn opened(&mut self, id: u32, granted: FeedTerms, now: Instant) {
        self.stage = Stage::Open(id);
        self.granted = granted;
        self.sequence = Sequence::default();
        self.last_heard = now;
        self.reopen = KEEP_ALIVE;
    }

    /// The server refused the subscription; its tags get this quality.
    pub(crate) fn refused(&mut self, now: Instant) {
        self.stage = Stage::Wanted(now + self.reopen);
        self.reopen = self.reopen.saturating_mul(2).min(MAX_REOPEN);
    }

    /// What became of a batch, tag by tag; `Err` for all of a batch that was refused as a whole is the caller's to make.
    pub(crate) fn watched(
        &mut self,
        at: usize,
        batch: &[u32],
        results: impl IntoIterator<Item = Result<Watched, Status>>,
        now: Instant,
    ) -> Vec<Seen> {
        self.is_watching = false;
        let mut refused = Vec::new();
        let mut has_unwatched = false;
        for (number, result) in batch.iter().zip(results) {
            let Some(item) = self.items.get_mut(*number as usize) else { continue };
            match result {
                Ok(watched) => item.watched(watched.id),
                Err(status) => {
                    item.refused(now, self.settings.retry_refused);
                    item.is_polled = is_unwatched(status);
                    if item.is_polled {
                        has_unwatched = true;
                        continue;
                    }
                    refused.push((*number, status));
                }
            }
        }
        self.note_retries();
        if has_unwatched {
            self.poll_from(now);
        }
        let tags =
            refused.into_iter().flat_map(|(tag, status)| self.sharing(tag).into_iter().map(move |tag| (tag, status)));
        tags.map(|(tag, status)| (at, tag, Value::Null, status, Timestamp::NONE)).collect()
    }
}
