//! Times as files have them.

use tagwire_model::Timestamp;

/// Smallest numbers that count as milliseconds, microseconds and nanoseconds since 1970; smaller ones are seconds.
const MILLISECONDS: f64 = 1e11;
const MICROSECONDS: f64 = 1e14;
const NANOSECONDS: f64 = 1e17;

/// A time: RFC 3339 with `T` or a blank, with `Z`, an offset (`+02:00`, `+0200`) or neither, which means UTC; or a number
/// of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i128>() {
        return from_number(number);
    }
    if !text.contains(['T', ':']) && text.contains('.') && text.bytes().filter(|byte| *byte == b'-').count() < 2 {
        return from_fraction(text);
    }
    let (date, clock) = match text.split_once(['T', ' ']) {
        Some((date, clock)) => (date, clock.trim()),
        None => return Timestamp::parse_rfc3339(text),
    };
    let (clock, offset) = match clock.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => match clock.rfind(['+', '-']) {
            Some(at) => (clock.get(..at)?, offset(clock.get(at..)?)?),
            None => (clock.strip_suffix(" UTC").unwrap_or(clock), 0),
        },
    };
    let clock = if clock.matches(':').count() == 1 { format!("{clock}:00") } else { clock.replace(',', ".") };
    let local = Timestamp::parse_rfc3339(&format!("{date}T{}Z", clock.trim()))?;
    Some(local.saturating_add_ticks(-offset * 60 * Timestamp::TICKS_PER_SECOND))
}

/// Minutes that local time is ahead of UTC.
fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        (_, digits) => (-1, digits),
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let number: i64 = digits.parse().ok()?;
    let minutes = match digits.len() {
        2 => number * 60,
        4 => number / 100 * 60 + number % 100,
        _ => return None,
    };
    (minutes <= 18 * 60).then_some(sign * minutes)
}

pub(crate) fn from_number(number: i128) -> Option<Timestamp> {
    let size = number.unsigned_abs() as f64;
    let nanos = match size {
        size if size < MILLISECONDS => number.checked_mul(1_000_000_000),
        size if size < MICROSECONDS => number.checked_mul(1_000_000),
        size if size < NANOSECONDS => number.checked_mul(1_000),
        _ => Some(number),
    }?;
    i64::try_from(nanos).ok().map(|nanos| Timestamp::from_unix_nanos(i128::from(nanos)))
}

/// Seconds or milliseconds with a fraction; the digits are taken as they are, because a double has too few.
fn from_fraction(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.')?;
    let is_negative = whole.starts_with('-');
    let digits = fraction.len();
    if digits == 0 || digits > 12 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let size = whole.unsigned_abs() as f64;
    let unit = match size {
        size if size < MILLISECONDS => 1_000_000_000,
        size if size < MICROSECONDS => 1_000_000,
        _ => return None,
    };
    let part = fraction.parse::<i128>().ok()? * unit / 10_i128.pow(digits as u32);
    let nanos = whole * unit + if is_negative { -part } else { part };
    i64::try_from(nanos).ok().map(|nanos| Timestamp::from_unix_nanos(i128::from(nanos)))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_common_forms_of_a_time_are_understood() {
        for (text, expected) in [
            ("2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z"),
            ("2026-03-01 08:00:00", "2026-03-01T08:00:00Z"),
            ("2026-03-01 08:00", "2026-03-01T08:00:00Z"),
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01 08:00:00.1234567+00:00", "2026-03-01T08:00:00.1234567Z"),
            ("2026-03-01T08:00:00,5Z", "2026-03-01T08:00:00.500Z"),
            ("2026-03-01T08:00:00+02:00", "2026-03-01T06:00:00Z"),
            ("2026-03-01T08:00:00-0330", "2026-03-01T11:30:00Z"),
            ("2026-03-01 08:00:00 +01", "2026-03-01T07:00:00Z"),
            ("2026-03-01 08:00:00 UTC", "2026-03-01T08:00:00Z"),
            ("1772352000", "2026-03-01T08:00:00Z"),
            ("1772352000123", "2026-03-01T08:00:00.123Z"),
            ("1772352000123456", "2026-03-01T08:00:00.1234560Z"),
            ("1772352000123456700", "2026-03-01T08:00:00.1234567Z"),
            ("1772352000.1234567", "2026-03-01T08:00:00.1234567Z"),
            ("-0.5", "1969-12-31T23:59:59.500Z"),
        ] {
            assert_eq!(parse(text).map(|time| time.to_string()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "now", "2026-13-01T00:00:00Z", "2026-03-01T08:00:00+99:00", "1.", "1e9", "99:99", "01.03.2026"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
