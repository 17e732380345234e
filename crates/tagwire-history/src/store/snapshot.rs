//! Everything that holds samples of a tag at one moment.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::group::late_page;
use super::shared::History;
use crate::hot::Page;
use crate::sealed::{Entry, Segment};
use crate::{HistoryError, TagNumber};

/// Samples of one tag, in the order of time.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Hot(Arc<Page>),
    Sealed(Arc<Segment>, Entry),
}

impl Source {
    pub(crate) fn t_first(&self) -> i64 {
        match self {
            Self::Hot(page) => page.t_first,
            Self::Sealed(_, entry) => entry.t_first,
        }
    }

    pub(crate) fn t_last(&self) -> i64 {
        match self {
            Self::Hot(page) => page.t_last(),
            Self::Sealed(_, entry) => entry.t_last,
        }
    }

    /// Orders samples of the same time: a late one came after all others of its time in blocks begun before it came.
    pub(crate) fn rank(&self) -> u64 {
        match self {
            Self::Hot(page) if page.late => page.end_no,
            Self::Hot(page) => page.first_no,
            Self::Sealed(_, entry) => entry.rank(),
        }
    }

    pub(crate) fn end_no(&self) -> u64 {
        match self {
            Self::Hot(page) => page.end_no,
            Self::Sealed(_, entry) => entry.end_no,
        }
    }

    pub(crate) fn first_no(&self) -> u64 {
        match self {
            Self::Hot(page) => page.first_no,
            Self::Sealed(_, entry) => entry.first_no,
        }
    }
}

impl History {
    /// What holds samples of a tag in `from..=to`.
    pub(crate) fn sources(&self, tag: TagNumber, from: i64, to: i64) -> Result<Vec<Source>, HistoryError> {
        loop {
            let joins = self.shared.joins.load(Ordering::Acquire);
            let sources = self.sources_now(tag, from, to)?;
            // A page that was sealed and joined between the two looks would be found twice.
            if self.shared.joins.load(Ordering::Acquire) == joins {
                return Ok(sources);
            }
        }
    }

    fn sources_now(&self, tag: TagNumber, from: i64, to: i64) -> Result<Vec<Source>, HistoryError> {
        let place = self.shared.tag(tag)?;
        let group = self.shared.groups.read().get(place.group as usize).cloned();
        let mut hot: Vec<Arc<Page>> = Vec::new();
        // Memory first: a page that is sealed meanwhile is then found twice, never not at all.
        if let Some(group) = group {
            let mut state = group.state.lock();
            state.page.settle();
            for page in &state.closed {
                if let Some(member) = page.columns.iter().position(|column| column.tag == tag && column.n > 0) {
                    hot.push(Arc::new(page.extract(member)));
                }
            }
            let member = place.member as usize;
            if state.page.columns.get(member).is_some_and(|column| column.n > 0) {
                hot.push(Arc::new(state.page.extract(member)));
            }
            if let Some((_, late)) = state.late.iter().find(|(late, _)| *late == place.member) {
                hot.push(Arc::new(late_page(state.page.group, tag, place.series.column_type(), late)));
            }
        }
        let segments = self.shared.segments.read().clone();
        let mut sources = Vec::new();
        for segment in segments.iter() {
            let spans = segment.spans();
            if spans.t_last < from || spans.t_first > to {
                continue;
            }
            for entry in segment.entries(tag, from, to)? {
                // The page itself, sealed meanwhile with what came until then, which counts because the pages after it may be
                // seen, too. One that only begins at the same number was recovered, and ends later.
                hot.retain(|page| {
                    page.late != entry.late || page.first_no != entry.first_no || page.end_no > entry.end_no
                });
                sources.push(Source::Sealed(segment.clone(), entry));
            }
        }
        let touches = |page: &Arc<Page>| page.t_last() >= from && page.t_first <= to;
        sources.extend(hot.into_iter().filter(touches).map(Source::Hot));
        Ok(sources)
    }
}
