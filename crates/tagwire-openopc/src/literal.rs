//! Literals of Python, as the serpent format writes them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The line before every payload.
const HEAD: &str = "# serpent utf-8 python3.2\n";

/// A value in a payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `None`
    None,
    /// `True`, `False`
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number; infinite ones are written `1e30000`.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// Text.
    Text(String),
    /// `(1, 2)`
    Tuple(Vec<Self>),
    /// `[1, 2]`
    List(Vec<Self>),
    /// `{1, 2}`
    Set(Vec<Self>),
    /// `{'a': 1}`
    Dict(Vec<(Self, Self)>),
}

impl Literal {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A dictionary with these texts as keys.
    pub fn dict<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Dict(entries.into_iter().map(|(key, value)| (Self::text(key), value)).collect())
    }

    /// Bytes, which travel as a dictionary with their base64.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::dict([("data", Self::Text(STANDARD.encode(bytes))), ("encoding", Self::text("base64"))])
    }

    /// The bytes in such a dictionary.
    pub fn as_bytes(&self) -> Option<Vec<u8>> {
        match (self.get("data")?, self.get("encoding")?) {
            (Self::Text(data), Self::Text(encoding)) if encoding == "base64" => STANDARD.decode(data).ok(),
            _ => None,
        }
    }

    /// The value of a key of a dictionary.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else { return None };
        entries.iter().find(|(found, _)| matches!(found, Self::Text(text) if text == key)).map(|(_, value)| value)
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a tuple or list.
    pub fn elements(&self) -> Option<&[Self]> {
        match self {
            Self::Tuple(elements) | Self::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// A payload that holds this value alone.
    pub fn to_payload(&self) -> Vec<u8> {
        let mut out = String::from(HEAD);
        self.write(&mut out);
        out.into_bytes()
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::None => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            Self::Int(number) => {
                let _ = write!(out, "{number}");
            }
            Self::Float(number) => write_float(*number, out),
            Self::Complex(real, imaginary) => {
                out.push('(');
                write_float(*real, out);
                // A minus sign comes with the number.
                if !imaginary.is_sign_negative() {
                    out.push('+');
                }
                write_float(*imaginary, out);
                out.push_str("j)");
            }
            Self::Text(text) => write_text(text, out),
            Self::Tuple(elements) => {
                write_all('(', elements, out);
                out.push_str(if elements.len() == 1 { ",)" } else { ")" });
            }
            Self::List(elements) => {
                write_all('[', elements, out);
                out.push(']');
            }
            // An empty pair of braces is a dictionary.
            Self::Set(elements) if elements.is_empty() => out.push_str("()"),
            Self::Set(elements) => {
                write_all('{', elements, out);
                out.push('}');
            }
            Self::Dict(entries) => {
                out.push('{');
                for (idx, (key, value)) in entries.iter().enumerate() {
                    if idx > 0 {
                        out.push(',');
                    }
                    key.write(out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_all(open: char, elements: &[Literal], out: &mut String) {
    out.push(open);
    for (idx, element) in elements.iter().enumerate() {
        if idx > 0 {
            out.push(',');
        }
        element.write(out);
    }
}

fn write_float(number: f64, out: &mut String) {
    if number.is_nan() {
        out.push_str("{'__class__':'float','value':'nan'}");
    } else if number.is_infinite() {
        out.push_str(if number > 0.0 { "1e30000" } else { "-1e30000" });
    } else {
        let _ = write!(out, "{number:?}");
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('\'');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7F => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn what_is_written_is_read_back() {
        let all = Literal::Tuple(vec![
            Literal::None,
            Literal::Bool(true),
            Literal::Int(-5),
            Literal::Int(i128::from(u64::MAX)),
            Literal::Float(0.1),
            Literal::Float(5e-324),
            Literal::Float(f64::NEG_INFINITY),
            Literal::Complex(1.0, -2.5),
            Literal::Complex(f64::INFINITY, 0.0),
            Literal::text("it's \"äöü\" 🙂\n\t\\ \u{1}\u{7f}"),
            Literal::Tuple(vec![Literal::Int(1)]),
            Literal::Tuple(Vec::new()),
            Literal::List(vec![Literal::text(""), Literal::List(Vec::new())]),
            Literal::Set(vec![Literal::Int(1)]),
            Literal::Dict(Vec::new()),
            Literal::bytes(&[0, 255, 7]),
        ]);
        assert_eq!(parse(&all.to_payload()), Ok(all.clone()));
        assert_eq!(all.elements().expect("tuple")[15].as_bytes(), Some(vec![0, 255, 7]));
    }
}
