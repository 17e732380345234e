//! What each column of a tag list holds, from its header row.

use tagwire_driver::Key;

use super::rows::Rows;
use crate::config::problem::{Complaint, Reporter};
use crate::config::words::nearest;

/// What the cells of one column say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    Name,
    Address,
    Type,
    Access,
    /// A duration.
    Scan,
    /// Whole milliseconds, which only count where the device respects its tags' rates.
    ImportedScan,
    Curve,
    RawLow,
    RawHigh,
    ScaledLow,
    ScaledHigh,
    ScaledType,
    ClampLow,
    ClampHigh,
    Negate,
    Unit,
    EuLow,
    EuHigh,
    Description,
    Deadband,
    Filter,
    Limit,
    States,
    NodeId,
    /// A key of the driver.
    Driver(&'static Key),
    /// Known to other products, without a meaning here.
    Ignored,
}

/// Columns of a Kepware export; spelled without blanks and in lower case.
const KEPWARE: [(&str, Column); 17] = [
    ("tagname", Column::Name),
    ("address", Column::Address),
    ("datatype", Column::Type),
    ("respectdatatype", Column::Ignored),
    ("clientaccess", Column::Access),
    ("scanrate", Column::ImportedScan),
    ("scaling", Column::Curve),
    ("rawlow", Column::RawLow),
    ("rawhigh", Column::RawHigh),
    ("scaledlow", Column::ScaledLow),
    ("scaledhigh", Column::ScaledHigh),
    ("scaleddatatype", Column::ScaledType),
    ("clamplow", Column::ClampLow),
    ("clamphigh", Column::ClampHigh),
    ("engunits", Column::Unit),
    ("description", Column::Description),
    ("negatevalue", Column::Negate),
];

/// Columns of our own list.
pub(crate) const OWN: [(&str, Column); 23] = [
    ("name", Column::Name),
    ("address", Column::Address),
    ("type", Column::Type),
    ("access", Column::Access),
    ("scan", Column::Scan),
    ("scaling", Column::Curve),
    ("raw_low", Column::RawLow),
    ("raw_high", Column::RawHigh),
    ("scaled_low", Column::ScaledLow),
    ("scaled_high", Column::ScaledHigh),
    ("scaled_type", Column::ScaledType),
    ("clamp_low", Column::ClampLow),
    ("clamp_high", Column::ClampHigh),
    ("negate", Column::Negate),
    ("unit", Column::Unit),
    ("eu_low", Column::EuLow),
    ("eu_high", Column::EuHigh),
    ("description", Column::Description),
    ("deadband", Column::Deadband),
    ("filter", Column::Filter),
    ("limit", Column::Limit),
    ("states", Column::States),
    ("node_id", Column::NodeId),
];

/// The columns of one list, in its order.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) list: Vec<Column>,
    /// Whether any column is about scaling.
    pub(crate) has_scaling: bool,
}

impl Columns {
    /// Reads the header row; `None`, with a report, when the rows below it could not be understood.
    pub(crate) fn from_header(
        rows: &mut Rows<'_>,
        driver_keys: &'static [Key],
        report: &mut Reporter<'_>,
    ) -> Option<Self> {
        rows.choose_separator();
        let line = match rows.next_row() {
            None => {
                let fix = "start the file with a header row such as name,address,type";
                report.complain(0, "", Complaint::new("the file is empty", fix));
                return None;
            }
            Some(Err((line, complaint))) => {
                report.complain(line, "header", complaint);
                return None;
            }
            Some(Ok(line)) => line,
        };
        let plain = |cell: &str| cell.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
        let headings: Vec<String> = rows.cells().iter().map(|cell| plain(cell)).collect();
        let is_kepware = headings.iter().any(|heading| heading == "tagname");
        if !is_kepware && !headings.iter().any(|heading| heading == "name") {
            let fix = "the first row must name the columns: \"Tag Name,Address,Data Type,...\" as Kepware writes it, or name,address,type,...";
            let problem =
                format!("no column is called \"name\" or \"Tag Name\" in the first row \"{}\"", rows.cells().join(","));
            report.complain(line, "header", Complaint::new(problem, fix));
            return None;
        }
        let known: &[(&'static str, Column)] = if is_kepware { &KEPWARE } else { &OWN };
        let mut list = Vec::with_capacity(headings.len());
        let mut sound = true;
        for (idx, heading) in headings.iter().enumerate() {
            let found = known.iter().find(|(name, _)| name == heading).map(|(_, column)| *column);
            let found = found.or_else(|| driver_keys.iter().find(|key| key.name == heading).map(Column::Driver));
            // Later versions of Kepware add columns, which must not make an export unusable.
            let column = match found {
                Some(column) => column,
                None if is_kepware || heading.is_empty() => Column::Ignored,
                None => {
                    let names = known.iter().map(|(name, _)| *name).chain(driver_keys.iter().map(|key| key.name));
                    let names: Vec<&str> = names.collect();
                    let fix = match nearest(heading, names.iter().copied()) {
                        Some(near) => format!("did you mean \"{near}\"?"),
                        None => format!("remove the column; known are {}", names.join(", ")),
                    };
                    report.complain(line, "header", Complaint::new(format!("unknown column \"{heading}\""), fix));
                    sound = false;
                    Column::Ignored
                }
            };
            if !heading.is_empty() && headings.iter().take(idx).any(|earlier| earlier == heading) {
                let problem = format!("the column \"{heading}\" is there twice");
                report.complain(line, "header", Complaint::new(problem, "remove one of them"));
                sound = false;
            }
            list.push(column);
        }
        if !headings.iter().any(|heading| heading == "address") {
            let problem = "there is no column \"address\"";
            report.complain(line, "header", Complaint::new(problem, "add it: every tag needs an address"));
            sound = false;
        }
        let has_scaling = list.iter().any(|column| matches!(column, Column::Curve));
        sound.then_some(Self { list, has_scaling })
    }
}
