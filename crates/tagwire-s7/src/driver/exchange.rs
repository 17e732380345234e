//! Which answer belongs to which job. Bytes in, bytes out.

use tagwire_driver::{Flow, LinkError, Outbox, Queued};

use super::trace::Trace;
use crate::codec::{Answer, Connect, FrameReader, PduError, Place, Tpdu, encode_data, word};

/// The client's side of one stream. Every job has a number of its own, so that a late answer is known and dropped.
pub(super) struct Exchange {
    reference: u16,
    pending: Vec<Pending>,
    out: Outbox,
    reader: FrameReader,
    /// Longest frame without its TPKT header.
    max_frame: usize,
    trace: Option<Trace>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    ticket: u32,
    reference: u16,
    out: Queued,
}

/// What came.
pub(super) enum Event<'a> {
    /// The CPU agrees to a connection.
    Connected,
    /// The answer to a job.
    Answer { ticket: u32, answer: Result<Answer<'a>, PduError> },
}

impl Exchange {
    /// Frames have no limit unless the CPU names one.
    const NO_LIMIT: usize = u16::MAX as usize;

    pub(super) fn new() -> Self {
        Self {
            reference: 0,
            pending: Vec::new(),
            out: Outbox::new(),
            reader: FrameReader::new(),
            max_frame: Self::NO_LIMIT,
            trace: None,
        }
    }

    pub(super) fn set_trace(&mut self, trace: Option<Trace>) {
        self.trace = trace;
    }

    pub(super) fn n_pending(&self) -> usize {
        self.pending.len()
    }

    /// Gives up every job under way.
    pub(super) fn abandon(&mut self) {
        self.out.take_back(self.pending.drain(..).map(|pending| pending.out));
    }

    /// The stream was replaced: nothing of it is left. Numbers of jobs go on.
    pub(super) fn restart(&mut self) {
        self.pending.clear();
        self.out.clear();
        self.reader.clear();
        self.max_frame = Self::NO_LIMIT;
    }

    /// Queues a connect request.
    pub(super) fn connect(&mut self, connect: &Connect) {
        let queued = self.out.push(|out| connect.encode_request(out));
        if let Some(trace) = &self.trace {
            trace.sent(self.out.message(queued), &[]);
        }
    }

    /// Queues a job; `encode` appends it with this number.
    pub(super) fn send(&mut self, ticket: u32, encode: impl FnOnce(u16, &mut Vec<u8>)) {
        self.reference = self.reference.wrapping_add(1);
        let (max_frame, reference) = (self.max_frame, self.reference);
        let out = self.out.push(|out| encode_data(max_frame, out, |out| encode(reference, out)));
        if let Some(trace) = &self.trace {
            let raw = self.out.message(out);
            trace.sent(raw, raw.get(7..).unwrap_or_default());
        }
        self.pending.push(Pending { ticket, reference, out });
    }

    /// What came next; answers that nobody waits for are dropped.
    pub(super) fn next(&mut self) -> Result<Option<Event<'_>>, LinkError> {
        let (ticket, place) = loop {
            let place = self.reader.advance().map_err(|error| LinkError::Protocol(error.to_string()))?;
            let Some(place) = place else { return Ok(None) };
            match self.reader.tpdu(&place) {
                Tpdu::ConnectConfirm(connect) => {
                    self.max_frame = connect.size.map_or(Self::NO_LIMIT, |size| 1 << size);
                    return Ok(Some(Event::Connected));
                }
                Tpdu::Disconnect(reason) => {
                    let text = format!(
                        "CPU refuses the connection, reason {reason}; usually rack, slot or TSAP are wrong, or all \
                         connections are taken"
                    );
                    return Err(std::io::Error::new(std::io::ErrorKind::ConnectionRefused, text).into());
                }
                Tpdu::ConnectRequest(_) => return Err(LinkError::Protocol("CPU wants to connect itself".to_owned())),
                Tpdu::Data(_) => {
                    if let Some(ticket) = self.owner(&place) {
                        break (ticket, place);
                    }
                }
            }
        };
        let answer = match self.reader.tpdu(&place) {
            Tpdu::Data(pdu) => Answer::decode(pdu),
            _ => Err(PduError::Length),
        };
        Ok(Some(Event::Answer { ticket, answer }))
    }

    /// The ticket of the job that a message answers.
    fn owner(&mut self, place: &Place) -> Option<u32> {
        let Tpdu::Data(pdu) = self.reader.tpdu(place) else { return None };
        let reference = word(pdu, 4);
        let found = self.pending.iter().position(|pending| Some(pending.reference) == reference);
        if let Some(trace) = &self.trace {
            trace.received(self.reader.raw(place), pdu, found.is_some());
        }
        found.map(|idx| self.pending.remove(idx).ticket)
    }
}

impl Flow for Exchange {
    fn output(&self) -> &[u8] {
        self.out.waiting()
    }

    fn sent(&mut self, n: usize) {
        self.out.sent(n);
    }

    fn space(&mut self) -> &mut [u8] {
        self.reader.space()
    }

    fn filled(&mut self, n: usize) {
        self.reader.filled(n);
    }
}
