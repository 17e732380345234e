//! Writes on their way to one device: those that wait, and those that a driver has.

use std::collections::{HashMap, VecDeque};
use std::mem;

use tagwire_model::{TagId, Value};
use tokio::time::Instant;

use crate::WriteOptimisation;

/// One write, taken out of its queue.
#[derive(Debug)]
pub(crate) struct QueuedWrite {
    pub(crate) queued: Instant,
    pub(crate) ticket: u64,
    pub(crate) origin: Origin,
    pub(crate) tag: u32,
    pub(crate) raw: Value,
}

/// Where a write comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// Its place in its ticket.
    pub(crate) item: u32,
    pub(crate) id: TagId,
    /// Clients see the value that is sent as it is.
    pub(crate) is_plain: bool,
}

/// Writes of one ticket that follow each other.
#[derive(Clone, Copy, Debug)]
struct Run {
    queued: Instant,
    ticket: u64,
    n: usize,
}

/// Writes in the order in which they were asked for. What drivers need of them lies apart, in the shape they take.
#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    writes: VecDeque<(u32, Value)>,
    origins: VecDeque<Origin>,
    runs: VecDeque<Run>,
    /// The ticket of the newest run, `None` when nothing may join it.
    open: Option<u64>,
    /// How many writes were ever taken out, so that each has a number of its own.
    n_taken: u64,
    /// The number of the latest write of each tag, kept only when older ones may be left out.
    latest: HashMap<u32, u64>,
}

impl WriteQueue {
    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Since when the oldest write waits.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.runs.front().map(|run| run.queued)
    }

    /// Whether the newest writes belong to this ticket.
    #[inline]
    pub(crate) fn is_open(&self, ticket: u64) -> bool {
        self.open == Some(ticket)
    }

    /// Adds a write, noting it as the latest of its tag where older ones may be left out.
    #[inline]
    pub(crate) fn push(&mut self, write: QueuedWrite, optimisation: WriteOptimisation) {
        let QueuedWrite { queued, ticket, origin, tag, raw } = write;
        let may_skip = match optimisation {
            WriteOptimisation::All => false,
            WriteOptimisation::LatestNonBoolean => !matches!(raw, Value::Boolean(_)),
            WriteOptimisation::Latest => true,
        };
        if may_skip {
            self.latest.insert(tag, self.n_taken + self.writes.len() as u64);
        }
        if !self.is_open(ticket) {
            self.runs.push_back(Run { queued, ticket, n: 0 });
            self.open = Some(ticket);
        }
        self.push_more(origin, tag, raw);
    }

    /// Adds a write to those of the ticket that is open; it replaces none.
    #[inline]
    pub(crate) fn push_more(&mut self, origin: Origin, tag: u32, raw: Value) {
        if let Some(run) = self.runs.back_mut() {
            run.n += 1;
        }
        self.writes.push_back((tag, raw));
        self.origins.push_back(origin);
    }

    /// Moves up to `n` of the oldest writes behind those in `to`; hands writes that a later one replaces to `replaced`
    /// instead.
    pub(crate) fn move_to(&mut self, to: &mut Self, n: usize, mut replaced: impl FnMut(QueuedWrite)) {
        if self.latest.is_empty() && to.is_empty() && n >= self.len() {
            self.open = None;
            self.n_taken += self.writes.len() as u64;
            mem::swap(&mut self.writes, &mut to.writes);
            mem::swap(&mut self.origins, &mut to.origins);
            mem::swap(&mut self.runs, &mut to.runs);
            return;
        }
        while to.len() < n
            && let Some((write, is_replaced)) = self.pop()
        {
            if is_replaced {
                replaced(write);
            } else {
                to.push(write, WriteOptimisation::All);
            }
        }
    }

    /// The oldest write, and whether a later one of the same tag replaces it.
    pub(crate) fn pop(&mut self) -> Option<(QueuedWrite, bool)> {
        let (tag, raw) = self.writes.pop_front()?;
        let origin = self.origins.pop_front()?;
        let run = self.runs.front_mut()?;
        let write = QueuedWrite { queued: run.queued, ticket: run.ticket, origin, tag, raw };
        run.n -= 1;
        if run.n == 0 {
            self.runs.pop_front();
            if self.runs.is_empty() {
                self.open = None;
            }
        }
        let number = self.n_taken;
        self.n_taken += 1;
        let latest = self.latest.get(&tag).copied();
        if latest == Some(number) {
            self.latest.remove(&tag);
        }
        Some((write, latest.is_some_and(|latest| latest != number)))
    }

    /// The writes as drivers take them.
    pub(crate) fn as_sent(&mut self) -> &[(u32, Value)] {
        self.writes.make_contiguous()
    }

    /// All writes with where each comes from.
    pub(crate) fn parts(&mut self) -> (&mut [(u32, Value)], &[Origin]) {
        (self.writes.make_contiguous(), self.origins.make_contiguous())
    }

    /// The tickets whose writes are here, in order, each with its items.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = (u64, impl Iterator<Item = usize>)> {
        let mut at = 0;
        self.runs.iter().map(move |run| {
            let origins = self.origins.range(at..at + run.n);
            at += run.n;
            (run.ticket, origins.map(|origin| origin.item as usize))
        })
    }

    /// Forgets everything and keeps the capacity.
    pub(crate) fn clear(&mut self) {
        self.n_taken += self.writes.len() as u64;
        self.writes.clear();
        self.origins.clear();
        self.runs.clear();
        self.open = None;
        self.latest.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(writes: &[(u64, u32, u32)], optimisation: WriteOptimisation) -> WriteQueue {
        let mut queue = WriteQueue::default();
        for (item, &(ticket, tag, value)) in (0..).zip(writes) {
            let origin = Origin { item, id: TagId(tag), is_plain: false };
            let write = QueuedWrite { queued: Instant::now(), ticket, origin, tag, raw: Value::UInt32(value) };
            queue.push(write, optimisation);
        }
        queue
    }

    fn asked(queue: &WriteQueue) -> Vec<(u64, Vec<usize>)> {
        queue.tickets().map(|(ticket, items)| (ticket, items.collect())).collect()
    }

    const WRITES: [(u64, u32, u32); 5] = [(7, 0, 1), (7, 1, 1), (8, 0, 0), (7, 2, 5), (7, 0, 9)];

    #[test]
    fn writes_leave_in_order_with_those_who_asked() {
        for n in [1, 2, 3, 5, 9] {
            let mut queue = queue(&WRITES, WriteOptimisation::All);
            let mut seen = Vec::new();
            while !queue.is_empty() {
                let mut sent = WriteQueue::default();
                queue.move_to(&mut sent, n, |_| panic!("nothing may be left out"));
                let writes = sent.as_sent().to_vec();
                let asked = asked(&sent);
                let items: Vec<(u64, usize)> = asked
                    .into_iter()
                    .flat_map(|(ticket, items)| items.into_iter().map(move |item| (ticket, item)))
                    .collect();
                assert_eq!(items.len(), writes.len());
                assert!(writes.len() <= n);
                seen.extend(items.into_iter().zip(writes));
            }
            let wanted = WRITES
                .iter()
                .enumerate()
                .map(|(item, &(ticket, tag, value))| ((ticket, item), (tag, Value::UInt32(value))));
            assert_eq!(seen, wanted.collect::<Vec<_>>(), "{n} at a time");
            assert_eq!(queue.oldest(), None);
        }
    }

    #[test]
    fn what_joins_after_a_part_has_left_belongs_to_its_own_ticket() {
        let mut all = queue(&WRITES[..2], WriteOptimisation::All);
        let mut sent = WriteQueue::default();
        all.move_to(&mut sent, 9, |_| ());
        assert!(!all.is_open(7));
        let late = queue(&WRITES[..1], WriteOptimisation::All).pop().expect("one").0;
        all.push(late, WriteOptimisation::All);
        assert_eq!((asked(&sent), asked(&all)), (vec![(7, vec![0, 1])], vec![(7, vec![0])]));
    }

    #[test]
    fn replaced_writes_are_told_apart() {
        let mut queue = queue(&WRITES, WriteOptimisation::Latest);
        let (mut sent, mut replaced) = (WriteQueue::default(), Vec::new());
        queue.move_to(&mut sent, 9, |write| replaced.push((write.ticket, write.origin.item)));
        assert_eq!(replaced, [(7, 0), (8, 2)]);
        assert_eq!(asked(&sent), [(7, vec![1, 3, 4])]);
        assert!(queue.latest.is_empty());
    }
}
