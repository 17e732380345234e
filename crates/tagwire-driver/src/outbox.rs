//! Messages that wait to be sent, some of which may be taken back.

/// Bytes to send, and how many of them are on their way.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    n_sent: usize,
}

/// Where a message lies in an [`Outbox`], until all that the outbox holds is sent or cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    begin: usize,
    end: usize,
}

impl Outbox {
    /// Nothing waits.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), n_sent: 0 }
    }

    /// Appends the message that `encode` appends, and tells where it lies.
    pub fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Queued {
        if self.n_sent == self.bytes.len() {
            self.clear();
        }
        let begin = self.bytes.len();
        encode(&mut self.bytes);
        Queued { begin, end: self.bytes.len() }
    }

    /// The bytes of a message.
    pub fn message(&self, queued: Queued) -> &[u8] {
        self.bytes.get(queued.begin..queued.end).unwrap_or_default()
    }

    /// Whether any byte of a message is on its way.
    pub const fn has_begun(&self, queued: Queued) -> bool {
        queued.begin < self.n_sent
    }

    /// What waits to be sent.
    pub fn waiting(&self) -> &[u8] {
        self.bytes.get(self.n_sent..).unwrap_or_default()
    }

    /// The first `n` bytes of what waits are on their way.
    pub fn sent(&mut self, n: usize) {
        self.n_sent = (self.n_sent + n).min(self.bytes.len());
    }

    /// Takes back what is not on its way, and finishes the message among `messages` that is on its way in part: the
    /// next one would be read as its rest.
    pub fn take_back(&mut self, messages: impl IntoIterator<Item = Queued>) {
        let n_sent = self.n_sent;
        let cut = messages.into_iter().find(|queued| queued.begin < n_sent && n_sent < queued.end);
        self.bytes.truncate(cut.map_or(n_sent, |queued| queued.end));
    }

    /// Forgets everything, on the way or not.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.n_sent = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cut_in_the_middle_goes_out_in_full_and_later_ones_do_not() {
        for (n_sent, is_whole, expected) in
            [(0, true, ""), (2, true, "c"), (3, true, ""), (4, true, "ef"), (4, false, "")]
        {
            let mut outbox = Outbox::new();
            let both = ["abc", "def"].map(|text| outbox.push(|out| out.extend_from_slice(text.as_bytes())));
            assert_eq!(outbox.message(both[1]), b"def");
            outbox.sent(n_sent);
            assert_eq!(both.map(|queued| outbox.has_begun(queued)), [n_sent > 0, n_sent > 3]);
            outbox.take_back(both.into_iter().filter(|_| is_whole));
            assert_eq!(outbox.waiting(), expected.as_bytes(), "{n_sent} bytes on their way");
        }
    }

    #[test]
    fn what_was_sent_takes_no_room_when_the_next_message_comes() {
        let mut outbox = Outbox::new();
        for _ in 0..1_000 {
            let queued = outbox.push(|out| out.extend_from_slice(&[7; 100]));
            assert_eq!((outbox.has_begun(queued), outbox.waiting().len()), (false, 100));
            outbox.sent(100);
        }
        assert!(outbox.bytes.capacity() < 1_000);
    }
}
