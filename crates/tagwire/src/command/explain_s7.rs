//! `tagwire explain` for S7: where an address lies in a CPU, and what the bytes found there may mean.

use std::io::{self, Write as _};
use std::time::Duration;

use serde_json::json;
use tagwire_driver::LinkSpec;
use tagwire_gateway::control::value_json;
use tagwire_model::ValueType;
use tagwire_s7::{Explanation, S7Kind, decodings, explain};

use super::explain::{connect, hex, no_answer};
use crate::args::ExplainArgs;
use crate::client::block_on;
use crate::failure::{Exit, Failure};

/// Explains an address; with a link, asks the CPU what is there.
pub(super) fn run(args: &ExplainArgs, value_type: Option<ValueType>, link: Option<&LinkSpec>) -> Result<(), Failure> {
    if args.order.is_some() {
        return Err(Failure::new(Exit::Usage, "an S7 address has no byte order", "leave --order out"));
    }
    let explained = explain(&args.address, value_type);
    let explanation = explained.map_err(|error| Failure::new(Exit::Usage, error.problem, error.fix))?;
    let found = link.map(|link| read(&explanation, link)).transpose()?;
    let mut out = io::stdout().lock();
    if args.config.json {
        return Ok(writeln!(out, "{}", as_json(&args.address, &explanation, found.as_deref()))?);
    }
    let Explanation { place, bit, n_units, unit, value_type, step7, storage, .. } = &explanation;
    let plural = if *n_units == 1 { "" } else { "s" };
    writeln!(out, "address   {}", args.address)?;
    writeln!(out, "area      {}", explanation.area.name())?;
    writeln!(out, "place     {place}, {n_units} {unit}{plural}")?;
    if let Some(bit) = bit {
        writeln!(out, "bit       {bit}, counted from the least significant")?;
    }
    writeln!(out, "type      {value_type}: {step7}, {storage}")?;
    writeln!(out, "write     {}", if explanation.is_writable { "possible" } else { "not possible" })?;
    if let Some(data) = found {
        writeln!(out, "\nbytes now {}", hex(&data))?;
        writeln!(out, "which may mean:")?;
        for decoding in decodings(explanation.area, &data) {
            writeln!(out, "  {:<9} {:<14} {}", decoding.value_type.to_string(), decoding.step7, decoding.value)?;
        }
    }
    Ok(())
}

/// What the CPU has there now.
fn read(explanation: &Explanation, link: &LinkSpec) -> Result<Vec<u8>, Failure> {
    let mut driver = S7Kind.driver(link).map_err(|error| Failure::new(Exit::Config, error.problem, error.fix))?;
    let mut data = Vec::new();
    block_on(async {
        connect(&mut driver, link).await?;
        let limit = Duration::from_secs(3);
        let Explanation { area, block, start, n_units, .. } = *explanation;
        // The bytes asked for, and where the block ends before, only those of the address itself.
        for count in [explanation.n_units_to_read(), n_units] {
            let answer = tokio::time::timeout(limit, driver.read_raw(area, block, start, count)).await;
            match answer.map_err(|_| no_answer(link, &format!("no answer within {limit:?}")))? {
                Ok(Ok(bytes)) => {
                    data = bytes;
                    return Ok(());
                }
                Ok(Err(refusal)) if count == n_units => {
                    return Err(Failure::new(Exit::Failed, format!("{} refuses: {refusal}", link.address), ""));
                }
                Ok(Err(_)) => {}
                Err(error) => return Err(no_answer(link, &error.to_string())),
            }
        }
        Ok(())
    })?;
    Ok(data)
}

fn as_json(address: &str, explanation: &Explanation, data: Option<&[u8]>) -> serde_json::Value {
    let mut answer = json!({
        "address": address,
        "area": explanation.area.name(),
        "block": explanation.block,
        "place": explanation.place,
        "start": explanation.start,
        "bit": explanation.bit,
        "units": explanation.n_units,
        "type": explanation.value_type.to_string(),
        "step7": explanation.step7,
        "storage": explanation.storage,
        "writable": explanation.is_writable,
    });
    if let Some(data) = data {
        let found: Vec<_> = decodings(explanation.area, data)
            .into_iter()
            .map(|decoding| {
                json!({
                    "type": decoding.value_type.to_string(),
                    "step7": decoding.step7,
                    "value": value_json(&decoding.value),
                })
            })
            .collect();
        answer["bytes"] = json!(hex(data));
        answer["decodings"] = json!(found);
    }
    answer
}
