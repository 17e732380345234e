//! Which tags share a request.

use tagwire_driver::{Block, Span};

use super::settings::DeviceSettings;
use crate::item::Item;

/// Cuts tags into blocks: neighbours are joined as long as the device gives that many units in one answer, the gap
/// between them is small and no cut lies between them. A tag longer than one answer gets a block of its own.
pub(super) fn plan(
    device: usize,
    items: &[Item],
    settings: &DeviceSettings,
    tags: &[u32],
    cuts: &[Span],
) -> Vec<Block> {
    let mut wanted: Vec<(u32, &Item)> =
        tags.iter().filter_map(|tag| items.get(*tag as usize).map(|item| (*tag, item))).collect();
    wanted.sort_unstable_by_key(|(tag, item)| (item.table, item.start, item.len, *tag));
    let mut blocks: Vec<Block> = Vec::new();
    for (tag, item) in wanted {
        let area = u32::from(item.table.digit());
        let (limit, max_gap) = if item.table.is_bits() {
            (settings.max_read_coils, settings.max_gap * 16)
        } else {
            (settings.max_read_registers, settings.max_gap)
        };
        let (start, end) = (u32::from(item.start), item.end());
        if let Some(block) = blocks.last_mut().filter(|block| block.area == area) {
            let block_end = block.start + block.len;
            let joined_end = end.max(block_end);
            let is_inside = end <= block_end;
            let is_near = start <= block_end + max_gap && joined_end - block.start <= limit;
            if is_inside || is_near && !is_cut(cuts, area, block.start, joined_end) {
                block.len = joined_end - block.start;
                block.tags.push(tag);
                continue;
            }
        }
        blocks.push(Block { device, area, start, len: end - start, tags: vec![tag] });
    }
    blocks
}

/// Whether a block would reach across the start of a cut.
fn is_cut(cuts: &[Span], area: u32, start: u32, end: u32) -> bool {
    cuts.iter().any(|cut| cut.area == area && start < cut.start && cut.start < end)
}

#[cfg(test)]
mod tests {
    use tagwire_driver::{Setting, Settings};
    use tagwire_model::ValueType;

    use super::*;
    use crate::address::{Address, Numbering};

    fn blocks(tags: &[(&str, &str)], keys: &[(&'static str, i64)], cuts: &[(u32, u32, u32)]) -> Vec<(u32, u32, usize)> {
        let mut given = Settings::new();
        keys.iter().for_each(|(name, n)| given.set(name, Setting::Integer(*n)));
        let settings = DeviceSettings::new(&given).unwrap_or_else(|e| panic!("{}", e.problem));
        let item = |(address, value_type): &(&str, &str)| {
            let address = Address::parse(address, Numbering::default()).expect(address);
            Item::new(&address, ValueType::parse(value_type).expect("type"), &settings.encoding).expect("fits")
        };
        let items: Vec<Item> = tags.iter().map(item).collect();
        let cuts: Vec<Span> =
            cuts.iter().map(|(area, start, len)| Span { area: *area, start: *start, len: *len }).collect();
        let all: Vec<u32> = (0..items.len() as u32).collect();
        let planned = plan(0, &items, &settings, &all, &cuts);
        planned.iter().map(|block| (block.start, block.len, block.tags.len())).collect()
    }

    #[test]
    fn neighbours_share_a_block_up_to_the_limit() {
        let tags: Vec<String> = (1..=300).map(|n| format!("4{n:05}")).collect();
        let tags: Vec<(&str, &str)> = tags.iter().map(|address| (address.as_str(), "u16")).collect();
        assert_eq!(blocks(&tags, &[], &[]), [(0, 125, 125), (125, 125, 125), (250, 50, 50)]);
        assert_eq!(blocks(&tags[..40], &[("max_read_registers", 32)], &[]), [(0, 32, 32), (32, 8, 8)]);
    }

    #[test]
    fn a_value_is_never_torn_between_blocks() {
        let tags = [("40001", "f32"), ("40003", "f32"), ("40005", "f32")];
        assert_eq!(blocks(&tags, &[("max_read_registers", 5)], &[]), [(0, 4, 2), (4, 2, 1)]);
    }

    #[test]
    fn gaps_are_read_only_while_small() {
        let tags = [("40001", "u16"), ("40018", "u16"), ("40036", "u16")];
        assert_eq!(blocks(&tags, &[], &[]), [(0, 18, 2), (35, 1, 1)]);
        assert_eq!(blocks(&tags, &[("max_gap", 0)], &[]).len(), 3);
        assert_eq!(blocks(&[("00001", "bool"), ("00257", "bool")], &[], &[]), [(0, 257, 2)]);
    }

    #[test]
    fn tables_never_mix_and_order_of_tags_does_not_matter() {
        let tags = [("30002", "u16"), ("40001", "u16"), ("30001", "u16"), ("00001", "bool"), ("10001", "bool")];
        assert_eq!(blocks(&tags, &[], &[]), [(0, 1, 1), (0, 1, 1), (0, 2, 2), (0, 1, 1)]);
    }

    #[test]
    fn tags_on_the_same_units_share_them() {
        let tags = [("40001", "u32"), ("40001.3", "bool"), ("40002", "u16"), ("40001", "f32")];
        assert_eq!(blocks(&tags, &[], &[]), [(0, 2, 4)]);
    }

    #[test]
    fn no_block_reaches_across_a_cut() {
        let tags: Vec<String> = (1..=10).map(|n| format!("4{n:05}")).collect();
        let tags: Vec<(&str, &str)> = tags.iter().map(|address| (address.as_str(), "u16")).collect();
        assert_eq!(blocks(&tags, &[], &[(4, 4, 1)]), [(0, 4, 4), (4, 6, 6)]);
        assert_eq!(blocks(&tags, &[], &[(4, 4, 1), (4, 5, 1)]), [(0, 4, 4), (4, 1, 1), (5, 5, 5)]);
        assert_eq!(blocks(&tags, &[], &[(3, 4, 1)]), [(0, 10, 10)]);
        assert_eq!(blocks(&tags, &[], &[(4, 0, 1), (4, 10, 1)]), [(0, 10, 10)]);
    }

    #[test]
    fn a_value_across_a_cut_is_read_alone() {
        let tags = [("40001", "u16"), ("40002", "f32"), ("40004", "u16")];
        assert_eq!(blocks(&tags, &[], &[(4, 2, 1)]), [(0, 1, 1), (1, 2, 1), (3, 1, 1)]);
    }

    #[test]
    fn a_gap_that_holds_a_cut_is_not_read() {
        let tags = [("40001", "u16"), ("40005", "u16")];
        assert_eq!(blocks(&tags, &[], &[(4, 2, 1)]), [(0, 1, 1), (4, 1, 1)]);
    }

    #[test]
    fn an_array_longer_than_one_answer_has_a_block_of_its_own() {
        let tags = [("40001", "u16"), ("40002", "f32[100]"), ("40202", "u16")];
        assert_eq!(blocks(&tags, &[], &[]), [(0, 1, 1), (1, 200, 1), (201, 1, 1)]);
    }
}
