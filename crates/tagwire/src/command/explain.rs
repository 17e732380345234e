//! `tagwire explain`: what a Modbus address means, and what the bytes found there may mean. Addresses of EtherNet/IP are
//! explained in `explain_enip`, those of data tables in `explain_pccc`, those of S7 in `explain_s7`.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;
use tagwire_driver::{AddressError, DriverKind as _, LinkSettings, LinkSpec, PolledDriver, Settings};
use tagwire_modbus::address::{Address, Numbering};
use tagwire_modbus::codec::Function;
use tagwire_modbus::{Decoding, Encoding, Explanation, ModbusDriver, ModbusKind, Order, decodings, explain};
use tagwire_model::ValueType;
use tagwire_s7::S7Kind;

use crate::args::ExplainArgs;
use crate::client::block_on;
use crate::command::device::find_device;
use crate::command::{explain_enip, explain_pccc, explain_s7};
use crate::failure::{Exit, Failure};
use crate::terminal::shown;
use tagwire_gateway::control::value_json;

pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let wrong = |error: AddressError| Failure::new(Exit::Usage, error.problem, error.fix);
    let value_type = args.value_type.as_deref().map(ValueType::parse).transpose().map_err(|error| {
        Failure::new(Exit::Usage, error.to_string(), "as in the configuration: u16, i32, f32, f32[10], string ...")
    })?;
    let device = args.device.as_deref().map(|name| find_device(&args.config.config, name)).transpose()?;
    if let Some((link, _)) = &device
        && !is_explained(&link.kind)
    {
        let hint = "addresses of Modbus, EtherNet/IP, data tables and S7 are explained";
        return Err(Failure::new(Exit::Usage, format!("{} is a link of {}", link.name, link.kind), hint));
    }
    let kind = match (&device, args.driver.as_deref()) {
        (Some((link, _)), _) => link.kind.as_str(),
        (None, Some(driver)) => driver,
        (None, None) => guessed(&args.address)?,
    };
    if kind == "s7" {
        return explain_s7::run(args, value_type, device.as_ref().map(|(link, _)| link));
    }
    if kind == explain_pccc::DRIVER {
        return explain_pccc::run(args, value_type, device.as_ref());
    }
    if kind == explain_enip::DRIVER {
        return explain_enip::run(args, value_type, device.map(|(link, _)| link));
    }
    let settings = device.as_ref().map(|(_, settings)| settings.clone()).unwrap_or_default();
    let (numbering, mut encoding) = dialect(&settings);
    if let Some(order) = &args.order {
        encoding.order = Order::parse(order).ok_or_else(|| {
            let hint = format!("known are {}", Order::NAMES.join(", "));
            Failure::new(Exit::Usage, format!("\"{order}\" is no byte order"), hint)
        })?;
    }
    let explanation = explain(&args.address, value_type, numbering, &encoding).map_err(wrong)?;
    let found = match device {
        Some((link, settings)) => Some(read(&explanation, &link, &settings)?),
        None => None,
    };
    let mut out = io::stdout().lock();
    if args.config.json {
        return Ok(writeln!(out, "{}", as_json(&args.address, &explanation, found.as_deref()))?);
    }
    write_explanation(&mut out, &args.address, &explanation)?;
    if let Some(data) = found {
        write_decodings(&mut out, &explanation, &data)?;
    }
    Ok(())
}

fn is_explained(driver: &str) -> bool {
    driver.starts_with("modbus") || ["s7", explain_enip::DRIVER, explain_pccc::DRIVER].contains(&driver)
}

/// Whose address it is: Modbus where it means something there, else S7, else a data table, and what is none of them may
/// be a tag of a controller.
fn guessed(address: &str) -> Result<&'static str, Failure> {
    let families: [(&'static str, bool); 4] = [
        ("modbus-tcp", Address::parse(address, Numbering::default()).is_ok()),
        ("s7", S7Kind.default_type(address).is_some() || begins_with_block(address)),
        (explain_pccc::DRIVER, explain_pccc::may_be(address)),
        (explain_enip::DRIVER, explain_enip::may_be(address)),
    ];
    let mut fitting = families.iter().filter(|(_, fits)| *fits).map(|(driver, _)| *driver);
    let Some(first) = fitting.next() else {
        // A mistake in an address that begins as one of Modbus is told as such.
        if address.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok("modbus-tcp");
        }
        let hint = "name its driver to see what is wrong, for example --driver modbus-tcp, s7, enip or pccc";
        return Err(Failure::new(Exit::Usage, format!("\"{}\" is no address of a known driver", shown(address)), hint));
    };
    // What looks like a tag of a controller is one only where nothing else fits.
    if let Some(other) = fitting.find(|driver| *driver != explain_enip::DRIVER) {
        eprintln!("taken for an address of {first}; --driver {other} explains it as one of {other}");
    }
    Ok(first)
}

/// Whether an address begins with a data block of S7, so that a mistake behind it is told as one.
fn begins_with_block(address: &str) -> bool {
    let rest = address.strip_prefix("DB").unwrap_or("");
    let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    behind.len() < rest.len() && behind.starts_with(['.', ','])
}

/// How a device numbers and orders, by its own keys.
fn dialect(settings: &Settings) -> (Numbering, Encoding) {
    let small = |name, default| settings.integer(name).and_then(|n| u8::try_from(n).ok()).unwrap_or(default);
    let numbering = Numbering { first_address: small("first_address", 1), first_bit: small("first_bit", 0) };
    let encoding = Encoding {
        order: settings.text("order").and_then(Order::parse).unwrap_or_default(),
        longs_as_decimals: settings.bool("longs_as_decimals").unwrap_or(false),
        modicon_bits: settings.bool("modicon_bit_order").unwrap_or(false),
        first_bit: numbering.first_bit,
    };
    (numbering, encoding)
}

/// What the device has there now.
fn read(explanation: &Explanation, link: &LinkSpec, settings: &Settings) -> Result<Vec<u8>, Failure> {
    let mut driver: ModbusDriver =
        ModbusKind.driver(link).map_err(|error| Failure::new(Exit::Config, error.problem, error.fix))?;
    let unit = settings.integer("unit").and_then(|unit| u8::try_from(unit).ok()).unwrap_or(1);
    let mut data = Vec::new();
    block_on(async {
        connect(&mut driver, link).await?;
        let no_answer = |problem: String| no_answer(link, &problem);
        let limit = Duration::from_secs(3);
        // The units asked for, and where the device has no more, only those of the address itself.
        for n_units in [explanation.n_units_to_read(), explanation.n_units.min(125) as u16] {
            let answer = driver.read_raw(unit, explanation.table, explanation.wire_offset, n_units);
            let answer = tokio::time::timeout(limit, answer).await;
            match answer.map_err(|_| no_answer(format!("no answer within {limit:?}")))? {
                Ok(Ok(bytes)) => {
                    data = bytes;
                    return Ok(());
                }
                Ok(Err(refusal)) if n_units == explanation.n_units as u16 => {
                    let problem = format!("unit {unit} of {} refuses: {refusal}", link.address);
                    return Err(Failure::new(Exit::Failed, problem, ""));
                }
                Ok(Err(_)) => {}
                Err(error) => return Err(no_answer(error.to_string())),
            }
        }
        Ok(())
    })?;
    Ok(data)
}

/// Connects a driver within the usual time.
pub(super) async fn connect(driver: &mut impl PolledDriver, link: &LinkSpec) -> Result<(), Failure> {
    let limit = LinkSettings::default().connect_timeout;
    let connected = tokio::time::timeout(limit, driver.connect()).await;
    connected
        .map_err(|_| no_answer(link, &format!("no connection within {limit:?}")))?
        .map_err(|error| no_answer(link, &error.to_string()))
}

pub(super) fn no_answer(link: &LinkSpec, problem: &str) -> Failure {
    let hint = "is the device on, and are its address and the keys that name it right?";
    Failure::new(Exit::Connect, format!("{} does not answer: {problem}", link.address), hint)
}

fn functions(list: &[Function]) -> String {
    if list.is_empty() {
        return "not possible".to_owned();
    }
    let names: Vec<String> = list.iter().map(|f| format!("function {} ({})", f.code(), f.name())).collect();
    names.join(", or ")
}

fn write_explanation(out: &mut impl Write, address: &str, explanation: &Explanation) -> io::Result<()> {
    let offset = explanation.wire_offset;
    let unit = if explanation.table.is_bits() { "bit" } else { "register" };
    let plural = if explanation.n_units == 1 { "" } else { "s" };
    writeln!(out, "address   {address}")?;
    writeln!(out, "table     {} ({})", explanation.table.name(), explanation.table.digit())?;
    writeln!(out, "number    {}, counted from 1", explanation.number)?;
    writeln!(out, "on wire   offset {offset} (0x{offset:04X}), {} {unit}{plural}", explanation.n_units)?;
    writeln!(out, "read      {}", functions(&[explanation.read_function]))?;
    writeln!(out, "write     {}", functions(&explanation.write_functions))?;
    let order = if explanation.order.is_empty() { String::new() } else { format!(", order {}", explanation.order) };
    writeln!(out, "type      {}: {}{order}", explanation.value_type, explanation.storage)?;
    for unit in &explanation.layout {
        writeln!(out, "          {}  offset {:<5}  {}", unit.number, unit.wire_offset, unit.holds)?;
    }
    Ok(())
}

pub(super) fn hex(data: &[u8]) -> String {
    let bytes: Vec<String> = data.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(" ")
}

fn write_decodings(out: &mut impl Write, explanation: &Explanation, data: &[u8]) -> io::Result<()> {
    writeln!(out, "\nbytes now {}", hex(data))?;
    writeln!(out, "which may mean:")?;
    for Decoding { value_type, order, suffix, value } in decodings(explanation.table, data) {
        let suffix = if suffix.is_empty() { String::new() } else { format!("  address + \"{suffix}\"") };
        writeln!(out, "  {:<9} {order:<9} {value}{suffix}", value_type.to_string())?;
    }
    Ok(())
}

fn as_json(address: &str, explanation: &Explanation, data: Option<&[u8]>) -> serde_json::Value {
    let layout: Vec<_> = explanation
        .layout
        .iter()
        .map(|unit| json!({ "number": unit.number, "offset": unit.wire_offset, "holds": unit.holds }))
        .collect();
    let writes: Vec<u8> = explanation.write_functions.iter().map(|function| function.code()).collect();
    let mut answer = json!({
        "address": address,
        "table": explanation.table.name(),
        "number": explanation.number,
        "offset": explanation.wire_offset,
        "units": explanation.n_units,
        "type": explanation.value_type.to_string(),
        "order": explanation.order,
        "storage": explanation.storage,
        "read_function": explanation.read_function.code(),
        "write_functions": writes,
        "layout": layout,
    });
    if let Some(data) = data {
        let found: Vec<_> = decodings(explanation.table, data)
            .into_iter()
            .map(|decoding| {
                json!({
                    "type": decoding.value_type.to_string(),
                    "order": decoding.order,
                    "suffix": decoding.suffix,
                    "value": value_json(&decoding.value),
                })
            })
            .collect();
        answer["bytes"] = json!(hex(data));
        answer["decodings"] = json!(found);
    }
    answer
}
