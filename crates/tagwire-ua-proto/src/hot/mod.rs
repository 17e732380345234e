//! Read, Write and Publish without an allocation per value: views borrowed from the receive buffer, and writers
//! that append to the send buffer. The structures of [`crate::services`] have the same wire form.

mod request;
mod scalar_write;
mod skip;
mod value;
mod write;

pub use request::{
    PublishRequestRef, ReadRequestRef, ReadValueIdRef, RequestHeaderRef, WriteRequestRef, WriteValueRef, WriteValues,
};
pub use scalar_write::ScalarWriteRef;
pub use skip::{skip_data_value, skip_diagnostic_info, skip_extension_object, skip_localized_text, skip_variant};
pub use value::{DataValueRef, ValueRef};
pub use write::{start_response, write_data_value, write_fixed_data_value, write_model_data_value, write_status_only};
