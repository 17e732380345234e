//! Attributes of nodes (Part 6, Annex A.1).

macro_rules! attributes {
    ($($konst:ident = $id:literal $name:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $konst: u32 = $id;
        )*

        /// The name of an attribute; `None` when there is no such attribute.
        pub const fn name(attribute_id: u32) -> Option<&'static str> {
            match attribute_id {
                $($id => Some($name),)*
                _ => None,
            }
        }
    };
}

attributes! {
    NODE_ID = 1 "NodeId";
    NODE_CLASS = 2 "NodeClass";
    BROWSE_NAME = 3 "BrowseName";
    DISPLAY_NAME = 4 "DisplayName";
    DESCRIPTION = 5 "Description";
    WRITE_MASK = 6 "WriteMask";
    USER_WRITE_MASK = 7 "UserWriteMask";
    IS_ABSTRACT = 8 "IsAbstract";
    SYMMETRIC = 9 "Symmetric";
    INVERSE_NAME = 10 "InverseName";
    CONTAINS_NO_LOOPS = 11 "ContainsNoLoops";
    EVENT_NOTIFIER = 12 "EventNotifier";
    VALUE = 13 "Value";
    DATA_TYPE = 14 "DataType";
    VALUE_RANK = 15 "ValueRank";
    ARRAY_DIMENSIONS = 16 "ArrayDimensions";
    ACCESS_LEVEL = 17 "AccessLevel";
    USER_ACCESS_LEVEL = 18 "UserAccessLevel";
    MINIMUM_SAMPLING_INTERVAL = 19 "MinimumSamplingInterval";
    HISTORIZING = 20 "Historizing";
    EXECUTABLE = 21 "Executable";
    USER_EXECUTABLE = 22 "UserExecutable";
    DATA_TYPE_DEFINITION = 23 "DataTypeDefinition";
    ROLE_PERMISSIONS = 24 "RolePermissions";
    USER_ROLE_PERMISSIONS = 25 "UserRolePermissions";
    ACCESS_RESTRICTIONS = 26 "AccessRestrictions";
    ACCESS_LEVEL_EX = 27 "AccessLevelEx";
}
