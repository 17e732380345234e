//! The controller's tags, for people who want to choose from them.

use std::collections::HashSet;
use std::time::Duration;

use tagwire_driver::{LinkError, Refusal};
use thiserror::Error;

use super::{EnipDriver, status};
use crate::address::Address;
use crate::codec::class;
use crate::codec::identity::Identity;
use crate::codec::message::{Request, Response};
use crate::codec::service;
use crate::codec::tag::{DataTag, Read, decode_read};
use crate::explain::{Found, Layout};
use crate::upload::{Symbols, Upload, UploadError};

use super::device::first_instance;

/// Why the tags of a controller cannot be listed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListError {
    /// The link failed.
    #[error("{0}")]
    Link(#[from] LinkError),
    /// No way leads to the controller.
    #[error("{0}")]
    Refused(Refusal),
    /// The controller answered, and the answer was no list.
    #[error("{0}")]
    Upload(#[from] UploadError),
    /// The controller's answer makes no sense.
    #[error("{0}")]
    Answer(#[from] crate::codec::CodecError),
}

impl EnipDriver {
    /// Reads all tags and structures of a device, by its index on the link, which must be connected.
    ///
    /// # Errors
    /// [`ListError`] says whose fault it is.
    pub async fn list(&mut self, device: usize) -> Result<Symbols, ListError> {
        self.begin().await?;
        self.ensure_circuit(device).await?.map_err(ListError::Refused)?;
        self.upload(device, None).await
    }

    async fn upload(&mut self, device: usize, wanted: Option<HashSet<String>>) -> Result<Symbols, ListError> {
        let mut upload = Upload::new(wanted);
        loop {
            let room = self.devices.get(device).map_or(0, |known| known.room().1);
            self.message.clear();
            if !upload.request(room, &mut self.message) {
                return Ok(upload.finish().0);
            }
            self.transact(device).await?.map_err(ListError::Refused)?;
            upload.answer(&Response::decode(self.wire.exchange.answer())?)?;
        }
    }

    /// Reads the first element at an address as it is.
    ///
    /// # Errors
    /// [`ListError`] says whose fault it is; the inner [`Refusal`] when the controller says no.
    pub async fn look(&mut self, device: usize, address: &Address) -> Result<Result<Found, Refusal>, ListError> {
        self.begin().await?;
        let mut path = Vec::new();
        address.encode(&mut path);
        let mut data = Vec::new();
        let mut tag: Option<DataTag> = None;
        loop {
            self.message.clear();
            let service = service::READ_TAG_FRAGMENTED;
            Request { service, path: &path, data: &[] }.encode(&mut self.message);
            Read { n_elements: 1, offset: Some(data.len() as u32) }.encode(&mut self.message);
            self.transact(device).await?.map_err(ListError::Refused)?;
            let response = Response::decode(self.wire.exchange.answer())?;
            if !matches!(response.status.general, 0 | 0x06) {
                return Ok(Err(status::from_status(response.status, false)));
            }
            let (found, part) = decode_read(response.data)?;
            data.extend_from_slice(part);
            let tag = *tag.get_or_insert(found);
            if response.status.is_success() || part.is_empty() || data.len() > 1 << 20 {
                let layout = if tag.is_structure() { self.layout(device, address, tag).await } else { None };
                return Ok(Ok(Found::new(address, tag, &data, layout.as_ref())));
            }
        }
    }

    /// What the controller's program says about the structure at an address; `None` when it does not say so soon.
    async fn layout(&mut self, device: usize, address: &Address, tag: DataTag) -> Option<Layout> {
        /// Who asks waits for the answer.
        const PATIENCE: Duration = Duration::from_millis(1500);
        let upload = self.upload(device, Some(HashSet::from([address.root_key()])));
        let symbols = tokio::time::timeout(PATIENCE, upload).await.ok()?.ok()?;
        let template = symbols.resolve(address)?.template?;
        (tag == DataTag::structure(template.attributes.handle)).then(|| Layout {
            name: template.name().to_owned(),
            is_string: template.definition.is_string(),
            member: template.visible().next().map(|member| member.name.clone()),
        })
    }

    /// Reads who a device is.
    ///
    /// # Errors
    /// [`ListError`] says whose fault it is.
    pub async fn identity(&mut self, device: usize) -> Result<Identity, ListError> {
        self.begin().await?;
        self.message.clear();
        let path = first_instance(class::IDENTITY);
        Request { service: service::GET_ATTRIBUTES_ALL, path: &path, data: &[] }.encode(&mut self.message);
        self.transact(device).await?.map_err(ListError::Refused)?;
        let response = Response::decode(self.wire.exchange.answer())?;
        Ok(Identity::decode(response.data)?)
    }
}
