//! Which answer belongs to which request. Bytes in, bytes out; time is an argument.

use std::time::Duration;

use tagwire_driver::{Flow, Outbox, Queued};

use super::trace::Trace;
use crate::address::Table;
use crate::codec::{
    Expected, FrameError, FrameReader, Framing, Function, Place, Request, Response, Role, encode_frame,
};

/// The client's side of one stream.
///
/// With strict TCP headers a late answer is known by its transaction number and dropped. Other framings have no number:
/// there an abandoned request is remembered, and a later request with the same unit and function must not go out before
/// [`Exchange::precaution`] says so, because the late answer would be taken for the new one.
pub(super) struct Exchange {
    framing: Framing,
    lenient: bool,
    transaction: u16,
    pending: Vec<Pending>,
    owed: Vec<Owed>,
    /// Of all pending and owed answers, for the reader.
    expected: Vec<Expected>,
    /// Bit n of a unit: it has answered read function n.
    answered: [u8; 256],
    out: Outbox,
    reader: FrameReader,
    trace: Option<Trace>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    ticket: u32,
    transaction: u16,
    expected: Expected,
    out: Queued,
    since: Duration,
}

/// An answer that may still come although nobody waits for it.
#[derive(Clone, Copy, Debug)]
struct Owed {
    expected: Expected,
    /// Until when it is waited for, when the unit is known to answer probes and when it is not.
    until: (Duration, Duration),
}

/// How to rule out that a late answer is taken for a new one.
pub(super) enum Precaution {
    /// No answer owed looks like the one to come.
    Nothing,
    /// This read must be answered first. Devices answer in order, and the read has another function than every answer
    /// owed, so that its answer proves that nothing older is on its way.
    Probe(Request<'static>),
    /// Every read function is owed: only listening tells, until an answer owed has come.
    Listen,
}

/// What came for a request.
pub(super) struct Answer<'a> {
    pub ticket: u32,
    pub outcome: Result<Response<'a>, String>,
}

impl Exchange {
    /// How late an answer may come from a unit that is known to answer probes.
    const LATE: Duration = Duration::from_secs(5);
    /// How late an answer may come from a unit that may ignore the probe, and would look dead as long as it is sent.
    const LATE_UNPROBED: Duration = Duration::from_secs(2);
    /// Most abandoned answers watched for.
    const MAX_OWED: usize = 16;

    pub(super) fn new(framing: Framing) -> Self {
        Self {
            framing,
            lenient: false,
            transaction: 0,
            pending: Vec::new(),
            owed: Vec::new(),
            expected: Vec::new(),
            answered: [0; 256],
            out: Outbox::new(),
            reader: FrameReader::new(framing, Role::Client),
            trace: None,
        }
    }

    /// Whether answers carry a number that tells them apart.
    pub(super) fn has_numbers(&self) -> bool {
        self.framing == Framing::Tcp && !self.lenient
    }

    pub(super) fn set_lenient(&mut self, lenient: bool) {
        self.lenient = lenient;
        self.reader.accept_any_protocol(lenient);
    }

    pub(super) fn set_trace(&mut self, trace: Option<Trace>) {
        self.trace = trace;
    }

    pub(super) fn n_pending(&self) -> usize {
        self.pending.len()
    }

    /// Gives up every request under way. True when an answer may still come that nothing but time tells apart.
    pub(super) fn abandon(&mut self, now: Duration) -> bool {
        let numbers = self.has_numbers();
        let mut is_owed = false;
        // Only a request with a number may be finished later: its answer is known, and dropped.
        self.out.take_back(self.pending.iter().filter(|_| numbers).map(|pending| pending.out));
        for pending in self.pending.drain(..) {
            if self.out.has_begun(pending.out) && !numbers {
                is_owed = true;
                let waited = now.saturating_sub(pending.since);
                let until = (now + Self::LATE.max(waited * 2), now + Self::LATE_UNPROBED.max(waited));
                if self.owed.len() == Self::MAX_OWED {
                    self.owed.remove(0);
                }
                self.owed.push(Owed { expected: pending.expected, until });
            }
        }
        self.owed.retain(|owed| owed.until.0 > now);
        self.note_expected();
        is_owed
    }

    /// The stream was replaced: nothing of it is left, except what its other end may still send later.
    pub(super) fn restart(&mut self, now: Duration) {
        self.abandon(now);
        self.out.clear();
        self.reader.clear();
    }

    /// Queues a request. Without numbers only one may be pending.
    pub(super) fn send(&mut self, ticket: u32, unit: u8, request: &Request<'_>, now: Duration) {
        self.transaction = self.transaction.wrapping_add(1);
        let (framing, transaction) = (self.framing, self.transaction);
        let out = self.out.push(|out| encode_frame(framing, transaction, unit, out, |out| request.encode(out)));
        if let Some(trace) = &self.trace {
            trace.sent(unit, self.out.message(out), request);
        }
        let expected = Expected { unit, function: request.function().code(), pdu_len: request.answer_len() };
        self.pending.push(Pending { ticket, transaction, expected, out, since: now });
        self.note_expected();
    }

    /// What must happen before a request with this unit and function may go out.
    pub(super) fn precaution(&self, unit: u8, function: Function, now: Duration) -> Precaution {
        if self.has_numbers() || self.owed.is_empty() {
            return Precaution::Nothing;
        }
        let lenient = self.lenient;
        let own = if function.code() <= 4 { 1 << function.code() } else { 0 };
        let answered = self.answered[usize::from(unit)];
        let is_proven = answered & !own != 0;
        let is_owed = |function: Function| {
            self.owed.iter().any(|owed| {
                let until = if is_proven { owed.until.0 } else { owed.until.1 };
                let expected = &owed.expected;
                until > now && (lenient || expected.unit == unit) && expected.function == function.code()
            })
        };
        if !is_owed(function) {
            return Precaution::Nothing;
        }
        let tables = [Table::HoldingRegisters, Table::InputRegisters, Table::Coils, Table::DiscreteInputs];
        let free = tables.map(Table::read_function).into_iter().filter(|function| !is_owed(*function));
        // False sorts first: functions that the unit has answered before.
        match free.min_by_key(|function| answered & (1 << function.code()) == 0) {
            Some(function) => Precaution::Probe(Request::Read { function, start: 0, count: 1 }),
            None => Precaution::Listen,
        }
    }

    /// A probe of this unit was answered: nothing is owed by it any more.
    pub(super) fn settle(&mut self, unit: u8) {
        let lenient = self.lenient;
        self.owed.retain(|owed| !lenient && owed.expected.unit != unit);
        self.note_expected();
    }

    /// The next answer to a pending request; answers that nobody waits for are dropped.
    pub(super) fn next(&mut self) -> Result<Option<Answer<'_>>, FrameError> {
        loop {
            let Some(place) = self.reader.advance(&self.expected)? else { return Ok(None) };
            let found = self.owner(&place);
            if let Some(trace) = &self.trace {
                trace.received(&self.reader.frame(&place), found.is_some());
            }
            if let Some(idx) = found {
                let pending = self.pending.remove(idx);
                if let code @ 1..=4 = pending.expected.function {
                    self.answered[usize::from(pending.expected.unit)] |= 1 << code;
                }
                self.note_expected();
                let outcome = self.outcome(&place, &pending);
                return Ok(Some(Answer { ticket: pending.ticket, outcome }));
            }
            self.pay(&place);
        }
    }

    /// Which pending request the frame answers.
    fn owner(&self, place: &Place) -> Option<usize> {
        let frame = self.reader.frame(place);
        if self.has_numbers() {
            return self.pending.iter().position(|pending| pending.transaction == frame.transaction);
        }
        let function = frame.pdu.first().copied()?;
        let is_exception = function & Function::EXCEPTION_BIT != 0;
        self.pending.iter().position(|pending| {
            let unit = if self.lenient { pending.expected.unit } else { frame.unit };
            pending.expected.matches(unit, function) && (is_exception || frame.pdu.len() == pending.expected.pdu_len)
        })
    }

    fn outcome(&self, place: &Place, pending: &Pending) -> Result<Response<'_>, String> {
        let frame = self.reader.frame(place);
        let expected = &pending.expected;
        if frame.unit != expected.unit && !self.lenient {
            return Err(format!("answer comes from unit {} instead of {}", frame.unit, expected.unit));
        }
        let response = Response::decode(frame.pdu).map_err(|error| format!("answer is malformed: {error}"))?;
        let function = frame.pdu.first().map_or(0, |code| code & !Function::EXCEPTION_BIT);
        if function != expected.function {
            return Err(format!("answer has function {function} instead of {}", expected.function));
        }
        match response {
            Response::Data { .. } if frame.pdu.len() != expected.pdu_len => {
                Err(format!("answer has {} bytes instead of {}", frame.pdu.len(), expected.pdu_len))
            }
            response => Ok(response),
        }
    }

    fn pay(&mut self, place: &Place) {
        let frame = self.reader.frame(place);
        let Some(function) = frame.pdu.first().copied() else { return };
        let unit = frame.unit;
        let lenient = self.lenient;
        let paid = |owed: &Owed| owed.expected.matches(if lenient { owed.expected.unit } else { unit }, function);
        if let Some(idx) = self.owed.iter().position(paid) {
            self.owed.remove(idx);
            self.note_expected();
        }
    }

    fn note_expected(&mut self) {
        self.expected.clear();
        self.expected.extend(self.pending.iter().map(|pending| pending.expected));
        self.expected.extend(self.owed.iter().map(|owed| owed.expected));
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
