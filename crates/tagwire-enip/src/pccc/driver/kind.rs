//! Data tables as the gateway sees them: name, keys, checks, constructor.

use tagwire_driver::{
    AddressError, BuildError, Driver, DriverKind, Host, Key, LinkSpec, Settings, TagSpec, TcpConnector,
};
use tagwire_model::ValueType;

use super::PcccDriver;
use super::settings::{DEVICE_KEYS, DeviceSettings};
use crate::codec::frame::PORT;
use crate::pccc::address::{Address, Dialect};
use crate::pccc::item::Item;

/// The kind of link to processors with data tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct PcccKind;

impl DriverKind for PcccKind {
    fn names(&self) -> &'static [&'static str] {
        &["pccc"]
    }

    fn device_keys(&self) -> &'static [Key] {
        DEVICE_KEYS
    }

    fn check_link(&self, _kind: &str, address: &str, _settings: &Settings) -> Result<(), BuildError> {
        Host::parse(address, PORT).map(|_| ())
    }

    fn check_tag(&self, device: &Settings, tag: &TagSpec) -> Result<(), AddressError> {
        item(&DeviceSettings::new(device)?, tag).map(|_| ())
    }

    fn default_type(&self, address: &str) -> Option<ValueType> {
        // The family is not known here: only a PLC-5 has bits beyond /15, and what both have is of one type in both.
        let address = [Dialect::Slc, Dialect::Plc5].into_iter().find_map(|d| Address::parse(address, d).ok())?;
        address.default_type()
    }

    fn build(&self, link: &LinkSpec) -> Result<Driver, BuildError> {
        Ok(Driver::Polled(Box::new(self.driver(link)?)))
    }
}

impl PcccKind {
    /// The driver of a link by itself, over TCP.
    ///
    /// # Errors
    /// [`BuildError`] for a link or device that cannot work.
    pub fn driver(self, link: &LinkSpec) -> Result<PcccDriver, BuildError> {
        let host = Host::parse(&link.address, PORT)?;
        PcccDriver::new(link, Box::new(TcpConnector { host }))
    }
}

/// A tag's item.
pub(super) fn item(device: &DeviceSettings, tag: &TagSpec) -> Result<Item, AddressError> {
    let item = Item::new(&Address::parse(&tag.address, device.dialect)?, tag.value_type, device.dialect)?;
    if tag.access.write && item.step > item.form.n_words() && !item.value_type.is_scalar() {
        return Err(AddressError {
            problem: "a row of members of timers, counters or controls cannot be written".to_owned(),
            fix: "declare access = \"ro\", or each member as a tag of its own".to_owned(),
        });
    }
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_a_bool_whatever_the_family() {
        for (address, expected) in [
            ("I:017/17", Some("bool")),
            ("O:012/10", Some("bool")),
            ("I:1.2/7", Some("bool")),
            ("N7:0/3", Some("bool")),
            ("L10:0/31", Some("bool")),
            ("I:017", Some("u16")),
            ("N7:0", Some("i16")),
            ("T4:0", None),
            ("I:1/18", None),
        ] {
            let found = PcccKind.default_type(address).map(|value_type| value_type.to_string());
            assert_eq!(found.as_deref(), expected, "{address}");
        }
    }
}
