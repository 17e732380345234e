//! A shutdown that an administrator announced, and may call off until its time has come (Part 5, 9.4 and 12.10).

use parking_lot::Mutex;
use tagwire_model::Timestamp;
use tagwire_ua_proto::types::LocalizedText;
use tokio::sync::Notify;

use crate::subscription::Millis;

/// What is known of the next end of the server.
#[derive(Default)]
pub(crate) struct Shutdown {
    planned: Mutex<Option<Planned>>,
    due: Notify,
}

/// A shutdown to come.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// When it begins.
    pub(crate) at: Millis,
    pub(crate) reason: LocalizedText,
    /// When the server is expected back; none where nobody knows.
    pub(crate) returns: Timestamp,
}

impl Planned {
    /// Seconds until it begins.
    pub(crate) fn seconds_left(&self, now: Millis) -> u32 {
        u32::try_from(self.at.saturating_sub(now).div_ceil(1_000)).unwrap_or(u32::MAX)
    }
}

impl Shutdown {
    /// Plans the end, instead of the one planned before.
    pub(crate) fn plan(&self, planned: Planned) {
        *self.planned.lock() = Some(planned);
    }

    /// Calls it off; false when none is planned.
    pub(crate) fn call_off(&self) -> bool {
        self.planned.lock().take().is_some()
    }

    /// What is planned.
    pub(crate) fn planned(&self) -> Option<Planned> {
        self.planned.lock().clone()
    }

    /// Wakes whoever ends the server, once the time has come: to be called several times a second.
    pub(crate) fn check(&self, now: Millis) {
        if self.planned.lock().as_ref().is_some_and(|planned| planned.at <= now) {
            self.due.notify_one();
        }
    }

    /// Waits until the time of a shutdown has come.
    pub(crate) async fn due(&self) {
        self.due.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn planned(at: Millis) -> Planned {
        Planned { at, reason: LocalizedText::new("repair"), returns: Timestamp::NONE }
    }

    #[test]
    fn a_shutdown_comes_at_its_time_unless_it_is_called_off() {
        let shutdown = Shutdown::default();
        assert!(!shutdown.call_off());
        shutdown.plan(planned(5_000));
        shutdown.check(4_999);
        assert!(shutdown.due().now_or_never().is_none());
        assert!(shutdown.call_off());
        shutdown.check(9_000);
        assert!(shutdown.due().now_or_never().is_none());
        shutdown.plan(planned(10_000));
        shutdown.check(10_000);
        assert!(shutdown.due().now_or_never().is_some());
    }

    #[test]
    fn seconds_are_rounded_up_so_that_none_are_left_only_at_the_end() {
        let left = [0, 1, 3_999, 4_000, 4_001, 9_000].map(|now| planned(5_000).seconds_left(now));
        assert_eq!(left, [5, 5, 2, 1, 1, 0]);
    }
}
