//! Numeric identifiers of namespace 0 that the server itself speaks of.

/// Declares identifiers with the name they have in the node set as documentation.
macro_rules! ids {
    ($($konst:ident = $id:literal;)*) => {
        $(
            #[doc = concat!("`i=", stringify!($id), "`.")]
            pub const $konst: u32 = $id;
        )*
        /// All of them with their names, for the test that compares both with the table.
        #[cfg(test)]
        pub const NAMED: &[(&str, u32)] = &[$((stringify!($konst), $id)),*];
    };
}

ids! {
    ORGANIZES = 35;
    HAS_TYPE_DEFINITION = 40;
    HAS_SUBTYPE = 45;
    HAS_PROPERTY = 46;
    HAS_COMPONENT = 47;
    FOLDER_TYPE = 61;
    BASE_DATA_VARIABLE_TYPE = 63;
    PROPERTY_TYPE = 68;
    DATA_ITEM_TYPE = 2365;
    ANALOG_ITEM_TYPE = 2368;
    ANALOG_UNIT_TYPE = 17497;
    OBJECTS_FOLDER = 85;
    SERVER = 2253;
    RANGE = 884;
    EU_INFORMATION = 887;
    SERVER_GET_MONITORED_ITEMS = 11492;
    SERVER_RESEND_DATA = 12873;
}

/// The methods of namespace 0 that Call carries out.
pub const IMPLEMENTED_METHODS: &[u32] = &[SERVER_GET_MONITORED_ITEMS, SERVER_RESEND_DATA];
