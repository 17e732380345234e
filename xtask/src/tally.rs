//! Counting tests over several runners.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// One test, by its outcome.
    pub(crate) const fn one(passed: bool) -> Self {
        Self { passed: passed as u64, failed: !passed as u64, skipped: 0 }
    }

    /// From the `test result:` and `Summary` lines that cargo test and nextest print.
    pub(crate) fn from_cargo(text: &str) -> Self {
        let mut tally = Self::default();
        for line in text.lines() {
            let plain = without_colour(line);
            if !(plain.trim_start().starts_with("test result:") || plain.trim_start().starts_with("Summary [")) {
                continue;
            }
            tally.passed += count(&plain, "passed");
            tally.failed += count(&plain, "failed") + count(&plain, "timed out");
            tally.skipped += count(&plain, "skipped") + count(&plain, "ignored");
        }
        tally
    }

    /// From the attributes of a JUnit report's `testsuite` elements.
    pub(crate) fn from_junit(xml: &str) -> Self {
        let mut tally = Self::default();
        for suite in xml.split("<testsuite ").skip(1) {
            let head = suite.split('>').next().unwrap_or_default();
            let attribute = |name: &str| -> u64 {
                let start = format!("{name}=\"");
                let value = head.split(&start).nth(1).and_then(|rest| rest.split('"').next());
                value.and_then(|value| value.parse().ok()).unwrap_or(0)
            };
            let failed = attribute("failures") + attribute("errors");
            let skipped = attribute("skipped");
            tally.failed += failed;
            tally.skipped += skipped;
            tally.passed += attribute("tests").saturating_sub(failed + skipped);
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// The number directly before a word, as in `12 passed`.
fn count(line: &str, word: &str) -> u64 {
    let before = line.split(word).next().filter(|before| before.len() < line.len());
    let digits = before.and_then(|before| before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut inside = false;
    for c in line.chars() {
        match (inside, c) {
            (false, '\u{1b}') => inside = true,
            (false, _) => plain.push(c),
            (true, 'm') => inside = false,
            (true, _) => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cargo_runners_are_understood() {
        let text = "test result: ok. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                    \u{1b}[32m     Summary\u{1b}[0m [   0.100s] 9 tests run: 7 passed, 1 failed, 1 timed out, 4 skipped\n";
        assert_eq!(Tally::from_cargo(text), Tally { passed: 10, failed: 3, skipped: 6 });
    }

    #[test]
    fn a_junit_report_is_understood() {
        let xml = r#"<testsuites name="x"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10">"#;
        assert_eq!(Tally::from_junit(xml), Tally { passed: 4, failed: 3, skipped: 3 });
    }
}
