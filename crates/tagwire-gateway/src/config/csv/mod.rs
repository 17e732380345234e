//! Tag lists in CSV: Kepware's export unchanged, and a plain one with our own keys as columns.

mod cells;
mod columns;
mod rows;

use std::borrow::Cow;

use super::problem::{Complaint, Reporter};
use super::tag::{DeviceContext, Tag};
use columns::Columns;
use rows::Rows;

/// Reads the tags of one file; what is wrong is reported with its line.
pub(crate) fn read_tags(
    bytes: &[u8],
    file: u16,
    context: &DeviceContext<'_>,
    tags: &mut Vec<Tag>,
    report: &mut Reporter<'_>,
) {
    let text = match decode(bytes) {
        Ok(text) => text,
        Err(complaint) => return report.complain(0, "", complaint),
    };
    let mut rows = Rows::new(&text);
    let Some(columns) = Columns::from_header(&mut rows, context.tag_keys, report) else { return };
    tags.reserve(rows.rest().bytes().filter(|byte| *byte == b'\n').count());
    while let Some(row) = rows.next_row() {
        match row {
            Ok(line) => {
                if let Some(draft) = cells::draft(line, rows.cells(), &columns, context, report)
                    && let Some(tag) = context.finish(draft, file, report)
                {
                    tags.push(tag);
                }
            }
            Err((line, complaint)) => report.complain(line, "", complaint),
        }
    }
}

/// The text of a tag list, whatever program saved it: UTF-8, UTF-16 with a byte order mark, or the code page 1252.
///
/// # Errors
/// What is wrong, for a file that is no text.
pub fn text_of_list(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    decode(bytes).map_err(|complaint| complaint.problem)
}

/// The text of a file in UTF-8, in UTF-16 with a byte order mark, or in the code page 1252 of older exports.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Complaint> {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => std::str::from_utf8(rest).map(Cow::Borrowed).map_err(|error| {
            let problem = format!("byte {} is no UTF-8, although the file starts like UTF-8", error.valid_up_to() + 3);
            Complaint::new(problem, "save the file again as UTF-8")
        }),
        [0xFF, 0xFE, rest @ ..] => Ok(utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Ok(utf16(rest, u16::from_be_bytes)),
        _ if bytes.contains(&0) => {
            let fix = "export the list as CSV (text, separated by commas)";
            Err(Complaint::new("the file is no text", fix))
        }
        _ => Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(bytes.iter().map(|byte| windows_1252(*byte)).collect()),
        }),
    }
}

fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degree_signs_survive_every_encoding() {
        let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain("°C".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for bytes in ["°C".as_bytes(), "\u{FEFF}°C".as_bytes(), b"\xB0C", &utf16] {
            assert_eq!(decode(bytes).expect("text"), "°C");
        }
        assert!(decode(b"PK\x03\x04\0\0").is_err());
    }
}
