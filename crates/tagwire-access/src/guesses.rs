//! Wrong logins, so that guessing passwords takes time and nobody else waits (ua-conformance S18).

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

/// How often each peer guessed wrong of late, in all and for each user name. Time is handed in, as milliseconds of a
/// monotonic clock. Whether a user exists makes no difference.
#[derive(Debug, Default)]
pub struct Guesses {
    state: Mutex<State>,
    /// Names are remembered by a keyed hash, so that a long name costs no memory.
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct State {
    peers: HashMap<IpAddr, Count>,
    names: HashMap<(IpAddr, u64), Count>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    n_wrong: u32,
    last: u64,
    locked_until: u64,
}

impl Guesses {
    /// Peers, and pairs of peer and user name, that are remembered; beyond that the one that guessed longest ago is
    /// forgotten.
    pub const MAX_REMEMBERED: usize = 1024;
    /// Wrong logins of one peer that cost nothing, as everybody mistypes.
    pub const FREE: u32 = 3;
    /// What each further wrong login adds to the wait for its answer.
    pub const STEP: Duration = Duration::from_millis(50);
    /// Longest wait for the answer to a wrong login.
    pub const MAX_WAIT: Duration = Duration::from_millis(500);
    /// Wrong logins with one user name from one peer after which that name is locked for that peer.
    pub const MAX_PER_NAME: u32 = 20;
    /// Wrong logins from one peer after which all names are locked for that peer.
    pub const MAX_PER_PEER: u32 = 100;
    /// How long a lock lasts; logins during it are refused unseen and do not lengthen it.
    pub const LOCK: Duration = Duration::from_secs(60);
    /// Time without a wrong login after which a peer's are forgotten.
    pub const MEMORY: Duration = Duration::from_secs(60);

    /// Whether logins of this peer with this name are refused unseen at `now`.
    pub fn is_locked(&self, peer: IpAddr, name: &str, now: u64) -> bool {
        let state = self.state.lock();
        let locked = |count: Option<&Count>| count.is_some_and(|count| now < count.locked_until);
        locked(state.peers.get(&peer)) || locked(state.names.get(&(peer, self.hasher.hash_one(name))))
    }

    /// Notes a wrong login at `now` and tells how long its answer must wait, and whether it was the one that locked.
    pub fn wrong(&self, peer: IpAddr, name: &str, now: u64) -> (Duration, bool) {
        let mut state = self.state.lock();
        let (n_of_peer, peer_locks) = note(&mut state.peers, peer, Self::MAX_PER_PEER, now);
        let (_, name_locks) = note(&mut state.names, (peer, self.hasher.hash_one(name)), Self::MAX_PER_NAME, now);
        let wait = (Self::STEP * n_of_peer.saturating_sub(Self::FREE).min(1000)).min(Self::MAX_WAIT);
        (wait, peer_locks || name_locks)
    }

    /// Forgets the wrong logins of this peer with this name, after a right one.
    pub fn right(&self, peer: IpAddr, name: &str) {
        self.state.lock().names.remove(&(peer, self.hasher.hash_one(name)));
    }
}

/// Counts one more wrong login; gives the count, and whether it locked.
fn note<K: Copy + Eq + Hash>(counts: &mut HashMap<K, Count>, key: K, max: u32, now: u64) -> (u32, bool) {
    if counts.len() >= Guesses::MAX_REMEMBERED && !counts.contains_key(&key) {
        let oldest = counts.iter().min_by_key(|(_, count)| count.last).map(|(oldest, _)| *oldest);
        oldest.map(|oldest| counts.remove(&oldest));
    }
    let count = counts.entry(key).or_insert(Count { n_wrong: 0, last: now, locked_until: 0 });
    let is_over = count.locked_until > 0 && now >= count.locked_until;
    if is_over || now.saturating_sub(count.last) > Guesses::MEMORY.as_millis() as u64 {
        *count = Count { n_wrong: 0, last: now, locked_until: 0 };
    }
    count.n_wrong = count.n_wrong.saturating_add(1);
    count.last = now;
    let locks = count.n_wrong == max;
    if locks {
        count.locked_until = now + Guesses::LOCK.as_millis() as u64;
    }
    (count.n_wrong, locks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn the_first_wrong_logins_cost_nothing_and_the_wait_has_a_limit() {
        let guesses = Guesses::default();
        let waits: Vec<Duration> = (0..20).map(|n| guesses.wrong(peer(1), &format!("user {n}"), 0).0).collect();
        assert_eq!(waits[..3], [Duration::ZERO; 3]);
        assert_eq!(waits[3], Guesses::STEP);
        assert_eq!(waits[19], Guesses::MAX_WAIT);
        assert_eq!(guesses.wrong(peer(2), "user 0", 0).0, Duration::ZERO, "another peer does not wait");
        assert_eq!(guesses.wrong(peer(1), "user 0", 60_001).0, Duration::ZERO, "forgotten");
    }

    #[test]
    fn a_guessed_name_is_locked_for_the_guesser_alone_and_for_a_while() {
        let guesses = Guesses::default();
        let locks = (0..20).filter(|_| guesses.wrong(peer(1), "anna", 0).1).count();
        assert_eq!(locks, 1);
        assert!(guesses.is_locked(peer(1), "anna", 59_999));
        assert!(!guesses.is_locked(peer(1), "bob", 1) && !guesses.is_locked(peer(2), "anna", 1));
        assert!(!guesses.is_locked(peer(1), "anna", 60_000));
        guesses.wrong(peer(1), "anna", 60_000);
        assert!(!guesses.is_locked(peer(1), "anna", 60_001), "counting starts again");
    }

    #[test]
    fn a_peer_that_tries_many_names_is_locked_as_a_whole() {
        let guesses = Guesses::default();
        for number in 0..100 {
            assert!(!guesses.is_locked(peer(1), "anna", number));
            guesses.wrong(peer(1), &format!("user {number}"), number);
        }
        assert!(guesses.is_locked(peer(1), "anna", 100) && !guesses.is_locked(peer(2), "anna", 100));
    }

    #[test]
    fn a_right_login_clears_its_name_and_memory_is_bounded() {
        let guesses = Guesses::default();
        for _ in 0..19 {
            guesses.wrong(peer(1), "anna", 0);
        }
        guesses.right(peer(1), "anna");
        guesses.wrong(peer(1), "anna", 0);
        assert!(!guesses.is_locked(peer(1), "anna", 0));
        for number in 0..5_000_u32 {
            guesses.wrong(IpAddr::from(number.to_be_bytes()), &number.to_string(), u64::from(number));
        }
        let state = guesses.state.lock();
        assert_eq!((state.peers.len(), state.names.len()), (Guesses::MAX_REMEMBERED, Guesses::MAX_REMEMBERED));
    }
}
