//! Types that a session did not survive: a server whose answer is too large ends the connection each time.

use std::collections::HashMap;
use std::time::Duration;

use tagwire_ua_client::NodeId;
use tokio::time::Instant;

/// Sessions that may end while a type is asked for, because each may have ended by itself.
const MAX_STRIKES: u32 = 2;
/// How long such a type is not asked for, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));
/// Types that are remembered.
const MAX_TYPES: usize = 1_000;

/// Whether a type may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// Only alone.
    Suspect,
    /// Not now.
    Banned,
}

/// How often sessions ended, by the encoding whose type was asked for.
#[derive(Debug, Default)]
pub(super) struct Strikes(HashMap<NodeId, (u32, Instant)>);

impl Strikes {
    pub(super) fn verdict(&self, encoding: &NodeId, now: Instant) -> Verdict {
        match self.0.get(encoding) {
            None => Verdict::Fine,
            Some((n, until)) if *n >= MAX_STRIKES && *until > now => Verdict::Banned,
            Some(_) => Verdict::Suspect,
        }
    }

    /// A session ended while these were asked for.
    pub(super) fn strike(&mut self, encodings: &[NodeId], now: Instant) {
        for encoding in encodings {
            if self.0.len() >= MAX_TYPES && !self.0.contains_key(encoding) {
                continue;
            }
            let (n, until) = self.0.entry(encoding.clone()).or_insert((0, now));
            *n = n.saturating_add(1);
            *until = now + PAUSES.0.saturating_mul(1 << n.saturating_sub(MAX_STRIKES).min(6)).min(PAUSES.1);
        }
    }

    /// They were told.
    pub(super) fn forgive(&mut self, encodings: &[NodeId]) {
        for encoding in encodings {
            self.0.remove(encoding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_ends_session_after_session_is_asked_for_ever_more_seldom() {
        let (encoding, now) = (NodeId::new(2, 5_u32), Instant::now());
        let asked = std::slice::from_ref(&encoding);
        let mut strikes = Strikes::default();
        assert_eq!(strikes.verdict(&encoding, now), Verdict::Fine);
        strikes.strike(asked, now);
        assert_eq!(strikes.verdict(&encoding, now), Verdict::Suspect, "it may have been chance");
        strikes.strike(asked, now);
        assert_eq!(strikes.verdict(&encoding, now), Verdict::Banned);
        assert_eq!(strikes.verdict(&encoding, now + PAUSES.0), Verdict::Suspect);
        strikes.strike(asked, now);
        assert_eq!(strikes.verdict(&encoding, now + PAUSES.0), Verdict::Banned);
        (0..100).for_each(|_| strikes.strike(asked, now));
        assert_eq!(strikes.verdict(&encoding, now + PAUSES.1), Verdict::Suspect);
        strikes.forgive(asked);
        assert_eq!(strikes.verdict(&encoding, now), Verdict::Fine);
    }
}
