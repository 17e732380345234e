//! Who a device is: attributes of the identity object, and the answer to List Identity.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::{CodecError, Reader, cpf};

/// A device's identity (CIP Volume 1, 5-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Vendor; 1 is Rockwell Automation.
    pub vendor: u16,
    /// Kind of device; 14 is a controller.
    pub device_type: u16,
    /// Product of the vendor.
    pub product: u16,
    /// Major and minor revision.
    pub revision: (u8, u8),
    /// State bits; bits 12 and 13 of a controller's tell its keyswitch.
    pub status: u16,
    /// Serial number.
    pub serial: u32,
    /// Name of the product.
    pub name: String,
}

impl Identity {
    /// Takes the answer to Get Attributes All apart.
    ///
    /// # Errors
    /// [`CodecError::Short`] when it ends too early.
    pub fn decode(data: &[u8]) -> Result<Self, CodecError> {
        Self::read(&mut Reader::new(data, "identity"))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            vendor: reader.u16()?,
            device_type: reader.u16()?,
            product: reader.u16()?,
            revision: (reader.u8()?, reader.u8()?),
            status: reader.u16()?,
            serial: reader.u32()?,
            name: reader.short_text()?,
        })
    }

    /// Appends all attributes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for word in [self.vendor, self.device_type, self.product] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&[self.revision.0, self.revision.1]);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&self.serial.to_le_bytes());
        out.push(self.name.len() as u8);
        out.extend_from_slice(self.name.as_bytes());
    }

    /// Whether the device is a Micro800, which knows neither a backplane nor instance numbers of tags.
    pub fn is_micro800(&self) -> bool {
        self.name.starts_with("2080")
    }
}

/// The first identity in the data of an answer to List Identity.
///
/// # Errors
/// [`CodecError`] when there is none.
pub fn decode_list(data: &[u8]) -> Result<Identity, CodecError> {
    let mut reader = Reader::new(data, "identity list");
    for _ in 0..reader.u16()? {
        let (kind, len) = (reader.u16()?, reader.u16()?);
        let mut item = Reader::new(reader.bytes(usize::from(len))?, "identity");
        if kind == cpf::IDENTITY {
            let (_version, _address) = (item.u16()?, item.bytes(16)?);
            return Identity::read(&mut item);
        }
    }
    Err(CodecError::Short("identity list"))
}

/// Appends the data of an answer to List Identity.
pub fn encode_list(identity: &Identity, address: SocketAddrV4, out: &mut Vec<u8>) {
    let mut item = vec![1, 0, 0, 2];
    item.extend_from_slice(&address.port().to_be_bytes());
    item.extend_from_slice(&if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST } else { *address.ip() }.octets());
    item.extend_from_slice(&[0; 8]);
    identity.encode(&mut item);
    item.push(3);
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(&cpf::IDENTITY.to_le_bytes());
    out.extend_from_slice(&(item.len() as u16).to_le_bytes());
    out.extend_from_slice(&item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_come_back() {
        let identity = Identity {
            vendor: 1,
            device_type: 14,
            product: 166,
            revision: (33, 11),
            status: 0x3060,
            serial: 0xDEAD_BEEF,
            name: "1756-L83E/B".to_owned(),
        };
        let mut out = Vec::new();
        identity.encode(&mut out);
        assert_eq!(Identity::decode(&out), Ok(identity.clone()));
        assert!(Identity::decode(&out[..out.len() - 1]).is_err());
        out.clear();
        encode_list(&identity, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 44818), &mut out);
        assert_eq!(decode_list(&out), Ok(identity.clone()));
        assert!(!identity.is_micro800());
    }
}
