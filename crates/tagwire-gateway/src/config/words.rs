//! Small languages inside values: durations, sizes of typing mistakes, lists of words.

use std::time::Duration;

/// Parses `"500ms"`, `"2s"`, `"1.5s"`, `"10m"`, `"1h"`, `"7d"`; `None` for anything else, negative ones included.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at(split);
    let seconds_per_unit = match unit.trim_start() {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        let nanos = u128::from(whole) * (seconds_per_unit * 1e9) as u128;
        return u64::try_from(nanos).ok().map(Duration::from_nanos);
    }
    let seconds = number.parse::<f64>().ok()? * seconds_per_unit;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Whether a word can stand for a value in an expression: letters, digits and `_`, not beginning with a digit.
pub(crate) fn is_identifier(word: &str) -> bool {
    let begins_well = word.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    begins_well && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The shortest way to write a duration that [`parse_duration`] reads back.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let units: [(&str, u128); 6] = [
        ("d", 86_400_000_000_000),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
    ];
    for (unit, size) in units {
        if nanos >= size && nanos.is_multiple_of(size) {
            return format!("{}{unit}", nanos / size);
        }
    }
    if nanos == 0 { "0ms".to_owned() } else { format!("{}ms", duration.as_secs_f64() * 1e3) }
}

/// The word among `known` that `wrong` was most likely meant to be.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    let limit = 1 + lower.chars().count() / 4;
    let same_start =
        |word: &str| word.len() >= 3 && lower.len() >= 3 && (lower.starts_with(word) || word.starts_with(&lower));
    known
        .into_iter()
        .map(|word| (distance(&lower, &word.to_lowercase()), word))
        .map(|(distance, word)| (if same_start(word) { distance.min(limit) } else { distance }, word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Letters to insert, delete, replace or swap with their neighbour to come from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// `"a", "b" or "c"`.
pub(crate) fn alternatives<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("\"{word}\"")).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// The fix for an unknown word: the nearest one when a typing mistake is likely, and all of them.
pub(crate) fn suggest(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(word) => format!("did you mean \"{word}\"? known are {}", alternatives(known.iter().copied())),
        None => format!("write {}", alternatives(known.iter().copied())),
    }
}

/// A number with its noun.
pub fn counted(n: impl TryInto<u64>, noun: &str) -> String {
    match n.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_what_they_print() {
        for text in ["500ms", "2s", "1500ms", "10m", "1h", "7d", "250us"] {
            assert_eq!(format_duration(parse_duration(text).expect(text)), text);
        }
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn durations_need_a_number_and_a_unit() {
        for text in ["", "100", "ms", "-1s", "1 parsec", "1e3s", "99999999999999999999d", "1..5s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn typing_mistakes_are_recognised() {
        let known = ["address", "access", "scan"];
        assert_eq!(nearest("adress", known), Some("address"));
        assert_eq!(nearest("sacn", known), Some("scan"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn one_is_counted_in_the_singular() {
        assert_eq!(counted(1, "link"), "1 link");
        assert_eq!(counted(0, "tag"), "0 tags");
    }
}
