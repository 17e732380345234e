//! In which order a device puts the bytes and words of a number into registers.

use std::fmt;

/// A byte and word order: three swaps applied to most-significant-first storage.
///
/// Written in letters, `A` being the most significant byte of the value and the first letter the first byte on the
/// wire. Four letters set the order of 32-bit values and continue it to 64 bits (`CDAB`: least significant word first,
/// so `GHEFCDAB`); eight letters spell the order of 64-bit values in full, and 32-bit values follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Order {
    /// The two bytes of each register are swapped.
    pub swap_bytes: bool,
    /// The two registers of each 32 bits are swapped.
    pub swap_words: bool,
    /// The two halves of 64 bits are swapped.
    pub swap_halves: bool,
}

impl Order {
    /// Most significant byte and word first, as the protocol specification has it.
    pub const ABCD: Self = Self::new(false, false, false);

    /// Every name that a configuration may use.
    pub const NAMES: [&'static str; 14] = [
        "ABCD", "BADC", "CDAB", "DCBA", "ABCDEFGH", "BADCFEHG", "CDABGHEF", "DCBAHGFE", "EFGHABCD", "FEHGBADC",
        "GHEFCDAB", "HGFEDCBA", "AB", "BA",
    ];

    /// The eight orders of 64-bit values.
    pub const ALL: [Self; 8] = [
        Self::new(false, false, false),
        Self::new(true, false, false),
        Self::new(false, true, false),
        Self::new(true, true, false),
        Self::new(false, false, true),
        Self::new(true, false, true),
        Self::new(false, true, true),
        Self::new(true, true, true),
    ];

    const fn new(swap_bytes: bool, swap_words: bool, swap_halves: bool) -> Self {
        Self { swap_bytes, swap_words, swap_halves }
    }

    /// The order with this name, in any letter case.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "ABCD" | "ABCDEFGH" | "AB" => Self::new(false, false, false),
            "BADC" | "BADCFEHG" | "BA" => Self::new(true, false, false),
            "CDAB" | "GHEFCDAB" => Self::new(false, true, true),
            "DCBA" | "HGFEDCBA" => Self::new(true, true, true),
            "CDABGHEF" => Self::new(false, true, false),
            "DCBAHGFE" => Self::new(true, true, false),
            "EFGHABCD" => Self::new(false, false, true),
            "FEHGBADC" => Self::new(true, false, true),
            _ => return None,
        })
    }

    /// The letters for a value of `n_registers` registers (1, 2 or 4).
    pub const fn letters(self, n_registers: u32) -> &'static str {
        match (n_registers, self.swap_halves, self.swap_words, self.swap_bytes) {
            (1, _, _, false) => "AB",
            (1, _, _, true) => "BA",
            (2, _, false, false) => "ABCD",
            (2, _, false, true) => "BADC",
            (2, _, true, false) => "CDAB",
            (2, _, true, true) => "DCBA",
            (_, false, false, false) => "ABCDEFGH",
            (_, false, false, true) => "BADCFEHG",
            (_, false, true, false) => "CDABGHEF",
            (_, false, true, true) => "DCBAHGFE",
            (_, true, false, false) => "EFGHABCD",
            (_, true, false, true) => "FEHGBADC",
            (_, true, true, false) => "GHEFCDAB",
            (_, true, true, true) => "HGFEDCBA",
        }
    }

    /// One register between wire and value; its own inverse, like the other two.
    pub const fn word(self, wire: u16) -> u16 {
        if self.swap_bytes { wire.swap_bytes() } else { wire }
    }

    /// Two registers between wire and value.
    pub const fn double(self, wire: u32) -> u32 {
        let value = if self.swap_bytes { (wire & 0x00FF_00FF) << 8 | (wire >> 8) & 0x00FF_00FF } else { wire };
        if self.swap_words { value.rotate_left(16) } else { value }
    }

    /// Four registers between wire and value.
    pub const fn quad(self, wire: u64) -> u64 {
        let (high, low) = (self.double((wire >> 32) as u32) as u64, self.double(wire as u32) as u64);
        if self.swap_halves { low << 32 | high } else { high << 32 | low }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letters(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts the bytes of a value onto the wire as the letters say.
    fn spell(letters: &str) -> Vec<u8> {
        letters.bytes().map(|letter| letter - b'A' + 1).collect()
    }

    #[test]
    fn letters_say_where_each_byte_goes() {
        for order in Order::ALL {
            let wire = spell(order.letters(4)).try_into().map(u64::from_be_bytes).expect("eight");
            assert_eq!(order.quad(wire), 0x0102_0304_0506_0708, "{order}");
            let wire = spell(order.letters(2)).try_into().map(u32::from_be_bytes).expect("four");
            assert_eq!(order.double(wire), 0x0102_0304, "{order}");
            let wire = spell(order.letters(1)).try_into().map(u16::from_be_bytes).expect("two");
            assert_eq!(order.word(wire), 0x0102, "{order}");
        }
    }

    #[test]
    fn every_name_parses_to_the_order_it_spells() {
        for name in Order::NAMES {
            let order = Order::parse(&name.to_lowercase()).expect(name);
            assert_eq!(order.letters(name.len() as u32 / 2), name);
        }
        assert_eq!(Order::parse("ACBD"), None);
    }

    #[test]
    fn swapping_twice_changes_nothing() {
        for order in Order::ALL {
            assert_eq!(order.quad(order.quad(0x1122_3344_5566_7788)), 0x1122_3344_5566_7788);
            assert_eq!(order.double(order.double(0x1122_3344)), 0x1122_3344);
        }
    }
}
