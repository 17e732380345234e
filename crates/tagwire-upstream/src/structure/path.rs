//! The way from the value of a node to one of its members.

use std::fmt::{self, Write as _};

/// Most steps of a path.
const MAX_STEPS: usize = 32;
/// Signs of a name that would be taken for something else, each written as `%` and its number.
const RESERVED: [char; 5] = ['%', '.', '[', ']', ' '];

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// To a field of a structure.
    Field(Box<str>),
    /// To an element of an array, from 0.
    Element(u32),
}

/// The steps to a member, at least one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Path(Box<[Step]>);

impl Path {
    /// Parses `Speed`, `Speed.Actual`, `Axes[2].Position` or `[2].Position`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no path to a member");
        let mut steps = Vec::new();
        for (at, part) in text.split('.').enumerate() {
            let (name, mut indices) = match part.find('[') {
                Some(cut) => part.split_at(cut),
                None => (part, ""),
            };
            if !name.is_empty() {
                steps.push(Step::Field(unescape(name).ok_or_else(wrong)?.into()));
            } else if at > 0 || indices.is_empty() {
                return Err(wrong());
            }
            while let Some(rest) = indices.strip_prefix('[') {
                let (digits, behind) = rest.split_once(']').ok_or_else(wrong)?;
                if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(wrong());
                }
                steps.push(Step::Element(digits.parse().map_err(|_| wrong())?));
                indices = behind;
            }
            if !indices.is_empty() {
                return Err(wrong());
            }
            if steps.len() > MAX_STEPS {
                return Err(format!("path to a member has more than {MAX_STEPS} steps"));
            }
        }
        Ok(Self(steps.into()))
    }

    /// A path of these steps; `None` of none.
    pub(crate) fn new(steps: &[Step]) -> Option<Self> {
        (!steps.is_empty()).then(|| Self(steps.into()))
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }
}

/// A name as it is, or `None` for one with signs that it cannot have.
fn unescape(name: &str) -> Option<String> {
    if name.contains(']') {
        return None;
    }
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('%') {
        let (before, code) = (rest.get(..at)?, rest.get(at + 1..at + 3)?);
        let sign = char::from(u8::from_str_radix(code, 16).ok()?);
        plain.push_str(before);
        plain.push(RESERVED.contains(&sign).then_some(sign)?);
        rest = rest.get(at + 3..)?;
    }
    plain.push_str(rest);
    Some(plain)
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Element(index) => write!(f, "[{index}]")?,
                Step::Field(name) => {
                    if at > 0 {
                        f.write_char('.')?;
                    }
                    for sign in name.chars() {
                        match sign {
                            sign if RESERVED.contains(&sign) => write!(f, "%{:02X}", u32::from(sign))?,
                            sign => f.write_char(sign)?,
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in
            ["Speed", "Speed.Actual", "Axes[2].Position", "[2].Position", "a[1][2]", "A%2Eb%20c%5B1%5D.ä", "%25"]
        {
            assert_eq!(Path::parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn refuses_what_leads_nowhere() {
        let long = "a.".repeat(40) + "a";
        for text in [
            "", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[1", "a]", "a[1]b", "a.[1]", "%zz", "%41",
            "%", &long,
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
