//! `tagwire write`: values as a person types them.

use std::io::{self, Write as _};

use serde_json::json;
use tagwire_ua_client::{Error, print_node_id};

use crate::args::WriteArgs;
use crate::client::{block_on, connect, target};
use crate::failure::{Exit, Failure};
use crate::nearest;
use crate::terminal::shown;
use tagwire_gateway::control::value_json;

pub(crate) fn run(args: &WriteArgs) -> Result<(), Failure> {
    let is_url = args.pairs.first().is_some_and(|first| first.starts_with("opc.tcp://"));
    let (server, pairs) = args.pairs.split_at(usize::from(is_url));
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        let hint = "as in: tagwire write line1.press.setpoint 21.5";
        return Err(Failure::new(Exit::Usage, "a name without a value", hint));
    }
    let names: Vec<String> = server.iter().chain(pairs.iter().step_by(2)).cloned().collect();
    let values = pairs.iter().skip(1).step_by(2);
    let (url, named) = target(&args.server, &names)?;
    block_on(async {
        let client = connect(url, &args.server, false).await?;
        let mut out = io::stdout();
        let mut failed = None;
        for (named, text) in named.iter().zip(values) {
            let written = client.write_text(&named.node, text).await;
            let (value, status, problem) = match &written {
                Ok(value) => (Some(value), "Good".to_owned(), None),
                Err(error @ Error::Refused { status, .. }) => (None, status.to_string(), Some(error)),
                Err(error) => (None, error.status().map_or_else(|| "Bad".to_owned(), |s| s.to_string()), Some(error)),
            };
            if let Some(error) = problem {
                let exit = if error.is_transient() { Exit::Connect } else { Exit::Failed };
                failed.get_or_insert(exit);
            }
            if args.server.json {
                let answer = json!({
                    "name": named.name,
                    "node": print_node_id(&named.node),
                    "value": value.map(value_json),
                    "status": status,
                    "error": problem.map(ToString::to_string),
                });
                writeln!(out, "{answer}")?;
            } else {
                let name = shown(&named.name);
                match (value, problem) {
                    (Some(value), _) => writeln!(out, "{name} = {}  {status}", shown(&value.to_string()))?,
                    (None, Some(error)) => writeln!(out, "{name}: not written: {}", shown(&error.to_string()))?,
                    (None, None) => {}
                }
                if problem.is_some_and(nearest::is_unknown) {
                    nearest::unknown(&client, &named.name).await.print();
                }
            }
        }
        client.close().await;
        failed.map_or(Ok(()), |exit| Err(Failure::silent(exit)))
    })
}
