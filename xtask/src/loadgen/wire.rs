//! As much of the OPC UA binary encoding as a load generator needs.

use anyhow::{Context as _, Result, bail};

/// Bytes being written.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn f64(&mut self, value: f64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn length(&mut self, value: usize) -> &mut Self {
        self.u32(value as u32)
    }

    pub(super) fn null(&mut self) -> &mut Self {
        self.u32(u32::MAX)
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.length(text.len()).bytes(text.as_bytes())
    }

    /// The type id of a request, or a node of namespace 0.
    pub(super) fn number(&mut self, id: u16) -> &mut Self {
        self.u8(1).u8(0).u16(id)
    }

    /// A tag's NodeId.
    pub(super) fn node(&mut self, name: &str) -> &mut Self {
        self.u8(3).u16(2).text(name)
    }
}

/// Bytes being read; running out of them is an error.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n).context("the answer ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn skip(&mut self, n: usize) -> Result<()> {
        self.take(n).map(|_| ())
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into()?))
    }

    /// An array's or a string's length; null counts as 0.
    pub(super) fn length(&mut self) -> Result<usize> {
        Ok(usize::try_from(self.u32()? as i32).unwrap_or(0))
    }

    pub(super) fn text(&mut self) -> Result<&'a [u8]> {
        let n = self.length()?;
        self.take(n)
    }

    /// A NodeId or ExpandedNodeId; returns its bytes.
    pub(super) fn node(&mut self) -> Result<&'a [u8]> {
        let start = self.0;
        let form = self.u8()?;
        match form & 0x3F {
            0 => self.skip(1)?,
            1 => self.skip(3)?,
            2 => self.skip(6)?,
            3 | 5 => {
                self.skip(2)?;
                self.text()?;
            }
            4 => self.skip(18)?,
            other => bail!("no such form of NodeId: {other}"),
        }
        if form & 0x80 != 0 {
            self.text()?;
        }
        if form & 0x40 != 0 {
            self.skip(4)?;
        }
        Ok(&start[..start.len() - self.0.len()])
    }

    /// The number of a message's type.
    pub(super) fn message_type(&mut self) -> Result<u32> {
        let id = self.node()?;
        Ok(match id {
            [0, number] => u32::from(*number),
            [1, _, low, high] => u32::from(u16::from_le_bytes([*low, *high])),
            _ => bail!("the answer has no numeric type"),
        })
    }

    /// A response header; returns the service result.
    pub(super) fn response_header(&mut self) -> Result<u32> {
        self.skip(12)?;
        let result = self.u32()?;
        self.diagnostics()?;
        for _ in 0..self.length()? {
            self.text()?;
        }
        self.extension()?;
        Ok(result)
    }

    /// An extension object; returns its body.
    pub(super) fn extension(&mut self) -> Result<&'a [u8]> {
        self.node()?;
        match self.u8()? {
            0 => Ok(&[]),
            _ => self.text(),
        }
    }

    pub(super) fn diagnostics(&mut self) -> Result<()> {
        let mask = self.u8()?;
        self.skip(4 * (mask & 0x0F).count_ones() as usize)?;
        if mask & 0x10 != 0 {
            self.text()?;
        }
        if mask & 0x20 != 0 {
            self.skip(4)?;
        }
        if mask & 0x40 != 0 { self.diagnostics() } else { Ok(()) }
    }

    pub(super) fn localized_text(&mut self) -> Result<()> {
        let mask = self.u8()?;
        for _ in 0..(mask & 3).count_ones() {
            self.text()?;
        }
        Ok(())
    }
}
