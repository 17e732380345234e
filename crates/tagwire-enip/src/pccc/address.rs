//! Addresses as people write them: `N7:0`, `B3/17`, `B3:1/2`, `T4:0.ACC`, `C5:0/DN`, `ST9:0`, `I:1/0`, `O:0.1/3`, `S:1`.

use std::fmt;

use tagwire_driver::AddressError;
use tagwire_model::Dims;

use super::file::FileType;

/// The two ways to count and to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// SLC 500 and MicroLogix: inputs and outputs by slot and word.
    #[default]
    Slc,
    /// PLC-5: inputs and outputs by word, numbers and bits of them in octal.
    Plc5,
}

/// A word of a timer, counter or control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// Preset, or length.
    Preset,
    /// Accumulated value, or position.
    Accumulated,
}

/// A parsed address; what it means for a declared type, [`super::Item`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Type of the file.
    pub file_type: FileType,
    /// Number of the file.
    pub file: u8,
    /// Number of the element; of inputs and outputs of an SLC the slot.
    pub element: u16,
    /// Word in the element: of a slot, or of a timer, counter or control.
    pub sub: u16,
    /// Bit of the word.
    pub bit: Option<u8>,
    /// Dimensions written in the address; [`Dims::SCALAR`] when none are.
    pub dims: Dims,
}

fn bad(problem: impl Into<String>, fix: impl Into<String>) -> AddressError {
    AddressError { problem: problem.into(), fix: fix.into() }
}

/// Names of bits with their number, by type of file.
const BITS: &[(FileType, &[(&str, u8)])] = &[
    (FileType::Timer, &[("EN", 15), ("TT", 14), ("DN", 13)]),
    (FileType::Counter, &[("CU", 15), ("CD", 14), ("DN", 13), ("OV", 12), ("UN", 11), ("UA", 10)]),
    (
        FileType::Control,
        &[("EN", 15), ("EU", 14), ("DN", 13), ("EM", 12), ("ER", 11), ("UL", 10), ("IN", 9), ("FD", 8)],
    ),
];

impl Address {
    /// Parses an address.
    ///
    /// # Errors
    /// [`AddressError`] names the problem and the fix.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, AddressError> {
        let upper = text.trim().to_ascii_uppercase();
        let unknown = || {
            let examples = "write an address such as N7:0, B3:1/2, T4:0.ACC, F8:3, ST9:0, I:1/0 or N7:0[10]";
            bad(format!("\"{}\" is no address of a data table", text.trim()), examples)
        };
        let (body, dims) = dimensions(&upper)?;
        let file_type = FileType::ALL
            .into_iter()
            .find(|file_type| {
                let rest = body.strip_prefix(file_type.letters());
                rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == ':'))
            })
            .ok_or_else(unknown)?;
        let rest = body.strip_prefix(file_type.letters()).ok_or_else(unknown)?;
        let at = rest.find([':', '/']).ok_or_else(unknown)?;
        let (number, rest) = rest.split_at(at);
        let file = match (number, file_type.fixed_number()) {
            ("", Some(number)) => number,
            ("", None) => {
                let letters = file_type.letters();
                let problem = format!("{letters} lacks the number of its file");
                return Err(bad(problem, format!("write it behind the letters, as in {letters}7:0")));
            }
            (number, _) => decimal(number, 255).ok_or_else(unknown)? as u8,
        };
        let is_octal = dialect == Dialect::Plc5 && file_type.is_io();
        let number = |text: &str, most: u32| if is_octal { octal(text, most) } else { decimal(text, most) };
        let mut address = Self { file_type, file, element: 0, sub: 0, bit: None, dims };
        if let Some(bit) = rest.strip_prefix('/') {
            // B3/17 counts the bits of the whole file.
            if file_type != FileType::Bit {
                return Err(unknown());
            }
            let bit = decimal(bit, 65_535 * 16 + 15).ok_or_else(unknown)?;
            address.element = (bit / 16) as u16;
            address.bit = Some((bit % 16) as u8);
            return Ok(address);
        }
        let rest = rest.strip_prefix(':').ok_or_else(unknown)?;
        let (place, bit) = match rest.split_once('/') {
            Some((place, bit)) => (place, Some(bit)),
            None => (rest, None),
        };
        let (element, sub) = match place.split_once('.') {
            Some((element, sub)) => (element, Some(sub)),
            None => (place, None),
        };
        address.element = number(element, 65_534).ok_or_else(unknown)? as u16;
        if let Some(sub) = sub {
            match (file_type, sub) {
                (FileType::Timer | FileType::Counter, "PRE") | (FileType::Control, "LEN") => address.sub = 1,
                (FileType::Timer | FileType::Counter, "ACC") | (FileType::Control, "POS") => address.sub = 2,
                (FileType::Output | FileType::Input, word) if dialect == Dialect::Slc => {
                    address.sub = decimal(word, 255).ok_or_else(unknown)? as u16;
                }
                (_, name) => {
                    address.bit = Some(named_bit(file_type, name).ok_or_else(unknown)?);
                }
            }
        }
        if let Some(bit) = bit {
            if address.bit.is_some() || address.sub > 0 && !file_type.is_io() {
                return Err(unknown());
            }
            let n_bits = if file_type == FileType::Long { 31 } else { 15 };
            let found = named_bit(file_type, bit).map(u32::from).or_else(|| number(bit, n_bits));
            if matches!(file_type, FileType::Float | FileType::Text) {
                let problem = format!("{} has no bits of its own", file_type.one());
                return Err(bad(problem, "leave the slash and the number out"));
            }
            address.bit = Some(found.ok_or_else(|| {
                let most = if is_octal { "17, in octal".to_owned() } else { n_bits.to_string() };
                bad(format!("\"{bit}\" is no bit of {}", file_type.one()), format!("write a bit from 0 to {most}"))
            })? as u8);
        }
        Ok(address)
    }

    /// The word of a timer, counter or control, when the address names one.
    pub const fn member(&self) -> Option<Member> {
        match (self.file_type, self.sub) {
            (FileType::Timer | FileType::Counter | FileType::Control, 1) => Some(Member::Preset),
            (FileType::Timer | FileType::Counter | FileType::Control, 2) => Some(Member::Accumulated),
            _ => None,
        }
    }
}

fn named_bit(file_type: FileType, name: &str) -> Option<u8> {
    let (_, bits) = BITS.iter().find(|(of, _)| *of == file_type)?;
    bits.iter().find(|(known, _)| *known == name).map(|(_, bit)| *bit)
}

fn decimal(text: &str, most: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 7 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| *number <= most)
}

fn octal(text: &str, most: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 7 && text.bytes().all(|byte| (b'0'..b'8').contains(&byte));
    digits.then(|| u32::from_str_radix(text, 8).ok()).flatten().filter(|number| *number <= most)
}

/// Takes `[10]` or `{10}` off the end.
fn dimensions(text: &str) -> Result<(&str, Dims), AddressError> {
    let Some(at) = text.find(['[', '{']) else { return Ok((text, Dims::SCALAR)) };
    let (body, rest) = text.split_at(at);
    let wrong = || bad(format!("\"{rest}\" is no range"), "write the number of elements in brackets, as in N7:0[10]");
    let inner = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.or_else(|| rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')));
    let len = inner.and_then(|len| decimal(len.trim(), 65_535)).filter(|len| *len > 0).ok_or_else(wrong)?;
    Ok((body.trim_end(), Dims::one(len)))
}

/// The element as a processor of the dialect knows it, without bit: `N7:0`, `T4:0.ACC`, `I:017`.
pub(super) fn logical(file_type: FileType, file: u8, element: u32, sub: u32) -> String {
    let letters = file_type.letters();
    let suffix = match (file_type, sub) {
        (FileType::Timer | FileType::Counter, 1) => ".PRE",
        (FileType::Timer | FileType::Counter, 2) => ".ACC",
        (FileType::Control, 1) => ".LEN",
        (FileType::Control, 2) => ".POS",
        _ => "",
    };
    if file_type.is_io() { format!("{letters}:{element:03o}") } else { format!("{letters}{file}:{element}{suffix}") }
}

/// As it is written for an SLC.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.file_type.letters();
        match (self.file_type.fixed_number(), self.member()) {
            (Some(_), _) => write!(f, "{letters}:{}", self.element)?,
            (None, _) => write!(f, "{letters}{}:{}", self.file, self.element)?,
        }
        match (self.member(), self.sub) {
            (Some(Member::Preset), _) => {
                f.write_str(if self.file_type == FileType::Control { ".LEN" } else { ".PRE" })?
            }
            (Some(Member::Accumulated), _) => {
                f.write_str(if self.file_type == FileType::Control { ".POS" } else { ".ACC" })?;
            }
            (None, 0) => {}
            (None, word) => write!(f, ".{word}")?,
        }
        if let Some(bit) = self.bit {
            write!(f, "/{bit}")?;
        }
        if let [len] = *self.dims.lens() {
            write!(f, "[{len}]")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Address::parse(text, Dialect::Slc).unwrap_or_else(|e| panic!("{text}: {}", e.problem)).to_string()
    }

    #[test]
    fn every_form_is_understood() {
        for (text, expected) in [
            ("N7:0", "N7:0"),
            ("n7:255/15", "N7:255/15"),
            ("N7:0[10]", "N7:0[10]"),
            ("N7:0{10}", "N7:0[10]"),
            ("F8:1", "F8:1"),
            ("B3/17", "B3:1/1"),
            ("B3:1/2", "B3:1/2"),
            ("T4:0.ACC", "T4:0.ACC"),
            ("T4:0/DN", "T4:0/13"),
            ("T4:0.DN", "T4:0/13"),
            ("C5:0.PRE", "C5:0.PRE"),
            ("C5:0/CU", "C5:0/15"),
            ("R6:0.LEN", "R6:0.LEN"),
            ("R6:0.POS", "R6:0.POS"),
            ("R6:0/FD", "R6:0/8"),
            ("ST9:0", "ST9:0"),
            ("L10:3", "L10:3"),
            ("L10:3/31", "L10:3/31"),
            ("I:1/0", "I:1/0"),
            ("I:1.2/7", "I:1.2/7"),
            ("I1:3", "I:3"),
            ("O:0/3", "O:0/3"),
            ("S:1", "S:1"),
            ("S2:1/15", "S:1/15"),
            ("A12:0", "A12:0"),
            ("D13:4", "D13:4"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_plc_5_counts_its_inputs_and_outputs_in_octal() {
        let address = Address::parse("I:017/17", Dialect::Plc5).expect("valid");
        assert_eq!((address.element, address.bit), (15, Some(15)));
        assert_eq!(logical(FileType::Input, 1, 15, 0), "I:017");
        assert!(Address::parse("I:018", Dialect::Plc5).is_err());
        assert_eq!(logical(FileType::Timer, 4, 3, 2), "T4:3.ACC");
    }

    #[test]
    fn what_is_no_address_is_told_with_a_remedy() {
        for text in [
            "",
            "N7",
            "N7:",
            "N:0",
            "N256:0",
            "N7:0/16",
            "F8:0/1",
            "ST9:0/1",
            "T4:0.LEN",
            "T4:0/XX",
            "N7:0.ACC",
            "B3/",
            "X7:0",
            "N7:70000",
            "N7:0[0]",
            "N7:0[1][2]",
            "40001",
            "T4:0.ACC/1",
            "N7/3",
            "I:1.",
            "L10:0/32",
            "Nä7:0",
        ] {
            let error = Address::parse(text, Dialect::Slc).expect_err(text);
            assert!(!error.problem.is_empty() && !error.fix.is_empty(), "{text}");
        }
    }
}
