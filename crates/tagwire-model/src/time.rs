//! Points in time as OPC UA counts them.

use std::fmt;

/// A point in UTC time: 100 ns ticks since 1601-01-01T00:00:00Z (OPC UA Part 6, 5.2.2.5).
///
/// Zero means "no time given", as on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// No time given.
    pub const NONE: Self = Self(0);
    /// Ticks from 1601-01-01 to 1970-01-01.
    pub const UNIX_EPOCH_TICKS: i64 = 116_444_736_000_000_000;
    /// Ticks in one second.
    pub const TICKS_PER_SECOND: i64 = 10_000_000;
    /// Ticks in one millisecond.
    pub const TICKS_PER_MILLISECOND: i64 = 10_000;

    /// A time from its ticks.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// 100 ns ticks since 1601-01-01 UTC.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// Whether no time was given.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// A time from nanoseconds since 1970-01-01 UTC, rounded down to 100 ns and held within the range of the type.
    pub fn from_unix_nanos(nanos: i128) -> Self {
        let ticks = nanos.div_euclid(100) + i128::from(Self::UNIX_EPOCH_TICKS);
        Self(ticks.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// Milliseconds since 1970-01-01 UTC, rounded down.
    pub const fn unix_millis(self) -> i64 {
        self.0.saturating_sub(Self::UNIX_EPOCH_TICKS).div_euclid(Self::TICKS_PER_MILLISECOND)
    }

    /// Ticks from `earlier` to `self`, negative when `self` is the earlier one.
    pub const fn ticks_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time moved by `ticks`, held within the range of the type.
    pub const fn saturating_add_ticks(self, ticks: i64) -> Self {
        Self(self.0.saturating_add(ticks))
    }

    /// Midnight at the beginning of a day, years 1601 to 9999; `None` when there is no such day.
    pub fn from_date(year: i64, month: i64, day: i64) -> Option<Self> {
        if !(1601..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let days = days_from_civil(year, month, day);
        let ticks = Self::UNIX_EPOCH_TICKS + days * 86_400 * Self::TICKS_PER_SECOND;
        (civil_from_days(days) == (year, month, day)).then_some(Self(ticks))
    }

    /// Year, month and day.
    pub const fn date(self) -> (i64, i64, i64) {
        let since_epoch = self.0.saturating_sub(Self::UNIX_EPOCH_TICKS);
        civil_from_days(since_epoch.div_euclid(86_400 * Self::TICKS_PER_SECOND))
    }

    /// Parses `2024-05-01T12:30:00[.fraction]Z`; the date alone means midnight.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, time) = match text.split_once(['T', ' ']) {
            Some((date, time)) => (date, time.strip_suffix('Z')?),
            None => (text, "00:00:00"),
        };
        let mut date = date.splitn(3, '-').map(str::parse::<i64>);
        let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
        let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut clock = whole.splitn(3, ':').map(str::parse::<i64>);
        let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
        if !(1601..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
            return None;
        }
        let mut ticks = 0_i64;
        if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        for idx in 0..7 {
            let digit = fraction.as_bytes().get(idx).map_or(0, |b| i64::from(b - b'0'));
            ticks = ticks * 10 + digit;
        }
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        Some(Self(Self::UNIX_EPOCH_TICKS + seconds * Self::TICKS_PER_SECOND + ticks))
    }
}

/// RFC 3339 in UTC with as many fraction digits as are needed (none, 3 or 7).
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_epoch = self.0.saturating_sub(Self::UNIX_EPOCH_TICKS);
        let seconds = since_epoch.div_euclid(Self::TICKS_PER_SECOND);
        let fraction = since_epoch.rem_euclid(Self::TICKS_PER_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)?;
        if fraction % Self::TICKS_PER_MILLISECOND != 0 {
            write!(f, ".{fraction:07}")?;
        } else if fraction != 0 {
            write!(f, ".{:03}", fraction / Self::TICKS_PER_MILLISECOND)?;
        }
        f.write_str("Z")
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date that lies `days` days after 1970-01-01.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_the_same_instant() {
        for text in
            ["1601-01-01T00:00:00.0000001Z", "1970-01-01T00:00:00Z", "2024-02-29T23:59:59.123Z", "9999-12-31T00:00:00Z"]
        {
            let time = Timestamp::parse_rfc3339(text).expect(text);
            assert_eq!(time.to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for text in
            ["", "yesterday", "2024-13-01T00:00:00Z", "2024-01-01T25:00:00Z", "2024-01-01T00:00:00", "1500-01-01"]
        {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn days_come_back_and_must_exist() {
        for (year, month, day) in [(1601, 1, 2), (1990, 1, 1), (2024, 2, 29), (9999, 12, 31)] {
            let time = Timestamp::from_date(year, month, day).expect("exists");
            assert_eq!(time.saturating_add_ticks(Timestamp::TICKS_PER_SECOND).date(), (year, month, day));
        }
        for (year, month, day) in [(2023, 2, 29), (2024, 4, 31), (2024, 13, 1), (1500, 1, 1)] {
            assert_eq!(Timestamp::from_date(year, month, day), None);
        }
    }

    #[test]
    fn unix_epoch_matches_the_specification() {
        assert_eq!(Timestamp::from_unix_nanos(0).ticks(), Timestamp::UNIX_EPOCH_TICKS);
        assert_eq!(Timestamp::from_unix_nanos(1_500_000).unix_millis(), 1);
    }
}
