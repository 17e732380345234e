//! Writing tags, one request after the other, each confirmed by the device's echo.

use tagwire_driver::{LinkError, Refusal};
use tagwire_model::{Status, Value};

use super::chunk::{chunks, copy_bits};
use super::settings::HoldingBitWrite;
use super::{ModbusDriver, refusal, status};
use crate::address::Table;
use crate::codec::{Function, MAX_WRITE_BITS, MAX_WRITE_REGISTERS, Request, Response, word};
use crate::encode::Mask;
use crate::item::{Item, Storage};

impl ModbusDriver {
    pub(super) async fn write_items(
        &mut self,
        device: usize,
        writes: &[(u32, Value)],
        results: &mut Vec<Result<(), Refusal>>,
    ) -> Result<(), LinkError> {
        self.begin().await?;
        for (tag, value) in writes {
            let item = self.devices.get(device).and_then(|device| device.items.get(*tag as usize)).copied();
            let result = match item {
                Some(item) => self.write_item(device, &item, value).await?,
                None => Err(status::refused(Status::BAD_CONFIGURATION_ERROR, "tag is not on this link")),
            };
            results.push(result);
        }
        Ok(())
    }

    async fn write_item(
        &mut self,
        device: usize,
        item: &Item,
        value: &Value,
    ) -> Result<Result<(), Refusal>, LinkError> {
        if !item.table.is_writable() {
            let reason = format!("{}s cannot be written", item.table);
            return Ok(Err(status::refused(Status::BAD_NOT_WRITABLE, &reason)));
        }
        if matches!(item.storage, Storage::Bits { .. }) {
            return match item.masks(value) {
                Ok(masks) => self.write_bits(device, &masks).await,
                Err(error) => Ok(Err(status::from_conversion(error))),
            };
        }
        let data = match item.encode(value) {
            Ok(data) => data,
            Err(error) => return Ok(Err(status::from_conversion(error))),
        };
        let Some(settings) = self.devices.get(device).map(|device| &device.settings) else {
            return Ok(Err(status::refused(Status::BAD_CONFIGURATION_ERROR, "device is not on this link")));
        };
        let is_bits = item.table == Table::Coils;
        let (limit, alone) = if is_bits {
            (settings.max_write_coils.min(u32::from(MAX_WRITE_BITS)), settings.function_5)
        } else {
            (settings.max_write_registers.min(u32::from(MAX_WRITE_REGISTERS)), settings.function_6)
        };
        for chunk in chunks(item.len, item.unit_group(), limit) {
            let start = item.start + chunk.skip as u16;
            let (skip, len) = (chunk.skip as usize, usize::from(chunk.len));
            let mut part = vec![0; if is_bits { len.div_ceil(8) } else { len * 2 }];
            if is_bits {
                copy_bits(&data, skip, &mut part, 0, len);
            } else if let Some(bytes) = data.get(skip * 2..(skip + len) * 2) {
                part.copy_from_slice(bytes);
            }
            let request = match (is_bits, len == 1 && alone) {
                (true, true) => {
                    Request::WriteCoil { address: start, on: part.first().is_some_and(|bits| bits & 1 == 1) }
                }
                (true, false) => Request::WriteCoils { start, count: chunk.len, bits: &part },
                (false, true) => Request::WriteRegister { address: start, value: word(&part, 0).unwrap_or(0) },
                (false, false) => Request::WriteRegisters { start, values: &part },
            };
            if let Err(refusal) = self.confirmed(device, &request).await? {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(()))
    }

    /// Changes single bits of holding registers in the way that the operator chose.
    async fn write_bits(&mut self, device: usize, masks: &[Mask]) -> Result<Result<(), Refusal>, LinkError> {
        let Some(settings) = self.devices.get(device).map(|device| device.settings.clone()) else {
            return Ok(Err(status::refused(Status::BAD_CONFIGURATION_ERROR, "device is not on this link")));
        };
        for mask in masks {
            let address = mask.register;
            let result = match settings.holding_bit_write {
                HoldingBitWrite::Off => {
                    let reason = "bits of holding registers are not written unless holding_bit_write says how";
                    return Ok(Err(status::refused(Status::BAD_NOT_WRITABLE, reason)));
                }
                HoldingBitWrite::Mask => {
                    let request = Request::MaskWriteRegister { address, and: mask.and, or: mask.or };
                    self.confirmed(device, &request).await?
                }
                HoldingBitWrite::ReadModifyWrite => {
                    let read = Request::Read { function: Function::ReadHoldingRegisters, start: address, count: 1 };
                    let now = self.ask(settings.unit, &read, |outcome| match outcome {
                        Ok(Response::Data { data, .. }) => Ok(word(data, 0).unwrap_or(0)),
                        other => Err(refusal(other)),
                    });
                    match now.await? {
                        Err(refusal) => Err(refusal),
                        Ok(old) => {
                            let value = old & mask.and | mask.or & !mask.and;
                            let bytes = value.to_be_bytes();
                            let request = if settings.function_6 {
                                Request::WriteRegister { address, value }
                            } else {
                                Request::WriteRegisters { start: address, values: &bytes }
                            };
                            self.confirmed(device, &request).await?
                        }
                    }
                }
            };
            if let Err(refusal) = result {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(()))
    }

    /// Sends a write; good only when the device repeats what it was told to write.
    async fn confirmed(&mut self, device: usize, request: &Request<'_>) -> Result<Result<(), Refusal>, LinkError> {
        let unit = self.devices.get(device).map_or(0, |device| device.settings.unit);
        self.ask(unit, request, |outcome| match (outcome, echo(request)) {
            (Ok(response), Some(wanted)) if response == wanted => Ok(()),
            (Ok(response @ (Response::Written { .. } | Response::Masked { .. })), _) => {
                Err(status::malformed(format!("device confirmed another write: {response}")))
            }
            (other, _) => Err(refusal(other)),
        })
        .await
    }
}

/// The answer that confirms a write.
const fn echo(request: &Request<'_>) -> Option<Response<'static>> {
    Some(match *request {
        Request::WriteCoil { address, on } => {
            let value = if on { 0xFF00 } else { 0 };
            Response::Written { function: Function::WriteCoil, start: address, value }
        }
        Request::WriteRegister { address, value } => {
            Response::Written { function: Function::WriteRegister, start: address, value }
        }
        Request::WriteCoils { start, count, .. } => {
            Response::Written { function: Function::WriteCoils, start, value: count }
        }
        Request::WriteRegisters { start, values } => {
            Response::Written { function: Function::WriteRegisters, start, value: (values.len() / 2) as u16 }
        }
        Request::MaskWriteRegister { address, and, or } => Response::Masked { address, and, or },
        Request::Read { .. } | Request::ReadWriteRegisters { .. } => return None,
    })
}
