//! The times of pages read last, which the tags of a scan group share.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::sealed::RowTimes;

/// Most rows that are kept: 4 MiB, with server times of their own.
const MAX_ROWS: usize = 256 * 1024;

/// A page: the number of its segment, where it begins there, and the checksum of its times, because a segment that joins
/// others has the number of one of them.
type Place = (u64, u64, u32);

/// Whoever reads one tag of a group often reads the next one soon, over the same pages.
#[derive(Debug, Default)]
pub(crate) struct RecentTimes(Mutex<VecDeque<(Place, Arc<RowTimes>)>>);

impl RecentTimes {
    /// The times of a page, from memory or else decoded.
    pub(super) fn get<E>(
        &self,
        place: Place,
        decode: impl FnOnce() -> Result<RowTimes, E>,
    ) -> Result<Arc<RowTimes>, E> {
        let known = self.0.lock().iter().rev().find(|(other, _)| *other == place).map(|(_, times)| Arc::clone(times));
        if let Some(known) = known {
            return Ok(known);
        }
        let times = Arc::new(decode()?);
        let mut recent = self.0.lock();
        recent.push_back((place, Arc::clone(&times)));
        let mut n_rows: usize = recent.iter().map(|(_, times)| times.0.len()).sum();
        while n_rows > MAX_ROWS
            && let Some((_, oldest)) = recent.pop_front()
        {
            n_rows -= oldest.0.len();
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(n: usize) -> RowTimes {
        (vec![0; n], None)
    }

    #[test]
    fn a_page_is_decoded_once_until_others_push_it_out() {
        let recent = RecentTimes::default();
        let unknown = || -> Result<RowTimes, &str> { Err("not known") };
        assert!(recent.get((1, 0, 7), || Ok::<_, ()>(page(10))).is_ok());
        assert!(recent.get((1, 0, 7), unknown).is_ok_and(|times| times.0.len() == 10));
        assert_eq!(recent.get((1, 0, 8), unknown), Err("not known"));
        assert!(recent.get((1, 8, 7), || Ok::<_, ()>(page(MAX_ROWS))).is_ok());
        assert_eq!(recent.get((1, 0, 7), unknown), Err("not known"));
        assert!(recent.get((1, 8, 7), unknown).is_ok());
    }
}
