//! Certificates and revocation lists in files, DER or PEM.

use x509_cert::der::pem;

/// What a block of bytes turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A certificate, DER.
    Certificate(Vec<u8>),
    /// A certificate revocation list, DER.
    RevocationList(Vec<u8>),
    /// DER that carries no label.
    Unlabelled(Vec<u8>),
}

/// Splits the content of a file into its blocks; the error says why none was found.
pub(crate) fn blocks(bytes: &[u8]) -> Result<Vec<Block>, &'static str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN ") => text,
        _ if bytes.first() == Some(&0x30) => return Ok(vec![Block::Unlabelled(bytes.to_vec())]),
        _ => return Err("neither DER nor PEM"),
    };
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, _)) = after.split_once("-----") else { return Err("PEM header is broken") };
        let footer = format!("-----END {label}-----");
        let Some((body, next)) = after.split_once(footer.as_str()) else { return Err("PEM block has no end") };
        rest = next;
        let block = format!("-----BEGIN {body}{footer}\n");
        let decode =
            |block: &str| pem::decode_vec(block.as_bytes()).map(|(_, der)| der).map_err(|_| "PEM block is broken");
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => found.push(Block::Certificate(decode(&block)?)),
            "X509 CRL" => found.push(Block::RevocationList(decode(&block)?)),
            _ => {}
        }
    }
    if found.is_empty() { Err("PEM file holds neither certificate nor revocation list") } else { Ok(found) }
}

/// Length of the first DER element of `bytes`, header included; `None` when it is cut short or no definite length.
pub(crate) fn element_len(bytes: &[u8]) -> Option<usize> {
    let (header, body) = header(bytes)?;
    let len = header.checked_add(body)?;
    (len <= bytes.len()).then_some(len)
}

/// Length of the header of the first element, and of its body.
pub(crate) fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let n = first & 0x7F;
    if n == 0 || n > 4 {
        return None;
    }
    let digits = bytes.get(2..2 + n)?;
    Some((2 + n, digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit))))
}

/// The first element within the outer sequence, header included: the signed part of a certificate or a list.
pub(crate) fn signed_part(der: &[u8]) -> Option<&[u8]> {
    let (outer, _) = header(der)?;
    let inside = der.get(outer..)?;
    inside.get(..element_len(inside)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_elements_without_reading_past_the_end() {
        assert_eq!(element_len(&[0x30, 2, 1, 2, 9]), Some(4));
        assert_eq!(element_len(&[0x30, 0x81, 1, 7]), Some(4));
        for cut in [&[][..], &[0x30], &[0x30, 1], &[0x30, 0x80], &[0x30, 0x82, 1], &[0x30, 0x84, 255, 255, 255, 255]] {
            assert_eq!(element_len(cut), None, "{cut:?}");
        }
        assert_eq!(signed_part(&[0x30, 4, 0x30, 1, 7, 9]), Some(&[0x30, 1, 7][..]));
        assert_eq!(signed_part(&[0x30, 4, 0x30, 9]), None);
    }

    #[test]
    fn finds_the_blocks_of_a_file_or_says_why_not() {
        let pem = "note\n-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n\
                   -----BEGIN X509 CRL-----\r\nMAMCAQI=\r\n-----END X509 CRL-----\n";
        let found = blocks(pem.as_bytes()).expect("blocks");
        assert_eq!(found, [Block::Certificate(vec![0x30, 3, 2, 1, 1]), Block::RevocationList(vec![0x30, 3, 2, 1, 2])]);
        for bad in [
            "",
            "hello",
            "-----BEGIN X",
            "-----BEGIN CERTIFICATE-----\nMAMC",
            "-----BEGIN KEY-----\nAA==\n-----END KEY-----",
        ] {
            assert!(blocks(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
