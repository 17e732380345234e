//! Patterns of tag paths.

/// Whether `pattern` matches `path` or anything that `path` lies below, so that a pattern for a device covers its tags.
pub fn covers(pattern: &str, path: &str) -> bool {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter().any(|end| path.get(..end).is_some_and(|above| matches(pattern, above)))
}

/// Whether `pattern` covers something that lies below `path`.
pub fn leads_below(pattern: &str, path: &str) -> bool {
    pattern.match_indices('.').any(|(at, _)| pattern.get(..at).is_some_and(|above| matches(above, path)))
}

/// Whether `text` matches `pattern`, in which `*` stands for any text and `?` for one byte; time is at most the
/// product of both lengths.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut pos) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while pos < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, pos));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[pos] => {
                at += 1;
                pos += 1;
            }
            _ => {
                let Some((star_at, star_pos)) = star else { return false };
                star = Some((star_at, star_pos + 1));
                at = star_at + 1;
                pos = star_pos + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::{covers, leads_below, matches};

    #[test]
    fn stars_and_question_marks_stand_for_text() {
        for (pattern, text, expected) in [
            ("line1.*", "line1.press.temp", true),
            ("line1.*", "line1", false),
            ("*", "", true),
            ("*.temp", "a.b.temp", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_covers_what_lies_below() {
        for (pattern, path, expected) in [
            ("line1.press", "line1.press.group.temp", true),
            ("line1.press", "line1.press2.temp", false),
            ("line1.press", "line1", false),
            ("line*", "line1.press.temp", true),
            ("*.temp", "line1.press.temp", true),
            ("*.temp", "line1.press.temps", false),
        ] {
            assert_eq!(covers(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_way_to_what_a_pattern_covers_is_known() {
        for (pattern, path, expected) in [
            ("line1.press.safe", "line1", true),
            ("line1.press.safe", "line1.press", true),
            ("line1.press.safe", "line1.saw", false),
            ("line1.press.safe", "line2", false),
            ("line1", "line1", false),
            ("*.safe", "line1.press", true),
        ] {
            assert_eq!(leads_below(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_the_product_of_the_lengths() {
        let pattern = "*a".repeat(200);
        let text = "a".repeat(5_000) + "b";
        assert!(!matches(&pattern, &text));
    }
}
