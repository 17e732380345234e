//! The patterns of the Like operator (Part 4, 7.7.3): `%` for any text, `_` for any character, `[...]` and `[^...]` for
//! one character of a set, and `\` before a character that is meant as itself.

/// Whether a text as a whole matches a pattern; `None` when that takes more than `steps`, of which the rest is left.
///
/// A step is one look at a character or at a range of a set, so that the time does not grow with the product of lengths
/// that a client chooses.
pub(super) fn matches(text: &str, pattern: &str, steps: &mut usize) -> Option<bool> {
    *steps = steps.checked_sub(pattern.len())?;
    let pattern = parse(pattern);
    let mut rest = text.chars();
    let mut at = 0;
    // Where to go on when what follows the last `%` does not match: the `%` then takes one character more.
    let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        match pattern.get(at) {
            Some(Token::Anything) => {
                *steps = steps.checked_sub(1)?;
                retry = Some((at + 1, rest.clone()));
                at += 1;
                continue;
            }
            Some(token) => {
                *steps = steps.checked_sub(token.cost())?;
                let mut ahead = rest.clone();
                if ahead.next().is_some_and(|character| token.matches(character)) {
                    rest = ahead;
                    at += 1;
                    continue;
                }
            }
            None if rest.as_str().is_empty() => return Some(true),
            None => *steps = steps.checked_sub(1)?,
        }
        let Some((after, from)) = &mut retry else { return Some(false) };
        if from.next().is_none() {
            return Some(false);
        }
        at = *after;
        rest = from.clone();
    }
}

enum Token {
    Anything,
    One,
    Exactly(char),
    Of { set: Vec<(char, char)>, negated: bool },
}

impl Token {
    /// How many steps a look at one character takes.
    const fn cost(&self) -> usize {
        match self {
            Self::Of { set, .. } => 1 + set.len(),
            _ => 1,
        }
    }

    fn matches(&self, character: char) -> bool {
        match self {
            Self::Anything => false,
            Self::One => true,
            Self::Exactly(wanted) => character == *wanted,
            Self::Of { set, negated } => set.iter().any(|(low, high)| (*low..=*high).contains(&character)) != *negated,
        }
    }
}

fn parse(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars();
    // Where one bracket is not closed none behind it is, and to look again for each would take the square of the length.
    let mut may_close = true;
    while let Some(character) = rest.next() {
        tokens.push(match character {
            '%' => Token::Anything,
            '_' => Token::One,
            '\\' => Token::Exactly(rest.next().unwrap_or('\\')),
            '[' if may_close => {
                let mut inside = rest.clone();
                match parse_set(&mut inside) {
                    Some(token) => {
                        rest = inside;
                        token
                    }
                    // A bracket that nothing closes is meant as itself.
                    None => {
                        may_close = false;
                        Token::Exactly('[')
                    }
                }
            }
            other => Token::Exactly(other),
        });
    }
    tokens
}

/// Reads a set up to its closing bracket; `None` when there is none.
fn parse_set(rest: &mut std::str::Chars<'_>) -> Option<Token> {
    let mut ahead = rest.clone();
    let negated = ahead.next() == Some('^');
    if negated {
        *rest = ahead;
    }
    let mut set = Vec::new();
    loop {
        let low = match rest.next()? {
            ']' => return Some(Token::Of { set, negated }),
            '\\' => rest.next()?,
            other => other,
        };
        let mut ahead = rest.clone();
        let high = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) if high != ']' => {
                *rest = ahead;
                if high == '\\' { rest.next()? } else { high }
            }
            _ => low,
        };
        set.push((low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_EVENT_FIELD_BYTES, MAX_FILTER_STEPS};

    fn is_like(text: &str, pattern: &str) -> bool {
        matches(text, pattern, &mut MAX_FILTER_STEPS.clone()).expect("enough steps")
    }

    #[test]
    fn patterns_match_as_the_specification_shows() {
        for (pattern, good, bad) in [
            ("main%", &["main", "main.plc"][..], &["mai", "domain", "Main"][..]),
            ("%en%", &["entail", "green", "content", "en"], &["e", "ne"]),
            ("b_t", &["bit", "bat", "bét"], &["bt", "boot", "bits"]),
            ("abc[13-68]", &["abc1", "abc3", "abc4", "abc6", "abc8"], &["abc2", "abc7", "abc", "abc11"]),
            ("xyz[c-f]", &["xyzc", "xyze"], &["xyzb", "xyzg"]),
            ("ABC[^13-5]", &["ABC2", "ABC6"], &["ABC1", "ABC4", "ABC"]),
            ("xyz[^dgh]", &["xyza"], &["xyzd", "xyz"]),
            ("100\\%", &["100%"], &["1000", "100\\%"]),
            ("a\\_b", &["a_b"], &["acb"]),
            ("\\[x\\]", &["[x]"], &["x"]),
            ("[a", &["[a"], &["a"]),
            ("[]", &[], &["", "a"]),
            ("[^]", &["a"], &["", "ab"]),
            ("[\\]]", &["]"], &["\\"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("", &[""], &["a"]),
            ("%", &["", "anything"], &[]),
            ("%a%b%c", &["abc", "xaxbxc", "aabbcc"], &["acb", "abcd"]),
            ("a\\", &["a\\"], &["a"]),
        ] {
            good.iter().for_each(|text| assert!(is_like(text, pattern), "{text} like {pattern}"));
            bad.iter().for_each(|text| assert!(!is_like(text, pattern), "{text} not like {pattern}"));
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_its_steps() {
        let text = "a".repeat(4_000);
        let patterns = [
            format!("%{}b", "a".repeat(2_000)),
            format!("%{}b", "_".repeat(2_000)),
            format!("%{}", "[a-zb-yc-x]".repeat(1_000)),
            "%".repeat(1 << 20),
        ];
        for pattern in &patterns {
            assert_eq!(matches(&text, pattern, &mut MAX_FILTER_STEPS.clone()), None);
        }
        let brackets = "[".repeat(MAX_FILTER_STEPS / 4);
        assert_eq!(matches(&brackets, &brackets, &mut MAX_FILTER_STEPS.clone()), Some(true));
        let harmless = format!("{}b", "%a".repeat(1_000));
        assert_eq!(matches(&text, &harmless, &mut MAX_FILTER_STEPS.clone()), Some(false));
    }

    #[test]
    fn every_field_of_an_event_can_be_searched_for_a_word() {
        let text = "a".repeat(MAX_EVENT_FIELD_BYTES);
        assert!(!is_like(&text, "%press hall%"));
        assert!(is_like(&format!("{text}press hall"), "%press hall%"));
    }
}
