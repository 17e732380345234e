//! Answers that are collected item by item and sent when the last one is there.

use std::collections::HashMap;

use tokio::sync::oneshot;

/// Requests of clients that wait for the results of their items.
#[derive(Debug)]
pub(crate) struct Tickets<T> {
    open: HashMap<u64, Ticket<T>>,
    next: u64,
}

#[derive(Debug)]
struct Ticket<T> {
    results: Vec<Option<T>>,
    n_open: usize,
    reply: oneshot::Sender<Vec<T>>,
}

impl<T> Default for Tickets<T> {
    fn default() -> Self {
        Self { open: HashMap::new(), next: 0 }
    }
}

impl<T> Tickets<T> {
    /// A ticket for `n` items, at least one.
    pub(crate) fn open(&mut self, n: usize, reply: oneshot::Sender<Vec<T>>) -> u64 {
        let id = self.next;
        self.next += 1;
        let results = std::iter::repeat_with(|| None).take(n).collect();
        self.open.insert(id, Ticket { results, n_open: n, reply });
        id
    }

    /// Records the result of one item, unless it has one, and answers when it was the last; returns whether it counted.
    pub(crate) fn set(&mut self, id: u64, item: usize, result: T) -> bool {
        let Some(ticket) = self.open.get_mut(&id) else { return false };
        match ticket.results.get_mut(item) {
            Some(slot) if slot.is_none() => *slot = Some(result),
            _ => return false,
        }
        ticket.n_open -= 1;
        if ticket.n_open == 0
            && let Some(ticket) = self.open.remove(&id)
        {
            // Whoever asked may have gone away meanwhile, which harms nobody.
            let _ = ticket.reply.send(ticket.results.into_iter().flatten().collect());
        }
        true
    }

    /// How many items have no result yet.
    pub(crate) fn n_open_items(&self) -> usize {
        self.open.values().map(|ticket| ticket.n_open).sum()
    }

    /// Drops all tickets, which tells those who wait that nobody will answer.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
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
}
