//! The grammar of addresses.

use tagwire_driver::AddressError;
use tagwire_model::{Dims, ValueType};

use super::{Address, Code, Numbering, Packing, Pick, Table, bad};
use crate::order::Order;

const FORMS: &str = "write the table digit 0, 1, 3 or 4 and the number, as in 40001, or HR1, IR1, C1, DI1";

pub(super) fn parse(text: &str, numbering: Numbering) -> Result<Address, AddressError> {
    let text = text.trim();
    if text.len() > 64 {
        return Err(bad("address is longer than 64 characters", FORMS));
    }
    if !text.is_ascii() {
        return Err(bad(format!("address \"{text}\" has characters that no address has"), FORMS));
    }
    if let Some((unit, rest)) = text.split_once('!') {
        let problem = format!("address \"{text}\" names unit \"{unit}\"");
        return Err(bad(problem, format!("set unit on the device and write {rest}")));
    }
    let upper = text.to_ascii_uppercase();
    let mut rest = Cursor { text: &upper, at: 0 };
    let (table, number, is_wire) = head(&mut rest, text)?;
    let offset = offset(table, number, is_wire, numbering)?;
    let mut parts = Parts::default();
    while let Some(mark) = rest.next() {
        match mark {
            '.' => parts.dot(&mut rest)?,
            '#' => parts.hash(&mut rest)?,
            '[' => parts.brackets(&mut rest)?,
            ':' => parts.suffix(&mut rest)?,
            ' ' if rest.peek() == Some('[') => {}
            other => {
                let problem = format!("address \"{text}\" goes on with \"{other}\" after the number");
                return Err(bad(problem, "after the number only .bit, .lengthH, [n], :type, :order or :n may follow"));
            }
        }
    }
    let dims = Dims::new(&parts.lens).unwrap_or_default();
    let pick = parts.pick.unwrap_or(Pick::Whole);
    Ok(Address { table, offset, pick, dims, code: parts.code, order: parts.order })
}

/// Table, number and whether the number is a wire offset already.
fn head(rest: &mut Cursor<'_>, text: &str) -> Result<(Table, u32, bool), AddressError> {
    if rest.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
        return named(rest, text);
    }
    let digits = rest.take_while(|c| c.is_ascii_digit());
    let mut chars = digits.chars();
    let Some(first) = chars.next() else {
        let problem = if text.is_empty() { "address is empty".to_owned() } else { format!("\"{text}\" is no address") };
        return Err(bad(problem, FORMS));
    };
    let table = first.to_digit(10).and_then(Table::from_digit).ok_or_else(|| {
        let problem = format!("address \"{text}\" begins with {first}, which is no table");
        bad(problem, "begin with 0 (coils), 1 (discrete inputs), 3 (input registers) or 4 (holding registers)")
    })?;
    let number = chars.as_str();
    if number.is_empty() && rest.eat('X') {
        let digits = rest.take_while(|c| c.is_ascii_hexdigit());
        return Ok((table, decimal(digits, text, short_name(table))?, false));
    }
    if number.is_empty() || number.len() > 5 {
        let problem = format!("address \"{text}\" has {} digits after the table digit", number.len());
        return Err(bad(problem, "write 1 to 5 digits after the table digit, as in 40001 or 400001"));
    }
    Ok((table, decimal(number, text, short_name(table))?, false))
}

/// The forms that begin with the name of a table: `HR1`, `HR0x0A`, `HR0AH`.
fn named(rest: &mut Cursor<'_>, text: &str) -> Result<(Table, u32, bool), AddressError> {
    let names = [
        ("HR", Table::HoldingRegisters),
        ("IR", Table::InputRegisters),
        ("DI", Table::DiscreteInputs),
        ("COIL", Table::Coils),
        ("CO", Table::Coils),
        ("C", Table::Coils),
    ];
    let no_table = || bad(format!("address \"{text}\" does not begin with a table"), FORMS);
    let (name, table) = names.into_iter().find(|(name, _)| rest.starts_with(name)).ok_or_else(no_table)?;
    rest.at += name.len();
    let digits = rest.take_while(|c| c.is_ascii_hexdigit());
    if digits == "0" && rest.eat('X') {
        let digits = rest.take_while(|c| c.is_ascii_hexdigit());
        return Ok((table, hexadecimal(digits, text)?, true));
    }
    if rest.eat('H') {
        return Ok((table, hexadecimal(digits, text)?, true));
    }
    if rest.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
        return Err(no_table());
    }
    Ok((table, decimal(digits, text, name)?, false))
}

const fn short_name(table: Table) -> &'static str {
    match table {
        Table::Coils => "C",
        Table::DiscreteInputs => "DI",
        Table::InputRegisters => "IR",
        Table::HoldingRegisters => "HR",
    }
}

fn decimal(digits: &str, text: &str, name: &str) -> Result<u32, AddressError> {
    if digits.is_empty() {
        return Err(bad(format!("address \"{text}\" has no number"), FORMS));
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let problem = format!("address \"{text}\" has hexadecimal digits in a decimal number");
        return Err(bad(problem, format!("write a hexadecimal wire offset as {name}0x{digits}")));
    }
    // Longer digits exceed every table, so that the number is held where the range check refuses it.
    Ok(digits.parse().unwrap_or(u32::MAX))
}

fn hexadecimal(digits: &str, text: &str) -> Result<u32, AddressError> {
    u32::from_str_radix(digits, 16).map_err(|_| {
        bad(format!("address \"{text}\" has no hexadecimal number"), "write a wire offset from 0x0 to 0xFFFF")
    })
}

fn offset(table: Table, number: u32, is_wire: bool, numbering: Numbering) -> Result<u16, AddressError> {
    let first = if is_wire { 0 } else { u32::from(numbering.first_address) };
    number.checked_sub(first).and_then(|offset| u16::try_from(offset).ok()).ok_or_else(|| {
        let last = 0xFFFF + first;
        let name = short_name(table);
        let (problem, fix) = match (is_wire, number) {
            (true, _) => (format!("wire offset {number} is beyond 65535"), "write 0x0 to 0xFFFF".to_owned()),
            (false, 0) => (
                format!("number 0 does not exist where {} are counted from 1", plural(table)),
                format!("write {name}1 for the first {table}, or set first_address = 0 on the device"),
            ),
            _ => (format!("number {number} is beyond {last}"), format!("write {name}{first} to {name}{last}")),
        };
        bad(problem, fix)
    })
}

fn plural(table: Table) -> String {
    format!("{}s", table.name())
}

#[derive(Default)]
struct Parts {
    pick: Option<Pick>,
    lens: Vec<u32>,
    code: Option<Code>,
    order: Option<Order>,
}

impl Parts {
    fn dot(&mut self, rest: &mut Cursor<'_>) -> Result<(), AddressError> {
        let n = count(rest.take_while(|c| c.is_ascii_digit()), "after the dot")?;
        let packing = match rest.peek() {
            Some('H') => Some(Packing::HighFirst),
            Some('L') => Some(Packing::LowFirst),
            Some('D') => Some(Packing::LowOnly),
            Some('E') => Some(Packing::HighOnly),
            _ => None,
        };
        match packing {
            Some(packing) => {
                rest.next();
                self.text(n, packing)
            }
            None => self.pick(Pick::Dot(u16::try_from(n).unwrap_or(u16::MAX))),
        }
    }

    fn hash(&mut self, rest: &mut Cursor<'_>) -> Result<(), AddressError> {
        let word = rest.take_while(|c| c.is_ascii_alphanumeric());
        match word {
            "B" | "BB" => self.order(Order::parse("ABCD")),
            "L" | "LL" => self.order(Order::parse("DCBA")),
            "LB" => self.order(Order::parse("CDAB")),
            "BL" => self.order(Order::parse("BADC")),
            _ => match count(word, "after #")? {
                n @ 1..=16 => self.pick(Pick::Coils(n as u8)),
                n => Err(bad(format!("{n} coils do not fit one number"), "write 1 to 16 coils, as in 000001#16")),
            },
        }
    }

    fn brackets(&mut self, rest: &mut Cursor<'_>) -> Result<(), AddressError> {
        let inner = rest.take_while(|c| c != ']');
        if !rest.eat(']') {
            return Err(bad(
                "a bracket is not closed",
                "write the number of elements in brackets, as in [10] or [2][3]",
            ));
        }
        for len in inner.split(',') {
            self.len(count(len.trim(), "in brackets")?)?;
        }
        Ok(())
    }

    fn suffix(&mut self, rest: &mut Cursor<'_>) -> Result<(), AddressError> {
        let word = rest.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.len(count(word, "after the colon")?);
        }
        if let Some(order) = Order::parse(word) {
            return self.order(Some(order));
        }
        if let Some(code) = Code::parse(word) {
            return once(&mut self.code, code, "storage");
        }
        for prefix in ["STRING", "STR", "BYTES"] {
            if let Some(digits) = word.strip_prefix(prefix) {
                return self.text(count(digits, &format!("after {prefix}"))?, Packing::HighFirst);
            }
        }
        Err(bad(
            format!("\":{word}\" is neither a type, an order nor a number of elements"),
            "write a type such as F, DI, BCD or STR20, an order such as CDAB, or a number of elements",
        ))
    }

    fn text(&mut self, n: u32, packing: Packing) -> Result<(), AddressError> {
        match u16::try_from(n) {
            Ok(n @ 1..=Address::MAX_TEXT) => self.pick(Pick::Text(n, packing)),
            _ => Err(bad(format!("a text of {n} bytes cannot be read"), "write a length of 1 to 240 bytes")),
        }
    }

    fn len(&mut self, n: u32) -> Result<(), AddressError> {
        self.lens.push(n);
        let fits = Dims::new(&self.lens).and_then(|dims| dims.n_elements()).is_some_and(|n| n <= 0x1_0000);
        if n == 0 || !fits || self.lens.len() > 3 {
            return Err(bad(
                "the array is empty or too large",
                "write one to three lengths of at least 1, as in [2][3]",
            ));
        }
        Ok(())
    }

    fn pick(&mut self, pick: Pick) -> Result<(), AddressError> {
        once(&mut self.pick, pick, "bit, length or number of coils")
    }

    fn order(&mut self, order: Option<Order>) -> Result<(), AddressError> {
        order.map_or(Ok(()), |order| once(&mut self.order, order, "order"))
    }
}

fn once<T>(slot: &mut Option<T>, value: T, what: &str) -> Result<(), AddressError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(bad(format!("the address names a {what} twice"), "leave one of them out")),
    }
}

fn count(digits: &str, place: &str) -> Result<u32, AddressError> {
    digits
        .parse()
        .ok()
        .filter(|n| *n <= ValueType::MAX_ELEMENTS)
        .ok_or_else(|| bad(format!("\"{digits}\" {place} is no number"), "write a whole number there"))
}

/// A position in ASCII text.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<char> {
        self.text.as_bytes().get(self.at).map(|byte| char::from(*byte))
    }

    fn starts_with(&self, prefix: &str) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(prefix))
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let from = self.at;
        while self.peek().is_some_and(&keep) {
            self.at += 1;
        }
        self.text.get(from..self.at).unwrap_or_default()
    }
}
