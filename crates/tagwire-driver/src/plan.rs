//! Merging tags that lie close together into as few requests as possible.

use crate::{Block, Span};

/// What one request of a protocol can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most units (registers, coils, bytes) in one request, at least 1.
    pub max_len: u32,
    /// Most units between two tags that are read along although no tag wants them; 0 merges only what touches.
    pub max_gap: u32,
}

/// Merges the spans of tags of one device into blocks, in address order.
///
/// No block is longer than `limits.max_len`, bridges more than `limits.max_gap` unwanted units, or reaches across the
/// first unit of a span in `cuts`. A tag that does one of these by itself still gets a block, of its own.
pub fn merge(device: usize, tags: &[(u32, Span)], limits: Limits, cuts: &[Span]) -> Vec<Block> {
    let mut order: Vec<(Span, u32)> = tags.iter().map(|&(tag, span)| (span, tag)).collect();
    order.sort_unstable();
    let mut cuts: Vec<(u32, u32)> = cuts.iter().map(|cut| (cut.area, cut.start)).collect();
    cuts.sort_unstable();
    let mut blocks: Vec<Block> = Vec::new();
    for (span, tag) in order {
        if let Some(block) = blocks.last_mut()
            && block.area == span.area
            && let Some(len) = merged_len(block, span, limits, &cuts)
        {
            block.len = len;
            block.tags.push(tag);
        } else {
            blocks.push(Block { device, area: span.area, start: span.start, len: span.len, tags: vec![tag] });
        }
    }
    blocks
}

/// The length of `block` grown to hold `span`, which starts at or behind the block's start; `None` when it may not grow.
fn merged_len(block: &Block, span: Span, limits: Limits, cuts: &[(u32, u32)]) -> Option<u32> {
    let block_end = u64::from(block.start) + u64::from(block.len);
    let span_end = u64::from(span.start) + u64::from(span.len);
    if span_end <= block_end {
        return Some(block.len);
    }
    let gap = u64::from(span.start).saturating_sub(block_end);
    let len = u32::try_from(span_end - u64::from(block.start)).ok()?;
    if gap > u64::from(limits.max_gap) || len > limits.max_len {
        return None;
    }
    let next = cuts.partition_point(|&(area, start)| (area, start) <= (block.area, block.start));
    let crosses = cuts.get(next).is_some_and(|&(area, start)| area == block.area && u64::from(start) < span_end);
    (!crosses).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(list: &[(u32, u32)]) -> Vec<(u32, Span)> {
        (0..).zip(list).map(|(tag, &(start, len))| (tag, Span { area: 0, start, len })).collect()
    }

    fn ranges(list: &[(u32, u32)], max_len: u32, max_gap: u32, cuts: &[u32]) -> Vec<(u32, u32)> {
        let cuts: Vec<Span> = cuts.iter().map(|&start| Span { area: 0, start, len: 1 }).collect();
        let blocks = merge(0, &spans(list), Limits { max_len, max_gap }, &cuts);
        blocks.iter().map(|block| (block.start, block.len)).collect()
    }

    #[test]
    fn tags_merge_up_to_the_limits_and_not_across_cuts() {
        assert_eq!(ranges(&[(0, 2), (2, 2), (4, 1)], 125, 0, &[]), [(0, 5)]);
        assert_eq!(ranges(&[(0, 2), (3, 2)], 125, 0, &[]), [(0, 2), (3, 2)]);
        assert_eq!(ranges(&[(0, 2), (3, 2)], 125, 1, &[]), [(0, 5)]);
        assert_eq!(ranges(&[(0, 2), (2, 2), (4, 2)], 5, 0, &[]), [(0, 4), (4, 2)]);
        assert_eq!(ranges(&[(0, 1), (1, 1), (2, 1), (3, 1)], 125, 0, &[2]), [(0, 2), (2, 2)]);
        assert_eq!(ranges(&[(0, 1), (9, 1)], 125, 16, &[5]), [(0, 1), (9, 1)]);
        assert_eq!(ranges(&[(5, 1), (6, 1)], 125, 0, &[5]), [(5, 2)], "a cut at the first unit cuts nothing");
    }

    #[test]
    fn a_tag_that_breaks_a_limit_alone_is_read_alone() {
        assert_eq!(ranges(&[(0, 200), (200, 1)], 125, 0, &[]), [(0, 200), (200, 1)]);
        assert_eq!(ranges(&[(0, 4)], 125, 0, &[2]), [(0, 4)]);
    }

    #[test]
    fn overlapping_tags_share_a_block_and_areas_never_do() {
        assert_eq!(ranges(&[(0, 8), (2, 1), (4, 8)], 125, 0, &[]), [(0, 12)]);
        let tags = [(0, Span { area: 4, start: 1, len: 1 }), (1, Span { area: 3, start: 0, len: 1 })];
        let blocks = merge(7, &tags, Limits { max_len: 125, max_gap: 9 }, &[]);
        assert_eq!(blocks.iter().map(|block| (block.area, block.tags[0])).collect::<Vec<_>>(), [(3, 1), (4, 0)]);
        assert!(blocks.iter().all(|block| block.device == 7));
    }

    #[test]
    fn addresses_at_the_end_of_the_range_do_not_overflow() {
        assert_eq!(ranges(&[(u32::MAX, 1), (u32::MAX - 1, 1)], 125, 9, &[]), [(u32::MAX - 1, 2)]);
        assert_eq!(ranges(&[(0, 1), (u32::MAX, 1)], u32::MAX, u32::MAX, &[]).len(), 2);
    }
}
