//! NodeIds of the nodes that a server has to know.

macro_rules! ids {
    ($($konst:ident = $id:literal $name:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $konst: u32 = $id;
        )*
    };
}

// Objects.
ids! {
    ROOT_FOLDER = 84 "RootFolder";
    OBJECTS_FOLDER = 85 "ObjectsFolder";
    TYPES_FOLDER = 86 "TypesFolder";
    VIEWS_FOLDER = 87 "ViewsFolder";
    LOCATIONS = 31915 "Locations";
    OBJECT_TYPES_FOLDER = 88 "ObjectTypesFolder";
    VARIABLE_TYPES_FOLDER = 89 "VariableTypesFolder";
    DATA_TYPES_FOLDER = 90 "DataTypesFolder";
    REFERENCE_TYPES_FOLDER = 91 "ReferenceTypesFolder";
    EVENT_TYPES_FOLDER = 3048 "EventTypesFolder";
    SERVER = 2253 "Server";
    SERVER_SERVER_CAPABILITIES = 2268 "Server_ServerCapabilities";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS = 11704 "Server_ServerCapabilities_OperationLimits";
    SERVER_SERVER_CAPABILITIES_ROLE_SET = 15606 "Server_ServerCapabilities_RoleSet";
    SERVER_SERVER_DIAGNOSTICS = 2274 "Server_ServerDiagnostics";
    SERVER_SERVER_DIAGNOSTICS_SESSIONS_DIAGNOSTICS_SUMMARY = 3706 "Server_ServerDiagnostics_SessionsDiagnosticsSummary";
    SERVER_VENDOR_SERVER_INFO = 2295 "Server_VendorServerInfo";
    SERVER_SERVER_REDUNDANCY = 2296 "Server_ServerRedundancy";
    SERVER_NAMESPACES = 11715 "Server_Namespaces";
    SERVER_CONFIGURATION = 12637 "ServerConfiguration";
    SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_START_TIME = 32337 "ServerConfiguration_TransactionDiagnostics_StartTime";
    SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_END_TIME = 32338 "ServerConfiguration_TransactionDiagnostics_EndTime";
    SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_RESULT = 32339 "ServerConfiguration_TransactionDiagnostics_Result";
    SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_AFFECTED_TRUST_LISTS = 32340 "ServerConfiguration_TransactionDiagnostics_AffectedTrustLists";
    SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_AFFECTED_CERTIFICATE_GROUPS = 32341 "ServerConfiguration_TransactionDiagnostics_AffectedCertificateGroups";
    SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_ERRORS = 32342 "ServerConfiguration_TransactionDiagnostics_Errors";
    HISTORY_SERVER_CAPABILITIES = 11192 "HistoryServerCapabilities";
    MODELLING_RULE_MANDATORY = 78 "ModellingRule_Mandatory";
    MODELLING_RULE_OPTIONAL = 80 "ModellingRule_Optional";
    MODELLING_RULE_MANDATORY_PLACEHOLDER = 11510 "ModellingRule_MandatoryPlaceholder";
    MODELLING_RULE_OPTIONAL_PLACEHOLDER = 11508 "ModellingRule_OptionalPlaceholder";
    MODELLING_RULE_EXPOSES_ITS_ARRAY = 83 "ModellingRule_ExposesItsArray";
    WELL_KNOWN_ROLE_ANONYMOUS = 15644 "WellKnownRole_Anonymous";
    WELL_KNOWN_ROLE_AUTHENTICATED_USER = 15656 "WellKnownRole_AuthenticatedUser";
    WELL_KNOWN_ROLE_OBSERVER = 15668 "WellKnownRole_Observer";
    WELL_KNOWN_ROLE_OPERATOR = 15680 "WellKnownRole_Operator";
    WELL_KNOWN_ROLE_ENGINEER = 16036 "WellKnownRole_Engineer";
    WELL_KNOWN_ROLE_SUPERVISOR = 15692 "WellKnownRole_Supervisor";
    WELL_KNOWN_ROLE_CONFIGURE_ADMIN = 15716 "WellKnownRole_ConfigureAdmin";
    WELL_KNOWN_ROLE_SECURITY_ADMIN = 15704 "WellKnownRole_SecurityAdmin";
}

// Object types.
ids! {
    BASE_OBJECT_TYPE = 58 "BaseObjectType";
    FOLDER_TYPE = 61 "FolderType";
    DATA_TYPE_ENCODING_TYPE = 76 "DataTypeEncodingType";
    SERVER_TYPE = 2004 "ServerType";
    BASE_EVENT_TYPE = 2041 "BaseEventType";
    SYSTEM_EVENT_TYPE = 2130 "SystemEventType";
    DEVICE_FAILURE_EVENT_TYPE = 2131 "DeviceFailureEventType";
    AUDIT_EVENT_TYPE = 2052 "AuditEventType";
    SESSION_DIAGNOSTICS_OBJECT_TYPE = 2029 "SessionDiagnosticsObjectType";
    SESSIONS_DIAGNOSTICS_SUMMARY_TYPE = 2026 "SessionsDiagnosticsSummaryType";
    EVENT_QUEUE_OVERFLOW_EVENT_TYPE = 3035 "EventQueueOverflowEventType";
    NAMESPACE_METADATA_TYPE = 11616 "NamespaceMetadataType";
    GENERAL_MODEL_CHANGE_EVENT_TYPE = 2133 "GeneralModelChangeEventType";
    SEMANTIC_CHANGE_EVENT_TYPE = 2738 "SemanticChangeEventType";
    REFRESH_START_EVENT_TYPE = 2787 "RefreshStartEventType";
    REFRESH_END_EVENT_TYPE = 2788 "RefreshEndEventType";
    REFRESH_REQUIRED_EVENT_TYPE = 2789 "RefreshRequiredEventType";
    CONDITION_TYPE = 2782 "ConditionType";
    BASE_MODEL_CHANGE_EVENT_TYPE = 2132 "BaseModelChangeEventType";
    SYSTEM_STATUS_CHANGE_EVENT_TYPE = 11446 "SystemStatusChangeEventType";
    AUDIT_SECURITY_EVENT_TYPE = 2058 "AuditSecurityEventType";
    AUDIT_OPEN_SECURE_CHANNEL_EVENT_TYPE = 2060 "AuditOpenSecureChannelEventType";
    AUDIT_SESSION_EVENT_TYPE = 2069 "AuditSessionEventType";
    AUDIT_CREATE_SESSION_EVENT_TYPE = 2071 "AuditCreateSessionEventType";
    AUDIT_URL_MISMATCH_EVENT_TYPE = 2748 "AuditUrlMismatchEventType";
    AUDIT_ACTIVATE_SESSION_EVENT_TYPE = 2075 "AuditActivateSessionEventType";
    AUDIT_CERTIFICATE_EVENT_TYPE = 2080 "AuditCertificateEventType";
    AUDIT_CERTIFICATE_DATA_MISMATCH_EVENT_TYPE = 2082 "AuditCertificateDataMismatchEventType";
    AUDIT_CERTIFICATE_EXPIRED_EVENT_TYPE = 2085 "AuditCertificateExpiredEventType";
    AUDIT_CERTIFICATE_INVALID_EVENT_TYPE = 2086 "AuditCertificateInvalidEventType";
    AUDIT_CERTIFICATE_UNTRUSTED_EVENT_TYPE = 2087 "AuditCertificateUntrustedEventType";
    AUDIT_CERTIFICATE_REVOKED_EVENT_TYPE = 2088 "AuditCertificateRevokedEventType";
    AUDIT_CERTIFICATE_MISMATCH_EVENT_TYPE = 2089 "AuditCertificateMismatchEventType";
    AUDIT_WRITE_UPDATE_EVENT_TYPE = 2100 "AuditWriteUpdateEventType";
    AUDIT_HISTORY_VALUE_UPDATE_EVENT_TYPE = 3006 "AuditHistoryValueUpdateEventType";
    AUDIT_HISTORY_RAW_MODIFY_DELETE_EVENT_TYPE = 3014 "AuditHistoryRawModifyDeleteEventType";
    AUDIT_HISTORY_AT_TIME_DELETE_EVENT_TYPE = 3019 "AuditHistoryAtTimeDeleteEventType";
    AUDIT_HISTORY_EVENT_DELETE_EVENT_TYPE = 3022 "AuditHistoryEventDeleteEventType";
    AUDIT_HISTORY_ANNOTATION_UPDATE_EVENT_TYPE = 19095 "AuditHistoryAnnotationUpdateEventType";
    HISTORICAL_DATA_CONFIGURATION_TYPE = 2318 "HistoricalDataConfigurationType";
    AGGREGATE_CONFIGURATION_TYPE = 11187 "AggregateConfigurationType";
    AUDIT_UPDATE_METHOD_EVENT_TYPE = 2127 "AuditUpdateMethodEventType";
    TRUST_LIST_UPDATED_AUDIT_EVENT_TYPE = 12561 "TrustListUpdatedAuditEventType";
    CERTIFICATE_UPDATED_AUDIT_EVENT_TYPE = 12620 "CertificateUpdatedAuditEventType";
    TRUST_LIST_UPDATE_REQUESTED_AUDIT_EVENT_TYPE = 32260 "TrustListUpdateRequestedAuditEventType";
    CERTIFICATE_UPDATE_REQUESTED_AUDIT_EVENT_TYPE = 32306 "CertificateUpdateRequestedAuditEventType";
    ROLE_MAPPING_RULE_CHANGED_AUDIT_EVENT_TYPE = 17641 "RoleMappingRuleChangedAuditEventType";
}

// Reference types.
ids! {
    REFERENCES = 31 "References";
    NON_HIERARCHICAL_REFERENCES = 32 "NonHierarchicalReferences";
    HIERARCHICAL_REFERENCES = 33 "HierarchicalReferences";
    HAS_CHILD = 34 "HasChild";
    ORGANIZES = 35 "Organizes";
    HAS_EVENT_SOURCE = 36 "HasEventSource";
    HAS_MODELLING_RULE = 37 "HasModellingRule";
    HAS_ENCODING = 38 "HasEncoding";
    HAS_DESCRIPTION = 39 "HasDescription";
    HAS_TYPE_DEFINITION = 40 "HasTypeDefinition";
    GENERATES_EVENT = 41 "GeneratesEvent";
    ALWAYS_GENERATES_EVENT = 3065 "AlwaysGeneratesEvent";
    AGGREGATES = 44 "Aggregates";
    HAS_SUBTYPE = 45 "HasSubtype";
    HAS_PROPERTY = 46 "HasProperty";
    HAS_COMPONENT = 47 "HasComponent";
    HAS_NOTIFIER = 48 "HasNotifier";
    HAS_ORDERED_COMPONENT = 49 "HasOrderedComponent";
    HAS_HISTORICAL_CONFIGURATION = 56 "HasHistoricalConfiguration";
    HAS_CONDITION = 9006 "HasCondition";
    HAS_INTERFACE = 17603 "HasInterface";
    HAS_ADD_IN = 17604 "HasAddIn";
}

// Variable types.
ids! {
    BASE_VARIABLE_TYPE = 62 "BaseVariableType";
    BASE_DATA_VARIABLE_TYPE = 63 "BaseDataVariableType";
    PROPERTY_TYPE = 68 "PropertyType";
    SERVER_STATUS_TYPE = 2138 "ServerStatusType";
    SERVER_DIAGNOSTICS_SUMMARY_TYPE = 2150 "ServerDiagnosticsSummaryType";
    SAMPLING_INTERVAL_DIAGNOSTICS_TYPE = 2165 "SamplingIntervalDiagnosticsType";
    SUBSCRIPTION_DIAGNOSTICS_TYPE = 2172 "SubscriptionDiagnosticsType";
    SESSION_DIAGNOSTICS_VARIABLE_TYPE = 2197 "SessionDiagnosticsVariableType";
    SESSION_SECURITY_DIAGNOSTICS_TYPE = 2244 "SessionSecurityDiagnosticsType";
    BUILD_INFO_TYPE = 3051 "BuildInfoType";
    DATA_ITEM_TYPE = 2365 "DataItemType";
    BASE_ANALOG_TYPE = 15318 "BaseAnalogType";
    ANALOG_ITEM_TYPE = 2368 "AnalogItemType";
    ANALOG_UNIT_TYPE = 17497 "AnalogUnitType";
    ANALOG_UNIT_RANGE_TYPE = 17570 "AnalogUnitRangeType";
    DISCRETE_ITEM_TYPE = 2372 "DiscreteItemType";
    TWO_STATE_DISCRETE_TYPE = 2373 "TwoStateDiscreteType";
    MULTI_STATE_DISCRETE_TYPE = 2376 "MultiStateDiscreteType";
    MULTI_STATE_VALUE_DISCRETE_TYPE = 11238 "MultiStateValueDiscreteType";
    ARRAY_ITEM_TYPE = 12021 "ArrayItemType";
}

// Variables of the Server object.
ids! {
    SERVER_SERVER_ARRAY = 2254 "Server_ServerArray";
    SERVER_NAMESPACE_ARRAY = 2255 "Server_NamespaceArray";
    SERVER_SERVER_STATUS = 2256 "Server_ServerStatus";
    SERVER_SERVER_STATUS_START_TIME = 2257 "Server_ServerStatus_StartTime";
    SERVER_SERVER_STATUS_CURRENT_TIME = 2258 "Server_ServerStatus_CurrentTime";
    SERVER_SERVER_STATUS_STATE = 2259 "Server_ServerStatus_State";
    SERVER_SERVER_STATUS_BUILD_INFO = 2260 "Server_ServerStatus_BuildInfo";
    SERVER_SERVER_STATUS_BUILD_INFO_PRODUCT_NAME = 2261 "Server_ServerStatus_BuildInfo_ProductName";
    SERVER_SERVER_STATUS_BUILD_INFO_PRODUCT_URI = 2262 "Server_ServerStatus_BuildInfo_ProductUri";
    SERVER_SERVER_STATUS_BUILD_INFO_MANUFACTURER_NAME = 2263 "Server_ServerStatus_BuildInfo_ManufacturerName";
    SERVER_SERVER_STATUS_BUILD_INFO_SOFTWARE_VERSION = 2264 "Server_ServerStatus_BuildInfo_SoftwareVersion";
    SERVER_SERVER_STATUS_BUILD_INFO_BUILD_NUMBER = 2265 "Server_ServerStatus_BuildInfo_BuildNumber";
    SERVER_SERVER_STATUS_BUILD_INFO_BUILD_DATE = 2266 "Server_ServerStatus_BuildInfo_BuildDate";
    SERVER_SERVICE_LEVEL = 2267 "Server_ServiceLevel";
    SERVER_SERVER_CAPABILITIES_SERVER_PROFILE_ARRAY = 2269 "Server_ServerCapabilities_ServerProfileArray";
    SERVER_SERVER_CAPABILITIES_LOCALE_ID_ARRAY = 2271 "Server_ServerCapabilities_LocaleIdArray";
    SERVER_SERVER_CAPABILITIES_MIN_SUPPORTED_SAMPLE_RATE = 2272 "Server_ServerCapabilities_MinSupportedSampleRate";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY = 2275 "Server_ServerDiagnostics_ServerDiagnosticsSummary";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SERVER_VIEW_COUNT = 2276 "Server_ServerDiagnostics_ServerDiagnosticsSummary_ServerViewCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_CURRENT_SESSION_COUNT = 2277 "Server_ServerDiagnostics_ServerDiagnosticsSummary_CurrentSessionCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_CUMULATED_SESSION_COUNT = 2278 "Server_ServerDiagnostics_ServerDiagnosticsSummary_CumulatedSessionCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SECURITY_REJECTED_SESSION_COUNT = 2279 "Server_ServerDiagnostics_ServerDiagnosticsSummary_SecurityRejectedSessionCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SESSION_TIMEOUT_COUNT = 2281 "Server_ServerDiagnostics_ServerDiagnosticsSummary_SessionTimeoutCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SESSION_ABORT_COUNT = 2282 "Server_ServerDiagnostics_ServerDiagnosticsSummary_SessionAbortCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_PUBLISHING_INTERVAL_COUNT = 2284 "Server_ServerDiagnostics_ServerDiagnosticsSummary_PublishingIntervalCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_CURRENT_SUBSCRIPTION_COUNT = 2285 "Server_ServerDiagnostics_ServerDiagnosticsSummary_CurrentSubscriptionCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_CUMULATED_SUBSCRIPTION_COUNT = 2286 "Server_ServerDiagnostics_ServerDiagnosticsSummary_CumulatedSubscriptionCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SECURITY_REJECTED_REQUESTS_COUNT = 2287 "Server_ServerDiagnostics_ServerDiagnosticsSummary_SecurityRejectedRequestsCount";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_REJECTED_REQUESTS_COUNT = 2288 "Server_ServerDiagnostics_ServerDiagnosticsSummary_RejectedRequestsCount";
    SERVER_SERVER_DIAGNOSTICS_SAMPLING_INTERVAL_DIAGNOSTICS_ARRAY = 2289 "Server_ServerDiagnostics_SamplingIntervalDiagnosticsArray";
    SERVER_SERVER_DIAGNOSTICS_SUBSCRIPTION_DIAGNOSTICS_ARRAY = 2290 "Server_ServerDiagnostics_SubscriptionDiagnosticsArray";
    SERVER_SERVER_DIAGNOSTICS_ENABLED_FLAG = 2294 "Server_ServerDiagnostics_EnabledFlag";
    SERVER_SERVER_CAPABILITIES_MAX_BROWSE_CONTINUATION_POINTS = 2735 "Server_ServerCapabilities_MaxBrowseContinuationPoints";
    SERVER_SERVER_CAPABILITIES_MAX_QUERY_CONTINUATION_POINTS = 2736 "Server_ServerCapabilities_MaxQueryContinuationPoints";
    SERVER_SERVER_CAPABILITIES_MAX_HISTORY_CONTINUATION_POINTS = 2737 "Server_ServerCapabilities_MaxHistoryContinuationPoints";
    SERVER_SERVER_STATUS_SECONDS_TILL_SHUTDOWN = 2992 "Server_ServerStatus_SecondsTillShutdown";
    SERVER_SERVER_STATUS_SHUTDOWN_REASON = 2993 "Server_ServerStatus_ShutdownReason";
    HISTORY_SERVER_CAPABILITIES_ACCESS_HISTORY_DATA_CAPABILITY = 11193 "HistoryServerCapabilities_AccessHistoryDataCapability";
    HISTORY_SERVER_CAPABILITIES_INSERT_DATA_CAPABILITY = 11196 "HistoryServerCapabilities_InsertDataCapability";
    HISTORY_SERVER_CAPABILITIES_REPLACE_DATA_CAPABILITY = 11197 "HistoryServerCapabilities_ReplaceDataCapability";
    HISTORY_SERVER_CAPABILITIES_UPDATE_DATA_CAPABILITY = 11198 "HistoryServerCapabilities_UpdateDataCapability";
    HISTORY_SERVER_CAPABILITIES_DELETE_RAW_CAPABILITY = 11199 "HistoryServerCapabilities_DeleteRawCapability";
    HISTORY_SERVER_CAPABILITIES_DELETE_AT_TIME_CAPABILITY = 11200 "HistoryServerCapabilities_DeleteAtTimeCapability";
    HISTORY_SERVER_CAPABILITIES_ACCESS_HISTORY_EVENTS_CAPABILITY = 11242 "HistoryServerCapabilities_AccessHistoryEventsCapability";
    HISTORY_SERVER_CAPABILITIES_MAX_RETURN_DATA_VALUES = 11273 "HistoryServerCapabilities_MaxReturnDataValues";
    HISTORY_SERVER_CAPABILITIES_MAX_RETURN_EVENT_VALUES = 11274 "HistoryServerCapabilities_MaxReturnEventValues";
    HISTORY_SERVER_CAPABILITIES_INSERT_ANNOTATION_CAPABILITY = 11275 "HistoryServerCapabilities_InsertAnnotationCapability";
    HISTORY_SERVER_CAPABILITIES_DELETE_EVENT_CAPABILITY = 11502 "HistoryServerCapabilities_DeleteEventCapability";
    HISTORY_SERVER_CAPABILITIES_SERVER_TIMESTAMP_SUPPORTED = 19091 "HistoryServerCapabilities_ServerTimestampSupported";
    SERVER_AUDITING = 2994 "Server_Auditing";
    SERVER_SERVER_CAPABILITIES_SOFTWARE_CERTIFICATES = 3704 "Server_ServerCapabilities_SoftwareCertificates";
    SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_REJECTED_SESSION_COUNT = 3705 "Server_ServerDiagnostics_ServerDiagnosticsSummary_RejectedSessionCount";
    SERVER_SERVER_DIAGNOSTICS_SESSIONS_DIAGNOSTICS_SUMMARY_SESSION_DIAGNOSTICS_ARRAY = 3707 "Server_ServerDiagnostics_SessionsDiagnosticsSummary_SessionDiagnosticsArray";
    SERVER_SERVER_DIAGNOSTICS_SESSIONS_DIAGNOSTICS_SUMMARY_SESSION_SECURITY_DIAGNOSTICS_ARRAY = 3708 "Server_ServerDiagnostics_SessionsDiagnosticsSummary_SessionSecurityDiagnosticsArray";
    SERVER_SERVER_REDUNDANCY_REDUNDANCY_SUPPORT = 3709 "Server_ServerRedundancy_RedundancySupport";
    SERVER_SERVER_REDUNDANCY_CURRENT_SERVER_ID = 11312 "Server_ServerRedundancy_CurrentServerId";
    SERVER_SERVER_REDUNDANCY_REDUNDANT_SERVER_ARRAY = 11313 "Server_ServerRedundancy_RedundantServerArray";
    SERVER_SERVER_REDUNDANCY_SERVER_URI_ARRAY = 11314 "Server_ServerRedundancy_ServerUriArray";
    SERVER_SERVER_CAPABILITIES_MAX_ARRAY_LENGTH = 11702 "Server_ServerCapabilities_MaxArrayLength";
    SERVER_SERVER_CAPABILITIES_MAX_STRING_LENGTH = 11703 "Server_ServerCapabilities_MaxStringLength";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_READ = 11705 "Server_ServerCapabilities_OperationLimits_MaxNodesPerRead";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_WRITE = 11707 "Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_METHOD_CALL = 11709 "Server_ServerCapabilities_OperationLimits_MaxNodesPerMethodCall";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_BROWSE = 11710 "Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_REGISTER_NODES = 11711 "Server_ServerCapabilities_OperationLimits_MaxNodesPerRegisterNodes";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_TRANSLATE_BROWSE_PATHS_TO_NODE_IDS = 11712 "Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_NODE_MANAGEMENT = 11713 "Server_ServerCapabilities_OperationLimits_MaxNodesPerNodeManagement";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_MONITORED_ITEMS_PER_CALL = 11714 "Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_HISTORY_READ_DATA = 12165 "Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_HISTORY_READ_EVENTS = 12166 "Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadEvents";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_HISTORY_UPDATE_DATA = 12167 "Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryUpdateData";
    SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_HISTORY_UPDATE_EVENTS = 12168 "Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryUpdateEvents";
    SERVER_ESTIMATED_RETURN_TIME = 12885 "Server_EstimatedReturnTime";
    SERVER_SERVER_CAPABILITIES_MAX_BYTE_STRING_LENGTH = 12911 "Server_ServerCapabilities_MaxByteStringLength";
    SERVER_SERVER_REDUNDANCY_SERVER_NETWORK_GROUPS = 14415 "Server_ServerRedundancy_ServerNetworkGroups";
    SERVER_URIS_VERSION = 15004 "Server_UrisVersion";
    SERVER_LOCAL_TIME = 17634 "Server_LocalTime";
    SERVER_SERVER_CAPABILITIES_MAX_SESSIONS = 24095 "Server_ServerCapabilities_MaxSessions";
    SERVER_SERVER_CAPABILITIES_MAX_SUBSCRIPTIONS = 24096 "Server_ServerCapabilities_MaxSubscriptions";
    SERVER_SERVER_CAPABILITIES_MAX_MONITORED_ITEMS = 24097 "Server_ServerCapabilities_MaxMonitoredItems";
    SERVER_SERVER_CAPABILITIES_MAX_SUBSCRIPTIONS_PER_SESSION = 24098 "Server_ServerCapabilities_MaxSubscriptionsPerSession";
    SERVER_SERVER_CAPABILITIES_MAX_SELECT_CLAUSE_PARAMETERS = 24099 "Server_ServerCapabilities_MaxSelectClauseParameters";
    SERVER_SERVER_CAPABILITIES_MAX_WHERE_CLAUSE_PARAMETERS = 24100 "Server_ServerCapabilities_MaxWhereClauseParameters";
    SERVER_SERVER_CAPABILITIES_CONFORMANCE_UNITS = 24101 "Server_ServerCapabilities_ConformanceUnits";
    SERVER_SERVER_CAPABILITIES_MAX_MONITORED_ITEMS_PER_SUBSCRIPTION = 24104 "Server_ServerCapabilities_MaxMonitoredItemsPerSubscription";
    SERVER_SERVER_CAPABILITIES_MAX_MONITORED_ITEMS_QUEUE_SIZE = 31916 "Server_ServerCapabilities_MaxMonitoredItemsQueueSize";
    SERVER_GET_MONITORED_ITEMS_INPUT_ARGUMENTS = 11493 "Server_GetMonitoredItems_InputArguments";
    SERVER_GET_MONITORED_ITEMS_OUTPUT_ARGUMENTS = 11494 "Server_GetMonitoredItems_OutputArguments";
    SERVER_RESEND_DATA_INPUT_ARGUMENTS = 12874 "Server_ResendData_InputArguments";
}

// Methods.
ids! {
    SERVER_GET_MONITORED_ITEMS = 11492 "Server_GetMonitoredItems";
    SERVER_RESEND_DATA = 12873 "Server_ResendData";
    SERVER_SET_SUBSCRIPTION_DURABLE = 12749 "Server_SetSubscriptionDurable";
    SERVER_REQUEST_SERVER_STATE_CHANGE = 12886 "Server_RequestServerStateChange";
    CONDITION_TYPE_CONDITION_REFRESH = 3875 "ConditionType_ConditionRefresh";
    CONDITION_TYPE_CONDITION_REFRESH2 = 12912 "ConditionType_ConditionRefresh2";
}

// Push management of certificates (Part 12, 7.10): objects, variables and methods.
ids! {
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP = 14156 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST = 12642 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP = 14122 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST = 14123 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList";
    SERVER_CONFIGURATION_SERVER_CAPABILITIES = 12710 "ServerConfiguration_ServerCapabilities";
    SERVER_CONFIGURATION_SUPPORTED_PRIVATE_KEY_FORMATS = 12639 "ServerConfiguration_SupportedPrivateKeyFormats";
    SERVER_CONFIGURATION_MAX_TRUST_LIST_SIZE = 12640 "ServerConfiguration_MaxTrustListSize";
    SERVER_CONFIGURATION_MULTICAST_DNS_ENABLED = 12641 "ServerConfiguration_MulticastDnsEnabled";
    SERVER_CONFIGURATION_HAS_SECURE_ELEMENT = 23597 "ServerConfiguration_HasSecureElement";
    SERVER_CONFIGURATION_APPLICATION_URI = 25706 "ServerConfiguration_ApplicationUri";
    SERVER_CONFIGURATION_APPLICATION_TYPE = 25707 "ServerConfiguration_ApplicationType";
    SERVER_CONFIGURATION_PRODUCT_URI = 25725 "ServerConfiguration_ProductUri";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_CERTIFICATE_TYPES = 14161 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_CertificateTypes";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_SIZE = 12643 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_Size";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_WRITABLE = 14157 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_Writable";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_USER_WRITABLE = 14158 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_UserWritable";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_OPEN_COUNT = 12646 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_OpenCount";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_LAST_UPDATE_TIME = 12662 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_LastUpdateTime";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_CERTIFICATE_TYPES = 14155 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_CertificateTypes";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_SIZE = 14124 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_Size";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_WRITABLE = 14125 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_Writable";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_USER_WRITABLE = 14126 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_UserWritable";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_OPEN_COUNT = 14127 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_OpenCount";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_LAST_UPDATE_TIME = 14144 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_LastUpdateTime";
    SERVER_CONFIGURATION_CREATE_SIGNING_REQUEST = 12737 "ServerConfiguration_CreateSigningRequest";
    SERVER_CONFIGURATION_UPDATE_CERTIFICATE = 13737 "ServerConfiguration_UpdateCertificate";
    SERVER_CONFIGURATION_APPLY_CHANGES = 12740 "ServerConfiguration_ApplyChanges";
    SERVER_CONFIGURATION_CANCEL_CHANGES = 25708 "ServerConfiguration_CancelChanges";
    SERVER_CONFIGURATION_GET_REJECTED_LIST = 12777 "ServerConfiguration_GetRejectedList";
    SERVER_CONFIGURATION_TYPE_CREATE_SIGNING_REQUEST = 12731 "ServerConfigurationType_CreateSigningRequest";
    SERVER_CONFIGURATION_TYPE_UPDATE_CERTIFICATE = 12616 "ServerConfigurationType_UpdateCertificate";
    SERVER_CONFIGURATION_TYPE_APPLY_CHANGES = 12734 "ServerConfigurationType_ApplyChanges";
    SERVER_CONFIGURATION_TYPE_CANCEL_CHANGES = 25698 "ServerConfigurationType_CancelChanges";
    SERVER_CONFIGURATION_TYPE_GET_REJECTED_LIST = 12775 "ServerConfigurationType_GetRejectedList";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_OPEN = 12647 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_Open";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_CLOSE = 12650 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_Close";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_READ = 12652 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_Read";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_WRITE = 12655 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_Write";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_GET_POSITION = 12657 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_GetPosition";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_SET_POSITION = 12660 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_SetPosition";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_OPEN_WITH_MASKS = 12663 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_OpenWithMasks";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_CLOSE_AND_UPDATE = 12666 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_CloseAndUpdate";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_ADD_CERTIFICATE = 12668 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_AddCertificate";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_REMOVE_CERTIFICATE = 12670 "ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList_RemoveCertificate";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_OPEN = 14129 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_Open";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_CLOSE = 14132 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_Close";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_READ = 14134 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_Read";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_WRITE = 14137 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_Write";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_GET_POSITION = 14139 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_GetPosition";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_SET_POSITION = 14142 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_SetPosition";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_OPEN_WITH_MASKS = 14145 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_OpenWithMasks";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_CLOSE_AND_UPDATE = 14148 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_CloseAndUpdate";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_ADD_CERTIFICATE = 14151 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_AddCertificate";
    SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_REMOVE_CERTIFICATE = 14153 "ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList_RemoveCertificate";
    FILE_TYPE_OPEN = 11580 "FileType_Open";
    FILE_TYPE_CLOSE = 11583 "FileType_Close";
    FILE_TYPE_READ = 11585 "FileType_Read";
    FILE_TYPE_WRITE = 11588 "FileType_Write";
    FILE_TYPE_GET_POSITION = 11590 "FileType_GetPosition";
    FILE_TYPE_SET_POSITION = 11593 "FileType_SetPosition";
    TRUST_LIST_TYPE_OPEN_WITH_MASKS = 12543 "TrustListType_OpenWithMasks";
    TRUST_LIST_TYPE_CLOSE_AND_UPDATE = 12546 "TrustListType_CloseAndUpdate";
    TRUST_LIST_TYPE_ADD_CERTIFICATE = 12548 "TrustListType_AddCertificate";
    TRUST_LIST_TYPE_REMOVE_CERTIFICATE = 12550 "TrustListType_RemoveCertificate";
    RSA_SHA256_APPLICATION_CERTIFICATE_TYPE = 12560 "RsaSha256ApplicationCertificateType";
    USER_CREDENTIAL_CERTIFICATE_TYPE = 15181 "UserCredentialCertificateType";
}
