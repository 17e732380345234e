//! What is done to a value between its link and those who see it: limits, then the filter, then the deadband.

use std::collections::HashMap;

use parking_lot::Mutex;
use tagwire_model::{Clamp, EuRange, Filter, Filtered, Sample, Status, TagId, Update, Value, ValueType};

use crate::registry::TagExtra;

/// What is done to the values of one tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shaping {
    /// Smallest change that counts, in units of the value; 0 for every change.
    deadband: f64,
    filter: Option<Filter>,
    limit: Clamp,
    range: EuRange,
}

impl Shaping {
    /// What a tag asks for; `None` where its values stay as they are.
    pub(crate) fn of(extra: &TagExtra) -> Option<Self> {
        let deadband = extra.deadband.in_units(extra.eu_range);
        let range = extra.eu_range.unwrap_or(EuRange { low: f64::NEG_INFINITY, high: f64::INFINITY });
        let limit = extra.limit;
        let is_any = deadband > 0.0 || extra.filter.is_some() || limit.low || limit.high;
        is_any.then_some(Self { deadband, filter: extra.filter, limit, range })
    }

    /// The end that a number lies beyond, with the limit bits that tell it.
    fn beyond(&self, number: f64) -> Option<(f64, u32)> {
        if self.limit.low && number < self.range.low {
            Some((self.range.low, Status::LIMIT_LOW))
        } else if self.limit.high && number > self.range.high {
            Some((self.range.high, Status::LIMIT_HIGH))
        } else {
            None
        }
    }

    /// Whether clients may write a value.
    pub(crate) fn allows(&self, value: &Value) -> bool {
        value.as_f64().is_none_or(|number| self.beyond(number).is_none())
    }

    fn hold(&self, update: &mut Update) {
        let Some((number, value_type)) = update.value.as_ref().and_then(number_of) else { return };
        if let Some((end, bits)) = self.beyond(number)
            && let Ok(value) = Value::Double(end).convert(value_type)
        {
            update.value = Some(value);
            update.status = update.status.with_info(bits);
        }
    }
}

/// The number of a scalar and its type.
fn number_of(value: &Value) -> Option<(f64, ValueType)> {
    let value_type =
        value.value_type().filter(|value_type| value_type.is_scalar() && value_type.data_type.is_number())?;
    Some((value.as_f64()?, value_type))
}

/// What filters let through last. Only updates of filtered tags come by, each link those of its own, so that nobody waits.
#[derive(Default)]
pub(crate) struct Filters(Mutex<HashMap<TagId, Filtered>>);

impl Filters {
    pub(crate) fn forget(&self, tags: &[TagId]) {
        let mut known = self.0.lock();
        if !known.is_empty() {
            for tag in tags {
                known.remove(tag);
            }
        }
    }

    fn smooth(&self, filter: Filter, update: &mut Update) {
        let mut known = self.0.lock();
        let number = update.value.as_ref().and_then(number_of);
        let Some((number, value_type)) = number.filter(|_| !update.status.is_bad()) else {
            // After a failure the first good value comes through as it is.
            if update.status.is_bad() {
                known.remove(&update.tag);
            }
            return;
        };
        let time = if update.source_time.is_none() { update.server_time } else { update.source_time };
        let next = filter.next(known.get(&update.tag).copied(), number, time);
        known.insert(update.tag, next);
        if let Ok(value) = Value::Double(next.value).convert(value_type) {
            update.value = Some(value);
        }
    }
}

/// Does to an update what its tag asks for; `last` gives what the tag is now.
pub(crate) fn shape(shaping: &Shaping, filters: &Filters, update: &mut Update, last: impl FnOnce() -> Option<Sample>) {
    shaping.hold(update);
    if let Some(filter) = shaping.filter {
        filters.smooth(filter, update);
    }
    if shaping.deadband > 0.0 {
        hold_within_deadband(shaping.deadband, update, last);
    }
}

/// A change within the tag's deadband keeps value and source time, and only confirms them.
fn hold_within_deadband(units: f64, update: &mut Update, last: impl FnOnce() -> Option<Sample>) {
    let Some(value) = &update.value else { return };
    let Some(last) = last() else { return };
    if last.status == update.status && last.value != Value::Null && !last.value.exceeds_deadband(value, units) {
        update.value = None;
        update.source_time = last.source_time;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tagwire_model::Timestamp;

    use super::*;

    fn update(value: Value, status: Status, seconds: i64) -> Update {
        let time = Timestamp::from_ticks(seconds * Timestamp::TICKS_PER_SECOND);
        Update { tag: TagId(1), value: Some(value), status, source_time: time, server_time: time }
    }

    fn extra() -> TagExtra {
        TagExtra { eu_range: Some(EuRange { low: 0.0, high: 100.0 }), ..TagExtra::default() }
    }

    #[test]
    fn values_beyond_a_limit_are_held_and_say_so() {
        let both = TagExtra { limit: Clamp { low: true, high: true }, ..extra() };
        let low = TagExtra { limit: Clamp { low: true, high: false }, ..extra() };
        for (extra, value, held, bits) in [
            (&both, Value::Double(120.0), Value::Double(100.0), Status::LIMIT_HIGH),
            (&both, Value::Int16(-5), Value::Int16(0), Status::LIMIT_LOW),
            (&both, Value::Int16(50), Value::Int16(50), 0),
            (&low, Value::Double(120.0), Value::Double(120.0), 0),
        ] {
            let mut seen = update(value, Status::GOOD, 0);
            let shaping = Shaping::of(extra).expect("limits");
            shape(&shaping, &Filters::default(), &mut seen, || None);
            let status = if bits == 0 { Status::GOOD } else { Status::GOOD.with_info(bits) };
            assert_eq!((seen.value, seen.status), (Some(held), status));
        }
        assert!(
            Shaping::of(&low).is_some_and(|low| low.allows(&Value::Double(120.0)) && !low.allows(&Value::Int8(-1)))
        );
        assert_eq!(Shaping::of(&extra()), None);
    }

    #[test]
    fn a_filter_starts_anew_after_a_failure() {
        let shaping = Shaping::of(&TagExtra { filter: Some(Filter::new(Duration::from_secs(10))), ..extra() });
        let (shaping, filters) = (shaping.expect("a filter"), Filters::default());
        let through = |value: f64, status: Status, seconds: i64| {
            let mut seen = update(Value::Float(value as f32), status, seconds);
            shape(&shaping, &filters, &mut seen, || None);
            seen.value.and_then(|value| value.as_f64()).unwrap_or_default()
        };
        assert_eq!(through(0.0, Status::GOOD, 0), 0.0);
        assert!((through(100.0, Status::GOOD, 10) - 63.2).abs() < 0.1);
        through(0.0, Status::BAD_TIMEOUT, 11);
        assert_eq!(through(80.0, Status::GOOD, 12), 80.0);
    }

    #[test]
    fn the_deadband_sees_what_the_filter_lets_through() {
        let filter = Some(Filter::new(Duration::from_secs(10)));
        let extra = TagExtra { filter, deadband: tagwire_model::Deadband::Absolute(5.0), ..extra() };
        let (shaping, filters) = (Shaping::of(&extra).expect("both"), Filters::default());
        let mut first = update(Value::Double(0.0), Status::GOOD, 0);
        shape(&shaping, &filters, &mut first, || None);
        let last = Sample::good(Value::Double(0.0), first.source_time);
        let mut second = update(Value::Double(10.0), Status::GOOD, 1);
        shape(&shaping, &filters, &mut second, || Some(last.clone()));
        assert_eq!(second.value, None, "0.95 has come through, which is within the deadband");
    }
}
