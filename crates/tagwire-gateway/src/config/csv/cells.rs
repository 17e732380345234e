//! What the cells of one row say about a tag.

use std::borrow::Cow;
use std::time::Duration;

use tagwire_driver::{KeyKind, Setting};
use tagwire_model::{Clamp, Curve, DataType, Deadband, EuRange, ValueType};

use super::columns::{Column, Columns};
use crate::config::kepware::{with_lengths, without_text_length};
use crate::config::problem::{Complaint, Reporter};
use crate::config::tag::{
    ClampWord, DeviceContext, FILTER_KIND, SCAN_KIND, ScalingDraft, TagDraft, TypeWord, parse_access, parse_type,
};
use crate::config::walk::{Field, Plain, parse_number_or_percent, parse_text};
use crate::config::words::suggest;

/// Numbers of a row that only make sense together.
#[derive(Default)]
struct Numbers {
    raw: (Option<f64>, Option<f64>),
    scaled: (Option<f64>, Option<f64>),
    eu: (Option<f64>, Option<f64>),
    clamp: Clamp,
    negate: bool,
    curve: Option<Curve>,
    data_type: Option<DataType>,
}

/// The draft of one row; `None`, with a report, when a cell is wrong.
pub(crate) fn draft<'a>(
    line: u32,
    cells: &[Cow<'a, str>],
    columns: &Columns,
    context: &DeviceContext<'_>,
    report: &mut Reporter<'_>,
) -> Option<TagDraft<'a>> {
    let n_before = report.problems.len();
    let mut draft = TagDraft { line, ..TagDraft::default() };
    let name = columns.list.iter().zip(cells).find(|(column, _)| matches!(column, Column::Name));
    draft.name = name.map(|(_, cell)| cell.clone()).unwrap_or_default();
    let extra = cells.iter().skip(columns.list.len()).filter(|cell| !cell.is_empty()).count();
    if extra > 0 {
        let problem = format!("the row has {} cells, the header {}", cells.len(), columns.list.len());
        let fix = "put text that holds a comma in quotes";
        report.complain(line, &context.subject(&draft.name), Complaint::new(problem, fix));
    }
    let mut numbers = Numbers::default();
    let mut type_cell = "";
    for (column, cell) in columns.list.iter().zip(cells) {
        if cell.is_empty() {
            continue;
        }
        let read = match column {
            Column::Address => {
                draft.address = cell.clone();
                Ok(())
            }
            Column::Type => {
                type_cell = cell;
                Ok(())
            }
            Column::Description => {
                draft.info.description = cell.to_string();
                Ok(())
            }
            Column::Unit => {
                draft.info.unit = cell.to_string();
                Ok(())
            }
            Column::NodeId => {
                draft.node_id = Some(cell.clone());
                Ok(())
            }
            Column::States => {
                draft.states = cell.split('|').map(|word| Cow::Owned(word.to_owned())).collect();
                Ok(())
            }
            Column::Name | Column::Ignored => Ok(()),
            _ => read_cell(*column, cell, &mut draft, &mut numbers, context),
        };
        if let Err(complaint) = read {
            report.complain(line, &context.subject(&draft.name), complaint);
        }
    }
    if let Err(complaint) = read_type(type_cell, &mut draft, context.driver()) {
        report.complain(line, &context.subject(&draft.name), complaint);
    }
    // A number that was refused above must not be called missing as well.
    if report.problems.len() == n_before
        && let Err(complaint) = finish_numbers(&numbers, columns, &mut draft)
    {
        report.complain(line, &context.subject(&draft.name), complaint);
    }
    (report.problems.len() == n_before).then_some(draft)
}

fn read_cell(
    column: Column,
    cell: &str,
    draft: &mut TagDraft<'_>,
    numbers: &mut Numbers,
    context: &DeviceContext<'_>,
) -> Result<(), Complaint> {
    match column {
        Column::Access => draft.access = Some(parse_access(cell)?),
        Column::Scan => {
            if let Setting::Duration(scan) = parse_text("scan", cell, SCAN_KIND)? {
                draft.scan = Some(scan);
            }
        }
        Column::ImportedScan => {
            let millis: u64 = cell.parse().map_err(|_| {
                Complaint::new(format!("\"Scan Rate\" is \"{cell}\""), "write whole milliseconds, such as 100")
            })?;
            let scan = Duration::from_millis(millis);
            draft.scan = context.respect_imported_rates.then_some(scan.max(Duration::from_millis(10)));
        }
        Column::Curve => {
            numbers.curve = match cell.to_ascii_lowercase().as_str() {
                "none" => None,
                "linear" => Some(Curve::Linear),
                "square root" | "square-root" => Some(Curve::SquareRoot),
                _ => {
                    let fix = suggest(cell, &["None", "Linear", "Square Root"]);
                    return Err(Complaint::new(format!("\"Scaling\" does not know \"{cell}\""), fix));
                }
            }
        }
        Column::RawLow => numbers.raw.0 = Some(number("raw low", cell)?),
        Column::RawHigh => numbers.raw.1 = Some(number("raw high", cell)?),
        Column::ScaledLow => numbers.scaled.0 = Some(number("scaled low", cell)?),
        Column::ScaledHigh => numbers.scaled.1 = Some(number("scaled high", cell)?),
        Column::EuLow => numbers.eu.0 = Some(number("eu_low", cell)?),
        Column::EuHigh => numbers.eu.1 = Some(number("eu_high", cell)?),
        Column::ScaledType => {
            let (value_type, _) = type_word(cell)?;
            numbers.data_type = Some(value_type.map_or(DataType::Double, |value_type| value_type.data_type));
        }
        Column::ClampLow => numbers.clamp.low = flag("clamp low", cell)?,
        Column::ClampHigh => numbers.clamp.high = flag("clamp high", cell)?,
        Column::Negate => numbers.negate = flag("negate", cell)?,
        Column::Deadband => {
            draft.info.deadband = Deadband::read("deadband", parse_number_or_percent("deadband", cell)?)?
        }
        Column::Filter => {
            if let Setting::Duration(filter) = parse_text("filter", cell, FILTER_KIND)? {
                draft.info.filter = Some(filter);
            }
        }
        Column::Limit => {
            const ENDS: KeyKind = KeyKind::Choice(&["none", "low", "high", "both"]);
            draft.info.limit = ClampWord::read("limit", Plain::One(parse_text("limit", cell, ENDS)?))?.0;
        }
        Column::Driver(key) => draft.settings.set(key.name, parse_text(key.name, cell, key.kind)?),
        Column::Name
        | Column::Address
        | Column::Type
        | Column::Unit
        | Column::Description
        | Column::NodeId
        | Column::States
        | Column::Ignored => {}
    }
    Ok(())
}

fn number(name: &str, cell: &str) -> Result<f64, Complaint> {
    cell.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| {
        let fix = match cell.replace(',', ".").parse::<f64>() {
            Ok(number) => format!("write a dot in place of the comma: {number}"),
            Err(_) => "write a number such as 12.5".to_owned(),
        };
        Complaint::new(format!("\"{name}\" is \"{cell}\""), fix)
    })
}

fn flag(name: &str, cell: &str) -> Result<bool, Complaint> {
    match cell.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "-1" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err(Complaint::new(format!("\"{name}\" is \"{cell}\""), "write 1 for yes or 0 for no")),
    }
}

/// What a type word adds beyond the type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    Array,
    Bcd,
    BcdArray,
}

/// Reads our own type words and Kepware's; `None` for `Default`.
fn type_word(cell: &str) -> Result<(Option<ValueType>, Kind), Complaint> {
    let lower = cell.to_ascii_lowercase();
    let (word, is_array) = match lower.strip_suffix(" array") {
        Some(word) => (word.trim(), true),
        None => (lower.as_str(), false),
    };
    let data_type = match word {
        "default" => return Ok((None, if is_array { Kind::Array } else { Kind::Scalar })),
        "boolean" => DataType::Boolean,
        "char" => DataType::Int8,
        "byte" => DataType::UInt8,
        "short" | "bcd" => {
            if word == "bcd" {
                DataType::UInt16
            } else {
                DataType::Int16
            }
        }
        "word" => DataType::UInt16,
        "long" => DataType::Int32,
        "dword" | "lbcd" => DataType::UInt32,
        "llong" => DataType::Int64,
        "qword" => DataType::UInt64,
        "float" => DataType::Float,
        "double" => DataType::Double,
        "string" => DataType::String,
        "date" => DataType::DateTime,
        _ => return parse_type(cell).map(|value_type| (Some(value_type), Kind::Scalar)),
    };
    let kind = match (word, is_array) {
        ("bcd" | "lbcd", false) => Kind::Bcd,
        ("bcd" | "lbcd", true) => Kind::BcdArray,
        (_, true) => Kind::Array,
        (_, false) => Kind::Scalar,
    };
    Ok((Some(ValueType::scalar(data_type)), kind))
}

fn read_type(cell: &str, draft: &mut TagDraft<'_>, driver: &str) -> Result<(), Complaint> {
    if cell.is_empty() {
        return Ok(());
    }
    let (value_type, kind) = type_word(cell)?;
    let Some(mut value_type) = value_type else { return Ok(()) };
    if matches!(kind, Kind::Bcd | Kind::BcdArray) {
        draft.code = Some(if value_type.data_type == DataType::UInt16 { "BCD" } else { "LBCD" });
    }
    if matches!(kind, Kind::Array | Kind::BcdArray) {
        // Kepware names the lengths in the address: 40001[10], 40001 [2][3].
        let Some((address, dims)) = with_lengths(&draft.address) else {
            let problem = format!("the type is \"{cell}\", but the address \"{}\" names no length", draft.address);
            let fix = "add the number of elements in brackets to the address, as in 40001[10]";
            return Err(Complaint::new(problem, fix));
        };
        value_type.dims = dims;
        draft.address = Cow::Owned(address.to_owned());
    } else if value_type == ValueType::scalar(DataType::String) {
        draft.address = Cow::Owned(without_text_length(&draft.address, driver).to_owned());
    }
    draft.value_type = TypeWord::Given(value_type);
    Ok(())
}

fn finish_numbers(numbers: &Numbers, columns: &Columns, draft: &mut TagDraft<'_>) -> Result<(), Complaint> {
    draft.info.eu_range = match numbers.eu {
        (Some(low), Some(high)) => Some(EuRange { low, high }),
        (None, None) => None,
        _ => return Err(Complaint::new("only one end of the range is given", "fill in both eu_low and eu_high")),
    };
    if let Some(curve) = numbers.curve {
        let both = |(low, high): (Option<f64>, Option<f64>)| low.zip(high);
        let (Some(raw), Some(scaled)) = (both(numbers.raw), both(numbers.scaled)) else {
            let fix = "fill in raw low, raw high, scaled low and scaled high, or write None as scaling";
            return Err(Complaint::new("the scaling lacks one of its four numbers", fix));
        };
        draft.scaling = Some(ScalingDraft {
            curve,
            raw,
            scaled,
            clamp: numbers.clamp,
            negate: numbers.negate,
            data_type: numbers.data_type.unwrap_or(DataType::Double),
        });
    } else if !columns.has_scaling && (numbers.raw.0.is_some() || numbers.scaled.0.is_some()) {
        let problem = "there are numbers for a scaling, but no column \"scaling\"";
        return Err(Complaint::new(problem, "add a column scaling with linear or square-root"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_word_of_kepware_is_known() {
        let words = [
            ("Boolean", "bool"),
            ("Char", "i8"),
            ("Byte", "u8"),
            ("Short", "i16"),
            ("Word", "u16"),
            ("Long", "i32"),
            ("DWord", "u32"),
            ("LLong", "i64"),
            ("QWord", "u64"),
            ("Float", "f32"),
            ("Double", "f64"),
            ("String", "string"),
            ("Date", "datetime"),
            ("BCD", "u16"),
            ("LBCD", "u32"),
        ];
        for (word, ours) in words {
            let (value_type, _) = type_word(word).unwrap_or_else(|_| panic!("{word}"));
            assert_eq!(value_type.map(|value_type| value_type.to_string()).as_deref(), Some(ours), "{word}");
            let (_, kind) = type_word(&format!("{word} Array")).unwrap_or_else(|_| panic!("{word} Array"));
            assert!(matches!(kind, Kind::Array | Kind::BcdArray));
        }
        assert!(type_word("Default").is_ok_and(|(value_type, _)| value_type.is_none()));
    }
}
