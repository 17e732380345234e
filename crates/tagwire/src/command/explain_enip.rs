//! `tagwire explain` for addresses of EtherNet/IP: the path, and what a controller has there.

use std::io::{self, Write as _};
use std::time::Duration;

use serde_json::json;
use tagwire_driver::LinkSpec;
use tagwire_enip::address::Address;
use tagwire_enip::{Explanation, Found, explain};
use tagwire_gateway::control::value_json;
use tagwire_model::ValueType;

use crate::args::ExplainArgs;
use crate::command::controller::ask;
use crate::failure::{Exit, Failure};

/// The driver whose addresses these are.
pub(super) const DRIVER: &str = "enip";

/// Whether a text may be the address of a tag.
pub(super) fn may_be(text: &str) -> bool {
    Address::parse(text).is_ok()
}

pub(super) fn run(args: &ExplainArgs, value_type: Option<ValueType>, link: Option<LinkSpec>) -> Result<(), Failure> {
    let explanation =
        explain(&args.address, value_type).map_err(|error| Failure::new(Exit::Usage, error.problem, error.fix))?;
    let found = link.map(|link| look(&args.address, &link)).transpose()?;
    let mut out = io::stdout().lock();
    if args.config.json {
        return Ok(writeln!(out, "{}", as_json(&explanation, found.as_ref()))?);
    }
    write!(out, "{explanation}")?;
    if let Some(found) = found {
        let declare =
            found.value_type.map_or_else(|| "nothing of ours".to_owned(), |value_type| value_type.to_string());
        writeln!(out, "\nthe controller has {} there; declare {declare}", found.type_name)?;
        if let Some(value) = &found.value {
            writeln!(out, "value now {value}")?;
        }
        if let Some(hint) = &found.hint {
            writeln!(out, "{hint}")?;
        }
    }
    Ok(())
}

/// What the controller has at an address.
fn look(text: &str, link: &LinkSpec) -> Result<Found, Failure> {
    let address = Address::parse(text).map_err(|error| Failure::new(Exit::Usage, error.problem, error.fix))?;
    let answer = ask(link, Duration::from_secs(3), |mut driver| async move { driver.look(0, &address).await })?;
    answer.map_err(|refusal| Failure::new(Exit::Failed, format!("{} refuses: {refusal}", link.address), ""))
}

fn as_json(explanation: &Explanation, found: Option<&Found>) -> serde_json::Value {
    let mut answer = json!({
        "address": explanation.address,
        "program": explanation.program,
        "path": explanation.segments,
        "bytes": tagwire_model::hex::encode(&explanation.path),
        "first_element": explanation.elements.0,
        "elements": explanation.elements.1,
        "type": explanation.value_type.map(|value_type| value_type.to_string()),
        "read_service": explanation.read_service,
        "write_service": explanation.write_service,
    });
    if let Some(found) = found {
        answer["found"] = json!({
            "controller_type": found.type_name,
            "type": found.value_type.map(|value_type| value_type.to_string()),
            "value": found.value.as_ref().map(value_json),
        });
    }
    answer
}
