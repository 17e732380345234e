//! `tagwire explain` for data tables: which words an address means, and what a processor has there.

use std::io::{self, Write as _};
use std::time::Duration;

use serde_json::json;
use tagwire_driver::{LinkSpec, Settings};
use tagwire_enip::pccc::{Address, Dialect, Explanation, PcccKind, explain};
use tagwire_gateway::control::value_json;
use tagwire_model::{Status, Value, ValueType};
use tagwire_ua_client::StatusName;

use super::explain::{connect, hex, no_answer};
use crate::args::ExplainArgs;
use crate::client::block_on;
use crate::failure::{Exit, Failure};

/// The driver whose addresses these are.
pub(super) const DRIVER: &str = "pccc";

/// What is there now: the bytes, and the value in them.
type Found = (Vec<u8>, Result<Value, Status>);

/// Whether a text may be an address of a data table.
pub(super) fn may_be(text: &str) -> bool {
    Address::parse(text, Dialect::Slc).is_ok()
}

pub(super) fn run(
    args: &ExplainArgs,
    value_type: Option<ValueType>,
    device: Option<&(LinkSpec, Settings)>,
) -> Result<(), Failure> {
    if args.order.is_some() {
        return Err(Failure::new(Exit::Usage, "an address of a data table has no byte order", "leave --order out"));
    }
    let is_plc5 = device.is_some_and(|(_, settings)| settings.text("family") == Some("plc5"));
    let dialect = if is_plc5 { Dialect::Plc5 } else { Dialect::Slc };
    let explanation = explain(&args.address, value_type, dialect)
        .map_err(|error| Failure::new(Exit::Usage, error.problem, error.fix))?;
    let found = device.map(|(link, _)| look(&explanation, link)).transpose()?;
    let mut out = io::stdout().lock();
    if args.config.json {
        return Ok(writeln!(out, "{}", as_json(&args.address, &explanation, found.as_ref()))?);
    }
    writeln!(out, "address   {}", args.address)?;
    write!(out, "{explanation}")?;
    if let Some((bytes, value)) = found {
        writeln!(out, "\nbytes now {}", hex(&bytes))?;
        match value {
            Ok(value) => writeln!(out, "value now {value}")?,
            Err(status) => writeln!(out, "value now none, {}", StatusName(status))?,
        }
    }
    Ok(())
}

/// What the processor has there now.
fn look(explanation: &Explanation, link: &LinkSpec) -> Result<Found, Failure> {
    let mut driver = PcccKind.driver(link).map_err(|error| Failure::new(Exit::Config, error.problem, error.fix))?;
    let limit = Duration::from_secs(3);
    block_on(async {
        connect(&mut driver, link).await?;
        let answer = tokio::time::timeout(limit, driver.look(0, explanation)).await;
        match answer.map_err(|_| no_answer(link, &format!("no answer within {limit:?}")))? {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(refusal)) => Err(Failure::new(Exit::Failed, format!("{} refuses: {refusal}", link.address), "")),
            Err(error) => Err(no_answer(link, &error.to_string())),
        }
    })
}

fn as_json(address: &str, explanation: &Explanation, found: Option<&Found>) -> serde_json::Value {
    let item = &explanation.item;
    let mut answer = json!({
        "address": address,
        "file_type": explanation.file,
        "file": item.file,
        "element": explanation.element,
        "first_word": item.start,
        "words": item.len,
        "bit": explanation.bit,
        "type": item.value_type.to_string(),
        "storage": explanation.storage,
        "read_function": explanation.command.0,
        "read_command": hex(&explanation.command.1),
    });
    if let Some((bytes, value)) = found {
        answer["bytes"] = json!(hex(bytes));
        answer["value"] = value.as_ref().map_or(serde_json::Value::Null, value_json);
    }
    answer
}
