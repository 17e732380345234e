//! All units of a simulator: what one frame gets for an answer. No I/O; time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use tagwire_driver::AddressError;
use tagwire_driver::simulation::{Faults, Reply};
use tagwire_model::{ConvertError, Value, ValueType};
use thiserror::Error;

use super::config::{RefuseConfig, SimulatorConfig, UnitConfig};
use super::fault::Fault;
use super::signal::Signal;
use super::unit::{Refused, Unit};
use crate::address::{Address, Numbering};
use crate::codec::{Exception, Framing, Function, Response, encode_frame};
use crate::item::{Encoding, Item};
use crate::order::Order;

/// A configuration that describes no device.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// An address or a type cannot be used.
    #[error("unit {unit}: {error}")]
    Address {
        /// The unit.
        unit: u8,
        /// What is wrong.
        error: AddressError,
    },
    /// A value does not fit its address.
    #[error("unit {unit}, address {address}: {error}")]
    Value {
        /// The unit.
        unit: u8,
        /// The address.
        address: String,
        /// What is wrong.
        error: ConvertError,
    },
    /// A byte order or a type with an unknown name.
    #[error("unit {unit}: \"{name}\" is neither an order nor a type")]
    Name {
        /// The unit.
        unit: u8,
        /// The name.
        name: String,
    },
    /// Two units with one number.
    #[error("unit {0} is there twice")]
    Twice(u8),
}

/// A request that a simulator received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The unit asked.
    pub unit: u8,
    /// The PDU.
    pub pdu: Vec<u8>,
}

/// Every unit, the faults in force and the requests seen.
#[derive(Debug)]
pub(super) struct Bank {
    units: Vec<Unit>,
    /// Each for one unit, or for any.
    pub faults: Faults<(Option<u8>, Fault)>,
    record: Option<VecDeque<Received>>,
    n_requests: u64,
}

impl Bank {
    /// Most requests recorded.
    const LIMIT: usize = 10_000;

    pub(super) fn new(config: &SimulatorConfig) -> Result<Self, SimulatorError> {
        let mut units: Vec<Unit> = Vec::new();
        for unit in &config.units {
            if units.iter().any(|other| other.id == unit.id) {
                return Err(SimulatorError::Twice(unit.id));
            }
            units.push(build(unit)?);
        }
        Ok(Self { units, faults: Faults::new(config.seed), record: None, n_requests: 0 })
    }

    pub(super) fn unit_mut(&mut self, id: u8) -> Option<&mut Unit> {
        self.units.iter_mut().find(|unit| unit.id == id)
    }

    pub(super) const fn n_requests(&self) -> u64 {
        self.n_requests
    }

    pub(super) fn record(&mut self, on: bool) {
        self.record = on.then(VecDeque::new);
    }

    pub(super) fn recorded(&self) -> Vec<Received> {
        self.record.iter().flatten().cloned().collect()
    }

    /// Answers one frame; a unit that is not there or silent gives no answer.
    pub(super) fn answer(&mut self, framing: Framing, transaction: u16, id: u8, pdu: &[u8], now: Duration) -> Reply {
        self.n_requests += 1;
        if let Some(record) = &mut self.record {
            if record.len() == Self::LIMIT {
                record.pop_front();
            }
            record.push_back(Received { unit: id, pdu: pdu.to_vec() });
        }
        // Serial line 1.02, 2.2: all devices obey a broadcast and none answers.
        if id == 0 && framing != Framing::Tcp {
            let mut nothing = Vec::new();
            for unit in &mut self.units {
                unit.answer(pdu, now, &mut nothing);
                nothing.clear();
            }
            return Reply::default();
        }
        let fault = self.faults.next(|(wanted, _)| wanted.is_none_or(|wanted| wanted == id)).map(|(_, fault)| fault);
        let Some(unit) = self.units.iter_mut().find(|unit| unit.id == id).filter(|unit| !unit.is_silent) else {
            return Reply::default();
        };
        let mut reply = Reply { delay: unit.delay, ..Reply::default() };
        if fault == Some(Fault::Drop) {
            return Reply::default();
        }
        let transaction = if fault == Some(Fault::WrongTransaction) { transaction ^ 0x5555 } else { transaction };
        let answering = if let Some(Fault::WrongUnit(other)) = fault { other } else { id };
        encode_frame(framing, transaction, answering, &mut reply.bytes, |out| match fault {
            Some(Fault::Exception(exception)) => {
                let function = pdu.first().copied().unwrap_or(0) & !Function::EXCEPTION_BIT;
                Response::Exception { function, exception }.encode(out);
            }
            _ => unit.answer(pdu, now, out),
        });
        disturb(&mut reply, fault, framing);
        reply
    }
}

fn disturb(reply: &mut Reply, fault: Option<Fault>, framing: Framing) {
    let bytes = &mut reply.bytes;
    match fault {
        Some(Fault::Delay(delay)) => reply.delay += delay,
        Some(Fault::Late(late)) if framing == Framing::Tcp => reply.late = late,
        Some(Fault::Late(late)) => reply.delay += late,
        Some(Fault::Garbage(garbage)) => drop(bytes.splice(0..0, garbage)),
        Some(Fault::Truncate(len)) => bytes.truncate(len),
        Some(Fault::Corrupt) => {
            let from_end = if framing == Framing::Ascii { 3 } else { 1 };
            if let Some(byte) = bytes.len().checked_sub(from_end).and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1;
            }
        }
        Some(Fault::Twice) => bytes.extend_from_within(..),
        Some(Fault::CloseMidFrame) => {
            bytes.truncate(bytes.len() / 2);
            reply.close = true;
        }
        Some(Fault::Close) => {
            bytes.clear();
            reply.close = true;
        }
        _ => {}
    }
}

fn build(config: &UnitConfig) -> Result<Unit, SimulatorError> {
    let id = config.id;
    let sizes = [config.coils, config.discrete_inputs, config.input_registers, config.holding_registers];
    let mut unit = Unit::new(id, sizes);
    unit.is_silent = config.silent;
    unit.delay = config.delay;
    let place = |address: &str, value_type: Option<&str>, order: Option<&str>| {
        let order = order.or(config.order.as_deref());
        item(address, value_type, order).map_err(|error| match error {
            Bad::Name(name) => SimulatorError::Name { unit: id, name },
            Bad::Address(error) => SimulatorError::Address { unit: id, error },
        })
    };
    for one in &config.values {
        let item = place(&one.address, one.value_type.as_deref(), one.order.as_deref())?;
        let wrong = |error| SimulatorError::Value { unit: id, address: one.address.clone(), error };
        let value = one.value.value(item.value_type).map_err(wrong)?;
        store(&mut unit, &item, &value).map_err(wrong)?;
    }
    let mut signals = Vec::new();
    for one in &config.signals {
        let item = place(&one.address, one.value_type.as_deref(), one.order.as_deref())?;
        let signal = Signal { item, shape: one.shape, period: one.period, low: one.low, high: one.high };
        if signal.units(Duration::ZERO).is_none() {
            let error = ConvertError::Type;
            return Err(SimulatorError::Value { unit: id, address: one.address.clone(), error });
        }
        signals.push(signal);
    }
    unit.set_signals(signals);
    unit.refused = refusals(id, &config.refusals)?;
    Ok(unit)
}

/// The ranges that a unit refuses.
pub(super) fn refusals(unit: u8, configs: &[RefuseConfig]) -> Result<Vec<Refused>, SimulatorError> {
    let refused = |one: &RefuseConfig| {
        let address = Address::parse(&one.address, Numbering::default());
        let address = address.map_err(|error| SimulatorError::Address { unit, error })?;
        let start = u32::from(address.offset);
        let (end, exception) = (start + one.count, Exception(one.exception));
        Ok(Refused { table: address.table, start, end, exception, on: one.on })
    };
    configs.iter().map(refused).collect()
}

/// Why a name or an address cannot be used.
pub(super) enum Bad {
    Name(String),
    Address(AddressError),
}

/// The item at an address; without a type, that of the address.
pub(super) fn item(address: &str, value_type: Option<&str>, order: Option<&str>) -> Result<Item, Bad> {
    let order = match order {
        Some(name) => Order::parse(name).ok_or_else(|| Bad::Name(name.to_owned()))?,
        None => Order::ABCD,
    };
    let address = Address::parse(address, Numbering::default()).map_err(Bad::Address)?;
    let value_type = match value_type {
        Some(name) => ValueType::parse(name).map_err(|_| Bad::Name(name.to_owned()))?,
        None => address.default_type(),
    };
    Item::new(&address, value_type, &Encoding { order, ..Encoding::default() }).map_err(Bad::Address)
}

/// Puts a value into a unit's memory.
pub(super) fn store(unit: &mut Unit, item: &Item, value: &Value) -> Result<(), ConvertError> {
    for mask in item.masks(value)? {
        let old = unit.unit(item.table, mask.register);
        unit.set_unit(item.table, mask.register, old & mask.and | mask.or);
    }
    if !matches!(item.storage, crate::item::Storage::Bits { .. }) {
        unit.store_item(item, &item.encode(value)?);
    }
    Ok(())
}
