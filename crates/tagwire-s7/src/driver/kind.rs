//! S7 as the gateway sees it: name, keys, checks, constructor.

use tagwire_driver::{
    AddressError, BuildError, Driver, DriverKind, Host, Key, LinkSpec, Settings, TagSpec, TcpConnector,
};
use tagwire_model::ValueType;

use super::S7Driver;
use super::settings::{DEVICE_KEYS, LINK_KEYS, LinkSettings};
use crate::address::{Address, bad};
use crate::explain::Explanation;
use crate::item::Item;

/// The kind of link to a Siemens S7 CPU.
#[derive(Clone, Copy, Debug, Default)]
pub struct S7Kind;

/// Port of ISO transport over TCP (RFC 1006, 4).
const DEFAULT_PORT: u16 = 102;

impl S7Kind {
    /// As [`DriverKind::build`], with the driver's own type, which can also read bytes as they are.
    ///
    /// # Errors
    /// [`BuildError`] as [`DriverKind::check_link`].
    pub fn driver(&self, link: &LinkSpec) -> Result<S7Driver, BuildError> {
        let host = Host::parse(&link.address, DEFAULT_PORT)?;
        S7Driver::new(link, Box::new(TcpConnector { host }))
    }

    /// What a tag's address means.
    ///
    /// # Errors
    /// [`AddressError`] as [`DriverKind::check_tag`].
    pub fn explain(&self, tag: &TagSpec) -> Result<Explanation, AddressError> {
        Ok(Explanation::new(&item(tag)?))
    }
}

impl DriverKind for S7Kind {
    fn names(&self) -> &'static [&'static str] {
        &["s7"]
    }

    fn link_keys(&self) -> &'static [Key] {
        LINK_KEYS
    }

    fn device_keys(&self) -> &'static [Key] {
        DEVICE_KEYS
    }

    fn check_link(&self, _kind: &str, address: &str, settings: &Settings) -> Result<(), BuildError> {
        Host::parse(address, DEFAULT_PORT)?;
        LinkSettings::new(settings).map(|_| ())
    }

    fn check_tag(&self, _device: &Settings, tag: &TagSpec) -> Result<(), AddressError> {
        item(tag).map(|_| ())
    }

    fn default_type(&self, address: &str) -> Option<ValueType> {
        Address::parse(address).ok().map(|address| address.default_type())
    }

    fn build(&self, link: &LinkSpec) -> Result<Driver, BuildError> {
        self.driver(link).map(|driver| Driver::Polled(Box::new(driver)))
    }
}

/// A tag's item.
pub(super) fn item(tag: &TagSpec) -> Result<Item, AddressError> {
    let item = Item::new(&Address::parse(&tag.address)?, tag.value_type)?;
    if tag.access.write && !item.is_writable {
        return Err(bad(
            "peripheral inputs cannot be written",
            "declare access = \"ro\", or take a peripheral output (PQ) or an output (Q)",
        ));
    }
    Ok(item)
}
