//! A scan group in memory.

use std::sync::Arc;

use parking_lot::Mutex;
use tagwire_model::Value;

use crate::hot::{Page, Row};
use crate::values::ColumnType;
use crate::{Reason, TagNumber};

/// Most tags of a group; a larger scan group is several, so that sealing one takes milliseconds.
pub(crate) const MAX_MEMBERS: usize = 128;
/// Most late samples of a tag in memory.
pub(crate) const MAX_LATE: usize = 4096;

/// Tags that share their times.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) state: Mutex<GroupState>,
}

#[derive(Debug)]
pub(crate) struct GroupState {
    pub(crate) members: Vec<(TagNumber, ColumnType)>,
    pub(crate) page: Page,
    /// Pages that wait to be sealed.
    pub(crate) closed: Vec<Arc<Page>>,
    pub(crate) late: Vec<(u32, Late)>,
}

/// Late samples of one tag, in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Late {
    pub(crate) first_no: u64,
    pub(crate) end_no: u64,
    pub(crate) samples: Vec<(Row, u32, Reason, Value)>,
}

impl Group {
    pub(crate) fn new(id: u32) -> Self {
        let page = Page::new(id, 0, &[]);
        Self { state: Mutex::new(GroupState { members: Vec::new(), page, closed: Vec::new(), late: Vec::new() }) }
    }
}

impl GroupState {
    /// Adds a tag; its place.
    pub(crate) fn join(&mut self, tag: TagNumber, column_type: ColumnType) -> u32 {
        self.page.settle();
        self.members.push((tag, column_type));
        self.page.columns.push(crate::hot::Column::new(tag, column_type));
        (self.members.len() - 1) as u32
    }

    /// Moves the page to those that wait, and tells by how many bytes it grew since it was asked last; nothing when it is
    /// empty.
    pub(crate) fn close(&mut self, next_no: u64) -> Option<(Arc<Page>, usize)> {
        if self.page.is_empty() {
            return None;
        }
        self.page.settle();
        let grown = self.page.growth();
        let next = Page::new(self.page.group, next_no, &self.members);
        let page = Arc::new(std::mem::replace(&mut self.page, next));
        self.closed.push(page.clone());
        Some((page, grown))
    }

    /// Moves the late samples of a tag to the pages that wait.
    pub(crate) fn close_late(&mut self, member: u32) -> Option<Arc<Page>> {
        let at = self.late.iter().position(|(late, _)| *late == member)?;
        let (_, late) = self.late.swap_remove(at);
        let (tag, column_type) = *self.members.get(member as usize)?;
        let page = Arc::new(late_page(self.page.group, tag, column_type, &late));
        self.closed.push(page.clone());
        Some(page)
    }

    /// Adds a late sample; whether so many wait now that they should be sealed.
    pub(crate) fn push_late(
        &mut self,
        member: u32,
        no: u64,
        row: Row,
        status: u32,
        reason: Reason,
        value: Value,
    ) -> bool {
        let at = match self.late.iter().position(|(late, _)| *late == member) {
            Some(at) => at,
            None => {
                self.late.push((member, Late { first_no: no, end_no: no, samples: Vec::new() }));
                self.late.len() - 1
            }
        };
        let late = &mut self.late[at].1;
        late.end_no = no + 1;
        late.samples.push((row, status, reason, value));
        late.samples.len() >= MAX_LATE
    }
}

/// A page of late samples, sorted; samples of one time stay in the order in which they came.
pub(crate) fn late_page(group: u32, tag: TagNumber, column_type: ColumnType, late: &Late) -> Page {
    let mut order: Vec<usize> = (0..late.samples.len()).collect();
    order.sort_by_key(|idx| late.samples[*idx].0.time);
    let mut page = Page::new(group, late.first_no, &[(tag, column_type)]);
    page.late = true;
    page.end_no = late.end_no;
    for idx in order {
        let (row, status, reason, value) = &late.samples[idx];
        page.push(*row, 0, value, *status, *reason);
    }
    page
}
