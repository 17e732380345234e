//! Clocks: values, certificates and logs are worth as much as they are.

use std::time::Duration;

use tagwire_model::Timestamp;

use super::report::Finding;

const CHECK: &str = "clock";

/// A difference that is seen in values but hurts nothing else.
const NOTABLE: Duration = Duration::from_secs(2);
/// A difference at which servers refuse requests as too old or too new.
const HARMFUL: Duration = Duration::from_secs(5 * 60);
/// The first and the last year that a clock may show.
const YEARS: std::ops::Range<i32> = 2026..2100;

const SYNCHRONISE: &str = "synchronise the clocks of both machines, as with NTP";

/// Whether this machine's clock can be right.
pub(super) fn own(now: Timestamp) -> Finding {
    let text = now.to_string();
    let year = text.split('-').next().and_then(|year| year.parse::<i32>().ok());
    if year.is_some_and(|year| YEARS.contains(&year)) {
        Finding::good(CHECK, format!("it is {text}"))
    } else {
        let fix = "set the clock, or give the machine a source of time, as with NTP";
        Finding::problem(CHECK, format!("this machine believes that it is {text}"), fix)
    }
}

/// The clock of a peer that showed `theirs` at some time from `took` before `ours` on.
pub(super) fn compare(ours: Timestamp, theirs: Timestamp, took: Duration) -> Finding {
    if theirs.is_none() {
        return Finding::warning(CHECK, "the server tells no time", SYNCHRONISE);
    }
    let per_second = Timestamp::TICKS_PER_SECOND as f64;
    // The middle of the time within which the answer was given is off by half of it at most.
    let seconds = theirs.ticks_since(ours) as f64 / per_second + took.as_secs_f64() / 2.0;
    let slack = took.as_secs_f64() / 2.0;
    let way = if seconds < 0.0 { "behind" } else { "ahead of" };
    let text = format!("the server's clock is {} {way} ours", shown(seconds.abs()));
    if seconds.abs() > HARMFUL.as_secs_f64() + slack {
        Finding::problem(CHECK, text, SYNCHRONISE)
    } else if seconds.abs() > NOTABLE.as_secs_f64() + slack {
        Finding::warning(CHECK, text, SYNCHRONISE)
    } else {
        Finding::good(CHECK, text)
    }
}

fn shown(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 600.0 => format!("{s:.0} s"),
        s if s < 172_800.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::State;
    use super::*;

    #[test]
    fn a_difference_counts_beyond_the_time_that_the_answer_took() {
        let ours = Timestamp::parse_rfc3339("2026-03-01T08:00:00Z").expect("time");
        let second = Timestamp::TICKS_PER_SECOND;
        for (offset, took_ms, state, text) in [
            (0, 2, State::Good, "0.00 s ahead of ours"),
            (-1, 2, State::Good, "1.00 s behind ours"),
            (-9, 2, State::Warning, "9.00 s behind ours"),
            (-9, 18_000, State::Good, "0.00 s ahead of ours"),
            (400, 2, State::Problem, "400 s ahead of ours"),
            (-7200, 2, State::Problem, "120 min behind ours"),
            (86_400 * 365, 2, State::Problem, "365 days ahead of ours"),
        ] {
            let theirs = ours.saturating_add_ticks(offset * second);
            let finding = compare(ours, theirs, Duration::from_millis(took_ms));
            assert_eq!(finding.state, state, "{}", finding.text);
            assert!(finding.text.ends_with(text), "{}", finding.text);
        }
        assert_eq!(compare(ours, Timestamp::NONE, NOTABLE).state, State::Warning);
    }

    #[test]
    fn a_clock_that_starts_anew_is_noticed() {
        for (time, state) in [("1970-01-01T00:01:00Z", State::Problem), ("2026-03-01T08:00:00Z", State::Good)] {
            assert_eq!(own(Timestamp::parse_rfc3339(time).expect("time")).state, state, "{time}");
        }
    }
}
