//! `tagwire read`: current values.

use std::io::{self, Write as _};

use tagwire_model::Status;
use tagwire_ua_client::{NodeId, StatusName};

use crate::args::ReadArgs;
use crate::client::{block_on, call_failure, connect, sample_json, target};
use crate::command::watch::BAD_ATTRIBUTE_ID_INVALID;
use crate::failure::{Exit, Failure};
use crate::nearest;
use crate::terminal::{shown, width};

/// Unknown names that are looked after, each of which asks the server several times.
const MAX_HINTS: usize = 10;

pub(crate) fn run(args: &ReadArgs) -> Result<(), Failure> {
    let (url, named) = target(&args.server, &args.names)?;
    if named.is_empty() {
        return Err(Failure::new(Exit::Usage, "no tag is named", "as in: tagwire read line1.press.temperature"));
    }
    block_on(async {
        let client = connect(url, &args.server, false).await?;
        let nodes: Vec<NodeId> = named.iter().map(|named| named.node.clone()).collect();
        let samples = client.read(&nodes).await.map_err(|error| call_failure(&error))?;
        // Units only adorn; a server that cannot tell them is read without.
        let units = if args.server.json { Vec::new() } else { client.units(&nodes).await.unwrap_or_default() };
        let mut hints = Vec::new();
        for (named, sample) in named.iter().zip(&samples) {
            match sample.status.code() {
                Status::BAD_NODE_ID_UNKNOWN if hints.len() < MAX_HINTS => {
                    hints.push(nearest::unknown(&client, &named.name).await);
                }
                BAD_ATTRIBUTE_ID_INVALID if hints.len() < MAX_HINTS => {
                    let hint = format!("try tagwire watch {0} or tagwire browse {0}", named.name);
                    hints.push(Failure::new(
                        Exit::Failed,
                        format!("{} is a folder and has no value", named.name),
                        hint,
                    ));
                }
                _ => {}
            }
        }
        {
            let mut out = io::stdout().lock();
            let name_width = named.iter().map(|named| width(&shown(&named.name))).max().unwrap_or(0);
            for (idx, (named, sample)) in named.iter().zip(&samples).enumerate() {
                if args.server.json {
                    writeln!(out, "{}", sample_json(&named.name, &named.node, sample))?;
                    continue;
                }
                let name = shown(&named.name);
                let padding = " ".repeat(name_width - width(&name));
                let value = sample.value.to_string();
                let unit =
                    units.get(idx).and_then(Option::as_deref).map_or_else(String::new, |unit| format!(" {unit}"));
                let time = if sample.source_time.is_none() { String::new() } else { sample.source_time.to_string() };
                let status = StatusName::plain(sample.status);
                let line = format!("{name}{padding}  {}{}  {status}  {time}", shown(&value), shown(&unit));
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        client.close().await;
        for hint in hints {
            hint.print();
        }
        if samples.iter().any(|sample| sample.status.is_bad()) {
            return Err(Failure::silent(Exit::Failed));
        }
        Ok(())
    })
}
