//! The end of the own certificate, told before clients stumble over it.

use tagwire_access::{Certificate, Fingerprint};
use tagwire_model::Timestamp;

const TICKS_PER_DAY: i64 = 86_400 * Timestamp::TICKS_PER_SECOND;

/// Days before the end at which it is told, the last one when it is over.
const STEPS: [i64; 5] = [60, 30, 14, 1, 0];

/// What was told already.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    told: Option<(Fingerprint, i64)>,
}

/// What is to be told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// One sentence.
    pub(crate) text: String,
    /// Whether it is over.
    pub(crate) is_expired: bool,
}

impl Expiry {
    /// Gives a notice once per step and certificate, and at a start the one that counts then.
    pub(crate) fn check(&mut self, certificate: &Certificate, now: Timestamp) -> Option<Notice> {
        self.look(certificate.fingerprint(), certificate.not_after(), now)
    }

    fn look(&mut self, fingerprint: Fingerprint, end: Timestamp, now: Timestamp) -> Option<Notice> {
        let left = end.ticks_since(now);
        let step = STEPS.into_iter().rev().find(|days| left <= days * TICKS_PER_DAY)?;
        if self.told.is_some_and(|(known, told)| known == fingerprint && told <= step) {
            return None;
        }
        self.told = Some((fingerprint, step));
        let is_expired = left <= 0;
        let text = if is_expired {
            format!("the certificate of this server expired on {end}, and clients refuse it")
        } else {
            let days = left.div_euclid(TICKS_PER_DAY);
            let when = match days {
                0 => "within a day".to_owned(),
                1 => "in 1 day".to_owned(),
                n => format!("in {n} days"),
            };
            format!("the certificate of this server expires {when}, on {end}")
        };
        Some(Notice { text, is_expired })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_told_once_and_a_new_certificate_begins_anew() {
        let end = Timestamp::parse_rfc3339("2036-03-01T00:00:00Z").expect("time");
        let (old, new) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
        let mut expiry = Expiry::default();
        let mut told = Vec::new();
        for hours in (-48..24 * 70).rev() {
            let now = end.saturating_add_ticks(-hours * TICKS_PER_DAY / 24);
            if let Some(notice) = expiry.look(old, end, now) {
                told.push((hours, notice.text.split("server ").nth(1).unwrap_or_default().to_owned()));
            }
        }
        let expected = [
            (24 * 60, "expires in 60 days, on 2036-03-01T00:00:00Z"),
            (24 * 30, "expires in 30 days, on 2036-03-01T00:00:00Z"),
            (24 * 14, "expires in 14 days, on 2036-03-01T00:00:00Z"),
            (24, "expires in 1 day, on 2036-03-01T00:00:00Z"),
            (0, "expired on 2036-03-01T00:00:00Z, and clients refuse it"),
        ];
        assert_eq!(told, expected.map(|(hours, text)| (hours, text.to_owned())));
        assert!(expiry.look(new, end, end.saturating_add_ticks(-TICKS_PER_DAY * 90)).is_none());
        let notice = expiry.look(new, end, end.saturating_add_ticks(-TICKS_PER_DAY * 10)).expect("told at a start");
        assert!(!notice.is_expired);
    }
}
