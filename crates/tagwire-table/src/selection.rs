//! Which samples.

use tagwire_history::{History, Series, Span, TagNumber};
use tagwire_model::{Timestamp, pattern};

/// Which samples of which tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Paths, which cover what lies below them; `*` stands for any text and `?` for one character.
    pub patterns: Vec<String>,
    /// From this time on.
    pub from: Timestamp,
    /// Up to but without this time.
    pub to: Timestamp,
}

impl Selection {
    /// The tags, by path; those of one path with different types by number.
    pub fn tags(&self, history: &History) -> Vec<Series> {
        let mut tags = history.all_series();
        tags.retain(|series| self.patterns.iter().any(|pattern| pattern::covers(pattern, &series.path)));
        sort(&mut tags);
        tags
    }

    pub(crate) const fn span(&self) -> Span {
        Span::forward(self.from, self.to)
    }

    /// About how many samples there are, by the blocks that hold them.
    pub(crate) fn estimate(&self, history: &History, tag: TagNumber) -> u64 {
        let blocks = history.summaries(tag, self.from, self.to.saturating_add_ticks(-1)).unwrap_or_default();
        let in_time = |from: Timestamp, to: Timestamp, n: u32| {
            let whole = to.ticks_since(from).max(1) as f64;
            let part = to.min(self.to).ticks_since(from.max(self.from)).max(0) as f64;
            (f64::from(n) * (part / whole).clamp(0.0, 1.0)) as u64
        };
        blocks.iter().map(|block| in_time(block.from, block.to, block.n)).sum()
    }
}

pub(crate) fn sort(tags: &mut [Series]) {
    tags.sort_by(|a, b| (&a.path, a.number).cmp(&(&b.path, b.number)));
}
