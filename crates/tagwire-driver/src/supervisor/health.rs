//! How a device is doing: whether it answers, when it may be asked again, and which quality its silence means.

use std::time::Duration;

use tagwire_model::Status;
use tokio::time::Instant;

use super::backoff::doubled;
use crate::DeviceSettings;

/// Shortest and longest pause between two attempts at a device that does not answer.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(2));

/// Whether one device answers.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Start of the first unanswered request since the last answer.
    failing_since: Option<Instant>,
    /// Unanswered requests since the last answer.
    n_unanswered: u32,
    /// Failures in a row, as auto-demotion counts them.
    n_failures: u32,
    /// The device is not asked before.
    retry_at: Option<Instant>,
    /// The device is demoted until then.
    resting_until: Option<Instant>,
    /// The quality that the device's tags have because of it.
    bad: Option<Status>,
}

impl Health {
    /// The quality that all tags of the device have; `None` while it answers or was not asked yet.
    pub(crate) const fn bad(&self) -> Option<Status> {
        self.bad
    }

    /// Whether the last request was not answered.
    pub(crate) const fn is_failing(&self) -> bool {
        self.n_unanswered > 0
    }

    /// Whether an answer is missing since the last one, if only in part.
    pub(crate) const fn is_doubtful(&self) -> bool {
        self.failing_since.is_some()
    }

    /// Whether the device is demoted.
    pub(crate) fn is_resting(&self, now: Instant) -> bool {
        self.resting_until.is_some_and(|until| until > now)
    }

    /// When the device may be asked again; `None` means at any time.
    pub(crate) fn ask_at(&self) -> Option<Instant> {
        self.resting_until.max(self.retry_at)
    }

    /// When a write may be tried, which a demotion alone does not forbid.
    pub(crate) const fn write_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Notes an answer; returns whether the device had been bad.
    pub(crate) fn answered(&mut self) -> bool {
        let bad = self.bad.is_some();
        *self = Self::default();
        bad
    }

    /// The last silence was not the device's own fault.
    pub(crate) const fn excuse(&mut self) {
        if self.bad.is_none() {
            self.failing_since = None;
            self.n_unanswered = 0;
            self.retry_at = None;
        }
    }

    /// Notes that only a part of what was asked at `started` was answered: whether the device still answers is open, and
    /// is to be known one scan later than if it had not answered at all.
    pub(crate) fn half_answered(&mut self, started: Instant, now: Instant, settings: &DeviceSettings, is_alone: bool) {
        self.failing_since.get_or_insert(started + settings.scan);
        self.retry_at = (!is_alone).then(|| now + RETRY.0);
    }

    /// Notes a request, sent at `started`, that was not answered. Returns whether the device now is to be called bad. A
    /// link that failed, which is no fault of the device as far as anybody knows, alone never makes it bad.
    pub(crate) fn unanswered(
        &mut self,
        started: Instant,
        now: Instant,
        settings: &DeviceSettings,
        is_alone: bool,
        link_failed: bool,
    ) -> bool {
        self.n_unanswered = self.n_unanswered.saturating_add(1);
        self.failing_since.get_or_insert(started);
        let attempts = if link_failed { settings.attempts.max(2) } else { settings.attempts };
        let given_up = self.n_unanswered >= attempts;
        if given_up {
            self.count_failure(now, settings);
        }
        let pause =
            if is_alone && !given_up { Duration::ZERO } else { doubled(RETRY.0, self.n_unanswered - 1, RETRY.1) };
        self.retry_at = Some(now + pause);
        given_up && self.bad.is_none()
    }

    fn count_failure(&mut self, now: Instant, settings: &DeviceSettings) {
        self.n_failures = self.n_failures.saturating_add(1);
        if settings.demotion.on && self.n_failures >= settings.demotion.failures {
            self.resting_until = Some(now + settings.demotion.period);
        }
    }

    /// When the device is to be called bad at the latest.
    pub(crate) fn deadline(&self, settings: &DeviceSettings) -> Option<Instant> {
        if self.bad.is_some() {
            return None;
        }
        self.failing_since.map(|since| since + settings.patience())
    }

    /// Records the quality that was given to the device's tags; returns whether it is another one than before.
    pub(crate) fn set_bad(&mut self, status: Status) -> bool {
        let changed = self.bad != Some(status);
        self.bad = Some(status);
        changed
    }

    /// Leaves out the pause before the next attempt, because something changed that may help.
    pub(crate) const fn hurry(&mut self) {
        self.retry_at = None;
    }

    /// Lets the device be asked at once, as after a change of its settings.
    pub(crate) const fn clear_pauses(&mut self) {
        self.retry_at = None;
        self.resting_until = None;
        self.n_failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Demotion;

    const T: Duration = Duration::from_secs(1);

    #[test]
    fn a_device_turns_bad_after_its_attempts_or_its_patience() {
        let settings = DeviceSettings::default();
        let start = Instant::now();
        let mut health = Health::default();
        assert!(!health.unanswered(start, start + T, &settings, true, false));
        assert_eq!(health.ask_at(), Some(start + T), "alone on its link it is asked again at once");
        assert!(!health.unanswered(start + T, start + T * 2, &settings, true, false));
        assert_eq!(health.deadline(&settings), Some(start + T * 3));
        assert!(health.unanswered(start + T * 2, start + T * 3, &settings, true, false));
        assert!(health.set_bad(Status::BAD_TIMEOUT));
        assert_eq!(health.deadline(&settings), None);
        assert!(health.answered());
        assert!(!health.is_failing() && health.bad().is_none());
    }

    #[test]
    fn the_pause_grows_to_two_seconds_beside_neighbours() {
        let settings = DeviceSettings::default();
        let now = Instant::now();
        let mut health = Health::default();
        for pause in [500, 1_000, 2_000, 2_000, 2_000] {
            health.unanswered(now, now, &settings, false, false);
            assert_eq!(health.ask_at(), Some(now + Duration::from_millis(pause)));
        }
    }

    #[test]
    fn demotion_rests_the_device_and_lets_writes_through() {
        let demotion = Demotion { on: true, failures: 2, ..Demotion::default() };
        let settings = DeviceSettings { attempts: 1, demotion, ..DeviceSettings::default() };
        let now = Instant::now();
        let mut health = Health::default();
        health.unanswered(now, now, &settings, false, false);
        assert!(!health.is_resting(now));
        health.unanswered(now, now, &settings, false, false);
        assert!(health.is_resting(now + Duration::from_millis(9_999)) && !health.is_resting(now + demotion.period));
        assert_eq!(health.ask_at(), Some(now + demotion.period));
        assert!(health.write_at() < health.ask_at());
    }
}
