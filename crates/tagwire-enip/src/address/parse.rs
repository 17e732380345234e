//! The grammar of addresses.

use tagwire_driver::AddressError;

use super::{Address, Part, bad};

const FORMS: &str = "write the tag as the controller names it, as in Speed, Line[3].Motor.Speed or Program:Main.Step";

pub(super) fn parse(text: &str) -> Result<Address, AddressError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(bad("address is empty", FORMS));
    }
    if text.len() > Address::MAX_LEN {
        return Err(bad(format!("address is longer than {} characters", Address::MAX_LEN), FORMS));
    }
    let (program, rest) = match text.get(..8).filter(|start| start.eq_ignore_ascii_case("program:")) {
        None => (None, text),
        Some(_) => {
            let rest = text.get(8..).unwrap_or_default();
            let (program, rest) = rest
                .split_once('.')
                .ok_or_else(|| bad(format!("address \"{text}\" names a program and no tag in it"), FORMS))?;
            check_name(text, program)?;
            (Some(program.to_owned()), rest)
        }
    };
    let mut parts: Vec<Part> = Vec::new();
    let mut bit = None;
    for piece in rest.split('.') {
        if bit.is_some() {
            return Err(bad(format!("address \"{text}\" goes on after the bit"), "write the bit at the end"));
        }
        if !parts.is_empty() && !piece.is_empty() && piece.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = piece.parse::<u8>().ok().filter(|bit| *bit < 64);
            bit = Some(number.ok_or_else(|| {
                bad(format!("no integer has bit {piece}"), "write a bit from 0 to 31, or to 63 of a LINT")
            })?);
            continue;
        }
        parts.push(part(text, piece)?);
    }
    Ok(Address { program, parts, bit })
}

fn part(text: &str, piece: &str) -> Result<Part, AddressError> {
    let (name, indices) = match piece.split_once('[') {
        None => (piece, Vec::new()),
        Some((name, rest)) => {
            let inner = rest
                .strip_suffix(']')
                .ok_or_else(|| bad(format!("brackets in \"{text}\" are not closed"), "write ] at their end"))?;
            let numbers: Option<Vec<u32>> = inner.split(',').map(|number| number.trim().parse().ok()).collect();
            let numbers = numbers.filter(|numbers| numbers.len() <= 3).ok_or_else(|| {
                let fix = "write one to three numbers between the brackets, as in [3] or [1,2,3]";
                bad(format!("\"[{inner}]\" in \"{text}\" is no element"), fix)
            })?;
            (name, numbers)
        }
    };
    check_name(text, name)?;
    Ok(Part { name: name.to_owned(), indices })
}

fn check_name(text: &str, name: &str) -> Result<(), AddressError> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
    if name.is_empty() {
        return Err(bad(format!("address \"{text}\" lacks a name"), FORMS));
    }
    if !is_plain || name.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return Err(bad(format!("\"{name}\" in \"{text}\" is no name of a tag or member"), FORMS));
    }
    if name.len() > 100 {
        return Err(bad(format!("a name in \"{text}\" is longer than 100 characters"), FORMS));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_were() {
        for text in [
            "Speed",
            "Line[3].Motor.Speed",
            "Grid[1,2,3]",
            "Program:Main.Step.5",
            "Local:1:I.Data.31",
            "Flags.0",
            "_a.b_2[0].C.63",
        ] {
            assert_eq!(parse(text).expect(text).to_string(), text);
        }
        assert_eq!(parse(" Grid[ 1, 2 ] ").expect("spaces").to_string(), "Grid[1,2]");
        assert_eq!(parse("PROGRAM:Main.Step").expect("case").program.as_deref(), Some("Main"));
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, problem) in [
            ("", "address is empty"),
            ("Program:Main", "address \"Program:Main\" names a program and no tag in it"),
            ("a..b", "address \"a..b\" lacks a name"),
            ("a.64", "no integer has bit 64"),
            ("a.5.b", "address \"a.5.b\" goes on after the bit"),
            ("a[", "brackets in \"a[\" are not closed"),
            ("a[x]", "\"[x]\" in \"a[x]\" is no element"),
            ("a[1,2,3,4]", "\"[1,2,3,4]\" in \"a[1,2,3,4]\" is no element"),
            ("40001", "\"40001\" in \"40001\" is no name of a tag or member"),
            ("a-b", "\"a-b\" in \"a-b\" is no name of a tag or member"),
        ] {
            assert_eq!(parse(text).expect_err(text).problem, problem);
        }
    }

    #[test]
    fn paths_are_symbols_and_elements() {
        let path = |text: &str| {
            let mut out = Vec::new();
            parse(text).expect(text).encode(&mut out);
            out
        };
        assert_eq!(path("ab[3].c.5"), [0x91, 2, b'a', b'b', 0x28, 3, 0x91, 1, b'c', 0]);
        assert!(path("Program:Main.a").starts_with(&[0x91, 12, b'P']));
        let mut out = Vec::new();
        parse("ab[3].c").expect("address").encode_behind(&[0x20, 0x6B, 0x24, 9], &mut out);
        assert_eq!(out, [0x20, 0x6B, 0x24, 9, 0x28, 3, 0x91, 1, b'c', 0]);
    }
}
