//! What ciplink sees in the plant of the product's tests: every type read and written back.

use ciplink::Value;
use ciplink::logix::driver::LogixDriver;

use crate::Outcome;

/// Reads and writes; the first difference is the error.
pub(crate) fn run(address: &str) -> Outcome<()> {
    let plc = LogixDriver::new(&format!("{address}/0"), Default::default())?;
    plc.open()?;
    let values = [
        ("Flag", Value::Bool(true), Value::Bool(false)),
        ("Tiny", Value::SInt(-5), Value::SInt(6)),
        ("Short", Value::Int(-500), Value::Int(600)),
        ("Number", Value::DInt(123_456), Value::DInt(-7)),
        ("Big", Value::LInt(-1_234_567_890_123), Value::LInt(99)),
        ("Level", Value::Real(21.5), Value::Real(1.25)),
        ("Text", Value::String("PRESS 7".to_owned()), Value::String("another".to_owned())),
        ("M.Speed", Value::Real(1.5), Value::Real(2.5)),
        ("M.Label", Value::String("motor".to_owned()), Value::String("pump".to_owned())),
        ("Lines[1].Motors[2].Count", Value::DInt(77), Value::DInt(78)),
        ("Row[10]", Value::DInt(10), Value::DInt(100)),
        ("Program:Main.Step", Value::DInt(3), Value::DInt(4)),
    ];
    for (tag, first, second) in values {
        let expect = |wanted: &Value| -> Outcome<()> {
            let found = plc.read(&[tag])?;
            let value = found.first().and_then(|one| one.value.clone());
            if value.as_ref().map(|value| format!("{value:?}")) == Some(format!("{wanted:?}")) {
                return Ok(());
            }
            Err(format!("{tag}: {wanted:?} wanted, {found:?} found").into())
        };
        expect(&first)?;
        let written = plc.write(&[(tag, second.clone())])?;
        if let Some(error) = written.first().and_then(|one| one.error.clone()) {
            return Err(format!("{tag}: {error:?}").into());
        }
        expect(&second)?;
    }
    println!("fine");
    Ok(())
}
