//! `tagwire history query`.

use crate::args::HistoryQueryArgs;
use crate::failure::Failure;

#[cfg(not(feature = "sql"))]
pub(super) fn run(args: &HistoryQueryArgs) -> Result<(), Failure> {
    let _ = (&args.sql, args.csv, &args.config);
    let hint = "build it with: cargo build --release -p tagwire --features sql";
    Err(Failure::new(crate::failure::Exit::Failed, "this tagwire was built without SQL", hint))
}

#[cfg(feature = "sql")]
pub(super) fn run(args: &HistoryQueryArgs) -> Result<(), Failure> {
    use std::io::{self, Write as _};

    use tagwire_table::{Answer, Database};
    use tagwire_ua_client::StatusName;

    use super::view::{failed, open};

    let form = match (args.config.json, args.csv) {
        (true, _) => Answer::Json,
        (_, true) => Answer::Csv,
        _ => Answer::Table,
    };
    let frozen = open(&args.config)?;
    let database = Database::new(frozen.history(), StatusName::plain).map_err(|error| failed(&error))?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    database.answer(&args.sql, form, &mut out).map_err(|error| failed(&error))?;
    Ok(out.flush()?)
}
