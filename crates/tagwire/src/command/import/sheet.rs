//! The first sheet of an Excel file (ECMA-376): a ZIP archive of XML parts.

use std::collections::HashMap;

use miniz_oxide::inflate::decompress_to_vec_with_limit;
use roxmltree::{Document, Node, ParsingOptions};

/// Most bytes of one part, unpacked: enough for 100,000 tags with long descriptions.
const MAX_PART: usize = 128 << 20;
/// Most nodes of one part.
const MAX_NODES: u32 = 20_000_000;
/// Most columns looked at.
const MAX_COLUMNS: usize = 256;

/// The rows of the first sheet with their numbers.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn rows(bytes: &[u8]) -> Result<Vec<(u64, Vec<String>)>, String> {
    let parts = parts(bytes).ok_or("the file is no Excel workbook (xlsx)")?;
    let texts = match parts.get("xl/sharedStrings.xml") {
        Some(part) => shared_texts(&unpacked(*part)?)?,
        None => Vec::new(),
    };
    let mut sheets: Vec<&&str> = parts.keys().filter(|name| name.starts_with("xl/worksheets/")).collect();
    sheets.sort_by_key(|name| (name.len(), **name));
    let first = sheets.first().ok_or("the workbook has no sheet")?;
    sheet(&unpacked(parts[**first])?, &texts)
}

/// A part of an archive as it lies there.
#[derive(Clone, Copy)]
struct Part<'a> {
    method: u16,
    bytes: &'a [u8],
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(four)).ok()
}

/// The parts of an archive by name, from its central directory.
fn parts(bytes: &[u8]) -> Option<HashMap<&str, Part<'_>>> {
    const END: [u8; 4] = *b"PK\x05\x06";
    // Behind the end record there may be a comment of up to 64 KiB.
    let from = bytes.len().saturating_sub(22 + 0xFFFF);
    let end = from + bytes.get(from..)?.windows(4).rposition(|four| four == END)?;
    let n = u16_at(bytes, end + 10)?;
    let mut at = u32_at(bytes, end + 16)?;
    let mut parts = HashMap::new();
    for _ in 0..n {
        if bytes.get(at..at + 4)? != b"PK\x01\x02" {
            return None;
        }
        let (method, packed) = (u16_at(bytes, at + 10)?, u32_at(bytes, at + 20)?);
        let lens = [u16_at(bytes, at + 28)?, u16_at(bytes, at + 30)?, u16_at(bytes, at + 32)?].map(usize::from);
        let local = u32_at(bytes, at + 42)?;
        let name = std::str::from_utf8(bytes.get(at + 46..at + 46 + lens[0])?).ok()?;
        let head =
            local.checked_add(30)? + usize::from(u16_at(bytes, local + 26)?) + usize::from(u16_at(bytes, local + 28)?);
        parts.insert(name, Part { method, bytes: bytes.get(head..head.checked_add(packed)?)? });
        at += 46 + lens.iter().sum::<usize>();
    }
    Some(parts)
}

fn unpacked(part: Part<'_>) -> Result<String, String> {
    let bytes = match part.method {
        0 => part.bytes.to_vec(),
        8 => decompress_to_vec_with_limit(part.bytes, MAX_PART)
            .map_err(|_| "a part of the workbook cannot be unpacked, or is too large".to_owned())?,
        method => return Err(format!("a part of the workbook is packed by method {method}")),
    };
    String::from_utf8(bytes).map_err(|_| "a part of the workbook is no UTF-8".to_owned())
}

fn document(text: &str) -> Result<Document<'_>, String> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| error.to_string())
}

/// The text below a node, of all its runs but phonetic ones.
fn text_of(node: Node<'_, '_>) -> String {
    let is_text = |node: &Node<'_, '_>| {
        node.tag_name().name() == "t" && !node.ancestors().any(|above| above.tag_name().name() == "rPh")
    };
    node.descendants().filter(is_text).filter_map(|node| node.text()).collect()
}

fn shared_texts(text: &str) -> Result<Vec<String>, String> {
    let document = document(text)?;
    let items = document.root_element().children().filter(|node| node.tag_name().name() == "si");
    Ok(items.map(text_of).collect())
}

fn sheet(text: &str, texts: &[String]) -> Result<Vec<(u64, Vec<String>)>, String> {
    let document = document(text)?;
    let named = |name: &'static str| move |node: &Node<'_, '_>| node.tag_name().name() == name;
    let mut rows = Vec::new();
    for row in document.descendants().filter(named("row")) {
        let last = rows.last().map_or(0, |(number, _)| *number);
        let number = row.attribute("r").and_then(|number| number.parse().ok()).unwrap_or(last + 1);
        let mut cells: Vec<String> = Vec::new();
        for cell in row.children().filter(named("c")) {
            let at = cell.attribute("r").and_then(column).unwrap_or(cells.len());
            if at >= MAX_COLUMNS {
                continue;
            }
            let value = || cell.children().find(named("v")).and_then(|node| node.text()).unwrap_or_default();
            let text = match cell.attribute("t") {
                Some("s") => {
                    value().trim().parse().ok().and_then(|idx: usize| texts.get(idx)).cloned().unwrap_or_default()
                }
                Some("inlineStr") => text_of(cell),
                _ => value().to_owned(),
            };
            if cells.len() <= at {
                cells.resize(at + 1, String::new());
            }
            cells[at] = text;
        }
        rows.push((number, cells));
    }
    Ok(rows)
}

/// The column of a reference such as `AB12`, counted from 0.
fn column(reference: &str) -> Option<usize> {
    let letters = reference.bytes().take_while(u8::is_ascii_uppercase).take(3);
    let number = letters.fold(0, |number, letter| number * 26 + usize::from(letter - b'A') + 1);
    number.checked_sub(1)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A workbook with one sheet, whose first column is shared texts and the others are inline.
    pub(in crate::command::import) fn workbook(rows: &[&[&str]]) -> Vec<u8> {
        let (mut shared, mut sheet) = (String::new(), String::new());
        for (number, row) in rows.iter().enumerate() {
            sheet += &format!("<row r=\"{}\">", number + 1);
            for (idx, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let reference = format!("{}{}", char::from(b'A' + idx as u8), number + 1);
                let cell = cell.replace('&', "&amp;").replace('<', "&lt;");
                if idx == 0 {
                    sheet += &format!("<c r=\"{reference}\" t=\"s\"><v>{}</v></c>", shared.matches("<si>").count());
                    shared += &format!("<si><r><t>{cell}</t></r><rPh><t>never</t></rPh></si>");
                } else if cell.parse::<f64>().is_ok() {
                    sheet += &format!("<c r=\"{reference}\"><v>{cell}</v></c>");
                } else {
                    sheet += &format!("<c r=\"{reference}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>");
                }
            }
            sheet += "</row>";
        }
        zip(&[
            ("xl/sharedStrings.xml", format!("<sst xmlns=\"m\">{shared}</sst>")),
            ("xl/worksheets/sheet1.xml", format!("<worksheet xmlns=\"m\"><sheetData>{sheet}</sheetData></worksheet>")),
        ])
    }

    fn zip(parts: &[(&str, String)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, text) in parts {
            let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 6);
            let local = out.len() as u32;
            let head = |out: &mut Vec<u8>, sign: &[u8], more: &[u8]| {
                out.extend(sign);
                out.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
                out.extend([0; 4]);
                out.extend((packed.len() as u32).to_le_bytes());
                out.extend((text.len() as u32).to_le_bytes());
                out.extend((name.len() as u16).to_le_bytes());
                out.extend([0, 0]);
                out.extend(more);
                out.extend(name.as_bytes());
            };
            head(&mut out, b"PK\x03\x04", &[]);
            out.extend(&packed);
            let mut more = vec![0; 10];
            more.extend(local.to_le_bytes());
            head(&mut directory, b"PK\x01\x02\x14\0", &more);
        }
        let at = out.len() as u32;
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend([parts.len() as u8, 0, parts.len() as u8, 0]);
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(at.to_le_bytes());
        out.extend([0, 0]);
        out
    }

    #[test]
    fn cells_come_from_shared_inline_and_plain_texts() {
        let bytes = workbook(&[&["group", "name", "", "type"], &["g <1>", "t", "", "2.5"]]);
        let found = rows(&bytes).expect("a sheet");
        let texts = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(found, [(1, texts(&["group", "name", "", "type"])), (2, texts(&["g <1>", "t", "", "2.5"]))]);
    }

    #[test]
    fn columns_are_counted_by_letters() {
        for (reference, at) in [("A1", Some(0)), ("Z9", Some(25)), ("AA3", Some(26)), ("7", None)] {
            assert_eq!(column(reference), at, "{reference}");
        }
    }

    #[test]
    fn a_spoilt_workbook_is_refused_without_a_panic() {
        let bytes = workbook(&[&["name", "address"], &["a", "1"]]);
        assert!(rows(b"").is_err());
        assert!(rows(b"name,address\n").is_err());
        for idx in 0..bytes.len() {
            let mut spoilt = bytes.clone();
            spoilt[idx] ^= 0xFF;
            let _ = rows(&spoilt);
            let _ = rows(&bytes[..idx]);
        }
    }
}
