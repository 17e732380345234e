//! One HistoryRead request, carried out where it may wait for the disk.

use std::sync::Arc;

use tagwire_access::{Policy, Principal};
use tagwire_history::TagNumber;
use tagwire_model::{Status, Timestamp, ValueType};
use tagwire_ua_proto::codec::{Encode, write_len};
use tagwire_ua_proto::hot::start_response;
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::{
    ReadAnnotationDataDetails, ReadAtTimeDetails, ReadEventDetails, ReadProcessedDetails, ReadRawModifiedDetails,
    TimestampsToReturn,
};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ExtensionObject, NumericRange};

use super::page::Page;
use super::points::{At, ID_LEN, Point, Whose};
use super::{HistorySource, Kept, annotation, at_time, event, modified, processed, raw};
use crate::event::{Filter, Scope};
use crate::limits;
use crate::session::Session;

/// Bytes of a result without its values.
const RESULT_BYTES: usize = 64;

/// What is asked of every node.
#[derive(Clone, Debug)]
pub(crate) enum Details {
    Raw(ReadRawModifiedDetails),
    Times(ReadAtTimeDetails),
    Processed(ReadProcessedDetails),
    Annotations(ReadAnnotationDataDetails),
    Events(ReadEventDetails),
}

impl Details {
    /// Reads the details.
    ///
    /// # Errors
    /// `BadHistoryOperationInvalid` for what are no details, `BadTooManyOperations` for too many times, and what is wrong
    /// with the encoding.
    pub(crate) fn parse(details: &ExtensionObject) -> Result<Self, Status> {
        let times = |times: &[Timestamp]| {
            if times.len() > limits::MAX_HISTORY_TIMES { Err(Status::BAD_TOO_MANY_OPERATIONS) } else { Ok(()) }
        };
        if let Some(raw) = details.decode_as::<ReadRawModifiedDetails>() {
            return raw.map(Self::Raw).map_err(|error| error.status());
        }
        if let Some(processed) = details.decode_as::<ReadProcessedDetails>() {
            return processed.map(Self::Processed).map_err(|error| error.status());
        }
        if let Some(at_time) = details.decode_as::<ReadAtTimeDetails>() {
            let at_time = at_time.map_err(|error| error.status())?;
            return times(&at_time.req_times).map(|()| Self::Times(at_time));
        }
        if let Some(annotations) = details.decode_as::<ReadAnnotationDataDetails>() {
            let annotations = annotations.map_err(|error| error.status())?;
            return times(&annotations.req_times).map(|()| Self::Annotations(annotations));
        }
        if let Some(events) = details.decode_as::<ReadEventDetails>() {
            return events.map(Self::Events).map_err(|error| error.status());
        }
        Err(status::BAD_HISTORY_OPERATION_INVALID)
    }
}

/// A tag whose history is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) number: TagNumber,
    /// Its number in the own files, where it is among them.
    pub(crate) local: Option<TagNumber>,
    pub(crate) value_type: ValueType,
    pub(crate) kept: Kept,
    /// Whether samples are taken now.
    pub(crate) is_live: bool,
    /// Whether the node is the tag's property with annotations.
    pub(crate) is_annotations: bool,
    /// Whether all values take the same few bytes.
    pub(crate) is_fixed: bool,
    /// Whether only parts of the values are wanted.
    pub(crate) is_cut: bool,
}

/// Whose history is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Of {
    Values(Subject),
    Events(Scope),
}

impl Of {
    /// What a continuation point has to belong to.
    pub(crate) fn whose(&self) -> Whose {
        match self {
            Self::Values(subject) => Whose::Tag(subject.number),
            Self::Events(scope) => Whose::Notifier(scope.clone()),
        }
    }
}

/// What is to be read of one node.
pub(crate) struct Job {
    pub(crate) of: Of,
    pub(crate) range: Option<NumericRange>,
    pub(crate) resume: Option<Point>,
}

/// A request that passed the checks.
pub(crate) struct Reading {
    pub(crate) source: Arc<HistorySource>,
    pub(crate) session: Arc<Session>,
    /// Number of the request among those of the session.
    pub(crate) request: u64,
    pub(crate) details: Details,
    /// Which events are wanted, where events are.
    pub(crate) filter: Option<Filter>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) wanted: TimestampsToReturn,
    pub(crate) jobs: Vec<Result<Job, Status>>,
    pub(crate) request_handle: u32,
    pub(crate) max_response: usize,
    pub(crate) now: Timestamp,
}

impl Reading {
    /// Reads one page per node; the body of the response. May wait for the disk.
    pub(crate) fn run(mut self) -> Vec<u8> {
        let mut out = Vec::new();
        start_response(ids::HISTORY_READ_RESPONSE, self.request_handle, Status::GOOD, self.now, &mut out);
        let jobs = std::mem::take(&mut self.jobs);
        write_len(jobs.len(), &mut out);
        let mut left = jobs.len();
        for (place, job) in jobs.into_iter().enumerate() {
            let start = out.len();
            let rest = self.max_response.saturating_sub(out.len() + (left + 1) * RESULT_BYTES);
            let outcome = job.and_then(|job| self.one(place, job, rest / left.max(1), &mut out));
            if let Err(status) = outcome {
                out.truncate(start);
                write_failed(status, &mut out);
            }
            left -= 1;
        }
        (-1_i32).encode(&mut out);
        out
    }

    fn one(&self, place: usize, job: Job, budget: usize, out: &mut Vec<u8>) -> Result<(), Status> {
        let Job { of, range, resume } = job;
        let whose = of.whose();
        let resume = resume.map(|point| point.at);
        let own = self.source.history();
        let subject = match of {
            Of::Values(subject) => subject,
            Of::Events(scope) => return self.events(&scope, resume, budget, out),
        };
        let history = &self.source.archive(subject.number);
        let most = limits::MAX_HISTORY_VALUES_PER_NODE as usize;
        let (encoding, max) = match &self.details {
            Details::Raw(details) => {
                let encoding = if details.is_read_modified { ids::HISTORY_MODIFIED_DATA } else { ids::HISTORY_DATA };
                let asked = details.num_values_per_node as usize;
                (encoding, if asked == 0 { most } else { asked.min(most) })
            }
            _ => (ids::HISTORY_DATA, most),
        };
        let mut page = Page::new(encoding, out, (budget, max), self.wanted, range.as_ref());
        let mut if_empty = status::GOOD_NO_DATA;
        let next = match (&self.details, subject.is_annotations) {
            (Details::Raw(details), true) if !details.is_read_modified => {
                annotation::read(own, &subject, details, resume, &mut page)?
            }
            (Details::Annotations(details), _) => annotation::read_at(own, &subject, &details.req_times, &mut page)?,
            (_, true) => return Err(status::BAD_HISTORY_OPERATION_UNSUPPORTED),
            (Details::Raw(details), _) if details.is_read_modified => {
                modified::read(history, &subject, details, resume, &mut page)?
            }
            (Details::Raw(details), _) => {
                let resume = match resume {
                    Some(At::Raw(point)) => Some(point),
                    Some(_) => return Err(status::BAD_CONTINUATION_POINT_INVALID),
                    None => None,
                };
                raw::read(history, &subject, details, resume, &mut page)?
            }
            (Details::Times(details), _) => {
                if_empty = Status::GOOD;
                at_time::read(history, &subject, details, resume, &mut page)?
            }
            (Details::Processed(details), _) => {
                if_empty = Status::GOOD;
                processed::read(history, &subject, (details, place), self.now, resume, &mut page)?
            }
            (Details::Events(_), _) => return Err(status::BAD_HISTORY_OPERATION_UNSUPPORTED),
        };
        let point = next.map(|at| self.keep(Point { of: whose, at })).transpose()?;
        page.finish(point, if_empty);
        Ok(())
    }

    fn events(&self, scope: &Scope, resume: Option<At>, budget: usize, out: &mut Vec<u8>) -> Result<(), Status> {
        let (Details::Events(details), Some(filter)) = (&self.details, &self.filter) else {
            return Err(status::BAD_HISTORY_OPERATION_UNSUPPORTED);
        };
        let resume = match resume {
            Some(At::Events(point)) => Some(point),
            Some(_) => return Err(status::BAD_CONTINUATION_POINT_INVALID),
            None => None,
        };
        let (principal, policy) = (&*self.principal, &*self.policy);
        let reader = event::Reader { history: self.source.history(), scope, filter, principal, policy };
        let most = limits::MAX_HISTORY_EVENTS_PER_NODE;
        let max = if details.num_values_per_node == 0 { most } else { details.num_values_per_node.min(most) };
        let mut page = Page::new(ids::HISTORY_EVENT, out, (budget, max as usize), self.wanted, None);
        let next = reader.read(details, resume, &mut page)?;
        let of = Whose::Notifier(scope.clone());
        let point = next.map(|at| self.keep(Point { of, at })).transpose()?;
        page.finish(point, status::GOOD_NO_DATA);
        Ok(())
    }

    fn keep(&self, point: Point) -> Result<[u8; ID_LEN], Status> {
        let id = self.session.state.lock().history_points.put(self.request, point);
        id.ok_or(status::BAD_NO_CONTINUATION_POINTS)
    }
}

/// Appends a result without data.
pub(crate) fn write_failed(status: Status, out: &mut Vec<u8>) {
    status.encode(out);
    (-1_i32).encode(out);
    ExtensionObject::default().encode(out);
}
