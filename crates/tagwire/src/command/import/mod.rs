//! `tagwire import`: tags of other products in our configuration.
//!
//! - `kepware_list`, `kepware_project`: Kepware's CSV and JSON.
//! - `neuron`: Neuron's CSV and Excel, which `sheet` reads.
//! - `controller`: the list that a controller itself gives.
//! - `server`: what another OPC UA server has.
//! - `list`: tables of text; `words`: types of others.
//! - `plan`: what is made of them; `check`: what the server would refuse is taken out; `write`: the files.
//! - `report`: what was and was not taken over.

mod check;
mod controller;
mod kepware_list;
mod kepware_project;
mod list;
mod neuron;
mod plan;
mod report;
mod server;
mod sheet;
#[cfg(test)]
mod tests;
mod words;
mod write;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use tagwire_gateway::config::{Problems, text_of_list};
use tagwire_gateway::drivers::DRIVERS;

use crate::args::{ImportCommand, ImportFileArgs};
use crate::failure::{Exit, Failure};
use list::Table;
use plan::{Device, Link, Plan, usable_part};
use report::Report;
use write::File;

/// Largest file that is read.
const MAX_FILE: u64 = 512 << 20;
/// What was changed and left out, beside the configuration.
const REPORT: &str = "import-report.txt";

/// What an import makes of a file.
#[derive(Debug)]
struct Imported {
    plan: Plan,
    report: Report,
    files: Vec<File>,
    /// What is wrong besides tags.
    problems: Problems,
}

pub(crate) fn run(command: &ImportCommand) -> Result<(), Failure> {
    let args = match command {
        ImportCommand::Kepware(args) | ImportCommand::Neuron(args) => args,
        ImportCommand::Server(args) => return server::run(args),
        ImportCommand::Controller(args) => {
            let as_list = controller::as_list(args);
            return finish(&as_list, &controller::import(args, &as_list)?);
        }
    };
    let named =
        |error: io::Error| Failure::new(Exit::Failed, format!("{}: {error}", args.file.display()), "name a file");
    let mut bytes = Vec::new();
    fs::File::open(&args.file).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes)).map_err(named)?;
    if bytes.len() as u64 > MAX_FILE {
        let message = format!("{}: larger than {} MiB", args.file.display(), MAX_FILE >> 20);
        return Err(Failure::new(Exit::Failed, message, "import its devices one by one"));
    }
    finish(args, &import(command, args, &bytes)?)
}

/// Writes what was imported and tells about it.
fn finish(args: &ImportFileArgs, imported: &Imported) -> Result<(), Failure> {
    let n_tags = imported.plan.links.iter().flat_map(|link| &link.devices).map(|device| device.tags.len()).sum();
    let written = save(args, imported)?;
    tell(args, imported, n_tags, &written)?;
    if imported.report.left_out.is_empty() && imported.problems.is_empty() && n_tags > 0 {
        Ok(())
    } else {
        Err(Failure::silent(Exit::Failed))
    }
}

fn import(command: &ImportCommand, args: &ImportFileArgs, bytes: &[u8]) -> Result<Imported, Failure> {
    let wrong = |problem: String| {
        let hint =
            "Kepware: a tag list exported as CSV, or a project saved as JSON; Neuron: a tag list as CSV or Excel";
        Failure::new(Exit::Failed, format!("{}: {problem}", args.file.display()), hint)
    };
    let mut report = Report::default();
    let text = || text_of_list(bytes).map_err(wrong);
    let links = match command {
        ImportCommand::Kepware(_) => {
            let text = text()?;
            if text.trim_start().starts_with(['{', '/']) {
                kepware_project::read(&text, &mut report).map_err(wrong)?
            } else {
                let (mut link, mut device) = place(args)?;
                kepware_list::read(&text, &mut device, &link.driver, args.scan_rates, &mut report).map_err(wrong)?;
                link.devices.push(device);
                vec![link]
            }
        }
        ImportCommand::Neuron(_) => {
            let table = if bytes.starts_with(b"PK") {
                sheet::rows(bytes).and_then(|rows| Table::new(rows, "name"))
            } else {
                Table::from_csv(&text()?, "name")
            };
            let (mut link, device) = place(args)?;
            link.devices = neuron::read(&table.map_err(wrong)?, &device, &link.driver, &mut report).map_err(wrong)?;
            vec![link]
        }
        ImportCommand::Controller(_) | ImportCommand::Server(_) => Vec::new(),
    };
    let mut plan = Plan { links };
    let (files, problems) = check::mend(&mut plan, &mut report);
    Ok(Imported { plan, report, files, problems })
}

/// The link and the device of a tag list, as the command line names them.
fn place(args: &ImportFileArgs) -> Result<(Link, Device), Failure> {
    let usage = |message: String, hint: String| Failure::new(Exit::Usage, message, hint);
    let names: Vec<&str> = DRIVERS.iter().flat_map(|kind| kind.names()).copied().collect();
    let Some(driver) = &args.driver else {
        let hint = format!("add --driver and --address; drivers are {}", names.join(", "));
        return Err(usage("a tag list does not say which driver reads its device".to_owned(), hint));
    };
    if !names.contains(&driver.as_str()) {
        return Err(usage(
            format!("the driver \"{driver}\" is not known"),
            format!("drivers are {}", names.join(", ")),
        ));
    }
    let mut device = Device { name: usable_part(&args.device), ..Device::default() };
    let kind = DRIVERS.iter().find(|kind| kind.names().contains(&driver.as_str()));
    let of_link = |name: &str| kind?.link_keys().iter().map(|key| key.name).find(|key| *key == name);
    let mut link_keys = Vec::new();
    for setting in &args.settings {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(usage(format!("\"{setting}\" is no KEY=VALUE"), "write for example --set unit=1".to_owned()));
        };
        let value = value.trim();
        let value = match (value.parse::<i64>(), value.parse::<bool>()) {
            (Ok(number), _) => toml::Value::Integer(number),
            (_, Ok(flag)) => toml::Value::Boolean(flag),
            _ => toml::Value::String(value.trim_matches('"').to_owned()),
        };
        match of_link(key.trim()) {
            Some(key) => link_keys.push((key, value)),
            None => device.set(key.trim(), value),
        }
    }
    let link = Link {
        name: usable_part(&args.link),
        driver: driver.clone(),
        address: args.address.clone().unwrap_or_default(),
        keys: link_keys,
        devices: Vec::new(),
    };
    Ok((link, device))
}

/// Writes the files, none of them when one is there and may not be written over.
fn save(args: &ImportFileArgs, imported: &Imported) -> Result<Vec<PathBuf>, Failure> {
    let report = File { name: REPORT.to_owned(), text: imported.report.text(true) };
    let files: Vec<(PathBuf, &str)> =
        imported.files.iter().chain([&report]).map(|file| (args.out.join(&file.name), file.text.as_str())).collect();
    if !args.overwrite
        && let Some((path, _)) = files.iter().find(|(path, _)| path.exists())
    {
        return Err(is_there(path, "folder with --out"));
    }
    let failed = |error: io::Error| {
        Failure::new(Exit::Failed, format!("cannot write into {}: {error}", args.out.display()), "name another folder")
    };
    fs::create_dir_all(&args.out).map_err(failed)?;
    for (path, text) in &files {
        fs::write(path, text).map_err(failed)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Refuses to write over a file.
fn is_there(path: &Path, another: &str) -> Failure {
    let hint = format!("name another {another}, or add --overwrite");
    Failure::new(Exit::Failed, format!("{} is there already", path.display()), hint)
}

fn tell(args: &ImportFileArgs, imported: &Imported, n_tags: usize, written: &[PathBuf]) -> Result<(), Failure> {
    let Imported { plan, report, problems, .. } = imported;
    let mut out = io::stdout().lock();
    let n_devices: usize = plan.links.iter().map(|link| link.devices.len()).sum();
    if args.json {
        let problems: Vec<_> = problems
            .list()
            .iter()
            .map(|problem| json!({ "subject": problem.subject, "problem": problem.problem, "fix": problem.fix }))
            .collect();
        let mut answer = report.json();
        answer["tags"] = n_tags.into();
        answer["devices"] = n_devices.into();
        answer["links"] = plan.links.len().into();
        answer["problems"] = problems.into();
        answer["files"] = written.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().into();
        return Ok(writeln!(out, "{answer}")?);
    }
    let counts = [(plan.links.len(), "link"), (n_devices, "device"), (n_tags, "tag")];
    let counts = counts.map(|(n, what)| format!("{n} {what}{}", if n == 1 { "" } else { "s" }));
    writeln!(out, "taken over: {}", counts.join(", "))?;
    write!(out, "{}", report.text(false))?;
    for problem in problems.list() {
        writeln!(out, "to correct: {problem}")?;
    }
    let files: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    writeln!(out, "written: {}", files.join(", "))?;
    Ok(())
}
