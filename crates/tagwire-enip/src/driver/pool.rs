//! One upload of a controller's tag list for all links that lead to it (gateway-behaviour B-38).

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::upload::Symbols;

/// How long one link may say nothing of its upload until another takes it over.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a controller is: the address of the link and the route behind it.
type Place = (String, Vec<u8>);

static POOLS: Mutex<Vec<(Place, Weak<Pool>)>> = Mutex::new(Vec::new());

/// Those who want to know the tags of one controller.
#[derive(Debug, Default)]
struct Pool(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    /// Keys of the tags that each member wants.
    wanted: Vec<(u64, HashSet<String>)>,
    /// Who uploads, and when it last went on.
    claim: Option<(u64, Instant)>,
    /// What the last upload brought, and the keys that it was about.
    known: Option<(Arc<Symbols>, HashSet<String>)>,
}

/// What a member may do.
#[derive(Debug)]
pub(super) enum Turn {
    /// Upload the tags with these keys, which are what all members want.
    Upload(HashSet<String>),
    /// See whether this is still true, and upload the tags with these keys if it is not.
    Confirm(Arc<Symbols>, HashSet<String>),
    /// Another one uploads.
    Wait,
}

/// A device's part in a pool; leaves it when dropped.
#[derive(Debug)]
pub(super) struct Member {
    pool: Arc<Pool>,
    id: u64,
}

impl Member {
    /// Joins those who lead to the same controller.
    pub(super) fn join(address: &str, route: &[u8], keys: HashSet<String>) -> Self {
        let place = (address.to_ascii_lowercase(), route.to_vec());
        let mut pools = POOLS.lock();
        pools.retain(|(_, pool)| pool.strong_count() > 0);
        let found = pools.iter().find(|(known, _)| *known == place).and_then(|(_, pool)| pool.upgrade());
        let pool = found.unwrap_or_else(|| {
            let pool = Arc::new(Pool::default());
            pools.push((place, Arc::downgrade(&pool)));
            pool
        });
        drop(pools);
        let id = {
            let mut state = pool.0.lock();
            state.next_id += 1;
            let id = state.next_id;
            state.wanted.push((id, keys));
            id
        };
        Self { pool, id }
    }

    /// Asks for the turn to upload.
    pub(super) fn begin(&self, now: Instant) -> Turn {
        let mut state = self.pool.0.lock();
        if state.claim.is_some_and(|(id, at)| id != self.id && now.saturating_duration_since(at) < PATIENCE) {
            return Turn::Wait;
        }
        state.claim = Some((self.id, now));
        let all: HashSet<String> = state.wanted.iter().flat_map(|(_, keys)| keys).cloned().collect();
        let own = state.wanted.iter().find(|(id, _)| *id == self.id);
        match &state.known {
            Some((symbols, keys)) if own.is_none_or(|(_, own)| own.is_subset(keys)) => {
                Turn::Confirm(Arc::clone(symbols), all)
            }
            _ => Turn::Upload(all),
        }
    }

    /// The upload goes on.
    pub(super) fn go_on(&self, now: Instant) {
        let mut state = self.pool.0.lock();
        if let Some((_, at)) = state.claim.as_mut().filter(|(id, _)| *id == self.id) {
            *at = now;
        }
    }

    /// The upload of these keys has ended; without symbols it failed.
    pub(super) fn end(&self, outcome: Option<(&Arc<Symbols>, HashSet<String>)>) {
        let mut state = self.pool.0.lock();
        state.claim.take_if(|(id, _)| *id == self.id);
        // Who is alone keeps nothing, and what has no change counters cannot be confirmed.
        let is_of_use = state.wanted.len() > 1;
        state.known = outcome
            .filter(|(symbols, _)| is_of_use && !symbols.fingerprint.is_empty())
            .map(|(symbols, keys)| (Arc::clone(symbols), keys));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut state = self.pool.0.lock();
        state.wanted.retain(|(id, _)| *id != self.id);
        state.claim.take_if(|(id, _)| *id == self.id);
        if state.wanted.len() < 2 {
            state.known = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn symbols() -> Arc<Symbols> {
        let mut symbols = Symbols::default();
        symbols.fingerprint = vec![1];
        Arc::new(symbols)
    }

    #[tokio::test(start_paused = true)]
    async fn one_uploads_for_all_and_the_others_confirm() {
        let one = Member::join("10.0.0.1:44818", &[1, 0], keys(&["a"]));
        let two = Member::join("10.0.0.1:44818", &[1, 0], keys(&["b"]));
        let elsewhere = Member::join("10.0.0.1:44818", &[1, 2], keys(&["c"]));
        let now = Instant::now();
        assert!(matches!(one.begin(now), Turn::Upload(all) if all == keys(&["a", "b"])));
        assert!(matches!(two.begin(now), Turn::Wait));
        assert!(matches!(elsewhere.begin(now), Turn::Upload(all) if all == keys(&["c"])));
        one.end(Some((&symbols(), keys(&["a", "b"]))));
        assert!(matches!(two.begin(now), Turn::Confirm(..)));
        two.end(Some((&symbols(), keys(&["a", "b"]))));
        let late = Member::join("10.0.0.1:44818", &[1, 0], keys(&["d"]));
        assert!(matches!(late.begin(now), Turn::Upload(all) if all == keys(&["a", "b", "d"])));
    }

    #[tokio::test(start_paused = true)]
    async fn who_falls_silent_loses_its_turn() {
        let one = Member::join("10.0.0.2:44818", &[], keys(&["a"]));
        let two = Member::join("10.0.0.2:44818", &[], keys(&["a"]));
        let start = Instant::now();
        assert!(matches!(one.begin(start), Turn::Upload(_)));
        one.go_on(start + Duration::from_secs(4));
        assert!(matches!(two.begin(start + Duration::from_secs(8)), Turn::Wait));
        assert!(matches!(two.begin(start + Duration::from_secs(10)), Turn::Upload(_)));
        drop(two);
        assert!(matches!(one.begin(start + Duration::from_secs(10)), Turn::Upload(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_alone_keeps_no_list() {
        let one = Member::join("10.0.0.3:44818", &[], keys(&["a"]));
        assert!(matches!(one.begin(Instant::now()), Turn::Upload(_)));
        one.end(Some((&symbols(), keys(&["a"]))));
        assert!(matches!(one.begin(Instant::now()), Turn::Upload(_)));
    }
}
