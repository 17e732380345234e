//! Names for the numbers of a discrete value.

use thiserror::Error;

/// What the values of a tag mean, such as 0 = Stopped, 1 = Running (OPC UA Part 8, 5.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct States(Vec<(i64, Box<str>)>);

/// Why names of states are no good.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StatesError {
    /// There is none.
    #[error("no state is named")]
    Empty,
    /// More than [`States::MAX`].
    #[error("there are more than {} states", States::MAX)]
    TooMany,
    /// A name is empty.
    #[error("the state {0} has no name")]
    Unnamed(i64),
    /// A number has two names.
    #[error("the state {0} has two names")]
    Twice(i64),
}

impl States {
    /// Most states of one tag.
    pub const MAX: usize = 1000;

    /// Reads names as they are written: each is the state after the one before, from 0 on, unless it begins with its
    /// number as in `5=On`.
    ///
    /// # Errors
    /// [`StatesError`] when there is no name, one is empty, or a number has two.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, StatesError> {
        let mut states: Vec<(i64, Box<str>)> = Vec::new();
        let mut next = 0_i64;
        for word in words {
            let numbered = word.split_once('=').and_then(|(number, name)| Some((number.trim().parse().ok()?, name)));
            let (number, name): (i64, &str) = numbered.unwrap_or((next, word));
            if name.trim().is_empty() {
                return Err(StatesError::Unnamed(number));
            }
            if states.len() == Self::MAX {
                return Err(StatesError::TooMany);
            }
            states.push((number, name.trim().into()));
            next = number.saturating_add(1);
        }
        states.sort_by_key(|(number, _)| *number);
        match states.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(StatesError::Twice(pair[0].0)),
            None if states.is_empty() => Err(StatesError::Empty),
            None => Ok(Self(states)),
        }
    }

    /// The states with their numbers, in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (i64, &str)> {
        self.0.iter().map(|(number, name)| (*number, &**name))
    }

    /// The name of a number.
    pub fn name(&self, number: i64) -> Option<&str> {
        let at = self.0.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(&self.0[at].1)
    }

    /// Whether the numbers are 0, 1, 2 and so on without a gap.
    pub fn is_counted(&self) -> bool {
        (0..).zip(&self.0).all(|(place, (number, _))| place == *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_on_from_the_number_before() {
        let states = States::parse(["Off", "On", "7 = Fault", "Service"]).expect("valid");
        let seen: Vec<_> = states.iter().collect();
        assert_eq!(seen, [(0, "Off"), (1, "On"), (7, "Fault"), (8, "Service")]);
        assert_eq!((states.name(7), states.name(2)), (Some("Fault"), None));
        assert!(!states.is_counted());
        assert!(States::parse(["Off", "On"]).expect("valid").is_counted());
    }

    #[test]
    fn an_equals_sign_without_a_number_before_it_belongs_to_the_name() {
        let states = States::parse(["a=b", "-1=Reverse"]).expect("valid");
        assert_eq!(states.iter().collect::<Vec<_>>(), [(-1, "Reverse"), (0, "a=b")]);
    }

    #[test]
    fn names_that_mean_nothing_are_refused() {
        assert_eq!(States::parse([]), Err(StatesError::Empty));
        assert_eq!(States::parse(["Off", " "]), Err(StatesError::Unnamed(1)));
        assert_eq!(States::parse(["3=Off", "3=On"]), Err(StatesError::Twice(3)));
        assert_eq!(States::parse(std::iter::repeat_n("x", 1001)), Err(StatesError::TooMany));
    }
}
