//! Requests, responses and the structures within them, each with its binary encoding.
//!
//! Every type is made by one of two macros: `structures!` writes the fields one after the other, `enumerations!` keeps
//! the number that was received, so that an unknown one can be answered with the code that the service wants.

/// Declares structures that are encoded field by field. The name after the colon is that of the constants in
/// [`crate::ids::encoding`] and [`crate::ids::data_type`].
macro_rules! structures {
    ($($(#[$meta:meta])* $name:ident: $id:ident { $($field:ident: $ty:ty),* $(,)? })*) => {
        $(
            $(#[$meta])*
            #[allow(missing_docs, reason = "the clause of the specification describes each field under this name")]
            #[derive(Clone, Debug, Default, PartialEq)]
            pub struct $name {
                $(pub $field: $ty,)*
            }

            impl crate::codec::Encode for $name {
                fn encode(&self, _out: &mut Vec<u8>) {
                    $(crate::codec::Encode::encode(&self.$field, _out);)*
                }
            }

            impl<'a> crate::codec::Decode<'a> for $name {
                fn decode(_reader: &mut crate::codec::Reader<'a>) -> Result<Self, crate::codec::DecodeError> {
                    Ok(Self {
                        $($field: crate::codec::Decode::decode(_reader)?,)*
                    })
                }
            }

            impl crate::types::Structure for $name {
                const ENCODING_ID: u32 = crate::ids::encoding::$id;
                const DATA_TYPE_ID: u32 = crate::ids::data_type::$id;
            }

            #[cfg(test)]
            impl crate::services::tests::Sample for $name {
                fn sample() -> Self {
                    Self { $($field: crate::services::tests::Sample::sample(),)* }
                }
            }
        )*

        #[cfg(test)]
        pub(super) fn check_all() {
            $(crate::services::tests::check::<$name, opcua_types::$name>(stringify!($name));)*
        }
    };
}

mod additional;
mod attribute;
mod channel;
mod data;
mod definition;
mod diagnostics;
mod discovery;
mod enumerations;
mod filter;
mod header;
mod history;
mod method;
mod monitored_item;
mod session;
mod subscription;
mod trust;
mod view;

#[cfg(test)]
mod tests;

pub use additional::*;
pub use attribute::*;
pub use channel::*;
pub use data::*;
pub use definition::*;
pub use diagnostics::*;
pub use discovery::*;
pub use enumerations::*;
pub use filter::*;
pub use header::*;
pub use history::*;
pub use method::*;
pub use monitored_item::*;
pub use session::*;
pub use subscription::*;
pub use trust::*;
pub use view::*;
