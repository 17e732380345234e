//! Simple bounding values (Part 13, 3.1.9).

use tagwire_model::{DataType, Status, Value};

use super::point::{Class, Point, on_line, typed};
use super::processed::{INTERPOLATED, UNCERTAIN_DATA_SUB_NORMAL, marked};

/// The value at the edge of an interval.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) point: Point,
    /// Whether a sample lies at this very time.
    pub(super) raw: bool,
}

impl Bound {
    /// No value.
    pub(super) fn none(time: i64) -> Self {
        let point = Point {
            time,
            number: f64::NAN,
            value: Value::Null,
            status: Status::BAD_NO_DATA,
            severity: Class::Bad,
            class: Class::Bad,
        };
        Self { point, raw: false }
    }

    /// The sample at this time.
    pub(super) fn of(sample: &Point) -> Self {
        Self { point: sample.clone(), raw: true }
    }

    /// The bound at `time`, which lies between two neighbouring samples.
    ///
    /// `hold` keeps the value of the first one. `lenient` ignores that uncertain may count as bad, as the aggregates of
    /// quality do.
    pub(super) fn between(
        before: &Point,
        after: &Point,
        time: i64,
        hold: bool,
        lenient: bool,
        source: DataType,
    ) -> Self {
        let class = |point: &Point| if lenient { point.severity } else { point.class };
        if class(before) == Class::Bad {
            return Self::none(time);
        }
        let sloped = !hold && class(after) != Class::Bad;
        let good = class(before) == Class::Good && (hold || class(after) == Class::Good);
        let (number, value) = if sloped {
            let number = on_line((before.time, before.number), (after.time, after.number), time);
            (number, typed(number, source))
        } else {
            (before.number, before.value.clone())
        };
        let (status, class) =
            if good { (Status::GOOD, Class::Good) } else { (UNCERTAIN_DATA_SUB_NORMAL, Class::Uncertain) };
        let status = marked(status, INTERPOLATED);
        Self { point: Point { time, number, value, status, severity: class, class }, raw: false }
    }
}
