//! Bytes as hexadecimal digits, two for each.

/// The digits of some bytes, in small letters.
pub fn encode(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of some digits, in small or capital letters; `None` for anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some((digit(&pair[0])? << 4 | digit(&pair[1])?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_comes_back() {
        assert_eq!(decode(&encode(&[0, 1, 0xFE])), Some(vec![0, 1, 0xFE]));
        assert_eq!(decode("abc"), None);
        assert_eq!(decode("zz"), None);
    }
}
