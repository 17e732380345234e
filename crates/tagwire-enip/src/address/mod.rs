//! Addresses of Logix tags: `Program:Main.Line[1,2].Motor.Speed.5`.

mod parse;

use std::fmt;

use tagwire_driver::AddressError;

use crate::codec::path::Segment;

/// A tag, an element, a member or a bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name of the program, without `Program:`; the controller's tags when absent.
    pub program: Option<String>,
    /// The tag and the members below it, at least one.
    pub parts: Vec<Part>,
    /// Bit of an integer, 0 to 63.
    pub bit: Option<u8>,
}

/// A name with the element of its array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Name of the tag or member.
    pub name: String,
    /// One number for each dimension, at most three; none for the whole or for its first element.
    pub indices: Vec<u32>,
}

impl Address {
    /// Most characters of an address.
    pub const MAX_LEN: usize = 400;

    /// Parses an address.
    ///
    /// # Errors
    /// [`AddressError`] names the problem and the fix.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        parse::parse(text)
    }

    /// The last number in brackets at the end of the address.
    pub fn last_index(&self) -> Option<u32> {
        self.parts.last().and_then(|part| part.indices.last().copied())
    }

    /// The address with nothing in the last brackets.
    #[must_use]
    pub fn without_last_index(&self) -> Self {
        let mut shorter = self.clone();
        if let Some(part) = shorter.parts.last_mut() {
            part.indices.clear();
        }
        shorter
    }

    /// The address with another number in the last place of its last brackets; without brackets it gets some.
    #[must_use]
    pub fn with_last_index(&self, index: u32) -> Self {
        let mut other = self.clone();
        if let Some(part) = other.parts.last_mut() {
            match part.indices.last_mut() {
                Some(last) => *last = index,
                None => part.indices.push(index),
            }
        }
        other
    }

    /// Appends the symbolic path; the bit is no part of it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(program) = &self.program {
            Segment::Symbol(format!("Program:{program}").as_bytes()).encode(out);
        }
        self.parts.iter().for_each(|part| part.encode(out));
    }

    /// Appends the path with `root` in place of program and tag, as the number of an instance gives it.
    pub fn encode_behind(&self, root: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(root);
        for (idx, part) in self.parts.iter().enumerate() {
            if idx == 0 {
                part.indices.iter().for_each(|index| Segment::Element(*index).encode(out));
            } else {
                part.encode(out);
            }
        }
    }

    /// Name of the tag with its program, in small letters, because controllers tell no letter cases apart.
    pub fn root_key(&self) -> String {
        let name = self.parts.first().map_or("", |part| &part.name);
        match &self.program {
            Some(program) => format!("program:{program}.{name}").to_ascii_lowercase(),
            None => name.to_ascii_lowercase(),
        }
    }
}

impl Part {
    fn encode(&self, out: &mut Vec<u8>) {
        Segment::Symbol(self.name.as_bytes()).encode(out);
        self.indices.iter().for_each(|index| Segment::Element(*index).encode(out));
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.indices.is_empty() {
            return Ok(());
        }
        let indices: Vec<String> = self.indices.iter().map(u32::to_string).collect();
        write!(f, "[{}]", indices.join(","))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(program) = &self.program {
            write!(f, "Program:{program}.")?;
        }
        for (idx, part) in self.parts.iter().enumerate() {
            let dot = if idx > 0 { "." } else { "" };
            write!(f, "{dot}{part}")?;
        }
        self.bit.map_or(Ok(()), |bit| write!(f, ".{bit}"))
    }
}

pub(crate) fn bad(problem: impl Into<String>, fix: impl Into<String>) -> AddressError {
    AddressError { problem: problem.into(), fix: fix.into() }
}
