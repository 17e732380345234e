//! The input arguments of a method, checked before anything is done (Part 4, 5.12.2).

use tagwire_model::Status;
use tagwire_ua_proto::services::CallMethodResult;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ByteString, NodeId, Variant, VariantItems};

use super::Method;

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Boolean,
    Byte,
    Int32,
    UInt32,
    UInt64,
    Text,
    Bytes,
    ListOfBytes,
    NodeId,
}

impl Kind {
    /// Whether a value is of this kind. What can be empty may come as no value at all.
    fn admits(self, value: &Variant) -> bool {
        match self {
            Self::Boolean => matches!(value, Variant::Boolean(_)),
            Self::Byte => matches!(value, Variant::Byte(_)),
            Self::Int32 => matches!(value, Variant::Int32(_)),
            Self::UInt32 => matches!(value, Variant::UInt32(_)),
            Self::UInt64 => matches!(value, Variant::UInt64(_)),
            Self::Text => matches!(value, Variant::String(_) | Variant::Null),
            Self::Bytes => matches!(value, Variant::ByteString(_) | Variant::Null),
            Self::NodeId => matches!(value, Variant::NodeId(_) | Variant::Null),
            Self::ListOfBytes => match value {
                Variant::Null => true,
                Variant::Array(array) => {
                    matches!(array.items(), VariantItems::ByteString(_)) || array.items().is_empty()
                }
                _ => false,
            },
        }
    }
}

const fn kinds(method: Method) -> &'static [Kind] {
    use Kind::{Boolean, Byte, Bytes, Int32, ListOfBytes, NodeId, Text, UInt32, UInt64};
    match method {
        Method::CreateSigningRequest => &[NodeId, NodeId, Text, Boolean, Bytes],
        Method::UpdateCertificate => &[NodeId, NodeId, Bytes, ListOfBytes, Text, Bytes],
        Method::ApplyChanges | Method::CancelChanges | Method::GetRejectedList => &[],
        Method::Open(_) => &[Byte],
        Method::Close(_) | Method::GetPosition(_) | Method::OpenWithMasks(_) | Method::CloseAndUpdate(_) => &[UInt32],
        Method::Read(_) => &[UInt32, Int32],
        Method::Write(_) => &[UInt32, Bytes],
        Method::SetPosition(_) => &[UInt32, UInt64],
        Method::AddCertificate(_) => &[Bytes, Boolean],
        Method::RemoveCertificate(_) => &[Text, Boolean],
    }
}

/// Arguments of the right number and kinds.
pub(super) struct Arguments(Vec<Variant>);

impl Arguments {
    /// Checks the arguments of a call.
    pub(super) fn check(method: Method, arguments: Vec<Variant>) -> Result<Self, Box<CallMethodResult>> {
        let kinds = kinds(method);
        let failed = |status_code| Box::new(CallMethodResult { status_code, ..Default::default() });
        match arguments.len().cmp(&kinds.len()) {
            std::cmp::Ordering::Less => return Err(failed(status::BAD_ARGUMENTS_MISSING)),
            std::cmp::Ordering::Greater => return Err(failed(status::BAD_TOO_MANY_ARGUMENTS)),
            std::cmp::Ordering::Equal => {}
        }
        let judge = |(value, kind): (&Variant, &Kind)| {
            if kind.admits(value) { Status::GOOD } else { Status::BAD_TYPE_MISMATCH }
        };
        let input_argument_results: Vec<Status> = arguments.iter().zip(kinds).map(judge).collect();
        if input_argument_results.iter().any(|result| result.is_bad()) {
            let status_code = status::BAD_INVALID_ARGUMENT;
            return Err(Box::new(CallMethodResult { status_code, input_argument_results, ..Default::default() }));
        }
        Ok(Self(arguments))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn boolean(&self, at: usize) -> bool {
        matches!(self.0.get(at), Some(Variant::Boolean(true)))
    }

    pub(super) fn byte(&self, at: usize) -> u8 {
        if let Some(Variant::Byte(value)) = self.0.get(at) { *value } else { 0 }
    }

    pub(super) fn int32(&self, at: usize) -> i32 {
        if let Some(Variant::Int32(value)) = self.0.get(at) { *value } else { 0 }
    }

    pub(super) fn uint32(&self, at: usize) -> u32 {
        if let Some(Variant::UInt32(value)) = self.0.get(at) { *value } else { 0 }
    }

    pub(super) fn uint64(&self, at: usize) -> u64 {
        if let Some(Variant::UInt64(value)) = self.0.get(at) { *value } else { 0 }
    }

    pub(super) fn text(&self, at: usize) -> &str {
        if let Some(Variant::String(text)) = self.0.get(at) { text.as_str() } else { "" }
    }

    pub(super) fn bytes(&self, at: usize) -> &[u8] {
        if let Some(Variant::ByteString(bytes)) = self.0.get(at) { bytes.as_slice() } else { &[] }
    }

    pub(super) fn list(&self, at: usize) -> Vec<&[u8]> {
        match self.0.get(at) {
            Some(Variant::Array(array)) => match array.items() {
                VariantItems::ByteString(items) => items.iter().map(ByteString::as_slice).collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    pub(super) fn node_id(&self, at: usize) -> NodeId {
        if let Some(Variant::NodeId(id)) = self.0.get(at) { id.clone() } else { NodeId::default() }
    }
}
