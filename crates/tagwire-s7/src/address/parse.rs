//! The grammar of addresses.

use tagwire_driver::AddressError;
use tagwire_model::Dims;

use super::{Address, bad};
use crate::codec::Area;
use crate::form::{Form, WORDS};

const EXAMPLES: &str = "write an address such as DB1,REAL4, DB1.DBD4, DB1.DBX0.3, MW10, I0.0, T5 or DB1,STRING20.32";

/// Names of areas with their code and whether they can only be read; longer names first.
const AREAS: &[(&str, Area, bool)] = &[
    ("PI", Area::Peripheral, true),
    ("PE", Area::Peripheral, true),
    ("PQ", Area::Peripheral, false),
    ("PA", Area::Peripheral, false),
    ("I", Area::Inputs, false),
    ("E", Area::Inputs, false),
    ("Q", Area::Outputs, false),
    ("A", Area::Outputs, false),
    ("M", Area::Memory, false),
    ("F", Area::Memory, false),
    ("T", Area::Timers, false),
    ("C", Area::Counters, false),
    ("Z", Area::Counters, false),
];

pub(super) fn parse(text: &str) -> Result<Address, AddressError> {
    let upper: String = text.trim().to_ascii_uppercase();
    let unknown = || bad(format!("\"{}\" is no S7 address", text.trim()), EXAMPLES);
    let upper = upper.strip_prefix('%').unwrap_or(&upper);
    let (body, dims) = dimensions(upper)?;
    let (area, block, is_read_only, rest) = area(body).ok_or_else(unknown)??;
    let mut address = Address { area, block, start: 0, bit: 0, form: Form::Bit, dims, is_read_only };
    if area.is_words() {
        let number: u32 = decimal(rest).filter(|number| *number <= 0xFFFF).ok_or_else(unknown)?;
        address.start = number;
        address.form = if area == Area::Timers { Form::Timer } else { Form::Counter };
        return Ok(address);
    }
    let word = WORDS.iter().find_map(|(word, form)| {
        let rest = rest.strip_prefix(word)?;
        rest.starts_with(|c: char| c.is_ascii_digit()).then_some((*form, rest))
    });
    let (form, place) = word
        .or_else(|| rest.starts_with(|c: char| c.is_ascii_digit()).then_some((Form::Bit, rest)))
        .ok_or_else(unknown)?;
    let (byte, suffix) = match place.split_once('.') {
        Some((byte, suffix)) => (byte, Some(suffix)),
        None => (place, None),
    };
    let byte = decimal(byte).ok_or_else(unknown)?;
    if byte >= Address::N_BYTES {
        return Err(bad(format!("byte {byte} does not exist"), format!("write a byte below {}", Address::N_BYTES)));
    }
    let suffix = suffix.map(|suffix| decimal(suffix).ok_or_else(unknown)).transpose()?;
    address.start = byte;
    address.form = form;
    match (form, suffix) {
        (Form::Bit, None) => {
            let problem = format!("\"{}\" names no bit", text.trim());
            return Err(bad(problem, "write the bit, 0 to 7, after a dot, as in M10.3, or a size, as in MW10"));
        }
        (Form::Text(_), None) => {
            let problem = "a plain text needs its length".to_owned();
            return Err(bad(problem, "write the number of bytes after a dot, as in DB1,S10.20"));
        }
        (_, None) => {}
        (Form::Text(_), Some(len)) => address.form = Form::Text(length(len, Address::MAX_TEXT)?),
        (Form::Char, Some(len)) => address.form = Form::Text(length(len, Address::MAX_TEXT)?),
        (Form::String(_), Some(len)) => address.form = Form::String(length(len, Address::MAX_STRING)?),
        (Form::WString(_), Some(len)) => address.form = Form::WString(length(len, Address::MAX_WSTRING)?),
        (form, Some(bit)) => {
            let n_bits = if form == Form::Bit { 8 } else { n_bits(form) };
            if n_bits == 0 {
                let problem = format!("{} has no bits of its own", form.name());
                return Err(bad(problem, "leave the dot and the number out"));
            }
            if bit >= n_bits {
                let problem = format!("{} has no bit {bit}", if form == Form::Bit { "a byte" } else { form.name() });
                return Err(bad(problem, format!("write a bit from 0 to {}", n_bits - 1)));
            }
            // Bit 0 of a word is in its last byte.
            address.start = byte + (n_bits / 8 - 1 - bit / 8);
            address.bit = (bit % 8) as u8;
            address.form = Form::Bit;
        }
    }
    Ok(address)
}

/// Bits of the forms whose bits people name.
const fn n_bits(form: Form) -> u32 {
    match form {
        Form::Byte
        | Form::SInt
        | Form::USInt
        | Form::Word
        | Form::Int
        | Form::UInt
        | Form::DWord
        | Form::DInt
        | Form::UDInt
        | Form::LWord
        | Form::LInt
        | Form::ULInt => form.n_bytes() * 8,
        _ => 0,
    }
}

fn length(len: u32, max: u16) -> Result<u16, AddressError> {
    u16::try_from(len).ok().filter(|len| (1..=max).contains(len)).ok_or_else(|| {
        bad(format!("a length of {len} is not possible here"), format!("write a length from 1 to {max}"))
    })
}

type Found<'a> = Result<(Area, u16, bool, &'a str), AddressError>;

/// The area at the front of an address and what follows it; `None` when there is none.
fn area(text: &str) -> Option<Found<'_>> {
    if let Some(rest) = text.strip_prefix("DB").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        let (number, rest) = rest.split_once([',', '.'])?;
        let number = number.trim();
        let Some(block) = decimal(number).and_then(|n| u16::try_from(n).ok()).filter(|block| *block > 0) else {
            let problem = format!("there is no data block {number}");
            return Some(Err(bad(problem, "write the number of the data block, 1 to 65535, as in DB1,REAL4")));
        };
        let rest = rest.trim_start();
        // STEP 7 repeats the two letters: DB1.DBW0.
        return Some(Ok((Area::DataBlock, block, false, rest.strip_prefix("DB").unwrap_or(rest))));
    }
    // The variable memory of an S7-200 and of LOGO! is data block 1.
    if let Some(rest) = text.strip_prefix('V') {
        return Some(Ok((Area::DataBlock, 1, false, rest)));
    }
    AREAS.iter().find_map(|(name, area, is_read_only)| {
        let rest = text.strip_prefix(name)?;
        Some(Ok((*area, 0, *is_read_only, rest.strip_prefix(',').unwrap_or(rest))))
    })
}

fn decimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Takes `[2][3]` or `[2,3]` off the end.
fn dimensions(text: &str) -> Result<(&str, Dims), AddressError> {
    let Some((body, rest)) = text.split_once('[') else { return Ok((text, Dims::SCALAR)) };
    let wrong = || {
        bad(
            format!("\"[{rest}\" is no array"),
            "write the number of elements in brackets, as in DB1,INT0[10] or [2][3]",
        )
    };
    let inner = rest.strip_suffix(']').ok_or_else(wrong)?;
    let lens = inner
        .split("][")
        .flat_map(|part| part.split(','))
        .map(|len| decimal(len.trim()).filter(|len| *len > 0))
        .collect::<Option<Vec<u32>>>()
        .ok_or_else(wrong)?;
    let dims = Dims::new(&lens).ok_or_else(|| bad("more than three dimensions", "leave some of them out"))?;
    Ok((body.trim_end(), dims))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(text: &str) -> (Area, u16, u32, u8, Form) {
        let address = parse(text).unwrap_or_else(|e| panic!("{text}: {}: {}", e.problem, e.fix));
        (address.area, address.block, address.start, address.bit, address.form)
    }

    #[test]
    fn the_same_place_in_all_notations() {
        for text in ["DB1,REAL4", "DB1,R4", "DB1.REAL4", "db1,real4", " %DB1.REAL4", "DB1, REAL4"] {
            assert_eq!(found(text), (Area::DataBlock, 1, 4, 0, Form::Real), "{text}");
        }
        for text in ["DB7.DBX2.5", "DB7,X2.5", "DB7,BOOL2.5", "DB7.2.5", "%DB7.DBX2.5", "DB7,DBX2.5"] {
            assert_eq!(found(text), (Area::DataBlock, 7, 2, 5, Form::Bit), "{text}");
        }
        for text in ["MW10", "FW10", "MWORD10", "%MW10", "M,W10"] {
            assert_eq!(found(text), (Area::Memory, 0, 10, 0, Form::Word), "{text}");
        }
    }

    #[test]
    fn every_area_has_both_its_names() {
        for (texts, area) in [
            (["IB3", "EB3"], Area::Inputs),
            (["QB3", "AB3"], Area::Outputs),
            (["MB3", "FB3"], Area::Memory),
            (["PIB3", "PEB3"], Area::Peripheral),
            (["PQB3", "PAB3"], Area::Peripheral),
        ] {
            for text in texts {
                assert_eq!(found(text), (area, 0, 3, 0, Form::Byte), "{text}");
            }
        }
        assert!(parse("PIW256").expect("valid").is_read_only);
        assert!(!parse("PQW256").expect("valid").is_read_only);
        assert_eq!(found("T5"), (Area::Timers, 0, 5, 0, Form::Timer));
        assert_eq!(found("C7"), (Area::Counters, 0, 7, 0, Form::Counter));
        assert_eq!(found("Z7"), (Area::Counters, 0, 7, 0, Form::Counter));
        assert_eq!(found("VW100"), (Area::DataBlock, 1, 100, 0, Form::Word));
        assert_eq!(found("I0.7"), (Area::Inputs, 0, 0, 7, Form::Bit));
        assert_eq!(found("E1.2"), (Area::Inputs, 0, 1, 2, Form::Bit));
    }

    #[test]
    fn every_word_of_a_type_is_found_whole() {
        for (word, form) in WORDS {
            let (suffix, form) = match form {
                Form::Bit => (".1", Form::Bit),
                Form::Text(_) => (".9", Form::Text(9)),
                form => ("", *form),
            };
            assert_eq!(found(&format!("DB3,{word}12{suffix}")).4, form, "{word}");
        }
        assert_eq!(found("DB1,S5TIME4").4, Form::S5Time);
        assert_eq!(found("DB1,S5.4"), (Area::DataBlock, 1, 5, 0, Form::Text(4)));
        assert_eq!(found("DB1,STRING10.20").4, Form::String(20));
        assert_eq!(found("DB1,WSTRING10.300").4, Form::WString(300));
        assert_eq!(found("DB1,STRING10").4, Form::String(254));
    }

    #[test]
    fn bits_of_words_lie_with_the_last_byte_first() {
        assert_eq!(found("DB1,W4.0"), (Area::DataBlock, 1, 5, 0, Form::Bit));
        assert_eq!(found("MW10.15"), (Area::Memory, 0, 10, 7, Form::Bit));
        assert_eq!(found("DB1.DBD8.9"), (Area::DataBlock, 1, 10, 1, Form::Bit));
    }

    #[test]
    fn arrays_have_up_to_three_dimensions() {
        let dims = |text: &str| parse(text).expect(text).dims.lens().to_vec();
        assert_eq!(dims("DB1,INT0[10]"), [10]);
        assert_eq!(dims("DB1,INT0[2][3]"), [2, 3]);
        assert_eq!(dims("DB1,INT0[2,3,4]"), [2, 3, 4]);
    }

    #[test]
    fn what_is_no_address_is_told_with_a_remedy() {
        for text in [
            "",
            "DB",
            "DB1",
            "DB1,",
            "DB0,INT0",
            "DB65536,INT0",
            "DB1,FOO0",
            "DB1,INT",
            "DB1,INT-1",
            "DB1.DBX0",
            "DB1.DBX0.8",
            "M10",
            "M10.9",
            "W10",
            "40001",
            "T",
            "T5.1",
            "T70000",
            "C65536",
            "MW10.16",
            "DB1,S10",
            "DB1,S10.933",
            "DB1,STRING0.255",
            "DB1,STRING0.0",
            "DB1,REAL0.3",
            "DB1,INT0[",
            "DB1,INT0[0]",
            "DB1,INT0[1][2][3][4]",
            "DB1,INT2097152",
            "DB1,INT99999999999",
            "MÄ10",
            "P5",
            "PX",
            "DB1,INT1O",
        ] {
            let error = parse(text).expect_err(text);
            assert!(!error.problem.is_empty() && !error.fix.is_empty(), "{text}");
        }
    }
}
