//! Reading a literal: bounded in depth and number, and without evaluating anything.

use thiserror::Error;

use crate::Literal;

/// Deepest nesting.
const MAX_DEPTH: usize = 32;
/// Most values of one payload, at some 50 bytes each.
const MAX_VALUES: usize = 200_000;

/// Why a payload is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LiteralError {
    /// Not UTF-8.
    #[error("payload is not UTF-8")]
    Encoding,
    /// Something else than a literal at this byte.
    #[error("payload is no literal at byte {0}")]
    Syntax(usize),
    /// Nested more deeply than 32 levels.
    #[error("payload is nested too deeply")]
    TooDeep,
    /// More than 200,000 values.
    #[error("payload holds too many values")]
    TooMany,
}

/// Reads the one literal of a payload; comments before it are skipped.
///
/// # Errors
/// [`LiteralError`].
pub fn parse(payload: &[u8]) -> Result<Literal, LiteralError> {
    let text = std::str::from_utf8(payload).map_err(|_| LiteralError::Encoding)?;
    let mut reader = Reader { bytes: text.as_bytes(), text, at: 0, n_values: 0 };
    reader.skip();
    let value = reader.value(0)?;
    reader.skip();
    if reader.at == reader.bytes.len() { Ok(value) } else { Err(reader.wrong()) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    n_values: usize,
}

impl Reader<'_> {
    const fn wrong(&self) -> LiteralError {
        LiteralError::Syntax(self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), LiteralError> {
        if self.take(byte) { Ok(()) } else { Err(self.wrong()) }
    }

    fn word(&mut self, word: &str) -> bool {
        let is_there = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        self.at += if is_there { word.len() } else { 0 };
        is_there
    }

    /// Blanks, line ends and comments.
    fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'#' => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Literal, LiteralError> {
        if depth > MAX_DEPTH {
            return Err(LiteralError::TooDeep);
        }
        self.n_values += 1;
        if self.n_values > MAX_VALUES {
            return Err(LiteralError::TooMany);
        }
        match self.peek() {
            Some(b'(') => self.parenthesis(depth),
            Some(b'[') => {
                self.at += 1;
                Ok(Literal::List(self.elements(b']', depth)?.0))
            }
            Some(b'{') => self.braces(depth),
            Some(b'\'' | b'"') => self.string().map(Literal::Text),
            Some(b'0'..=b'9' | b'.' | b'-' | b'+') => self.number(),
            Some(b'T') if self.word("True") => Ok(Literal::Bool(true)),
            Some(b'F') if self.word("False") => Ok(Literal::Bool(false)),
            Some(b'N') if self.word("None") => Ok(Literal::None),
            _ => Err(self.wrong()),
        }
    }

    /// Elements to the closing byte, and whether a comma came after one of them.
    fn elements(&mut self, close: u8, depth: usize) -> Result<(Vec<Literal>, bool), LiteralError> {
        let mut elements = Vec::new();
        let mut has_comma = false;
        loop {
            self.skip();
            if self.take(close) {
                return Ok((elements, has_comma));
            }
            elements.push(self.value(depth + 1)?);
            self.skip();
            if self.take(b',') {
                has_comma = true;
            } else {
                self.expect(close)?;
                return Ok((elements, has_comma));
            }
        }
    }

    /// A tuple, a value in parentheses, or a complex number.
    fn parenthesis(&mut self, depth: usize) -> Result<Literal, LiteralError> {
        let begun = self.at;
        self.at += 1;
        if let Some(complex) = self.complex() {
            return Ok(complex);
        }
        self.at = begun + 1;
        let (mut elements, has_comma) = self.elements(b')', depth)?;
        if elements.len() == 1 && !has_comma {
            elements.pop().ok_or_else(|| self.wrong())
        } else {
            Ok(Literal::Tuple(elements))
        }
    }

    /// `1+2j)` behind its parenthesis; where there is none the place is not kept.
    fn complex(&mut self) -> Option<Literal> {
        let real = self.real()?;
        if !matches!(self.peek(), Some(b'+' | b'-')) {
            return None;
        }
        let imaginary = self.real()?;
        (self.take(b'j') && self.take(b')')).then_some(Literal::Complex(real, imaginary))
    }

    fn real(&mut self) -> Option<f64> {
        match self.number().ok()? {
            Literal::Int(number) => Some(number as f64),
            Literal::Float(number) => Some(number),
            _ => None,
        }
    }

    fn braces(&mut self, depth: usize) -> Result<Literal, LiteralError> {
        self.at += 1;
        self.skip();
        if self.take(b'}') {
            return Ok(Literal::Dict(Vec::new()));
        }
        let first = self.value(depth + 1)?;
        self.skip();
        if !self.take(b':') {
            let mut elements = vec![first];
            if self.take(b',') {
                elements.extend(self.elements(b'}', depth)?.0);
            } else {
                self.expect(b'}')?;
            }
            return Ok(Literal::Set(elements));
        }
        let mut entries = Vec::new();
        let mut key = first;
        loop {
            self.skip();
            let value = self.value(depth + 1)?;
            entries.push((key, value));
            self.skip();
            if self.take(b'}') {
                return Ok(dictionary(entries));
            }
            self.expect(b',')?;
            self.skip();
            if self.take(b'}') {
                return Ok(dictionary(entries));
            }
            key = self.value(depth + 1)?;
            self.skip();
            self.expect(b':')?;
        }
    }

    fn number(&mut self) -> Result<Literal, LiteralError> {
        let begun = self.at;
        if matches!(self.peek(), Some(b'-' | b'+')) {
            self.at += 1;
        }
        let mut is_float = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'0'..=b'9' => {}
                b'.' | b'e' | b'E' => is_float = true,
                b'-' | b'+' if matches!(self.bytes.get(self.at.wrapping_sub(1)), Some(b'e' | b'E')) => {}
                _ => break,
            }
            self.at += 1;
        }
        let digits = self.text.get(begun..self.at).unwrap_or_default();
        let wrong = LiteralError::Syntax(begun);
        if is_float {
            digits.parse().map(Literal::Float).map_err(|_| wrong)
        } else {
            digits.parse().map(Literal::Int).map_err(|_| wrong)
        }
    }

    fn string(&mut self) -> Result<String, LiteralError> {
        let quote = self.peek().ok_or_else(|| self.wrong())?;
        self.at += 1;
        let mut out = String::new();
        loop {
            let begun = self.at;
            while self.peek().is_some_and(|byte| byte != quote && byte != b'\\' && byte != b'\n') {
                self.at += 1;
            }
            // The bytes looked for are no part of a longer character, so that both ends lie between characters.
            out.push_str(self.text.get(begun..self.at).ok_or_else(|| self.wrong())?);
            if self.take(quote) {
                return Ok(out);
            }
            self.expect(b'\\')?;
            self.escape(&mut out)?;
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), LiteralError> {
        let byte = self.peek().ok_or_else(|| self.wrong())?;
        self.at += 1;
        let plain = match byte {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'\\' => '\\',
            b'\'' => '\'',
            b'"' => '"',
            b'a' => '\u{7}',
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'v' => '\u{B}',
            b'0' => '\0',
            b'x' => return self.code(2, out),
            b'u' => return self.code(4, out),
            b'U' => return self.code(8, out),
            _ => return Err(self.wrong()),
        };
        out.push(plain);
        Ok(())
    }

    fn code(&mut self, n_digits: usize, out: &mut String) -> Result<(), LiteralError> {
        let digits = self.text.get(self.at..self.at + n_digits).ok_or_else(|| self.wrong())?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex).ok_or_else(|| self.wrong())?;
        // A lone half of a pair stands for bytes that were no text.
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        self.at += n_digits;
        Ok(())
    }
}

/// A dictionary, or the number that travels as one.
fn dictionary(entries: Vec<(Literal, Literal)>) -> Literal {
    let found = Literal::Dict(entries);
    match (found.get("__class__"), found.get("value")) {
        (Some(Literal::Text(class)), Some(Literal::Text(value))) if class == "float" => {
            value.parse().map(Literal::Float).unwrap_or(found)
        }
        _ => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read() {
        let int = Literal::Int;
        for (text, expected) in [
            ("# serpent utf-8 python3.2\n1", int(1)),
            (" ( 1 , 2 ) ", Literal::Tuple(vec![int(1), int(2)])),
            ("(1)", int(1)),
            ("(-1,)", Literal::Tuple(vec![int(-1)])),
            ("{1,2,}", Literal::Set(vec![int(1), int(2)])),
            ("1e30000", Literal::Float(f64::INFINITY)),
            ("-1.5e-3", Literal::Float(-0.0015)),
            ("(1.0+2.0j)", Literal::Complex(1.0, 2.0)),
            ("'a\\x41\\u00e4\\U0001f642\\'\"'", Literal::text("aAä🙂'\"")),
            (
                "{'a':1,'b':[None,True],}",
                Literal::dict([("a", int(1)), ("b", Literal::List(vec![Literal::None, Literal::Bool(true)]))]),
            ),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(expected), "{text}");
        }
        assert!(matches!(parse(b"{'__class__':'float','value':'nan'}"), Ok(Literal::Float(nan)) if nan.is_nan()));
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        for text in [
            "",
            "x",
            "__import__('os')",
            "open('x')",
            "1+1",
            "[1",
            "{1:}",
            "'a",
            "'a\nb'",
            "'\\z'",
            "'\\x4'",
            "(1,,2)",
            "[,]",
            "1 2",
            "--1",
            "1e",
            "Nonesense",
            "lambda:1",
            "[1][0]",
            "f'x'",
            "b'x'",
            "1_0",
            "{1:2,3}",
            "\u{ff}",
            "99999999999999999999999999999999999999999999999999",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(parse(&[0xFF]), Err(LiteralError::Encoding));
        assert_eq!(parse("[".repeat(100_000).as_bytes()), Err(LiteralError::TooDeep));
        assert_eq!(parse(format!("[{}]", "1,".repeat(300_000)).as_bytes()), Err(LiteralError::TooMany));
    }
}
