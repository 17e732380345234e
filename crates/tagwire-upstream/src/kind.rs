//! OPC UA servers as the gateway sees them: names, keys, checks, constructor.

use tagwire_driver::{AddressError, BuildError, Driver, DriverKind, Key, LinkSpec, Settings, TagSpec};
use tagwire_model::{Deadband, ValueType};
use tagwire_ua_client::Identity;

use crate::address::Address;
use crate::connect::{LinkTerms, UaConnector};
use crate::driver::UpstreamDriver;
use crate::settings::{DEVICE_KEYS, LINK_KEYS, LinkKeys, TAG_KEYS, deadband, has_source_history};

/// OPC UA servers.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpcUaKind;

impl OpcUaKind {
    /// The name in the configuration.
    pub const NAME: &'static str = "opcua";

    /// As [`DriverKind::build`], with the own certificate and trust lists that endpoints with security need.
    ///
    /// # Errors
    /// [`BuildError`] as [`DriverKind::check_link`].
    pub fn driver(&self, link: &LinkSpec, identity: Option<Identity>) -> Result<UpstreamDriver, BuildError> {
        UpstreamDriver::new(link, Box::new(UaConnector::new(self.terms(link, identity)?)))
    }

    /// Whether the history of a device with these settings is read from the other server.
    pub fn has_source_history(&self, device: &Settings) -> bool {
        has_source_history(device)
    }

    /// How to reach the servers of a link.
    ///
    /// # Errors
    /// [`BuildError`] as [`OpcUaKind::driver`].
    pub fn terms(&self, link: &LinkSpec, identity: Option<Identity>) -> Result<LinkTerms, BuildError> {
        Ok(LinkTerms {
            keys: LinkKeys::new(&link.address, &link.settings)?,
            identity,
            session_name: format!("tagwire {}", link.name),
        })
    }
}

impl DriverKind for OpcUaKind {
    fn names(&self) -> &'static [&'static str] {
        &[Self::NAME]
    }

    fn link_keys(&self) -> &'static [Key] {
        LINK_KEYS
    }

    fn device_keys(&self) -> &'static [Key] {
        DEVICE_KEYS
    }

    fn tag_keys(&self) -> &'static [Key] {
        TAG_KEYS
    }

    fn check_link(&self, _kind: &str, address: &str, settings: &Settings) -> Result<(), BuildError> {
        LinkKeys::new(address, settings).map(|_| ())
    }

    fn check_tag(&self, _device: &Settings, tag: &TagSpec) -> Result<(), AddressError> {
        let address = Address::parse(&tag.address)?;
        let deadband = deadband(&tag.settings)?;
        if address.is_member() && deadband != Deadband::None {
            return Err(AddressError {
                problem: "source_deadband: the other server knows no deadband of a member".to_owned(),
                fix: "use deadband instead, which counts on the way to clients".to_owned(),
            });
        }
        Ok(())
    }

    fn default_type(&self, _address: &str) -> Option<ValueType> {
        None
    }

    fn build(&self, link: &LinkSpec) -> Result<Driver, BuildError> {
        self.driver(link, None).map(|driver| Driver::Pushed(Box::new(driver)))
    }
}
