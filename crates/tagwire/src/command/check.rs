//! `tagwire check`: everything that is wrong with a configuration, at once.

use std::io::{self, Write as _};

use serde_json::json;
use tagwire_gateway::config::{self, Config, Problem};
use tagwire_gateway::drivers::DRIVERS;

use crate::args::CheckArgs;
use crate::failure::{Exit, Failure};

pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if args.schema {
        return Ok(out.write_all(config::schema(DRIVERS).as_bytes())?);
    }
    if args.reference {
        return Ok(out.write_all(config::reference(DRIVERS).as_bytes())?);
    }
    let path = args.config.as_ref().unwrap_or(&args.file);
    let as_json = |problem: &Problem| {
        json!({
            "file": &*problem.file,
            "line": problem.line,
            "subject": problem.subject,
            "problem": problem.problem,
            "fix": problem.fix,
        })
    };
    match Config::load(path, DRIVERS) {
        Ok(config) if args.json => {
            let warnings: Vec<_> = config.warnings.iter().map(as_json).collect();
            let answer = json!({ "ok": true, "tags": config.n_tags(), "errors": [], "warnings": warnings });
            Ok(writeln!(out, "{answer}")?)
        }
        Ok(config) => {
            for warning in &config.warnings {
                writeln!(out, "warning: {warning}")?;
            }
            let n_devices: usize = config.links.iter().map(|link| link.devices.len()).sum();
            let counts = [(config.links.len(), "link"), (n_devices, "device"), (config.n_tags(), "tag")];
            let counts = counts.map(|(n, what)| format!("{n} {what}{}", if n == 1 { "" } else { "s" }));
            Ok(writeln!(out, "{}: ok, {}", path.display(), counts.join(", "))?)
        }
        Err(problems) if args.json => {
            let errors: Vec<_> = problems.list().iter().map(as_json).collect();
            writeln!(out, "{}", json!({ "ok": false, "n_errors": problems.len(), "errors": errors }))?;
            Err(Failure::silent(Exit::Config))
        }
        Err(problems) => {
            writeln!(out, "{problems}")?;
            Err(Failure::silent(Exit::Config))
        }
    }
}
