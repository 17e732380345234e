//! The arguments of a call, by place or by name.

use crate::Literal;
use crate::status::Raised;

/// The arguments of a call.
#[derive(Clone, Debug)]
pub(crate) struct Arguments<'a> {
    method: &'a str,
    by_place: &'a [Literal],
    by_name: &'a [(Literal, Literal)],
    names: &'static [&'static str],
}

const NONE: &Literal = &Literal::None;

impl<'a> Arguments<'a> {
    /// The arguments of a method that takes these names, in this order.
    pub(crate) fn new(
        method: &'a str,
        names: &'static [&'static str],
        by_place: &'a [Literal],
        by_name: &'a [(Literal, Literal)],
    ) -> Result<Self, Raised> {
        if by_place.len() > names.len() {
            let n = by_place.len();
            return Err(Raised::type_error(format!("{method}() takes {} arguments but {n} were given", names.len())));
        }
        for (name, _) in by_name {
            let place = name.as_text().and_then(|name| names.iter().position(|known| *known == name));
            if place.is_none_or(|place| place < by_place.len()) {
                let name = name.as_text().unwrap_or_default();
                return Err(Raised::type_error(format!("{method}() got an unexpected argument '{name}'")));
            }
        }
        Ok(Self { method, by_place, by_name, names })
    }

    /// An argument; `None` where it was left out.
    pub(crate) fn get(&self, name: &str) -> &'a Literal {
        let place = self.names.iter().position(|known| *known == name);
        let by_name = || self.by_name.iter().find(|(found, _)| found.as_text() == Some(name)).map(|(_, value)| value);
        place.and_then(|place| self.by_place.get(place)).or_else(by_name).unwrap_or(NONE)
    }

    /// Whether an argument says yes.
    pub(crate) fn flag(&self, name: &str) -> bool {
        !matches!(self.get(name), Literal::None | Literal::Bool(false) | Literal::Int(0))
    }

    /// A text that may be left out.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Raised> {
        match self.get(name) {
            Literal::None => Ok(None),
            Literal::Text(text) => Ok(Some(text)),
            _ => Err(self.wrong(name, "a string")),
        }
    }

    /// A whole number above zero that may be left out.
    pub(crate) fn size(&self, name: &str) -> Result<Option<usize>, Raised> {
        match self.get(name) {
            Literal::None => Ok(None),
            Literal::Int(number) if *number > 0 => Ok(usize::try_from(*number).ok()),
            _ => Err(self.wrong(name, "a whole number above 0")),
        }
    }

    /// Names, and whether a single one was given; none when it was left out.
    pub(crate) fn names(&self, name: &str) -> Result<(Vec<String>, bool), Raised> {
        let wrong = || self.wrong(name, "a string or a list of strings");
        match self.get(name) {
            Literal::None => Ok((Vec::new(), false)),
            Literal::Text(text) => Ok((vec![text.clone()], true)),
            other => {
                let elements = other.elements().ok_or_else(wrong)?;
                let names = elements.iter().map(|element| element.as_text().map(str::to_owned));
                Ok((names.collect::<Option<_>>().ok_or_else(wrong)?, false))
            }
        }
    }

    pub(crate) fn wrong(&self, name: &str, what: &str) -> Raised {
        Raised::type_error(format!("{}(): '{name}' parameter must be {what}", self.method))
    }
}
