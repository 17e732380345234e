//! Sessions that end as soon as they begin: one value that cannot be decoded would make a storm of them, and each new one
//! would let the tags look as if they were told.

use std::time::Duration;

use tagwire_driver::LinkError;
use tagwire_ua_client::Error;
use tokio::time::Instant;

/// A session that lasts so long did something useful.
const USEFUL: Duration = Duration::from_secs(2);
/// What short sessions may count together; one that brought nothing counts twice.
const MAX_SCORE: u32 = 12;
/// How long no session is opened then, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60));

/// How the last sessions ended.
#[derive(Debug, Default)]
pub(super) struct Storm {
    score: u32,
    pause: Duration,
    until: Option<Instant>,
    problem: String,
}

impl Storm {
    /// Notes the end of a session that lasted so long, and whether it brought anything; whether there were too many.
    pub(super) fn ended(&mut self, (lasted, has_heard): (Duration, bool), error: &Error, now: Instant) -> bool {
        if lasted >= USEFUL {
            *self = Self::default();
            return false;
        }
        // A server that is only slow is worth asking at once when it is not any more.
        if matches!(error, Error::Timeout { .. }) {
            return false;
        }
        self.score += if has_heard { 1 } else { 2 };
        if self.score < MAX_SCORE {
            return false;
        }
        self.pause = self.pause.saturating_mul(2).clamp(PAUSES.0, PAUSES.1);
        self.until = Some(now + self.pause);
        self.problem = error.to_string();
        true
    }

    /// Why no session is opened now.
    pub(super) fn refusal(&self, now: Instant) -> Option<LinkError> {
        let until = self.until.filter(|until| *until > now)?;
        let seconds = (until - now).as_secs() + 1;
        let problem = format!("sessions end as soon as they begin ({}); the next one in {seconds} s", self.problem);
        Some(LinkError::Transport(std::io::Error::other(problem)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_short_sessions_make_a_pause_and_it_grows() {
        let mut now = Instant::now();
        let mut storm = Storm::default();
        let error = Error::Peer("no UTF-8".to_owned());
        for _ in 0..5 {
            assert!(!storm.ended((Duration::ZERO, false), &error, now));
            assert!(storm.refusal(now).is_none());
        }
        for pause in [10, 20, 40, 60, 60] {
            assert!(storm.ended((Duration::ZERO, false), &error, now));
            let told = storm.refusal(now).expect("a pause").to_string();
            assert!(told.contains("no UTF-8"), "{told}");
            now += Duration::from_secs(pause);
            assert!(storm.refusal(now).is_none());
        }
        assert!(!storm.ended((USEFUL, true), &error, now), "one that lasts makes up for all");
        for _ in 0..11 {
            assert!(!storm.ended((Duration::ZERO, true), &error, now));
        }
        assert!(storm.ended((Duration::ZERO, true), &error, now));
    }
}
