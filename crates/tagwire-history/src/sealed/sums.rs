//! What a column sums up to.

use tagwire_model::{Status, Timestamp};

use super::entry::Entry;
use super::page::Plain;
use crate::hot::{NO_VALUE, Run};
use crate::values::{ColumnType, Values};

/// A whole number that a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Has `$add` work through a column with each of its numbers as a double; does `$otherwise` for what are no numbers.
macro_rules! each_number {
    ($values:expr, $add:ident, $otherwise:expr) => {
        match $values {
            Values::Boolean(v) => $add!(v, x => f64::from(u8::from(x))),
            Values::Int8(v) => $add!(v, x => f64::from(x)),
            Values::UInt8(v) => $add!(v, x => f64::from(x)),
            Values::Int16(v) => $add!(v, x => f64::from(x)),
            Values::UInt16(v) => $add!(v, x => f64::from(x)),
            Values::Int32(v) => $add!(v, x => f64::from(x)),
            Values::UInt32(v) => $add!(v, x => f64::from(x)),
            Values::Int64(v) => $add!(v, x => x as f64),
            Values::UInt64(v) => $add!(v, x => x as f64),
            Values::Float(v) => $add!(v, x => f64::from(x)),
            Values::Double(v) => $add!(v, x => x),
            Values::DateTime(_) | Values::String(_) | Values::ByteString(_) | Values::Array(_) => $otherwise,
        }
    };
}

/// An entry with all that the samples themselves tell.
pub(super) fn summarize(column_type: ColumnType, plain: &Plain, times: &[i64]) -> Entry {
    let n = plain.runs.iter().map(|run| run.n).sum::<u32>();
    let row_time = |idx: u32| -> i64 {
        let row = match &plain.rows {
            Some(rows) => rows.get(idx as usize).map_or(0, |row| usize::from(*row)),
            None => (plain.first_row + idx) as usize,
        };
        times.get(row).copied().unwrap_or(0)
    };
    let has_value = |run: Option<&Run>| run.is_some_and(|run| run.flags & NO_VALUE == 0);
    let first_run = plain.runs.first();
    let last_run = plain.runs.last();
    let fixed = column_type.is_fixed() && !plain.values.is_empty();
    let n_good = plain.runs.iter().filter(|run| Status(run.status).is_good()).map(|run| run.n).sum();
    let mut entry = Entry {
        tag: crate::TagNumber(0),
        column_type,
        late: false,
        all_good: plain.runs.iter().all(|run| Status(run.status).is_good() && run.flags & NO_VALUE == 0),
        summed: false,
        n,
        n_good,
        page_at: 0,
        times_at: 0,
        times_len: 0,
        times_crc: 0,
        column_at: 0,
        column_len: 0,
        column_crc: 0,
        n_rows: 0,
        first_row: plain.first_row,
        first_no: 0,
        end_no: 0,
        t_first: row_time(0),
        t_last: row_time(n.saturating_sub(1)),
        sum: 0.0,
        min: 0.0,
        max: 0.0,
        t_min: 0,
        t_max: 0,
        first_bits: if fixed && has_value(first_run) { plain.values.bits(0) } else { 0 },
        last_bits: if fixed && has_value(last_run) { plain.values.bits(plain.values.len() - 1) } else { 0 },
        first_status: first_run.map_or(0, |run| run.status),
        last_status: last_run.map_or(0, |run| run.status),
        group: 0,
        repeated: None,
        areas: None,
    };
    if column_type.is_summed() {
        sum_up(&mut entry, plain, row_time);
    }
    entry
}

/// Sum, minimum and maximum of the Good values; nothing when a double cannot hold one of them exactly.
fn sum_up(entry: &mut Entry, plain: &Plain, row_time: impl Fn(u32) -> i64) {
    let (mut sum, mut min, mut max) = (0.0_f64, f64::INFINITY, f64::NEG_INFINITY);
    let (mut at_min, mut at_max) = (0_u32, 0_u32);
    let mut exact = true;
    let (mut again_min, mut again_max) = (false, false);
    let mut any = false;
    let (mut sample, mut place) = (0_u32, 0_usize);
    for run in &plain.runs {
        let has_value = run.flags & NO_VALUE == 0;
        if has_value && Status(run.status).is_good() {
            let range = place..place + run.n as usize;
            macro_rules! add {
                ($v:expr, $x:ident => $number:expr) => {
                    for (idx, value) in $v[range].iter().enumerate() {
                        let $x = *value;
                        let number: f64 = $number;
                        sum += number;
                        if number <= min {
                            if number == min {
                                again_min = true;
                            } else {
                                (min, at_min, again_min) = (number, sample + idx as u32, false);
                            }
                        }
                        if number >= max {
                            if number == max {
                                again_max = true;
                            } else {
                                (max, at_max, again_max) = (number, sample + idx as u32, false);
                            }
                        }
                        any = true;
                    }
                };
            }
            each_number!(&plain.values, add, exact = false);
        } else if Status(run.status).is_good() {
            exact = false;
        }
        sample += run.n;
        if has_value {
            place += run.n as usize;
        }
    }
    let whole = matches!(plain.values, Values::Int64(_) | Values::UInt64(_));
    exact &= !sum.is_nan() && !(whole && (max > EXACT || min < -EXACT || sum.abs() > EXACT));
    if any && exact {
        entry.summed = true;
        (entry.sum, entry.min, entry.max) = (sum, min, max);
        (entry.t_min, entry.t_max) = (row_time(at_min), row_time(at_max));
        entry.repeated = Some((again_min, again_max));
        if entry.all_good {
            entry.areas = areas(&plain.values, row_time).filter(|(a, b)| a.is_finite() && b.is_finite());
        }
    }
}

/// Areas below straight lines through the values and below steps, in value times seconds.
fn areas(values: &Values, time_of: impl Fn(u32) -> i64) -> Option<(f64, f64)> {
    let (mut sloped, mut stepped) = (0.0_f64, 0.0_f64);
    macro_rules! add {
        ($v:expr, $x:ident => $number:expr) => {{
            let mut before: Option<(i64, f64)> = None;
            for (idx, value) in $v.iter().enumerate() {
                let $x = *value;
                let (time, number): (i64, f64) = (time_of(idx as u32), $number);
                if let Some((then, old)) = before {
                    let ticks = time.wrapping_sub(then) as f64;
                    sloped += (old + number) * ticks;
                    stepped += old * ticks;
                }
                before = Some((time, number));
            }
        }};
    }
    each_number!(values, add, return None);
    let second = Timestamp::TICKS_PER_SECOND as f64;
    Some((sloped / 2.0 / second, stepped / second))
}
