//! `tagwire sim`: simulated devices for tests of one's own.

use std::io::{self, Write as _};
use std::path::Path;

use serde::de::DeserializeOwned;
use tagwire_enip::simulator as enip;
use tagwire_modbus::simulator::{Shape, SignalConfig, Simulator, SimulatorConfig, UnitConfig};
use tagwire_s7::simulator as s7;

use crate::args::{SimCommand, SimEnipArgs, SimModbusArgs, SimS7Args};
use crate::client::block_on;
use crate::failure::{Exit, Failure};

pub(crate) fn run(command: &SimCommand) -> Result<(), Failure> {
    match command {
        SimCommand::Modbus(args) => modbus(args),
        SimCommand::Enip(args) => enip(args),
        SimCommand::S7(args) => cpu(args),
    }
}

/// The configuration in a file, or the example.
fn config<C: DeserializeOwned>(map: Option<&Path>, example: impl FnOnce() -> C) -> Result<C, Failure> {
    let Some(path) = map else { return Ok(example()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Exit::Config, format!("cannot read {}: {error}", path.display()), ""))?;
    toml::from_str(&text).map_err(|error| Failure::new(Exit::Config, format!("{}: {error}", path.display()), ""))
}

fn cannot_listen(listen: &str, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => "another program has the port; choose one with --listen 127.0.0.1:PORT",
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose one with --listen",
        _ => "",
    };
    Failure::new(Exit::Failed, format!("cannot simulate on {listen}: {error}"), hint)
}

fn modbus(args: &SimModbusArgs) -> Result<(), Failure> {
    let config = config(args.map.as_deref(), example)?;
    block_on(async {
        let spawned = Simulator::spawn(&config, &args.listen).await;
        let (_simulator, listener) = spawned.map_err(|error| cannot_listen(&args.listen, &error))?;
        let units: Vec<String> = config.units.iter().map(|unit| unit.id.to_string()).collect();
        let mut out = io::stdout();
        writeln!(out, "Modbus TCP on {}, unit {}; Ctrl-C ends", listener.local_addr(), units.join(", "))?;
        if args.map.is_none() {
            writeln!(out, "40001 f32 sine 0 to 100, 40003 u16 counter, 40004 u16 ramp, 1 square wave, all others 0")?;
        }
        out.flush()?;
        let _ = tokio::signal::ctrl_c().await;
        Ok(())
    })
}

fn enip(args: &SimEnipArgs) -> Result<(), Failure> {
    let config: enip::SimulatorConfig = config(args.map.as_deref(), example_controller)?;
    block_on(async {
        let spawned = enip::Simulator::spawn(&config, &args.listen).await;
        let (_simulator, listener) = spawned.map_err(|error| cannot_listen(&args.listen, &error))?;
        let mut out = io::stdout();
        let n_tags: u32 = config.tags.iter().map(|tag| tag.count.unwrap_or(1)).sum();
        writeln!(out, "EtherNet/IP on {}, slot {}, {n_tags} tags; Ctrl-C ends", listener.local_addr(), config.slot)?;
        if args.map.is_none() {
            writeln!(out, "Level REAL sine 0 to 100, Count DINT counter, Motors Motor[4] with Speed and Running")?;
        }
        out.flush()?;
        let _ = tokio::signal::ctrl_c().await;
        Ok(())
    })
}

fn cpu(args: &SimS7Args) -> Result<(), Failure> {
    let config = config(args.map.as_deref(), example_cpu)?;
    block_on(async {
        let spawned = s7::Simulator::spawn(&config, &args.listen).await;
        let (_simulator, listener) = spawned.map_err(|error| cannot_listen(&args.listen, &error))?;
        let mut out = io::stdout();
        let (pdu, jobs) = (config.pdu, config.jobs);
        writeln!(out, "S7 CPU on {}, {pdu} bytes per message, {jobs} jobs; Ctrl-C ends", listener.local_addr())?;
        if args.map.is_none() {
            writeln!(out, "DB1,REAL0 sine 0 to 100, DB1,INT4 counter, M0.0 square wave, all others 0")?;
        }
        out.flush()?;
        let _ = tokio::signal::ctrl_c().await;
        Ok(())
    })
}

/// A controller with a few signals.
fn example_controller() -> enip::SimulatorConfig {
    let tag = |name: &str, kind: &str| enip::TagConfig {
        name: name.to_owned(),
        program: None,
        kind: kind.to_owned(),
        count: None,
        value: None,
        read_only: false,
    };
    let member = |(name, kind): (&str, &str)| enip::MemberConfig { name: name.to_owned(), kind: kind.to_owned() };
    let signal = |address: String, shape, period, high| enip::SignalConfig {
        address,
        shape,
        period: std::time::Duration::from_secs(period),
        low: 0.0,
        high,
    };
    let members =
        [("Speed", "REAL"), ("Running", "BOOL"), ("Starts", "DINT"), ("Label", "STRING")].map(member).to_vec();
    let mut signals =
        vec![signal("Level".to_owned(), Shape::Sine, 20, 100.0), signal("Count".to_owned(), Shape::Counter, 1, 1e9)];
    for n in 0..4 {
        signals.push(signal(format!("Motors[{n}].Speed"), Shape::Sine, 10 + n, 1500.0));
        signals.push(signal(format!("Motors[{n}].Running"), Shape::Square, 4 + n, 1.0));
    }
    enip::SimulatorConfig {
        structures: vec![enip::StructureConfig { name: "Motor".to_owned(), members }],
        tags: vec![tag("Level", "REAL"), tag("Count", "DINT"), tag("Recipe", "STRING"), tag("Motors", "Motor[4]")],
        signals,
        ..enip::SimulatorConfig::default()
    }
}

/// A CPU with a few signals.
fn example_cpu() -> s7::SimulatorConfig {
    let signal = |address: &str, shape, period, high| s7::SignalConfig {
        address: address.to_owned(),
        value_type: None,
        shape,
        period: std::time::Duration::from_secs(period),
        low: 0.0,
        high,
    };
    s7::SimulatorConfig {
        signals: vec![
            signal("DB1,REAL0", Shape::Sine, 20, 100.0),
            signal("DB1,INT4", Shape::Counter, 1, 32_767.0),
            signal("M0.0", Shape::Square, 4, 1.0),
        ],
        ..s7::SimulatorConfig::default()
    }
}

/// One device with a few signals.
fn example() -> SimulatorConfig {
    let signal = |address: &str, value_type: &str, shape, period, high| SignalConfig {
        address: address.to_owned(),
        value_type: Some(value_type.to_owned()),
        order: None,
        shape,
        period: std::time::Duration::from_secs(period),
        low: 0.0,
        high,
    };
    let unit = UnitConfig {
        signals: vec![
            signal("40001", "f32", Shape::Sine, 20, 100.0),
            signal("40003", "u16", Shape::Counter, 1, 65_535.0),
            signal("40004", "u16", Shape::Ramp, 60, 1_000.0),
            signal("000001", "bool", Shape::Square, 4, 1.0),
        ],
        ..UnitConfig::new(1)
    };
    SimulatorConfig { seed: 0, units: vec![unit] }
}
