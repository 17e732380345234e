//! What a history is, in the plainest form.

use tagwire_history::{Samples, UpdateMode, UpdateOutcome};
use tagwire_model::{Sample, Timestamp};

/// A sample and the ticket of the batch it came with.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) sample: Sample,
    pub(crate) ticket: u64,
}

/// The samples of one tag, by time and then by arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plain {
    pub(crate) samples: Vec<Kept>,
}

impl Plain {
    pub(crate) fn append(&mut self, sample: Sample, ticket: u64) {
        let at = self.samples.partition_point(|kept| kept.sample.source_time <= sample.source_time);
        self.samples.insert(at, Kept { sample, ticket });
    }

    fn has(&self, time: Timestamp) -> bool {
        self.samples.iter().any(|kept| kept.sample.source_time == time)
    }

    pub(crate) fn update(&mut self, mode: UpdateMode, sample: &Sample) -> UpdateOutcome {
        let there = self.has(sample.source_time);
        match (mode, there) {
            (UpdateMode::Insert, true) => return UpdateOutcome::Exists,
            (UpdateMode::Replace, false) => return UpdateOutcome::Missing,
            _ => {}
        }
        self.samples.retain(|kept| kept.sample.source_time != sample.source_time);
        self.append(sample.clone(), 0);
        if there { UpdateOutcome::Replaced } else { UpdateOutcome::Inserted }
    }

    pub(crate) fn delete_at(&mut self, time: Timestamp) -> UpdateOutcome {
        let there = self.has(time);
        self.samples.retain(|kept| kept.sample.source_time != time);
        if there { UpdateOutcome::Deleted } else { UpdateOutcome::Missing }
    }

    pub(crate) fn delete_range(&mut self, from: Timestamp, to: Timestamp) -> u64 {
        let before = self.samples.len();
        self.samples.retain(|kept| kept.sample.source_time < from || kept.sample.source_time >= to);
        (before - self.samples.len()) as u64
    }

    pub(crate) fn span(&self, low: i64, high: i64) -> Vec<&Sample> {
        let all = self.samples.iter().map(|kept| &kept.sample);
        all.filter(|sample| (low..=high).contains(&sample.source_time.ticks())).collect()
    }
}

pub(crate) fn same(a: &Sample, b: &Sample) -> bool {
    a.value.same_as(&b.value)
        && a.status == b.status
        && a.source_time == b.source_time
        && a.server_time == b.server_time
}

pub(crate) fn list(samples: &Samples) -> Vec<Sample> {
    (0..samples.len()).filter_map(|idx| samples.sample(idx)).collect()
}
