//! The value of a structure: put together from those of its tags, and taken apart again.

use tagwire_hub::FolderId;
use tagwire_model::{Access, Status, TagId, Timestamp, Value, ValueType};
use tagwire_ua_proto::codec::{DecodeError, Reader};
use tagwire_ua_proto::types::{ExtensionBody, ExtensionObject, Variant, decode_field, encode_field};

use super::structure::FieldKind;
use super::{Node, Snapshot};

/// Levels of structures within structures; a name has no room for more groups.
const MAX_LEVELS: usize = 512;

/// The value of a structure with its quality and times.
#[derive(Clone, Debug, PartialEq)]
pub struct StructureSample {
    /// The encoded structure; `None` when the status is Bad.
    pub value: Option<ExtensionObject>,
    /// The first of the worst among those of the tags; Good when all are.
    pub status: Status,
    /// The newest among those of the tags.
    pub source_time: Timestamp,
    /// The newest among those of the tags.
    pub server_time: Timestamp,
}

impl StructureSample {
    const fn bad(status: Status) -> Self {
        Self { value: None, status, source_time: Timestamp::NONE, server_time: Timestamp::NONE }
    }

    /// The value as a Variant, null when there is none.
    pub fn to_variant(&self) -> Variant {
        self.value.clone().map_or(Variant::Null, |value| Variant::ExtensionObject(Box::new(value)))
    }
}

/// One tag of a structure.
struct Member<'a> {
    tag: TagId,
    value_type: ValueType,
    access: Access,
    path: &'a str,
}

impl Snapshot<'_> {
    /// The DataType node of a structure.
    pub(super) fn structure_type(&self, folder: FolderId) -> Option<Node> {
        self.space.structures.data_type(self.folder(folder)?.structure_type()?)
    }

    /// The tags of a structure in the order of its fields, those of structures within it in their place.
    ///
    /// # Errors
    /// `BadNodeIdUnknown` when the folder is gone or no structure, `BadConfigurationError` when its tags are no longer
    /// those of its type.
    pub(crate) fn members(&self, folder: FolderId) -> Result<Vec<TagId>, Status> {
        let mut tags = Vec::new();
        self.each_member(folder, 0, &mut |member| tags.push(member.tag))?;
        Ok(tags)
    }

    fn each_member<'s>(
        &'s self,
        folder: FolderId,
        level: usize,
        tell: &mut impl FnMut(Member<'s>),
    ) -> Result<(), Status> {
        let folder = self.folder(folder).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
        let number = folder.structure_type().ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
        let fields = self.space.structures.fields(number).ok_or(Status::BAD_CONFIGURATION_ERROR)?;
        if level >= MAX_LEVELS {
            return Err(Status::BAD_CONFIGURATION_ERROR);
        }
        let path = |name: &str| format!("{}.{name}", folder.path);
        let (mut tags, mut structures) = (folder.tags.iter(), folder.structures.iter());
        for field in fields {
            match field.kind {
                FieldKind::Tag(value_type) => {
                    // Tags lie in the order of the fields until a reload adds some or makes some anew.
                    let next =
                        tags.next().copied().filter(|tag| self.tag(*tag).is_some_and(|tag| tag.name() == &*field.name));
                    let tag = next.or_else(|| self.registry.find_tag(path(&field.name).as_bytes()));
                    let found = tag.and_then(|tag| Some((tag, self.tag(tag)?)));
                    let Some((tag, view)) = found.filter(|(_, view)| view.value_type == value_type) else {
                        return Err(Status::BAD_CONFIGURATION_ERROR);
                    };
                    tell(Member { tag, value_type, access: view.access, path: view.path });
                }
                FieldKind::Structure(number) => {
                    let is_it = |below: &FolderId| {
                        self.folder(*below)
                            .is_some_and(|below| below.name() == &*field.name && below.structure_type() == Some(number))
                    };
                    let next = structures.next().copied().filter(is_it);
                    let below = next.or_else(|| folder.structures.iter().copied().find(is_it));
                    self.each_member(below.ok_or(Status::BAD_CONFIGURATION_ERROR)?, level + 1, tell)?;
                }
            }
        }
        Ok(())
    }

    /// What clients may do with a structure: what they may do with all of its tags.
    pub(super) fn structure_access(&self, folder: FolderId) -> Access {
        let mut access = Access::READ_WRITE;
        let known = self.each_member(folder, 0, &mut |member| {
            access.read &= member.access.read;
            access.write &= member.access.write;
        });
        if known.is_ok() { access } else { Access::READ }
    }

    /// The value of a structure as of now. Its tags may stem from different scans.
    pub(crate) fn structure_sample(&self, folder: FolderId) -> StructureSample {
        let members = match self.members(folder) {
            Ok(members) => members,
            Err(status) => return StructureSample::bad(status),
        };
        let mut sample = StructureSample::bad(Status::GOOD);
        let mut body = Vec::new();
        for tag in members {
            let Some(found) = self.space.hub().read(tag).map(|reading| reading.to_sample()) else {
                return StructureSample::bad(Status::BAD_NODE_ID_UNKNOWN);
            };
            let has_no_value = found.value == Value::Null && !found.status.is_bad();
            let status = if has_no_value { Status::BAD_WAITING_FOR_INITIAL_DATA } else { found.status };
            if severity(status) > severity(sample.status) {
                sample.status = status;
            }
            sample.source_time = sample.source_time.max(found.source_time);
            sample.server_time = sample.server_time.max(found.server_time);
            encode_field(&found.value, &mut body);
        }
        if !sample.status.is_bad() {
            let number = self.folder(folder).and_then(tagwire_hub::Folder::structure_type);
            let type_id = number.and_then(|number| self.space.structures.encoding(number)).cloned();
            let body = ExtensionBody::Binary(body.into());
            sample.value = type_id.map(|type_id| ExtensionObject { type_id, body });
        }
        sample
    }

    /// What is to be written to each tag so that the structure has a value, in the order of the fields.
    ///
    /// # Errors
    /// `BadTypeMismatch` for a value of another type, or an array of another length than the tag's;
    /// `BadDecodingError` or `BadEncodingLimitsExceeded` for a body that is no such structure; and as when reading.
    pub fn structure_writes(&self, folder: FolderId, value: &ExtensionObject) -> Result<Vec<(TagId, Value)>, Status> {
        let mut members = Vec::new();
        self.each_member(folder, 0, &mut |member| members.push((member.tag, member.value_type)))?;
        let number = self.folder(folder).and_then(tagwire_hub::Folder::structure_type);
        let encoding = number.and_then(|number| self.space.structures.encoding(number));
        if encoding.is_none_or(|encoding| *encoding != value.type_id) {
            return Err(Status::BAD_TYPE_MISMATCH);
        }
        let ExtensionBody::Binary(body) = &value.body else { return Err(Status::BAD_DECODING_ERROR) };
        let mut reader = Reader::new(body);
        let mut writes = Vec::with_capacity(members.len());
        let mut fits = true;
        for (tag, value_type) in members {
            let value = decode_field(&mut reader, value_type).map_err(DecodeError::status)?;
            fits &= value.value_type() == Some(value_type);
            writes.push((tag, value));
        }
        reader.finish().map_err(DecodeError::status)?;
        if fits { Ok(writes) } else { Err(Status::BAD_TYPE_MISMATCH) }
    }

    /// The name of each field of a structure from its own group on, in the order of [`Snapshot::structure_writes`].
    pub(crate) fn structure_names(&self, folder: FolderId) -> Vec<String> {
        let above = self.folder(folder).map_or(0, |folder| folder.path.len() + 1);
        let mut names = Vec::new();
        let name = |member: Member<'_>| member.path.get(above..).unwrap_or_default().to_owned();
        match self.each_member(folder, 0, &mut |member| names.push(name(member))) {
            Ok(()) => names,
            Err(_) => Vec::new(),
        }
    }
}

const fn severity(status: Status) -> u8 {
    if status.is_bad() {
        2
    } else if status.is_uncertain() {
        1
    } else {
        0
    }
}
