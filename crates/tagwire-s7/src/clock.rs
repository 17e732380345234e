//! The times and dates of STEP 7. A CPU keeps its local time or UTC without saying which; both are taken for UTC.

use tagwire_model::Timestamp;

const TICKS_PER_DAY: i64 = 86_400 * Timestamp::TICKS_PER_SECOND;

/// Three decimal digits in the low 12 bits; `None` when a half byte is no digit.
pub(crate) fn from_bcd3(word: u16) -> Option<u16> {
    from_bcd(u32::from(word & 0xFFF)).map(|number| number as u16)
}

/// The digits of a number below 1000.
pub(crate) const fn to_bcd3(number: u16) -> u16 {
    (number / 100 % 10) << 8 | (number / 10 % 10) << 4 | (number % 10)
}

/// The number of eight decimal digits; `None` when a half byte is no digit.
pub(crate) fn from_bcd(digits: u32) -> Option<u32> {
    (0..8).rev().try_fold(0, |number, place| {
        let digit = digits >> (4 * place) & 15;
        (digit < 10).then_some(number * 10 + digit)
    })
}

/// The digits of a number of at most eight.
pub(crate) fn to_bcd(number: u32) -> Option<u32> {
    let digit = |place| number / 10_u32.pow(place) % 10;
    (number < 100_000_000).then(|| (0..8).fold(0, |digits, place| digits | digit(place) << (4 * place)))
}

/// Milliseconds of an `S5TIME`: bits 12 and 13 are the base of 10 ms, 100 ms, 1 s or 10 s.
pub(crate) fn from_s5time(word: u16) -> Option<u32> {
    let base = [10, 100, 1_000, 10_000][usize::from(word >> 12 & 3)];
    from_bcd3(word).map(|number| u32::from(number) * base)
}

/// The `S5TIME` nearest to milliseconds, with the finest base that holds them; at most 9,990,000 ms.
pub(crate) fn to_s5time(milliseconds: u32) -> Option<u16> {
    (0_u16..4).zip([10_u32, 100, 1_000, 10_000]).find_map(|(code, base)| {
        let number = u16::try_from(milliseconds.checked_add(base / 2)? / base).ok().filter(|number| *number <= 999)?;
        Some(code << 12 | to_bcd3(number))
    })
}

/// Days since 1990-01-01.
pub(crate) fn from_date(days: u16) -> Timestamp {
    epoch_1990().saturating_add_ticks(i64::from(days) * TICKS_PER_DAY)
}

/// The day of a time; the time of day is dropped.
pub(crate) fn to_date(time: Timestamp) -> Option<u16> {
    u16::try_from(time.ticks_since(epoch_1990()).div_euclid(TICKS_PER_DAY)).ok()
}

fn epoch_1990() -> Timestamp {
    Timestamp::from_date(1990, 1, 1).unwrap_or_default()
}

/// Year, month, day, hour, minute, second and ticks of a second.
fn fields(time: Timestamp) -> ([i64; 6], i64) {
    let (year, month, day) = time.date();
    let since_midnight = Timestamp::from_date(year, month, day).map_or(0, |midnight| time.ticks_since(midnight));
    let seconds = since_midnight / Timestamp::TICKS_PER_SECOND;
    let clock = [year, month, day, seconds / 3_600, seconds / 60 % 60, seconds % 60];
    (clock, since_midnight % Timestamp::TICKS_PER_SECOND)
}

fn from_fields([year, month, day, hour, minute, second]: [i64; 6], ticks: i64) -> Option<Timestamp> {
    if hour > 23 || minute > 59 || second > 59 || ticks >= Timestamp::TICKS_PER_SECOND {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60 + second;
    Timestamp::from_date(year, month, day)
        .map(|midnight| midnight.saturating_add_ticks(seconds * Timestamp::TICKS_PER_SECOND + ticks))
}

/// 1 is Sunday.
fn weekday(time: Timestamp) -> u8 {
    let days = time.ticks_since(Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS)).div_euclid(TICKS_PER_DAY);
    // 1970-01-01 was a Thursday.
    ((days + 4).rem_euclid(7) + 1) as u8
}

/// `DATE_AND_TIME`: years 1990 to 2089.
pub(crate) fn from_date_and_time(bytes: &[u8; 8]) -> Option<Timestamp> {
    let digits =
        |byte: u8| (byte >> 4 < 10 && byte & 15 < 10).then(|| i64::from(byte >> 4) * 10 + i64::from(byte & 15));
    let [year, month, day, hour, minute, second, hundredths, last] = *bytes;
    let year = digits(year)?;
    let year = if year >= 90 { 1900 + year } else { 2000 + year };
    let milliseconds = digits(hundredths)? * 10 + Some(i64::from(last >> 4)).filter(|digit| *digit < 10)?;
    let clock = [year, digits(month)?, digits(day)?, digits(hour)?, digits(minute)?, digits(second)?];
    from_fields(clock, milliseconds * Timestamp::TICKS_PER_MILLISECOND)
}

/// As [`from_date_and_time`]; less than a millisecond is dropped.
pub(crate) fn to_date_and_time(time: Timestamp) -> Option<[u8; 8]> {
    let digits = |number: i64| ((number / 10 % 10) << 4 | (number % 10)) as u8;
    let ([year, month, day, hour, minute, second], ticks) = fields(time);
    if !(1990..2090).contains(&year) {
        return None;
    }
    let milliseconds = ticks / Timestamp::TICKS_PER_MILLISECOND;
    let last = ((milliseconds % 10) as u8) << 4 | weekday(time);
    Some([
        digits(year),
        digits(month),
        digits(day),
        digits(hour),
        digits(minute),
        digits(second),
        digits(milliseconds / 10),
        last,
    ])
}

/// `DTL`; less than 100 ns is dropped.
pub(crate) fn from_dtl(bytes: &[u8; 12]) -> Option<Timestamp> {
    let [y1, y2, month, day, _, hour, minute, second, n1, n2, n3, n4] = *bytes;
    let year = u16::from_be_bytes([y1, y2]);
    let clock = [year.into(), month.into(), day.into(), hour.into(), minute.into(), second.into()];
    from_fields(clock, i64::from(u32::from_be_bytes([n1, n2, n3, n4])) / 100)
}

/// As [`from_dtl`]; years 1970 to 2262, as CPUs take them.
pub(crate) fn to_dtl(time: Timestamp) -> Option<[u8; 12]> {
    let ([year, month, day, hour, minute, second], ticks) = fields(time);
    if !(1970..=2262).contains(&year) {
        return None;
    }
    let ([y1, y2], [n1, n2, n3, n4]) = ((year as u16).to_be_bytes(), ((ticks * 100) as u32).to_be_bytes());
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(|field| field as u8);
    Some([y1, y2, month, day, weekday(time), hour, minute, second, n1, n2, n3, n4])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect(text)
    }

    #[test]
    fn s5_times_have_four_bases() {
        for (word, milliseconds) in
            [(0x0000, 0), (0x0001, 10), (0x0999, 9_990), (0x1100, 10_000), (0x2127, 127_000), (0x3999, 9_990_000)]
        {
            assert_eq!(from_s5time(word), Some(milliseconds), "{word:04X}");
            assert_eq!(to_s5time(milliseconds), Some(word), "{milliseconds}");
        }
        assert_eq!(from_s5time(0x0A00), None);
        assert_eq!(to_s5time(12_345), Some(0x1123), "rounded to the base");
        assert_eq!(to_s5time(9_995_000), None);
        assert_eq!(to_s5time(u32::MAX), None);
    }

    #[test]
    fn dates_begin_in_1990() {
        assert_eq!(from_date(0), time("1990-01-01"));
        assert_eq!(from_date(65_378), time("2168-12-31"));
        assert_eq!(to_date(time("2024-02-29T23:59:59Z")), Some(12_477));
        assert_eq!(from_date(12_477), time("2024-02-29"));
        assert_eq!(to_date(time("1989-12-31")), None);
    }

    #[test]
    fn dates_with_times_in_both_forms() {
        let moment = time("2023-12-31T23:59:58.123Z");
        assert_eq!(to_date_and_time(moment), Some([0x23, 0x12, 0x31, 0x23, 0x59, 0x58, 0x12, 0x31]));
        assert_eq!(from_date_and_time(&[0x23, 0x12, 0x31, 0x23, 0x59, 0x58, 0x12, 0x31]), Some(moment));
        assert_eq!(from_date_and_time(&[0x90, 1, 1, 0, 0, 0, 0, 2]), Some(time("1990-01-01")));
        assert_eq!(to_dtl(moment), Some([0x07, 0xE7, 12, 31, 1, 23, 59, 58, 0x07, 0x54, 0xD4, 0xC0]));
        assert_eq!(from_dtl(&to_dtl(moment).expect("in range")), Some(moment));
        for bytes in [[0; 8], [0x23, 0x13, 1, 0, 0, 0, 0, 0], [0x23, 2, 0x30, 0, 0, 0, 0, 0], [0xFF; 8]] {
            assert_eq!(from_date_and_time(&bytes), None, "{bytes:02X?}");
        }
        assert_eq!(from_dtl(&[0; 12]), None);
        assert_eq!(to_date_and_time(time("2090-01-01")), None);
    }
}
