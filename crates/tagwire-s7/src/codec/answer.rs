//! Answers: what a CPU says to a job.

use std::fmt;

use super::fault::{HeaderError, ReturnCode};
use super::header::{self, ACK, ACK_DATA, PduError, READ, SETUP, WRITE};
use super::pointer::Size;
use super::request::{Setup, item_head, split_item};

/// The answer to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The number of the job.
    pub reference: u16,
    /// What the CPU says.
    pub body: AnswerBody<'a>,
}

/// What a CPU says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerBody<'a> {
    /// What was agreed on.
    Setup(Setup),
    /// What was read.
    Read(ReadItems<'a>),
    /// One code for each item written.
    Write(&'a [u8]),
    /// The whole job was refused.
    Refused(HeaderError),
    /// The answer to something else, with its function.
    Other(u8),
}

/// The items of an answer to a read, each with its own outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadItems<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> ReadItems<'a> {
    /// Number of items.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The data, or the refusal, of each item in order.
    pub fn iter(&self) -> impl Iterator<Item = Result<&'a [u8], ReturnCode>> {
        let mut rest = self.bytes;
        (0..self.count).map_while(move |_| {
            let code = ReturnCode(*rest.first()?);
            let (data, tail) = split_item(rest).ok()?;
            rest = tail;
            Some(if code == ReturnCode::SUCCESS { Ok(data) } else { Err(code) })
        })
    }
}

impl<'a> Answer<'a> {
    /// Reads an answer and checks that its lengths agree.
    ///
    /// # Errors
    /// [`PduError`] says what is wrong.
    pub fn decode(pdu: &'a [u8]) -> Result<Self, PduError> {
        let parts = header::parts(pdu)?;
        if !matches!(parts.kind, ACK | ACK_DATA) {
            return Err(PduError::Kind(parts.kind));
        }
        let reference = parts.reference;
        if parts.error != 0 {
            return Ok(Self { reference, body: AnswerBody::Refused(HeaderError(parts.error)) });
        }
        let function = *parts.parameters.first().ok_or(PduError::Length)?;
        let count = || parts.parameters.get(1).copied().map(usize::from).ok_or(PduError::Length);
        let body = match function {
            SETUP => AnswerBody::Setup(Setup::decode(parts.parameters)?),
            READ => {
                let count = count()?;
                let mut rest = parts.data;
                for _ in 0..count {
                    (_, rest) = split_item(rest)?;
                }
                if !rest.is_empty() {
                    return Err(PduError::Length);
                }
                AnswerBody::Read(ReadItems { count, bytes: parts.data })
            }
            WRITE => {
                if count()? != parts.data.len() {
                    return Err(PduError::Length);
                }
                AnswerBody::Write(parts.data)
            }
            other => AnswerBody::Other(other),
        };
        Ok(Self { reference, body })
    }
}

/// Appends the answer to a setup.
pub fn encode_setup_answer(reference: u16, setup: &Setup, out: &mut Vec<u8>) {
    header::encode(ACK_DATA, reference, 0, out, |out| setup.encode(out), |_| {});
}

/// Appends the answer to a write: one code for each item.
pub fn encode_write_answer(reference: u16, codes: &[ReturnCode], out: &mut Vec<u8>) {
    let parameters = |out: &mut Vec<u8>| out.extend_from_slice(&[WRITE, codes.len() as u8]);
    header::encode(ACK_DATA, reference, 0, out, parameters, |out| out.extend(codes.iter().map(|code| code.0)));
}

/// Appends the refusal of a whole job.
pub fn encode_refusal(reference: u16, error: HeaderError, out: &mut Vec<u8>) {
    header::encode(ACK, reference, error.0, out, |_| {}, |_| {});
}

/// The answer to a read, put together item by item.
#[derive(Debug, Default)]
pub struct ReadAnswer {
    n_items: u8,
    bytes: Vec<u8>,
}

impl ReadAnswer {
    /// Adds an item that was read.
    pub fn push(&mut self, size: Size, data: &[u8]) {
        self.pad();
        item_head(ReturnCode::SUCCESS.0, size, data.len(), &mut self.bytes);
        self.bytes.extend_from_slice(data);
    }

    /// Adds an item that was refused.
    pub fn refuse(&mut self, code: ReturnCode) {
        self.pad();
        self.bytes.extend_from_slice(&[code.0, 0, 0, 0]);
    }

    fn pad(&mut self) {
        self.n_items = self.n_items.saturating_add(1);
        if !self.bytes.len().is_multiple_of(2) {
            self.bytes.push(0);
        }
    }

    /// Length of the whole answer.
    pub fn len(&self) -> usize {
        super::ANSWER_OVERHEAD + self.bytes.len()
    }

    /// Whether there is no item yet.
    pub const fn is_empty(&self) -> bool {
        self.n_items == 0
    }

    /// Appends the answer.
    pub fn encode(&self, reference: u16, out: &mut Vec<u8>) {
        let parameters = |out: &mut Vec<u8>| out.extend_from_slice(&[READ, self.n_items]);
        header::encode(ACK_DATA, reference, 0, out, parameters, |out| out.extend_from_slice(&self.bytes));
    }
}

/// One line for the decode trace.
impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {}: ", self.reference)?;
        match self.body {
            AnswerBody::Setup(setup) => {
                write!(f, "setup, {} bytes per message, {} jobs at once", setup.pdu_len, setup.n_calling)
            }
            AnswerBody::Read(items) => {
                write!(f, "read")?;
                items.iter().enumerate().try_for_each(|(idx, item)| {
                    f.write_str(if idx == 0 { " " } else { ", " })?;
                    match item {
                        Ok(data) => write!(f, "{} bytes", data.len()),
                        Err(code) => write!(f, "code {}", code.0),
                    }
                })
            }
            AnswerBody::Write(codes) => write!(f, "written, codes {codes:02X?}"),
            AnswerBody::Refused(error) => write!(f, "{error}"),
            AnswerBody::Other(function) => write!(f, "function 0x{function:02X}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_of_a_read_has_its_own_outcome() {
        let mut answer = ReadAnswer::default();
        answer.push(Size::BYTE, &[1, 2, 3]);
        answer.refuse(ReturnCode::ADDRESS);
        answer.push(Size::TIMER, &[0x10, 0x25]);
        answer.push(Size::BIT, &[1]);
        let mut out = Vec::new();
        answer.encode(7, &mut out);
        assert_eq!(out.len(), answer.len());
        #[rustfmt::skip]
        assert_eq!(out, [
            0x32, 3, 0, 0, 0, 7, 0, 2, 0, 23, 0, 0, 4, 4,
            0xFF, 4, 0, 24, 1, 2, 3, 0,
            5, 0, 0, 0,
            0xFF, 9, 0, 2, 0x10, 0x25,
            0xFF, 3, 0, 1, 1,
        ]);
        let AnswerBody::Read(items) = Answer::decode(&out).expect("valid").body else { panic!("no read") };
        let found: Vec<_> = items.iter().collect();
        assert_eq!(found, [Ok(&[1, 2, 3][..]), Err(ReturnCode::ADDRESS), Ok(&[0x10, 0x25]), Ok(&[1])]);
    }

    #[test]
    fn refusals_of_whole_jobs_name_the_usual_cause() {
        let mut out = Vec::new();
        encode_refusal(3, HeaderError::NOT_AVAILABLE, &mut out);
        assert_eq!(out, [0x32, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0x81, 4]);
        let answer = Answer::decode(&out).expect("valid");
        assert!(answer.to_string().contains("PUT/GET"), "{answer}");
        assert!(ReturnCode::ADDRESS.to_string().contains("optimised"));
    }

    #[test]
    fn every_truncation_of_an_answer_is_refused() {
        let mut read = ReadAnswer::default();
        read.push(Size::BYTE, &[1, 2]);
        let mut answers = [Vec::new(), Vec::new()];
        read.encode(1, &mut answers[0]);
        encode_write_answer(1, &[ReturnCode::SUCCESS, ReturnCode::NO_OBJECT], &mut answers[1]);
        for answer in answers {
            assert!(Answer::decode(&answer).is_ok());
            for len in 0..answer.len() {
                assert!(Answer::decode(&answer[..len]).is_err(), "{len} of {answer:02X?}");
            }
        }
    }
}
