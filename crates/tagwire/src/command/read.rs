//! `tagwire read`: current values.

use std::io::{self, Write as _};

use tagwire_ua_client::NodeId;

use crate::args::ReadArgs;
use crate::client::{block_on, call_failure, connect, sample_json, target};
use crate::failure::{Exit, Failure};
use crate::terminal::width;

pub(crate) fn run(args: &ReadArgs) -> Result<(), Failure> {
    let (url, named) = target(&args.server, &args.names)?;
    if named.is_empty() {
        return Err(Failure::new(Exit::Usage, "no tag is named", "as in: tagwire read line1.press.temperature"));
    }
    block_on(async {
        let client = connect(url, &args.server, false).await?;
        let nodes: Vec<NodeId> = named.iter().map(|named| named.node.clone()).collect();
        let samples = client.read(&nodes).await.map_err(|error| call_failure(&error))?;
        let mut out = io::stdout().lock();
        let name_width = named.iter().map(|named| width(&named.name)).max().unwrap_or(0);
        for (named, sample) in named.iter().zip(&samples) {
            if args.server.json {
                writeln!(out, "{}", sample_json(&named.name, &named.node, sample))?;
            } else {
                let padding = " ".repeat(name_width - width(&named.name));
                let time = if sample.source_time.is_none() { String::new() } else { sample.source_time.to_string() };
                writeln!(out, "{}{padding}  {}  {}  {time}", named.name, sample.value, sample.status)?;
            }
        }
        client.close().await;
        if samples.iter().any(|sample| sample.status.is_bad()) {
            return Err(Failure::silent(Exit::Failed));
        }
        Ok(())
    })
}
