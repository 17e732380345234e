//! One tag on the other server: how it is watched, and what was seen last.

use std::time::Duration;

use tagwire_driver::{AddressError, TagSpec};
use tagwire_model::{Deadband, Sample, Status, Timestamp, Value, ValueType};
use tokio::time::Instant;

use crate::address::Address;
use crate::settings::{deadband, queue};

/// First pause before a refused tag is asked for once more.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The server no longer has the node.
const BAD_NODE_ID_UNKNOWN: Status = Status::BAD_NODE_ID_UNKNOWN;

/// A tag as configured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tag {
    pub(crate) address: Address,
    pub(crate) value_type: ValueType,
    /// Sampling interval of its own.
    pub(crate) sampling: Option<Duration>,
    pub(crate) queue: Option<u32>,
    pub(crate) deadband: Deadband,
}

impl Tag {
    pub(crate) fn new(spec: &TagSpec) -> Result<Self, AddressError> {
        Ok(Self {
            address: Address::parse(&spec.address)?,
            value_type: spec.value_type,
            sampling: spec.scan,
            queue: queue(&spec.settings),
            deadband: deadband(&spec.settings)?,
        })
    }

    /// Sampling interval and queue below a subscription with this interval.
    pub(crate) fn terms(&self, interval: Duration) -> (Duration, u32) {
        let sampling = self.sampling.unwrap_or(interval);
        let per_notification = interval.as_nanos().div_ceil(sampling.as_nanos().max(1));
        // Room for one notification more than is due, because the server's clocks are not ours.
        let enough = u32::try_from(per_notification.saturating_mul(2)).unwrap_or(u32::MAX).clamp(2, 10_000);
        (sampling, self.queue.unwrap_or(enough))
    }
}

/// Where a tag stands with the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    /// To be watched.
    Waiting,
    /// Asked for.
    Asked,
    /// Watched under the server's number.
    Watched(u32),
    /// Refused, and asked for again at this time.
    Refused(Instant),
    /// A method, which is never watched.
    Method,
    /// A member of a structure that is watched through another tag.
    Member,
}

/// A tag's life on the server.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) state: State,
    /// The number that comes with its samples; not 0.
    pub(crate) handle: u32,
    /// Next pause after a refusal.
    pause: Duration,
    /// Source time of the last sample, to tell a change from the same value once more.
    last_time: Timestamp,
    has_value: bool,
    /// Changes may have been missed since the last sample.
    is_doubtful: bool,
    /// How many samples came, to tell whether one did meanwhile.
    pub(crate) n_told: u32,
    /// Whether a sample came since the subscription was taken over.
    pub(crate) is_fresh: bool,
    /// It is read, because the server does not watch it.
    pub(crate) is_polled: bool,
    /// Among the structures of its device, the one that it is a member of.
    pub(crate) group: Option<usize>,
    /// The type in which the server keeps the value.
    kept_as: Option<ValueType>,
}

impl Item {
    pub(crate) const fn new(handle: u32, tag: &Tag) -> Self {
        Self {
            state: if tag.address.is_method() { State::Method } else { State::Waiting },
            handle,
            pause: FIRST_RETRY,
            last_time: Timestamp::NONE,
            has_value: false,
            is_doubtful: false,
            n_told: 0,
            is_fresh: false,
            is_polled: false,
            group: None,
            kept_as: None,
        }
    }

    /// Nothing on the server is known any more, and changes may have been missed.
    pub(crate) const fn forget(&mut self) {
        if !matches!(self.state, State::Method | State::Member) {
            self.state = State::Waiting;
        }
        self.is_polled = false;
        self.doubt();
    }

    /// Whether it never had a value.
    pub(crate) const fn is_new(&self) -> bool {
        !self.has_value
    }

    /// Changes may have been missed.
    pub(crate) const fn doubt(&mut self) {
        self.is_doubtful = self.has_value;
    }

    /// The server refused it.
    pub(crate) fn refused(&mut self, now: Instant, longest: Duration) {
        let pause = self.pause.min(longest);
        self.state = State::Refused(now + pause);
        self.pause = pause.saturating_mul(2).min(longest);
    }

    /// The server watches it.
    pub(crate) const fn watched(&mut self, id: u32) {
        self.state = State::Watched(id);
        self.is_polled = false;
    }

    /// What to show for a sample: value in the declared type, quality, source time.
    pub(crate) fn take(&mut self, sample: Sample, declared: ValueType) -> (Value, Status, Timestamp) {
        let Sample { value, mut status, source_time, server_time } = sample;
        let is_same = !source_time.is_none() && source_time == self.last_time;
        if std::mem::take(&mut self.is_doubtful) && !is_same {
            status = status.with_info(Status::INFO_DATA_VALUE | Status::OVERFLOW);
        }
        self.last_time = source_time;
        self.n_told = self.n_told.wrapping_add(1);
        self.is_fresh = true;
        if !status.is_bad() {
            self.has_value = true;
            self.pause = FIRST_RETRY;
        }
        let time = if source_time.is_none() { server_time } else { source_time };
        if status.is_bad() {
            // The last good value stays beside the bad quality, as with every other driver.
            return (Value::Null, status, time);
        }
        let Some(kept_as) = value.value_type() else {
            // A quality alone would leave the value that the server no longer has.
            return (Value::Null, Status::BAD_NO_DATA, time);
        };
        self.kept_as = Some(kept_as);
        match to_declared(value, declared) {
            Some(value) => (value, status, time),
            None => (Value::Null, Status::BAD_TYPE_MISMATCH, time),
        }
    }

    /// The value to send for one of the declared type: in the type that the server keeps.
    pub(crate) fn to_send(&self, value: Value) -> Result<Value, Status> {
        match self.kept_as {
            Some(kept_as) if kept_as.dims.rank() == 0 && value.value_type().is_some_and(|own| own.is_scalar()) => {
                value.convert(kept_as).map_err(|error| match error {
                    tagwire_model::ConvertError::Range => Status::BAD_OUT_OF_RANGE,
                    _ => Status::BAD_TYPE_MISMATCH,
                })
            }
            _ => Ok(value),
        }
    }

    /// Whether this quality says that the server lost the node, so that it must be asked for anew.
    pub(crate) fn is_gone(&self, status: Status) -> bool {
        matches!(self.state, State::Watched(_)) && status.code() == BAD_NODE_ID_UNKNOWN
    }
}

/// What a method of a tag is called with: nothing for a Boolean, else the value, and of an array each element.
pub(crate) fn inputs(value: Value) -> Vec<Value> {
    match value {
        Value::Boolean(_) => Vec::new(),
        Value::Array(array) => (0..array.data().len()).filter_map(|idx| array.data().element(idx)).collect(),
        value => vec![value],
    }
}

/// The value in the declared type; an array may have any length, because a server's own may change.
pub(crate) fn to_declared(value: Value, declared: ValueType) -> Option<Value> {
    match value.value_type() {
        None => Some(value),
        Some(own) if own.data_type == declared.data_type && own.dims.rank() == declared.dims.rank() => Some(value),
        Some(own) if own.dims.rank() == declared.dims.rank() => {
            value.convert(ValueType { data_type: declared.data_type, dims: own.dims }).ok()
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_model::{ArrayData, DataType, Dims};

    fn sample(value: Value, time: i64) -> Sample {
        Sample::good(value, Timestamp::from_ticks(time))
    }

    const F64: ValueType = ValueType::scalar(DataType::Double);

    fn tag() -> Tag {
        Tag {
            address: Address::parse("i=1").expect("an address"),
            value_type: F64,
            sampling: None,
            queue: None,
            deadband: Deadband::None,
        }
    }

    #[test]
    fn after_a_doubtful_time_a_changed_sample_is_marked_and_an_unchanged_one_is_not() {
        let marked = Status::GOOD.with_info(Status::INFO_DATA_VALUE | Status::OVERFLOW);
        for (time, expected) in [(7, Status::GOOD), (8, marked)] {
            let mut item = Item::new(1, &tag());
            item.forget();
            assert_eq!(item.take(sample(Value::Double(1.0), 7), F64).1, Status::GOOD, "the first value of all");
            item.forget();
            assert_eq!(item.take(sample(Value::Double(2.0), time), F64).1, expected);
            assert_eq!(item.take(sample(Value::Double(3.0), 9), F64).1, Status::GOOD, "only once");
        }
    }

    #[test]
    fn values_come_in_the_declared_type_and_go_out_in_the_servers() {
        let mut item = Item::new(1, &tag());
        assert_eq!(item.take(sample(Value::Float(1.5), 1), F64).0, Value::Double(1.5));
        assert_eq!(item.to_send(Value::Double(2.5)), Ok(Value::Float(2.5)));
        let text = item.take(sample(Value::text("x"), 2), F64);
        assert_eq!((text.0, text.1), (Value::Null, Status::BAD_TYPE_MISMATCH));
        let wanted = ValueType { data_type: DataType::Int32, dims: Dims::one(2) };
        let array = Value::array(Dims::one(3), ArrayData::Int32(vec![1, 2, 3])).expect("an array");
        assert_eq!(item.take(sample(array.clone(), 3), wanted).0, array, "any length");
        let bad = Sample { status: Status::BAD_TIMEOUT, ..sample(Value::Int32(1), 4) };
        assert_eq!(item.take(bad, F64).0, Value::Null);
    }

    #[test]
    fn a_refused_tag_is_asked_for_after_pauses_that_grow_to_the_longest() {
        let mut item = Item::new(1, &tag());
        let (now, longest) = (Instant::now(), Duration::from_secs(3));
        let pauses: Vec<_> = (0..4)
            .map(|_| {
                item.refused(now, longest);
                match item.state {
                    State::Refused(at) => (at - now).as_secs(),
                    _ => 0,
                }
            })
            .collect();
        assert_eq!(pauses, [1, 2, 3, 3]);
    }

    #[test]
    fn the_queue_holds_all_that_the_server_samples() {
        let tag = |sampling| Tag { sampling, ..tag() };
        let second = Duration::from_secs(1);
        assert_eq!(tag(None).terms(second), (second, 2));
        assert_eq!(tag(Some(second / 10)).terms(second), (second / 10, 20));
        assert_eq!(tag(Some(second * 10)).terms(second), (second * 10, 2));
    }
}
