//! Writing tags, one command after the other, each confirmed by its reply.

use tagwire_driver::{LinkError, Refusal};
use tagwire_model::{Status, Value};

use super::{PcccDriver, Place, parts, status};
use crate::pccc::address::Dialect;
use crate::pccc::command::{encode_modify, encode_word_range, function};
use crate::pccc::item::{Form, Item};

impl PcccDriver {
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
        let (file_type, file, slot) = (item.file_type, item.file, item.slot);
        let at = |start, n_words| Place { file_type, file, slot, start, n_words };
        let dialect = self.devices.get(device).map_or(Dialect::Slc, |device| device.settings.dialect);
        if matches!(item.form, Form::Bits(_)) {
            let masks = match item.masks(value) {
                Ok(masks) => masks,
                Err(error) => return Ok(Err(status::from_conversion(error))),
            };
            for (word, mask, set) in masks {
                let place = at(item.start + word, 1);
                let reply = match dialect {
                    Dialect::Slc => {
                        let body = |out: &mut Vec<u8>| {
                            place.typed().encode(out);
                            out.extend_from_slice(&mask.to_le_bytes());
                            out.extend_from_slice(&set.to_le_bytes());
                        };
                        self.execute(device, function::MASKED_WRITE, body).await?
                    }
                    Dialect::Plc5 => {
                        let address = place.logical();
                        let body = |out: &mut Vec<u8>| encode_modify(&address, !mask | set, set, out);
                        self.execute(device, function::READ_MODIFY_WRITE, body).await?
                    }
                };
                if let Err(refusal) = reply {
                    return Ok(Err(refusal));
                }
            }
            return Ok(Ok(()));
        }
        if item.step > item.form.n_words() && !item.value_type.is_scalar() {
            let reason = "a row of members of timers, counters or controls cannot be written";
            return Ok(Err(status::refused(Status::BAD_NOT_WRITABLE, reason)));
        }
        let data = match item.encode(value) {
            Ok(data) => data,
            Err(error) => return Ok(Err(status::from_conversion(error))),
        };
        let most = self.devices.get(device).map_or(1, |device| device.settings.max_words);
        for part in parts(at(item.start, item.len), most) {
            let skip = (part.start - item.start) as usize * 2;
            let bytes = data.get(skip..skip + part.n_words as usize * 2).unwrap_or_default();
            let reply = match dialect {
                Dialect::Slc => {
                    let body = |out: &mut Vec<u8>| {
                        part.typed().encode(out);
                        out.extend_from_slice(bytes);
                    };
                    self.execute(device, function::TYPED_WRITE, body).await?
                }
                Dialect::Plc5 => {
                    let address = part.logical();
                    let body = |out: &mut Vec<u8>| {
                        encode_word_range(&address, part.n_words as u16, out);
                        out.extend_from_slice(bytes);
                    };
                    self.execute(device, function::WORD_RANGE_WRITE, body).await?
                }
            };
            if let Err(refusal) = reply {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(()))
    }
}
