//! One request at a time on one stream, and which frame is its answer. Bytes in, bytes out; no clock.

use tagwire_driver::{Flow, Outbox};

use super::trace::Trace;
use crate::codec::cpf::{Carried, encode_connected, encode_unconnected};
use crate::codec::frame::{FrameReader, REGISTER_DATA, command, encode_frame};
use crate::codec::{CodecError, Reader};

/// The client's side of one stream.
pub(crate) struct Exchange {
    session: u32,
    n_requests: u64,
    waiting: Option<Waiting>,
    out: Outbox,
    reader: FrameReader,
    answer: Vec<u8>,
    pub(crate) trace: Option<Trace>,
}

/// How the answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Session([u8; 8]),
    Unconnected([u8; 8]),
    Connected { to_device: u32, to_client: u32, sequence: u16, context: [u8; 8] },
}

/// What came for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer is in [`Exchange::answer`].
    Answered,
    /// The frame says no, with this status.
    Refused(u32),
}

impl Exchange {
    pub(crate) const fn new() -> Self {
        Self {
            session: 0,
            n_requests: 0,
            waiting: None,
            out: Outbox::new(),
            reader: FrameReader::new(),
            answer: Vec::new(),
            trace: None,
        }
    }

    /// Stands at the beginning of a new stream.
    pub(crate) fn restart(&mut self) {
        self.session = 0;
        self.waiting = None;
        self.out.clear();
        self.reader.clear();
    }

    /// Whether a request was sent and neither answered nor given up.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The message of the last answer.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.answer
    }

    /// Asks for a session.
    pub(crate) fn register(&mut self) {
        let context = self.begin();
        self.send(command::REGISTER_SESSION, 0, context, &[], |out| out.extend_from_slice(&REGISTER_DATA));
        self.waiting = Some(Waiting::Session(context));
    }

    /// Sends a message outside a connection.
    pub(crate) fn send_unconnected(&mut self, message: &[u8]) {
        let context = self.begin();
        self.send(command::SEND_RR_DATA, self.session, context, message, |out| {
            encode_unconnected(out, |out| out.extend_from_slice(message));
        });
        self.waiting = Some(Waiting::Unconnected(context));
    }

    /// Sends a message on a connection.
    pub(crate) fn send_connected(&mut self, to_device: u32, to_client: u32, sequence: u16, message: &[u8]) {
        let context = self.begin();
        self.send(command::SEND_UNIT_DATA, self.session, context, message, |out| {
            encode_connected(out, to_device, sequence, |out| out.extend_from_slice(message));
        });
        self.waiting = Some(Waiting::Connected { to_device, to_client, sequence, context });
    }

    fn begin(&mut self) -> [u8; 8] {
        self.n_requests += 1;
        self.n_requests.to_le_bytes()
    }

    /// Queues a frame in place of what may be left of the last one; `message` is what it carries, for the trace.
    fn send(&mut self, code: u16, session: u32, context: [u8; 8], message: &[u8], data: impl FnOnce(&mut Vec<u8>)) {
        self.out.clear();
        let queued = self.out.push(|out| encode_frame(out, code, session, 0, context, data));
        if let Some(trace) = &self.trace {
            trace.sent(self.out.message(queued), message);
        }
    }

    /// What came for the request, if it has come; frames that nobody waits for are dropped.
    ///
    /// # Errors
    /// [`CodecError`] when the stream can no longer be followed.
    pub(crate) fn next(&mut self) -> Result<Option<Outcome>, CodecError> {
        while let Some(frame) = self.reader.next_frame()? {
            let Some(waiting) = self.waiting else { continue };
            let wanted = match waiting {
                Waiting::Session(_) => command::REGISTER_SESSION,
                Waiting::Unconnected(_) => command::SEND_RR_DATA,
                Waiting::Connected { .. } => command::SEND_UNIT_DATA,
            };
            let (Waiting::Session(context) | Waiting::Unconnected(context) | Waiting::Connected { context, .. }) =
                waiting;
            if frame.command != wanted {
                continue;
            }
            // A device need not repeat the context on a connection, where the sequence count tells.
            let is_ours = frame.context == context;
            if frame.status != 0 {
                if !is_ours {
                    continue;
                }
                self.waiting = None;
                if let Some(trace) = &self.trace {
                    trace.received(frame.status, frame.data, true);
                }
                return Ok(Some(Outcome::Refused(frame.status)));
            }
            let message = match (waiting, Carried::decode(frame.data)) {
                (Waiting::Session(_), _) if is_ours => {
                    Reader::new(frame.data, "session").u32()?;
                    if frame.session == 0 {
                        return Err(CodecError::Value { what: "number of a session", value: 0 });
                    }
                    self.session = frame.session;
                    Some(&[][..])
                }
                (Waiting::Unconnected(_), Ok(Carried::Unconnected(message))) if is_ours => Some(message),
                (
                    Waiting::Connected { to_device, to_client, sequence, .. },
                    Ok(Carried::Connected { connection, sequence: found, message }),
                    // Some devices answer with the number of the other direction.
                ) if (connection == to_client || connection == to_device) && found == sequence => Some(message),
                (Waiting::Unconnected(_), Err(error)) if is_ours => return Err(error),
                _ => None,
            };
            if let Some(trace) = &self.trace {
                trace.received(0, message.unwrap_or(frame.data), message.is_some());
            }
            if let Some(message) = message {
                self.answer.clear();
                self.answer.extend_from_slice(message);
                self.waiting = None;
                return Ok(Some(Outcome::Answered));
            }
        }
        Ok(None)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(exchange: &mut Exchange, bytes: &[u8]) -> Option<Outcome> {
        exchange.space()[..bytes.len()].copy_from_slice(bytes);
        exchange.filled(bytes.len());
        exchange.next().expect("frames")
    }

    #[test]
    fn only_the_answer_to_the_request_is_taken() {
        let mut exchange = Exchange::new();
        exchange.send_connected(1, 2, 7, &[0x4C, 0]);
        for (to_client, sequence) in [(2, 6), (3, 7)] {
            let mut late = Vec::new();
            encode_frame(&mut late, command::SEND_UNIT_DATA, 0, 0, [0; 8], |out| {
                encode_connected(out, to_client, sequence, |out| out.push(0xCC));
            });
            assert_eq!(feed(&mut exchange, &late), None);
        }
        let mut right = Vec::new();
        encode_frame(&mut right, command::SEND_UNIT_DATA, 0, 0, [0; 8], |out| {
            encode_connected(out, 2, 7, |out| out.push(0xCD));
        });
        assert_eq!(feed(&mut exchange, &right), Some(Outcome::Answered));
        assert_eq!((exchange.answer(), exchange.is_waiting()), (&[0xCD][..], false));
        assert_eq!(feed(&mut exchange, &right), None, "the same answer once more");
    }
}
