//! EtherNet/IP as the gateway sees it: names, keys, checks, constructor.

use tagwire_driver::{
    AddressError, BuildError, Driver, DriverKind, Host, Key, LinkSpec, Settings, TagSpec, TcpConnector,
};
use tagwire_model::ValueType;

use super::EnipDriver;
use super::settings::{DEVICE_KEYS, DeviceSettings, Family};
use crate::address::Address;
use crate::codec::frame::PORT;
use crate::item::Item;

/// The kind of link that leads to Logix controllers.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnipKind;

impl EnipKind {
    /// As [`DriverKind::build`], with the driver's own type, which can also list tags.
    ///
    /// # Errors
    /// [`BuildError`] as [`DriverKind::check_link`].
    pub fn driver(&self, link: &LinkSpec) -> Result<EnipDriver, BuildError> {
        let host = Host::parse(&link.address, PORT)?;
        let address = format!("{}:{}", host.name, host.port);
        let mut driver = EnipDriver::new(link, Box::new(TcpConnector { host }))?;
        driver.share(address);
        Ok(driver)
    }
}

impl DriverKind for EnipKind {
    fn names(&self) -> &'static [&'static str] {
        &["enip"]
    }

    fn device_keys(&self) -> &'static [Key] {
        DEVICE_KEYS
    }

    fn check_link(&self, _kind: &str, address: &str, _settings: &Settings) -> Result<(), BuildError> {
        Host::parse(address, PORT).map(|_| ())
    }

    fn check_tag(&self, device: &Settings, tag: &TagSpec) -> Result<(), AddressError> {
        let device = DeviceSettings::new(device)?;
        item(&device, tag).map(|_| ())
    }

    fn default_type(&self, address: &str) -> Option<ValueType> {
        // Only a bit has a type of its own; everything else depends on the controller's program.
        let address = Address::parse(address).ok()?;
        address.bit.map(|_| ValueType::scalar(tagwire_model::DataType::Boolean))
    }

    fn build(&self, link: &LinkSpec) -> Result<Driver, BuildError> {
        self.driver(link).map(|driver| Driver::Polled(Box::new(driver)))
    }
}

/// A tag's item.
pub(super) fn item(device: &DeviceSettings, tag: &TagSpec) -> Result<Item, AddressError> {
    let address = Address::parse(&tag.address)?;
    Item::new(address, tag.value_type, device.family == Family::Logix)
}
