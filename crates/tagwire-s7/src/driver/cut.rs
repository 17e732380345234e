//! Where a block that is longer than an answer is cut, so that no number is joined from two moments.

use crate::item::{Item, unit_bytes};

/// Units of the next part of a block, from `from` to `end`, of which an answer holds `most`: the most that ends between
/// elements of all items. An element that is itself longer than an answer is cut anyway.
pub(super) fn next_part<'a>(items: impl Iterator<Item = &'a Item> + Clone, (from, end): (u32, u32), most: u32) -> u32 {
    let most = most.max(1);
    if end - from <= most {
        return end - from;
    }
    let is_between = |at: u32| {
        items.clone().all(|item| {
            let element = (item.form.n_bytes() / unit_bytes(item.area) as u32).max(1);
            let is_inside = item.start < at && at < item.start + item.len;
            !is_inside || (at - item.start).is_multiple_of(element)
        })
    };
    (1..=most).rev().find(|len| is_between(from + len)).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    fn parts(addresses: &[&str], end: u32, most: u32) -> Vec<u32> {
        let item = |address: &&str| {
            let address = Address::parse(address).expect("an address");
            Item::new(&address, address.default_type()).expect("an item")
        };
        let items: Vec<Item> = addresses.iter().map(item).collect();
        let (mut from, mut found) = (0, Vec::new());
        while from < end {
            let len = next_part(items.iter(), (from, end), most);
            found.push(len);
            from += len;
        }
        found
    }

    #[test]
    fn a_number_behind_smaller_ones_is_not_cut() {
        assert_eq!(parts(&["DB1,W0", "DB1,LREAL2", "DB1,LREAL10"], 18, 12), [10, 8]);
        assert_eq!(parts(&["DB1,W0", "DB1,W2", "DB1,REAL4"], 8, 8), [8]);
    }

    #[test]
    fn arrays_are_cut_between_elements_and_long_texts_anywhere() {
        assert_eq!(parts(&["DB1,W0", "DB1,LREAL2[4]"], 34, 20), [18, 16]);
        assert_eq!(parts(&["DB1,B0[100]"], 100, 40), [40, 40, 20]);
        assert_eq!(parts(&["DB1,STRING0.254"], 256, 100), [100, 100, 56]);
        assert_eq!(parts(&["T0[5]"], 5, 2), [2, 2, 1]);
    }
}
