//! Answers that are collected item by item and sent when the last one is there.

use std::collections::VecDeque;

use tokio::sync::oneshot;

/// Requests of clients that wait for the results of their items.
#[derive(Debug)]
pub(crate) struct Tickets<T> {
    /// By number, from the oldest one that is open.
    open: VecDeque<Option<Ticket<T>>>,
    oldest: u64,
    /// Those that have all results and are not answered yet.
    finished: Vec<Ticket<T>>,
}

#[derive(Debug)]
struct Ticket<T> {
    results: Vec<Option<T>>,
    n_open: usize,
    reply: oneshot::Sender<Vec<T>>,
}

impl<T> Default for Tickets<T> {
    fn default() -> Self {
        Self { open: VecDeque::new(), oldest: 0, finished: Vec::new() }
    }
}

impl<T> Tickets<T> {
    /// A ticket for `n` items, at least one.
    pub(crate) fn open(&mut self, n: usize, reply: oneshot::Sender<Vec<T>>) -> u64 {
        let id = self.oldest + self.open.len() as u64;
        let results = std::iter::repeat_with(|| None).take(n).collect();
        self.open.push_back(Some(Ticket { results, n_open: n, reply }));
        id
    }

    /// Records the result of one item, unless it has one, and answers when it was the last; returns whether it counted.
    pub(crate) fn set(&mut self, id: u64, item: usize, result: T) -> bool {
        let (n, finished) = self.record(id, std::iter::once((item, result)));
        if let Some(ticket) = finished {
            ticket.answer();
        }
        n == 1
    }

    /// Records the results of several items, unless they have one, for an answer that [`Tickets::answer_finished`]
    /// sends; returns how many counted.
    pub(crate) fn set_all(&mut self, id: u64, results: impl Iterator<Item = (usize, T)>) -> usize {
        let (n, finished) = self.record(id, results);
        self.finished.extend(finished);
        n
    }

    /// Sends the answers that [`Tickets::set_all`] completed.
    pub(crate) fn answer_finished(&mut self) {
        self.finished.drain(..).for_each(Ticket::answer);
    }

    /// Records results; returns how many counted, and the ticket when it has all.
    #[inline]
    fn record(&mut self, id: u64, results: impl Iterator<Item = (usize, T)>) -> (usize, Option<Ticket<T>>) {
        let at = id.checked_sub(self.oldest).and_then(|at| usize::try_from(at).ok());
        let Some(place) = at.and_then(|at| self.open.get_mut(at)) else { return (0, None) };
        let Some(ticket) = place else { return (0, None) };
        let mut n = 0;
        for (item, result) in results {
            if let Some(slot @ None) = ticket.results.get_mut(item) {
                *slot = Some(result);
                n += 1;
            }
        }
        ticket.n_open -= n;
        if ticket.n_open > 0 {
            return (n, None);
        }
        let finished = place.take();
        while self.open.front().is_some_and(Option::is_none) {
            self.open.pop_front();
            self.oldest += 1;
        }
        (n, finished)
    }

    /// How many items have no result yet.
    pub(crate) fn n_open_items(&self) -> usize {
        self.open.iter().flatten().map(|ticket| ticket.n_open).sum()
    }

    /// Drops all tickets, which tells those who wait that nobody will answer.
    pub(crate) fn clear(&mut self) {
        self.oldest += self.open.len() as u64;
        self.open.clear();
        self.finished.clear();
    }
}

impl<T> Ticket<T> {
    fn answer(self) {
        // Whoever asked may have gone away meanwhile, which harms nobody.
        let _ = self.reply.send(self.results.into_iter().flatten().collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_sent_with_the_last_result() {
        let mut tickets = Tickets::default();
        let (reply, mut answer) = oneshot::channel();
        let id = tickets.open(2, reply);
        assert!(tickets.set(id, 1, 'b'));
        assert!(!tickets.set(id, 1, 'x'));
        assert!(answer.try_recv().is_err());
        assert!(tickets.set(id, 0, 'a'));
        assert_eq!(answer.try_recv(), Ok(vec!['a', 'b']));
        assert!(!tickets.set(id, 0, 'c'));
    }

    #[test]
    fn results_of_several_items_are_answered_when_told() {
        let mut tickets = Tickets::default();
        let (reply, mut answer) = oneshot::channel();
        let id = tickets.open(3, reply);
        assert!(tickets.set(id, 1, 'b'));
        assert_eq!(tickets.set_all(id, [(0, 'a'), (1, 'x'), (2, 'c')].into_iter()), 2);
        assert!(answer.try_recv().is_err());
        tickets.answer_finished();
        assert_eq!(answer.try_recv(), Ok(vec!['a', 'b', 'c']));
        assert_eq!(tickets.set_all(id, [(0, 'z')].into_iter()), 0);
    }

    #[test]
    fn tickets_end_in_any_order() {
        let mut tickets = Tickets::default();
        let (mut ids, mut answers) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let (reply, answer) = oneshot::channel();
            ids.push(tickets.open(1, reply));
            answers.push(answer);
        }
        for at in [3, 0, 1, 4, 2] {
            assert!(tickets.set(ids[at], 0, at));
            assert_eq!(answers[at].try_recv(), Ok(vec![at]));
        }
        assert_eq!((tickets.open.len(), tickets.n_open_items()), (0, 0));
    }
}
