//! The common packet format (CIP Volume 2, 2-6): an address and a message in one frame.

use super::{CodecError, Reader};

/// Item: no address.
const NULL_ADDRESS: u16 = 0x0000;
/// Item: answer to List Identity.
pub const IDENTITY: u16 = 0x000C;
/// Item: number of a connection.
const CONNECTED_ADDRESS: u16 = 0x00A1;
/// Item: a message on a connection, behind its sequence count.
const CONNECTED_DATA: u16 = 0x00B1;
/// Item: a message outside a connection.
const UNCONNECTED_DATA: u16 = 0x00B2;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried<'a> {
    /// A message outside a connection.
    Unconnected(&'a [u8]),
    /// A message on a connection.
    Connected {
        /// Number of the connection, as its receiver chose it.
        connection: u32,
        /// Grows by one with every request; an answer repeats it.
        sequence: u16,
        /// The message.
        message: &'a [u8],
    },
}

impl<'a> Carried<'a> {
    /// Takes the data of a frame apart.
    ///
    /// # Errors
    /// [`CodecError`] when it is neither of the two.
    pub fn decode(data: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "packet");
        let (_interface, _timeout, n_items) = (reader.u32()?, reader.u16()?, reader.u16()?);
        let mut connection = None;
        for _ in 0..n_items {
            let (kind, len) = (reader.u16()?, reader.u16()?);
            let mut item = Reader::new(reader.bytes(usize::from(len))?, "packet item");
            match kind {
                CONNECTED_ADDRESS => connection = Some(item.u32()?),
                UNCONNECTED_DATA => return Ok(Self::Unconnected(item.rest())),
                CONNECTED_DATA => {
                    let connection = connection.ok_or(CodecError::Short("address of a packet"))?;
                    let sequence = item.u16()?;
                    return Ok(Self::Connected { connection, sequence, message: item.rest() });
                }
                _ => {}
            }
        }
        Err(CodecError::Short("packet"))
    }
}

/// Appends the data of a frame that carries the message which `message` appends.
pub fn encode_unconnected(out: &mut Vec<u8>, message: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 2, 0]);
    out.extend_from_slice(&NULL_ADDRESS.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&UNCONNECTED_DATA.to_le_bytes());
    counted(out, message);
}

/// Appends the data of a frame that carries a message on a connection.
pub fn encode_connected(out: &mut Vec<u8>, connection: u32, sequence: u16, message: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 2, 0]);
    out.extend_from_slice(&CONNECTED_ADDRESS.to_le_bytes());
    out.extend_from_slice(&[4, 0]);
    out.extend_from_slice(&connection.to_le_bytes());
    out.extend_from_slice(&CONNECTED_DATA.to_le_bytes());
    counted(out, |out| {
        out.extend_from_slice(&sequence.to_le_bytes());
        message(out);
    });
}

/// Appends a length in two bytes and what it counts.
fn counted(out: &mut Vec<u8>, inner: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0]);
    inner(out);
    let len = (out.len() - start - 2).min(usize::from(u16::MAX)) as u16;
    if let Some(place) = out.get_mut(start..start + 2) {
        place.copy_from_slice(&len.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_back() {
        let mut out = Vec::new();
        encode_unconnected(&mut out, |out| out.push(5));
        assert_eq!(Carried::decode(&out), Ok(Carried::Unconnected(&[5])));
        out.clear();
        encode_connected(&mut out, 0x1234_5678, 9, |out| out.extend_from_slice(&[1, 2]));
        let wanted = Carried::Connected { connection: 0x1234_5678, sequence: 9, message: &[1, 2] };
        assert_eq!(Carried::decode(&out), Ok(wanted));
        assert!(Carried::decode(&out[..out.len() - 1]).is_err());
        assert!(Carried::decode(&[0; 8]).is_err());
    }
}
