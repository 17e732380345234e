//! The steps of an upload: which request comes next, and what its answer means. No I/O, no clock.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use thiserror::Error;

use super::nesting::contents;
use super::symbols::{Scope, Symbols, Template};
use crate::codec::message::{Request, Response};
use crate::codec::path::{Segment, to_instance};
use crate::codec::symbol::{Symbol, decode_page, encode_request};
use crate::codec::template::{Attributes, Definition};
use crate::codec::{CodecError, Status, class, service};

/// Why a controller's tags could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The controller refuses a request that an upload needs.
    #[error("controller refuses {what}: {status}")]
    Refused {
        /// Which request.
        what: &'static str,
        /// What it says.
        status: Status,
    },
    /// An answer makes no sense.
    #[error("{what}: {error}")]
    Answer {
        /// To which request.
        what: &'static str,
        /// What is wrong.
        error: CodecError,
    },
    /// The list does not end, or is longer than any program.
    #[error("list of tags has no end")]
    Endless,
    /// A tag is listed behind one with the same or a higher number, so that the list may go in circles.
    #[error("list of tags is not in the order of their numbers")]
    Disorder,
    /// A structure is a member of itself, which no program can have.
    #[error("a structure contains itself")]
    Circle,
    /// The program changed while it was being listed, several times.
    #[error("program changes all the time")]
    Unsteady,
}

#[derive(Clone, Debug)]
enum Step {
    Fingerprint,
    Tags { scope: Scope, next: u32 },
    Attributes(u16),
    Definition { template: u16, attributes: Attributes, data: Vec<u8> },
    Confirm,
    Done,
}

/// An upload under way.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Keys of the tags that are wanted; all when absent.
    wanted: Option<HashSet<String>>,
    /// Programs whose tags are wanted, in small letters; all when absent.
    programs: Option<HashSet<String>>,
    symbols: Symbols,
    step: Step,
    /// Programs whose tags are still to be listed.
    waiting: BTreeSet<String>,
    templates: BTreeSet<u16>,
    n_bytes: usize,
    n_starts: u32,
}

impl Upload {
    /// Most bytes of answers when everything is listed.
    const MAX_BYTES: usize = 64 << 20;
    /// Most bytes of answers when some tags are wanted: half a million entries to look through.
    const MAX_BYTES_WANTED: usize = 32 << 20;
    /// Counted for each answer beside its data, so that empty ones come to an end, too.
    const ANSWER_BYTES: usize = 32;

    /// An upload of everything, or of the tags with these keys (as [`crate::address::Address::root_key`] gives them).
    pub fn new(wanted: Option<HashSet<String>>) -> Self {
        let programs = wanted.as_ref().map(|keys| {
            let program = |key: &String| Some(key.strip_prefix("program:")?.split('.').next()?.to_owned());
            keys.iter().filter_map(program).collect()
        });
        Self {
            wanted,
            programs,
            symbols: Symbols::default(),
            step: Step::Fingerprint,
            waiting: BTreeSet::new(),
            templates: BTreeSet::new(),
            n_bytes: 0,
            n_starts: 0,
        }
    }

    /// A look whether what an earlier upload brought is still true; if it is not, an upload of the tags with these keys.
    pub fn confirming(known: &Symbols, wanted: HashSet<String>) -> Self {
        Self { symbols: known.clone(), step: Step::Confirm, ..Self::new(Some(wanted)) }
    }

    /// Appends the next request for an answer of at most `room` bytes; false when the upload is complete.
    pub fn request(&self, room: usize, out: &mut Vec<u8>) -> bool {
        let mut data = Vec::new();
        match &self.step {
            Step::Fingerprint | Step::Confirm => change_request(out),
            Step::Tags { scope, next } => {
                let mut path = Vec::new();
                if let Scope::Program(program) = scope {
                    Segment::Symbol(format!("Program:{program}").as_bytes()).encode(&mut path);
                }
                Segment::Class(class::SYMBOL).encode(&mut path);
                Segment::Instance(*next).encode(&mut path);
                encode_request(&mut data);
                let service = service::GET_INSTANCE_ATTRIBUTE_LIST;
                Request { service, path: &path, data: &data }.encode(out);
            }
            Step::Attributes(template) => {
                let path = to_instance(class::TEMPLATE, (*template).into());
                Attributes::encode_request(&mut data);
                Request { service: service::GET_ATTRIBUTE_LIST, path: &path, data: &data }.encode(out);
            }
            Step::Definition { template, attributes, data: have } => {
                let path = to_instance(class::TEMPLATE, (*template).into());
                let left = (attributes.n_definition_bytes() as usize).saturating_sub(have.len());
                let len = left.min(room.saturating_sub(4)).min(usize::from(u16::MAX)) as u16;
                data.extend_from_slice(&(have.len() as u32).to_le_bytes());
                data.extend_from_slice(&len.to_le_bytes());
                Request { service: service::READ_TAG, path: &path, data: &data }.encode(out);
            }
            Step::Done => return false,
        }
        true
    }

    /// Takes the answer to the last request in.
    ///
    /// # Errors
    /// [`UploadError`] ends the upload.
    pub fn answer(&mut self, response: &Response<'_>) -> Result<(), UploadError> {
        self.n_bytes += Self::ANSWER_BYTES + response.data.len();
        let most = if self.wanted.is_some() { Self::MAX_BYTES_WANTED } else { Self::MAX_BYTES };
        if self.n_bytes > most {
            return Err(UploadError::Endless);
        }
        match std::mem::replace(&mut self.step, Step::Done) {
            Step::Fingerprint => {
                self.symbols = Symbols::default();
                // A device without change counters has a tag list all the same, perhaps.
                self.symbols.fingerprint =
                    if response.status.is_success() { response.data.to_vec() } else { Vec::new() };
                self.step = Step::Tags { scope: Scope::Controller, next: 0 };
                Ok(())
            }
            Step::Tags { scope, next } => self.take_tags(scope, next, response),
            Step::Attributes(template) => {
                check("the attributes of a structure", response, false)?;
                let attributes = Attributes::decode(response.data)
                    .map_err(|error| UploadError::Answer { what: "attributes of a structure", error })?;
                self.step = Step::Definition { template, attributes, data: Vec::new() };
                Ok(())
            }
            Step::Definition { template, attributes, mut data } => {
                let is_partial = check("the definition of a structure", response, true)?;
                data.extend_from_slice(response.data);
                let is_whole = data.len() >= attributes.n_definition_bytes() as usize;
                if !is_whole && (is_partial || !response.data.is_empty()) {
                    if response.data.is_empty() {
                        return Err(UploadError::Endless);
                    }
                    self.step = Step::Definition { template, attributes, data };
                    return Ok(());
                }
                let definition = Definition::decode(&data, attributes.n_members)
                    .map_err(|error| UploadError::Answer { what: "definition of a structure", error })?;
                let inner = definition.members.iter().filter_map(|member| member.template());
                self.templates.extend(inner.filter(|inner| !self.symbols.templates.contains_key(inner)));
                self.symbols.templates.insert(template, Arc::new(Template { attributes, definition }));
                self.templates.remove(&template);
                self.next_template()
            }
            Step::Confirm => {
                let now = if response.status.is_success() { response.data } else { &[] };
                if now == self.symbols.fingerprint {
                    return Ok(());
                }
                self.n_starts += 1;
                if self.n_starts > 3 {
                    return Err(UploadError::Unsteady);
                }
                *self = Self { n_starts: self.n_starts, ..Self::new(self.wanted.take()) };
                Ok(())
            }
            Step::Done => Ok(()),
        }
    }

    fn take_tags(&mut self, scope: Scope, next: u32, response: &Response<'_>) -> Result<(), UploadError> {
        let is_partial = check("the list of its tags", response, true)?;
        let page = decode_page(response.data).map_err(|error| UploadError::Answer { what: "list of tags", error })?;
        let last = page.last().map(|symbol| symbol.instance);
        let mut lowest = next;
        for symbol in &page {
            if symbol.instance < lowest {
                return Err(UploadError::Disorder);
            }
            lowest = symbol.instance.saturating_add(1);
        }
        if scope == Scope::Controller {
            let programs = page.iter().filter_map(Symbol::program);
            let wanted = |program: &&str| {
                self.programs.as_ref().is_none_or(|programs| programs.contains(&program.to_ascii_lowercase()))
            };
            self.waiting.extend(programs.filter(wanted).map(str::to_owned));
        }
        let wanted = self.wanted.as_ref();
        let is_wanted = |symbol: &Symbol| match wanted {
            Some(keys) => keys.contains(&scope.address(&symbol.name).to_ascii_lowercase()),
            None => symbol.is_users(),
        };
        let kept: Vec<Symbol> = page.into_iter().filter(|symbol| is_wanted(symbol)).collect();
        self.templates.extend(kept.iter().filter_map(|symbol| symbol.symbol_type.template()));
        self.symbols.add(&scope, kept);
        match last {
            Some(last) if is_partial => {
                let following = last.checked_add(1).ok_or(UploadError::Endless)?;
                self.step = Step::Tags { scope, next: following };
            }
            None if is_partial => return Err(UploadError::Endless),
            _ => match self.waiting.pop_first() {
                Some(program) => self.step = Step::Tags { scope: Scope::Program(program), next: 0 },
                None => self.next_template()?,
            },
        }
        Ok(())
    }

    fn next_template(&mut self) -> Result<(), UploadError> {
        self.step = match self.templates.first() {
            Some(template) => Step::Attributes(*template),
            None => {
                self.symbols.contents = contents(&self.symbols.templates).ok_or(UploadError::Circle)?;
                Step::Confirm
            }
        };
        Ok(())
    }

    /// What was uploaded, once [`Upload::request`] says that it is complete, and the keys that were wanted.
    pub fn finish(self) -> (Symbols, Option<HashSet<String>>) {
        (self.symbols, self.wanted)
    }

    /// Whether all requests were answered.
    pub const fn is_done(&self) -> bool {
        matches!(self.step, Step::Done)
    }
}

/// Appends the request for the change counters.
pub(crate) fn change_request(out: &mut Vec<u8>) {
    let path = to_instance(class::CHANGE_COUNTERS, 1);
    let data = [5, 0, 1, 0, 2, 0, 3, 0, 4, 0, 10, 0];
    Request { service: service::GET_ATTRIBUTE_LIST, path: &path, data: &data }.encode(out);
}

/// Whether the answer is only a part.
fn check(what: &'static str, response: &Response<'_>, may_be_partial: bool) -> Result<bool, UploadError> {
    match response.status {
        status if status.is_success() => Ok(false),
        status if may_be_partial && status.general == Status::PARTIAL.general => Ok(true),
        status => Err(UploadError::Refused { what, status }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of tags of type DINT, or of structures of the type 1.
    fn page(tags: &[(u32, &str)], symbol_type: u16) -> Vec<u8> {
        let mut out = Vec::new();
        for (instance, name) in tags {
            out.extend_from_slice(&instance.to_le_bytes());
            out.extend_from_slice(&(name.len() as u16).to_le_bytes());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(&symbol_type.to_le_bytes());
            out.extend_from_slice(&[0; 12]);
        }
        out
    }

    fn upload(wanted: &[&str]) -> Upload {
        let mut upload = Upload::new(Some(wanted.iter().map(|key| (*key).to_owned()).collect()));
        answer(&mut upload, Status::SUCCESS, &[1]).expect("change counters");
        upload
    }

    fn answer(upload: &mut Upload, status: Status, data: &[u8]) -> Result<(), UploadError> {
        upload.answer(&Response { service: 0, status, data })
    }

    #[test]
    fn a_list_that_names_an_instance_again_is_ended() {
        for again in [5, 4, 1] {
            let tags = page(&[(5, "a"), (again, "b")], 0xC4);
            assert_eq!(answer(&mut upload(&["a"]), Status::PARTIAL, &tags), Err(UploadError::Disorder), "{again}");
            let mut pages = upload(&["a"]);
            answer(&mut pages, Status::PARTIAL, &page(&[(5, "a")], 0xC4)).expect("a page");
            let next = page(&[(again, "b")], 0xC4);
            assert_eq!(answer(&mut pages, Status::PARTIAL, &next), Err(UploadError::Disorder), "{again}");
        }
    }

    #[test]
    fn an_endless_list_of_one_name_is_kept_once_and_ended() {
        for name in ["m", "Program:p"] {
            let mut upload = upload(&["m", "program:p.x"]);
            let mut n = 0;
            let mut bytes = 0;
            let error = loop {
                let tags: Vec<(u32, &str)> = (n + 1..n + 150).map(|instance| (instance, name)).collect();
                n += 150;
                let page = page(&tags, 0xC4);
                bytes += page.len();
                if let Err(error) = answer(&mut upload, Status::PARTIAL, &page) {
                    break error;
                }
            };
            assert_eq!(error, UploadError::Endless);
            assert!(bytes <= 32 << 20, "{bytes}");
            assert!(upload.symbols.tags.len() <= 1 && upload.waiting.len() <= 1, "{name}");
        }
    }

    #[test]
    fn a_structure_that_contains_itself_is_refused() {
        let mut upload = upload(&["m"]);
        answer(&mut upload, Status::SUCCESS, &page(&[(1, "m")], 0x8001)).expect("a page");
        let member = |idx: usize| crate::codec::template::Member {
            name: format!("M{idx}"),
            info: 0,
            kind: if idx == 0 { 0xC4 } else { 0x8001 },
            offset: 0,
        };
        let definition = Definition { name: "T".to_owned(), members: (0..41).map(member).collect() };
        let mut data = Vec::new();
        definition.encode(&mut data);
        let definition_size = (data.len() + 23).div_ceil(4) as u32;
        let attributes = Attributes { definition_size, structure_size: 4, n_members: 41, handle: 1 };
        let mut head = Vec::new();
        attributes.encode(&mut head);
        answer(&mut upload, Status::SUCCESS, &head).expect("attributes");
        data.resize(definition_size as usize * 4, 0);
        assert_eq!(answer(&mut upload, Status::SUCCESS, &data), Err(UploadError::Circle));
    }
}
