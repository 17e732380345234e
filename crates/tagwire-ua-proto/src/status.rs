//! Every standard StatusCode with its name (OPC UA Part 6, Annex A.2).

use tagwire_model::Status;

macro_rules! codes {
    ($($konst:ident = $code:literal $name:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $konst: Status = Status($code);
        )*

        /// Code and name of every standard StatusCode, in the order of the codes.
        const TABLE: &[(u32, &str)] = &[$(($code, $name),)*];
    };
}

/// The symbolic name of a code, info bits aside.
pub fn name(status: Status) -> Option<&'static str> {
    let idx = TABLE.binary_search_by_key(&status.code().0, |(code, _)| *code).ok()?;
    TABLE.get(idx).map(|(_, name)| *name)
}

/// The code with a symbolic name.
pub fn from_name(name: &str) -> Option<Status> {
    TABLE.iter().find(|(_, known)| *known == name).map(|(code, _)| Status(*code))
}

/// All codes, in the order of their numbers.
pub fn all() -> impl Iterator<Item = (Status, &'static str)> {
    TABLE.iter().map(|(code, name)| (Status(*code), *name))
}

codes! {
    GOOD = 0x0000_0000 "Good";
    GOOD_SUBSCRIPTION_TRANSFERRED = 0x002D_0000 "GoodSubscriptionTransferred";
    GOOD_COMPLETES_ASYNCHRONOUSLY = 0x002E_0000 "GoodCompletesAsynchronously";
    GOOD_OVERLOAD = 0x002F_0000 "GoodOverload";
    GOOD_CLAMPED = 0x0030_0000 "GoodClamped";
    GOOD_LOCAL_OVERRIDE = 0x0096_0000 "GoodLocalOverride";
    GOOD_ENTRY_INSERTED = 0x00A2_0000 "GoodEntryInserted";
    GOOD_ENTRY_REPLACED = 0x00A3_0000 "GoodEntryReplaced";
    GOOD_NO_DATA = 0x00A5_0000 "GoodNoData";
    GOOD_MORE_DATA = 0x00A6_0000 "GoodMoreData";
    GOOD_COMMUNICATION_EVENT = 0x00A7_0000 "GoodCommunicationEvent";
    GOOD_SHUTDOWN_EVENT = 0x00A8_0000 "GoodShutdownEvent";
    GOOD_CALL_AGAIN = 0x00A9_0000 "GoodCallAgain";
    GOOD_NON_CRITICAL_TIMEOUT = 0x00AA_0000 "GoodNonCriticalTimeout";
    GOOD_RESULTS_MAY_BE_INCOMPLETE = 0x00BA_0000 "GoodResultsMayBeIncomplete";
    GOOD_DATA_IGNORED = 0x00D9_0000 "GoodDataIgnored";
    GOOD_EDITED = 0x00DC_0000 "GoodEdited";
    GOOD_POST_ACTION_FAILED = 0x00DD_0000 "GoodPostActionFailed";
    GOOD_RETRANSMISSION_QUEUE_NOT_SUPPORTED = 0x00DF_0000 "GoodRetransmissionQueueNotSupported";
    GOOD_DEPENDENT_VALUE_CHANGED = 0x00E0_0000 "GoodDependentValueChanged";
    GOOD_SUB_NORMAL = 0x00EB_0000 "GoodSubNormal";
    GOOD_PASSWORD_CHANGE_REQUIRED = 0x00EF_0000 "GoodPasswordChangeRequired";
    GOOD_EDITED_DEPENDENT_VALUE_CHANGED = 0x0116_0000 "GoodEdited_DependentValueChanged";
    GOOD_EDITED_DOMINANT_VALUE_CHANGED = 0x0117_0000 "GoodEdited_DominantValueChanged";
    GOOD_EDITED_DOMINANT_VALUE_CHANGED_DEPENDENT_VALUE_CHANGED = 0x0118_0000 "GoodEdited_DominantValueChanged_DependentValueChanged";
    GOOD_CASCADE_INITIALIZATION_ACKNOWLEDGED = 0x0401_0000 "GoodCascadeInitializationAcknowledged";
    GOOD_CASCADE_INITIALIZATION_REQUEST = 0x0402_0000 "GoodCascadeInitializationRequest";
    GOOD_CASCADE_NOT_INVITED = 0x0403_0000 "GoodCascadeNotInvited";
    GOOD_CASCADE_NOT_SELECTED = 0x0404_0000 "GoodCascadeNotSelected";
    GOOD_FAULT_STATE_ACTIVE = 0x0407_0000 "GoodFaultStateActive";
    GOOD_INITIATE_FAULT_STATE = 0x0408_0000 "GoodInitiateFaultState";
    GOOD_CASCADE = 0x0409_0000 "GoodCascade";
    UNCERTAIN = 0x4000_0000 "Uncertain";
    UNCERTAIN_REFERENCE_OUT_OF_SERVER = 0x406C_0000 "UncertainReferenceOutOfServer";
    UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE = 0x408F_0000 "UncertainNoCommunicationLastUsableValue";
    UNCERTAIN_LAST_USABLE_VALUE = 0x4090_0000 "UncertainLastUsableValue";
    UNCERTAIN_SUBSTITUTE_VALUE = 0x4091_0000 "UncertainSubstituteValue";
    UNCERTAIN_INITIAL_VALUE = 0x4092_0000 "UncertainInitialValue";
    UNCERTAIN_SENSOR_NOT_ACCURATE = 0x4093_0000 "UncertainSensorNotAccurate";
    UNCERTAIN_ENGINEERING_UNITS_EXCEEDED = 0x4094_0000 "UncertainEngineeringUnitsExceeded";
    UNCERTAIN_SUB_NORMAL = 0x4095_0000 "UncertainSubNormal";
    UNCERTAIN_DATA_SUB_NORMAL = 0x40A4_0000 "UncertainDataSubNormal";
    UNCERTAIN_REFERENCE_NOT_DELETED = 0x40BC_0000 "UncertainReferenceNotDeleted";
    UNCERTAIN_NOT_ALL_NODES_AVAILABLE = 0x40C0_0000 "UncertainNotAllNodesAvailable";
    UNCERTAIN_DOMINANT_VALUE_CHANGED = 0x40DE_0000 "UncertainDominantValueChanged";
    UNCERTAIN_DEPENDENT_VALUE_CHANGED = 0x40E2_0000 "UncertainDependentValueChanged";
    UNCERTAIN_TRANSDUCER_IN_MANUAL = 0x4208_0000 "UncertainTransducerInManual";
    UNCERTAIN_SIMULATED_VALUE = 0x4209_0000 "UncertainSimulatedValue";
    UNCERTAIN_SENSOR_CALIBRATION = 0x420A_0000 "UncertainSensorCalibration";
    UNCERTAIN_CONFIGURATION_ERROR = 0x420F_0000 "UncertainConfigurationError";
    BAD = 0x8000_0000 "Bad";
    BAD_UNEXPECTED_ERROR = 0x8001_0000 "BadUnexpectedError";
    BAD_INTERNAL_ERROR = 0x8002_0000 "BadInternalError";
    BAD_OUT_OF_MEMORY = 0x8003_0000 "BadOutOfMemory";
    BAD_RESOURCE_UNAVAILABLE = 0x8004_0000 "BadResourceUnavailable";
    BAD_COMMUNICATION_ERROR = 0x8005_0000 "BadCommunicationError";
    BAD_ENCODING_ERROR = 0x8006_0000 "BadEncodingError";
    BAD_DECODING_ERROR = 0x8007_0000 "BadDecodingError";
    BAD_ENCODING_LIMITS_EXCEEDED = 0x8008_0000 "BadEncodingLimitsExceeded";
    BAD_UNKNOWN_RESPONSE = 0x8009_0000 "BadUnknownResponse";
    BAD_TIMEOUT = 0x800A_0000 "BadTimeout";
    BAD_SERVICE_UNSUPPORTED = 0x800B_0000 "BadServiceUnsupported";
    BAD_SHUTDOWN = 0x800C_0000 "BadShutdown";
    BAD_SERVER_NOT_CONNECTED = 0x800D_0000 "BadServerNotConnected";
    BAD_SERVER_HALTED = 0x800E_0000 "BadServerHalted";
    BAD_NOTHING_TO_DO = 0x800F_0000 "BadNothingToDo";
    BAD_TOO_MANY_OPERATIONS = 0x8010_0000 "BadTooManyOperations";
    BAD_DATA_TYPE_ID_UNKNOWN = 0x8011_0000 "BadDataTypeIdUnknown";
    BAD_CERTIFICATE_INVALID = 0x8012_0000 "BadCertificateInvalid";
    BAD_SECURITY_CHECKS_FAILED = 0x8013_0000 "BadSecurityChecksFailed";
    BAD_CERTIFICATE_TIME_INVALID = 0x8014_0000 "BadCertificateTimeInvalid";
    BAD_CERTIFICATE_ISSUER_TIME_INVALID = 0x8015_0000 "BadCertificateIssuerTimeInvalid";
    BAD_CERTIFICATE_HOST_NAME_INVALID = 0x8016_0000 "BadCertificateHostNameInvalid";
    BAD_CERTIFICATE_URI_INVALID = 0x8017_0000 "BadCertificateUriInvalid";
    BAD_CERTIFICATE_USE_NOT_ALLOWED = 0x8018_0000 "BadCertificateUseNotAllowed";
    BAD_CERTIFICATE_ISSUER_USE_NOT_ALLOWED = 0x8019_0000 "BadCertificateIssuerUseNotAllowed";
    BAD_CERTIFICATE_UNTRUSTED = 0x801A_0000 "BadCertificateUntrusted";
    BAD_CERTIFICATE_REVOCATION_UNKNOWN = 0x801B_0000 "BadCertificateRevocationUnknown";
    BAD_CERTIFICATE_ISSUER_REVOCATION_UNKNOWN = 0x801C_0000 "BadCertificateIssuerRevocationUnknown";
    BAD_CERTIFICATE_REVOKED = 0x801D_0000 "BadCertificateRevoked";
    BAD_CERTIFICATE_ISSUER_REVOKED = 0x801E_0000 "BadCertificateIssuerRevoked";
    BAD_USER_ACCESS_DENIED = 0x801F_0000 "BadUserAccessDenied";
    BAD_IDENTITY_TOKEN_INVALID = 0x8020_0000 "BadIdentityTokenInvalid";
    BAD_IDENTITY_TOKEN_REJECTED = 0x8021_0000 "BadIdentityTokenRejected";
    BAD_SECURE_CHANNEL_ID_INVALID = 0x8022_0000 "BadSecureChannelIdInvalid";
    BAD_INVALID_TIMESTAMP = 0x8023_0000 "BadInvalidTimestamp";
    BAD_NONCE_INVALID = 0x8024_0000 "BadNonceInvalid";
    BAD_SESSION_ID_INVALID = 0x8025_0000 "BadSessionIdInvalid";
    BAD_SESSION_CLOSED = 0x8026_0000 "BadSessionClosed";
    BAD_SESSION_NOT_ACTIVATED = 0x8027_0000 "BadSessionNotActivated";
    BAD_SUBSCRIPTION_ID_INVALID = 0x8028_0000 "BadSubscriptionIdInvalid";
    BAD_REQUEST_HEADER_INVALID = 0x802A_0000 "BadRequestHeaderInvalid";
    BAD_TIMESTAMPS_TO_RETURN_INVALID = 0x802B_0000 "BadTimestampsToReturnInvalid";
    BAD_REQUEST_CANCELLED_BY_CLIENT = 0x802C_0000 "BadRequestCancelledByClient";
    BAD_NO_COMMUNICATION = 0x8031_0000 "BadNoCommunication";
    BAD_WAITING_FOR_INITIAL_DATA = 0x8032_0000 "BadWaitingForInitialData";
    BAD_NODE_ID_INVALID = 0x8033_0000 "BadNodeIdInvalid";
    BAD_NODE_ID_UNKNOWN = 0x8034_0000 "BadNodeIdUnknown";
    BAD_ATTRIBUTE_ID_INVALID = 0x8035_0000 "BadAttributeIdInvalid";
    BAD_INDEX_RANGE_INVALID = 0x8036_0000 "BadIndexRangeInvalid";
    BAD_INDEX_RANGE_NO_DATA = 0x8037_0000 "BadIndexRangeNoData";
    BAD_DATA_ENCODING_INVALID = 0x8038_0000 "BadDataEncodingInvalid";
    BAD_DATA_ENCODING_UNSUPPORTED = 0x8039_0000 "BadDataEncodingUnsupported";
    BAD_NOT_READABLE = 0x803A_0000 "BadNotReadable";
    BAD_NOT_WRITABLE = 0x803B_0000 "BadNotWritable";
    BAD_OUT_OF_RANGE = 0x803C_0000 "BadOutOfRange";
    BAD_NOT_SUPPORTED = 0x803D_0000 "BadNotSupported";
    BAD_NOT_FOUND = 0x803E_0000 "BadNotFound";
    BAD_OBJECT_DELETED = 0x803F_0000 "BadObjectDeleted";
    BAD_NOT_IMPLEMENTED = 0x8040_0000 "BadNotImplemented";
    BAD_MONITORING_MODE_INVALID = 0x8041_0000 "BadMonitoringModeInvalid";
    BAD_MONITORED_ITEM_ID_INVALID = 0x8042_0000 "BadMonitoredItemIdInvalid";
    BAD_MONITORED_ITEM_FILTER_INVALID = 0x8043_0000 "BadMonitoredItemFilterInvalid";
    BAD_MONITORED_ITEM_FILTER_UNSUPPORTED = 0x8044_0000 "BadMonitoredItemFilterUnsupported";
    BAD_FILTER_NOT_ALLOWED = 0x8045_0000 "BadFilterNotAllowed";
    BAD_STRUCTURE_MISSING = 0x8046_0000 "BadStructureMissing";
    BAD_EVENT_FILTER_INVALID = 0x8047_0000 "BadEventFilterInvalid";
    BAD_CONTENT_FILTER_INVALID = 0x8048_0000 "BadContentFilterInvalid";
    BAD_FILTER_OPERAND_INVALID = 0x8049_0000 "BadFilterOperandInvalid";
    BAD_CONTINUATION_POINT_INVALID = 0x804A_0000 "BadContinuationPointInvalid";
    BAD_NO_CONTINUATION_POINTS = 0x804B_0000 "BadNoContinuationPoints";
    BAD_REFERENCE_TYPE_ID_INVALID = 0x804C_0000 "BadReferenceTypeIdInvalid";
    BAD_BROWSE_DIRECTION_INVALID = 0x804D_0000 "BadBrowseDirectionInvalid";
    BAD_NODE_NOT_IN_VIEW = 0x804E_0000 "BadNodeNotInView";
    BAD_SERVER_URI_INVALID = 0x804F_0000 "BadServerUriInvalid";
    BAD_SERVER_NAME_MISSING = 0x8050_0000 "BadServerNameMissing";
    BAD_DISCOVERY_URL_MISSING = 0x8051_0000 "BadDiscoveryUrlMissing";
    BAD_SEMPAHORE_FILE_MISSING = 0x8052_0000 "BadSempahoreFileMissing";
    BAD_REQUEST_TYPE_INVALID = 0x8053_0000 "BadRequestTypeInvalid";
    BAD_SECURITY_MODE_REJECTED = 0x8054_0000 "BadSecurityModeRejected";
    BAD_SECURITY_POLICY_REJECTED = 0x8055_0000 "BadSecurityPolicyRejected";
    BAD_TOO_MANY_SESSIONS = 0x8056_0000 "BadTooManySessions";
    BAD_USER_SIGNATURE_INVALID = 0x8057_0000 "BadUserSignatureInvalid";
    BAD_APPLICATION_SIGNATURE_INVALID = 0x8058_0000 "BadApplicationSignatureInvalid";
    BAD_NO_VALID_CERTIFICATES = 0x8059_0000 "BadNoValidCertificates";
    BAD_REQUEST_CANCELLED_BY_REQUEST = 0x805A_0000 "BadRequestCancelledByRequest";
    BAD_PARENT_NODE_ID_INVALID = 0x805B_0000 "BadParentNodeIdInvalid";
    BAD_REFERENCE_NOT_ALLOWED = 0x805C_0000 "BadReferenceNotAllowed";
    BAD_NODE_ID_REJECTED = 0x805D_0000 "BadNodeIdRejected";
    BAD_NODE_ID_EXISTS = 0x805E_0000 "BadNodeIdExists";
    BAD_NODE_CLASS_INVALID = 0x805F_0000 "BadNodeClassInvalid";
    BAD_BROWSE_NAME_INVALID = 0x8060_0000 "BadBrowseNameInvalid";
    BAD_BROWSE_NAME_DUPLICATED = 0x8061_0000 "BadBrowseNameDuplicated";
    BAD_NODE_ATTRIBUTES_INVALID = 0x8062_0000 "BadNodeAttributesInvalid";
    BAD_TYPE_DEFINITION_INVALID = 0x8063_0000 "BadTypeDefinitionInvalid";
    BAD_SOURCE_NODE_ID_INVALID = 0x8064_0000 "BadSourceNodeIdInvalid";
    BAD_TARGET_NODE_ID_INVALID = 0x8065_0000 "BadTargetNodeIdInvalid";
    BAD_DUPLICATE_REFERENCE_NOT_ALLOWED = 0x8066_0000 "BadDuplicateReferenceNotAllowed";
    BAD_INVALID_SELF_REFERENCE = 0x8067_0000 "BadInvalidSelfReference";
    BAD_REFERENCE_LOCAL_ONLY = 0x8068_0000 "BadReferenceLocalOnly";
    BAD_NO_DELETE_RIGHTS = 0x8069_0000 "BadNoDeleteRights";
    BAD_SERVER_INDEX_INVALID = 0x806A_0000 "BadServerIndexInvalid";
    BAD_VIEW_ID_UNKNOWN = 0x806B_0000 "BadViewIdUnknown";
    BAD_TOO_MANY_MATCHES = 0x806D_0000 "BadTooManyMatches";
    BAD_QUERY_TOO_COMPLEX = 0x806E_0000 "BadQueryTooComplex";
    BAD_NO_MATCH = 0x806F_0000 "BadNoMatch";
    BAD_MAX_AGE_INVALID = 0x8070_0000 "BadMaxAgeInvalid";
    BAD_HISTORY_OPERATION_INVALID = 0x8071_0000 "BadHistoryOperationInvalid";
    BAD_HISTORY_OPERATION_UNSUPPORTED = 0x8072_0000 "BadHistoryOperationUnsupported";
    BAD_WRITE_NOT_SUPPORTED = 0x8073_0000 "BadWriteNotSupported";
    BAD_TYPE_MISMATCH = 0x8074_0000 "BadTypeMismatch";
    BAD_METHOD_INVALID = 0x8075_0000 "BadMethodInvalid";
    BAD_ARGUMENTS_MISSING = 0x8076_0000 "BadArgumentsMissing";
    BAD_TOO_MANY_SUBSCRIPTIONS = 0x8077_0000 "BadTooManySubscriptions";
    BAD_TOO_MANY_PUBLISH_REQUESTS = 0x8078_0000 "BadTooManyPublishRequests";
    BAD_NO_SUBSCRIPTION = 0x8079_0000 "BadNoSubscription";
    BAD_SEQUENCE_NUMBER_UNKNOWN = 0x807A_0000 "BadSequenceNumberUnknown";
    BAD_MESSAGE_NOT_AVAILABLE = 0x807B_0000 "BadMessageNotAvailable";
    BAD_INSUFFICIENT_CLIENT_PROFILE = 0x807C_0000 "BadInsufficientClientProfile";
    BAD_TCP_SERVER_TOO_BUSY = 0x807D_0000 "BadTcpServerTooBusy";
    BAD_TCP_MESSAGE_TYPE_INVALID = 0x807E_0000 "BadTcpMessageTypeInvalid";
    BAD_TCP_SECURE_CHANNEL_UNKNOWN = 0x807F_0000 "BadTcpSecureChannelUnknown";
    BAD_TCP_MESSAGE_TOO_LARGE = 0x8080_0000 "BadTcpMessageTooLarge";
    BAD_TCP_NOT_ENOUGH_RESOURCES = 0x8081_0000 "BadTcpNotEnoughResources";
    BAD_TCP_INTERNAL_ERROR = 0x8082_0000 "BadTcpInternalError";
    BAD_TCP_ENDPOINT_URL_INVALID = 0x8083_0000 "BadTcpEndpointUrlInvalid";
    BAD_REQUEST_INTERRUPTED = 0x8084_0000 "BadRequestInterrupted";
    BAD_REQUEST_TIMEOUT = 0x8085_0000 "BadRequestTimeout";
    BAD_SECURE_CHANNEL_CLOSED = 0x8086_0000 "BadSecureChannelClosed";
    BAD_SECURE_CHANNEL_TOKEN_UNKNOWN = 0x8087_0000 "BadSecureChannelTokenUnknown";
    BAD_SEQUENCE_NUMBER_INVALID = 0x8088_0000 "BadSequenceNumberInvalid";
    BAD_CONFIGURATION_ERROR = 0x8089_0000 "BadConfigurationError";
    BAD_NOT_CONNECTED = 0x808A_0000 "BadNotConnected";
    BAD_DEVICE_FAILURE = 0x808B_0000 "BadDeviceFailure";
    BAD_SENSOR_FAILURE = 0x808C_0000 "BadSensorFailure";
    BAD_OUT_OF_SERVICE = 0x808D_0000 "BadOutOfService";
    BAD_DEADBAND_FILTER_INVALID = 0x808E_0000 "BadDeadbandFilterInvalid";
    BAD_REFRESH_IN_PROGRESS = 0x8097_0000 "BadRefreshInProgress";
    BAD_CONDITION_ALREADY_DISABLED = 0x8098_0000 "BadConditionAlreadyDisabled";
    BAD_CONDITION_DISABLED = 0x8099_0000 "BadConditionDisabled";
    BAD_EVENT_ID_UNKNOWN = 0x809A_0000 "BadEventIdUnknown";
    BAD_NO_DATA = 0x809B_0000 "BadNoData";
    BAD_DATA_LOST = 0x809D_0000 "BadDataLost";
    BAD_DATA_UNAVAILABLE = 0x809E_0000 "BadDataUnavailable";
    BAD_ENTRY_EXISTS = 0x809F_0000 "BadEntryExists";
    BAD_NO_ENTRY_EXISTS = 0x80A0_0000 "BadNoEntryExists";
    BAD_TIMESTAMP_NOT_SUPPORTED = 0x80A1_0000 "BadTimestampNotSupported";
    BAD_INVALID_ARGUMENT = 0x80AB_0000 "BadInvalidArgument";
    BAD_CONNECTION_REJECTED = 0x80AC_0000 "BadConnectionRejected";
    BAD_DISCONNECT = 0x80AD_0000 "BadDisconnect";
    BAD_CONNECTION_CLOSED = 0x80AE_0000 "BadConnectionClosed";
    BAD_INVALID_STATE = 0x80AF_0000 "BadInvalidState";
    BAD_END_OF_STREAM = 0x80B0_0000 "BadEndOfStream";
    BAD_NO_DATA_AVAILABLE = 0x80B1_0000 "BadNoDataAvailable";
    BAD_WAITING_FOR_RESPONSE = 0x80B2_0000 "BadWaitingForResponse";
    BAD_OPERATION_ABANDONED = 0x80B3_0000 "BadOperationAbandoned";
    BAD_EXPECTED_STREAM_TO_BLOCK = 0x80B4_0000 "BadExpectedStreamToBlock";
    BAD_WOULD_BLOCK = 0x80B5_0000 "BadWouldBlock";
    BAD_SYNTAX_ERROR = 0x80B6_0000 "BadSyntaxError";
    BAD_MAX_CONNECTIONS_REACHED = 0x80B7_0000 "BadMaxConnectionsReached";
    BAD_REQUEST_TOO_LARGE = 0x80B8_0000 "BadRequestTooLarge";
    BAD_RESPONSE_TOO_LARGE = 0x80B9_0000 "BadResponseTooLarge";
    BAD_EVENT_NOT_ACKNOWLEDGEABLE = 0x80BB_0000 "BadEventNotAcknowledgeable";
    BAD_INVALID_TIMESTAMP_ARGUMENT = 0x80BD_0000 "BadInvalidTimestampArgument";
    BAD_PROTOCOL_VERSION_UNSUPPORTED = 0x80BE_0000 "BadProtocolVersionUnsupported";
    BAD_STATE_NOT_ACTIVE = 0x80BF_0000 "BadStateNotActive";
    BAD_FILTER_OPERATOR_INVALID = 0x80C1_0000 "BadFilterOperatorInvalid";
    BAD_FILTER_OPERATOR_UNSUPPORTED = 0x80C2_0000 "BadFilterOperatorUnsupported";
    BAD_FILTER_OPERAND_COUNT_MISMATCH = 0x80C3_0000 "BadFilterOperandCountMismatch";
    BAD_FILTER_ELEMENT_INVALID = 0x80C4_0000 "BadFilterElementInvalid";
    BAD_FILTER_LITERAL_INVALID = 0x80C5_0000 "BadFilterLiteralInvalid";
    BAD_IDENTITY_CHANGE_NOT_SUPPORTED = 0x80C6_0000 "BadIdentityChangeNotSupported";
    BAD_NOT_TYPE_DEFINITION = 0x80C8_0000 "BadNotTypeDefinition";
    BAD_VIEW_TIMESTAMP_INVALID = 0x80C9_0000 "BadViewTimestampInvalid";
    BAD_VIEW_PARAMETER_MISMATCH = 0x80CA_0000 "BadViewParameterMismatch";
    BAD_VIEW_VERSION_INVALID = 0x80CB_0000 "BadViewVersionInvalid";
    BAD_CONDITION_ALREADY_ENABLED = 0x80CC_0000 "BadConditionAlreadyEnabled";
    BAD_DIALOG_NOT_ACTIVE = 0x80CD_0000 "BadDialogNotActive";
    BAD_DIALOG_RESPONSE_INVALID = 0x80CE_0000 "BadDialogResponseInvalid";
    BAD_CONDITION_BRANCH_ALREADY_ACKED = 0x80CF_0000 "BadConditionBranchAlreadyAcked";
    BAD_CONDITION_BRANCH_ALREADY_CONFIRMED = 0x80D0_0000 "BadConditionBranchAlreadyConfirmed";
    BAD_CONDITION_ALREADY_SHELVED = 0x80D1_0000 "BadConditionAlreadyShelved";
    BAD_CONDITION_NOT_SHELVED = 0x80D2_0000 "BadConditionNotShelved";
    BAD_SHELVING_TIME_OUT_OF_RANGE = 0x80D3_0000 "BadShelvingTimeOutOfRange";
    BAD_AGGREGATE_LIST_MISMATCH = 0x80D4_0000 "BadAggregateListMismatch";
    BAD_AGGREGATE_NOT_SUPPORTED = 0x80D5_0000 "BadAggregateNotSupported";
    BAD_AGGREGATE_INVALID_INPUTS = 0x80D6_0000 "BadAggregateInvalidInputs";
    BAD_BOUND_NOT_FOUND = 0x80D7_0000 "BadBoundNotFound";
    BAD_BOUND_NOT_SUPPORTED = 0x80D8_0000 "BadBoundNotSupported";
    BAD_AGGREGATE_CONFIGURATION_REJECTED = 0x80DA_0000 "BadAggregateConfigurationRejected";
    BAD_TOO_MANY_MONITORED_ITEMS = 0x80DB_0000 "BadTooManyMonitoredItems";
    BAD_DOMINANT_VALUE_CHANGED = 0x80E1_0000 "BadDominantValueChanged";
    BAD_DEPENDENT_VALUE_CHANGED = 0x80E3_0000 "BadDependentValueChanged";
    BAD_REQUEST_NOT_ALLOWED = 0x80E4_0000 "BadRequestNotAllowed";
    BAD_TOO_MANY_ARGUMENTS = 0x80E5_0000 "BadTooManyArguments";
    BAD_SECURITY_MODE_INSUFFICIENT = 0x80E6_0000 "BadSecurityModeInsufficient";
    BAD_DATA_SET_ID_INVALID = 0x80E7_0000 "BadDataSetIdInvalid";
    BAD_TRANSACTION_PENDING = 0x80E8_0000 "BadTransactionPending";
    BAD_LOCKED = 0x80E9_0000 "BadLocked";
    BAD_INDEX_RANGE_DATA_MISMATCH = 0x80EA_0000 "BadIndexRangeDataMismatch";
    BAD_REQUIRES_LOCK = 0x80EC_0000 "BadRequiresLock";
    BAD_LOCALE_NOT_SUPPORTED = 0x80ED_0000 "BadLocaleNotSupported";
    BAD_SERVER_TOO_BUSY = 0x80EE_0000 "BadServerTooBusy";
    BAD_NO_VALUE = 0x80F0_0000 "BadNoValue";
    BAD_CERTIFICATE_CHAIN_INCOMPLETE = 0x810D_0000 "BadCertificateChainIncomplete";
    BAD_LICENSE_EXPIRED = 0x810E_0000 "BadLicenseExpired";
    BAD_LICENSE_LIMITS_EXCEEDED = 0x810F_0000 "BadLicenseLimitsExceeded";
    BAD_LICENSE_NOT_AVAILABLE = 0x8110_0000 "BadLicenseNotAvailable";
    BAD_NOT_EXECUTABLE = 0x8111_0000 "BadNotExecutable";
    BAD_NUMERIC_OVERFLOW = 0x8112_0000 "BadNumericOverflow";
    BAD_REQUEST_NOT_COMPLETE = 0x8113_0000 "BadRequestNotComplete";
    BAD_CERTIFICATE_POLICY_CHECK_FAILED = 0x8114_0000 "BadCertificatePolicyCheckFailed";
    BAD_ALREADY_EXISTS = 0x8115_0000 "BadAlreadyExists";
    BAD_EDITED_OUT_OF_RANGE = 0x8119_0000 "BadEdited_OutOfRange";
    BAD_INITIAL_VALUE_OUT_OF_RANGE = 0x811A_0000 "BadInitialValue_OutOfRange";
    BAD_OUT_OF_RANGE_DOMINANT_VALUE_CHANGED = 0x811B_0000 "BadOutOfRange_DominantValueChanged";
    BAD_EDITED_OUT_OF_RANGE_DOMINANT_VALUE_CHANGED = 0x811C_0000 "BadEdited_OutOfRange_DominantValueChanged";
    BAD_OUT_OF_RANGE_DOMINANT_VALUE_CHANGED_DEPENDENT_VALUE_CHANGED = 0x811D_0000 "BadOutOfRange_DominantValueChanged_DependentValueChanged";
    BAD_EDITED_OUT_OF_RANGE_DOMINANT_VALUE_CHANGED_DEPENDENT_VALUE_CHANGED = 0x811E_0000 "BadEdited_OutOfRange_DominantValueChanged_DependentValueChanged";
    BAD_TICKET_REQUIRED = 0x811F_0000 "BadTicketRequired";
    BAD_TICKET_INVALID = 0x8120_0000 "BadTicketInvalid";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        for (status, text) in all() {
            assert_eq!(name(status), Some(text));
            assert_eq!(from_name(text), Some(status));
        }
    }

    #[test]
    fn names_agree_with_those_of_the_model() {
        for (status, text) in all() {
            if let Some(model_name) = status.name() {
                assert_eq!(model_name, text);
            }
        }
    }
}
