//! Addresses of Kepware's lists, where they say more than ours: lengths of arrays and texts, and decimal digits.

use tagwire_model::Dims;

/// An address that says that its number is stored as decimal digits, by the word `BCD` or `LBCD`; `None` where the driver
/// has no such word.
pub fn with_digits(address: &str, driver: &str, word: &str) -> Option<String> {
    let address = address.trim();
    if driver.starts_with("modbus") {
        return Some(format!("{address}:{word}"));
    }
    // The word takes the place of the one for the size: `DB1,W10`, `DB1.DBW10` and `MW10`.
    let (block, place) = address.split_at(address.rfind([',', '.']).map_or(0, |at| at + 1));
    let (letters, rest) = place.split_at(place.find(|c: char| c.is_ascii_digit())?);
    let letters = letters.to_ascii_uppercase();
    let sizes = if word == "BCD" { ["WORD", "W"] } else { ["DWORD", "D"] };
    let area = sizes.iter().find_map(|size| letters.strip_suffix(size)).filter(|_| driver == "s7")?;
    Some(format!("{block}{}{word}{rest}", area.trim_end_matches("DB")))
}

/// Our address of an array, and its lengths, which Kepware names in the address: `40001[10]`, `40001 [2][3]`, and
/// `Grid{2}{5}` for tags of Logix; `None` when there are none.
pub fn with_lengths(address: &str) -> Option<(&str, Dims)> {
    let address = address.trim_end();
    let (ours, inner, between) = match address.strip_suffix('}') {
        Some(rest) => {
            let (ours, inner) = rest.split_once('{')?;
            (ours.trim_end(), inner, "}{")
        }
        None => (address, address.strip_suffix(']')?.split_once('[')?.1, "]["),
    };
    let lens: Option<Vec<u32>> =
        inner.split(between).map(|len| len.trim().parse().ok().filter(|len| *len > 0)).collect();
    let lens = lens?;
    // One row is a plain array, as clients expect it.
    let dims = match lens[..] {
        [1, len] => Dims::one(len),
        _ => Dims::new(&lens)?,
    };
    Some((ours, dims))
}

/// Our address of a text in a Logix controller, whose greatest length Kepware may name, as in `Name/20`: the controller
/// knows it. For other drivers what stands behind a slash is a part of the address.
pub fn without_text_length<'a>(address: &'a str, driver: &str) -> &'a str {
    let address = address.trim_end();
    match address.rsplit_once('/') {
        Some((ours, len)) if driver == "enip" && !len.is_empty() && len.bytes().all(|byte| byte.is_ascii_digit()) => {
            ours
        }
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_digits_are_told_by_the_address() {
        for (driver, address, word, expected) in [
            ("modbus-tcp", "400030", "LBCD", Some("400030:LBCD")),
            ("s7", "DB1,W10", "BCD", Some("DB1,BCD10")),
            ("s7", "DB1,WORD10[3]", "BCD", Some("DB1,BCD10[3]")),
            ("s7", "DB1.DBD4", "LBCD", Some("DB1.LBCD4")),
            ("s7", "MW10", "BCD", Some("MBCD10")),
            ("s7", "DB1,REAL4", "LBCD", None),
            ("s7", "DB1,W10", "LBCD", None),
            ("enip", "Counter", "BCD", None),
        ] {
            assert_eq!(with_digits(address, driver, word).as_deref(), expected, "{driver} {address}");
        }
    }

    #[test]
    fn lengths_of_arrays_come_from_the_address() {
        for (address, ours, lens) in [
            ("40001[10]", "40001[10]", &[10][..]),
            ("40001 [2][3] ", "40001 [2][3]", &[2, 3]),
            ("40001[1][7]", "40001[1][7]", &[7]),
            ("Profile{10}", "Profile", &[10]),
            ("Arr {10}", "Arr", &[10]),
            ("Grid{2}{5}", "Grid", &[2, 5]),
            ("Grid{1}{5}", "Grid", &[5]),
            ("Arr[3]{4}", "Arr[3]", &[4]),
        ] {
            let found = with_lengths(address).map(|(ours, dims)| (ours, dims.lens().to_vec()));
            assert_eq!(found, Some((ours, lens.to_vec())), "{address}");
        }
        for address in ["40001", "40001[0]", "40001[x]", "40001[1", "40001[1][2][3][4]", "A{}", "A{x}", "A}"] {
            assert_eq!(with_lengths(address), None, "{address}");
        }
    }

    #[test]
    fn a_text_may_name_its_length() {
        for (address, ours) in [("Txt/20", "Txt"), ("Txt", "Txt"), ("Txt/", "Txt/"), ("B3/x", "B3/x")] {
            assert_eq!(without_text_length(address, "enip"), ours);
        }
        for (driver, address) in [("opcua", "ns=2;s=Plant/Line/20"), ("pccc", "B3/17")] {
            assert_eq!(without_text_length(address, driver), address);
        }
    }
}
