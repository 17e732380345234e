//! Wrong logins per peer, so that guessing passwords takes time and nobody else waits (ua-conformance S18).

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::subscription::Millis;

/// Peers that are remembered; beyond that the one that guessed longest ago is forgotten.
const MAX_PEERS: usize = 1024;
/// Wrong logins that cost nothing, as everybody mistypes.
const FREE: u32 = 3;
/// What each further wrong login adds to the wait for its answer.
const STEP: Duration = Duration::from_millis(50);
/// Longest wait for the answer to a wrong login.
const MAX_WAIT: Duration = Duration::from_millis(500);
/// Time after which a peer's wrong logins are forgotten.
const MEMORY: Millis = 60_000;

/// How often each peer guessed wrong of late.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    peers: Mutex<HashMap<IpAddr, (u32, Millis)>>,
}

impl Guesses {
    /// Notes a wrong login at `now` and returns how long its answer must wait.
    pub(crate) fn wrong(&self, peer: IpAddr, now: Millis) -> Duration {
        let mut peers = self.peers.lock();
        if peers.len() >= MAX_PEERS && !peers.contains_key(&peer) {
            let oldest = peers.iter().min_by_key(|(_, (_, at))| *at).map(|(oldest, _)| *oldest);
            oldest.map(|oldest| peers.remove(&oldest));
        }
        let (count, at) = peers.entry(peer).or_insert((0, now));
        if now.saturating_sub(*at) > MEMORY {
            *count = 0;
        }
        *count = count.saturating_add(1);
        *at = now;
        (STEP * count.saturating_sub(FREE).min(1000)).min(MAX_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_gets_slower_up_to_a_bound_and_is_forgiven_later() {
        let guesses = Guesses::default();
        let peer = IpAddr::from([127, 0, 0, 1]);
        let waits: Vec<u128> = (0..20).map(|_| guesses.wrong(peer, 0).as_millis()).collect();
        assert_eq!((waits[2], waits[3], waits[19]), (0, 50, 500));
        assert_eq!(guesses.wrong(peer, MEMORY + 1), Duration::ZERO);
    }

    #[test]
    fn memory_is_bounded() {
        let guesses = Guesses::default();
        (0..5_000_u32).for_each(|n| {
            guesses.wrong(IpAddr::from(n.to_be_bytes()), u64::from(n));
        });
        assert_eq!(guesses.peers.lock().len(), MAX_PEERS);
    }
}
