//! Structures that are values of variables (OPC UA Parts 3, 5 and 8).

use tagwire_model::{Status, Timestamp};

use super::{AxisScaleEnumeration, IdentityCriteriaType, MessageSecurityMode, ServerState};
use crate::types::{DiagnosticInfo, LocalizedText, NodeId, UaString};

structures! {
    /// One argument of a method (Part 3, 8.6).
    Argument: ARGUMENT {
        name: UaString,
        data_type: NodeId,
        value_rank: i32,
        array_dimensions: Vec<u32>,
        description: LocalizedText,
    }

    /// Which software the server is (Part 5, 12.4).
    BuildInfo: BUILD_INFO {
        product_uri: UaString,
        manufacturer_name: UaString,
        product_name: UaString,
        software_version: UaString,
        build_number: UaString,
        build_date: Timestamp,
    }

    /// State of the server (Part 5, 12.10).
    ServerStatusDataType: SERVER_STATUS_DATA_TYPE {
        start_time: Timestamp,
        current_time: Timestamp,
        state: ServerState,
        build_info: BuildInfo,
        seconds_till_shutdown: u32,
        shutdown_reason: LocalizedText,
    }

    /// A unit of measurement (Part 8, 5.6.3.3).
    EUInformation: EU_INFORMATION {
        namespace_uri: UaString,
        unit_id: i32,
        display_name: LocalizedText,
        description: LocalizedText,
    }

    /// Lowest and highest value (Part 8, 5.6.2).
    Range: RANGE {
        low: f64,
        high: f64,
    }

    /// A number with its name (Part 5, 12.2.12.6).
    EnumValueType: ENUM_VALUE_TYPE {
        value: i64,
        display_name: LocalizedText,
        description: LocalizedText,
    }

    /// Offset of local time (Part 5, 12.2.12.11).
    TimeZoneDataType: TIME_ZONE_DATA_TYPE {
        offset: i16,
        daylight_saving_in_offset: bool,
    }

    /// A server of a redundant set (Part 5, 12.7).
    RedundantServerDataType: REDUNDANT_SERVER_DATA_TYPE {
        server_id: UaString,
        service_level: u8,
        server_state: ServerState,
    }

    /// Endpoints of one server (Part 5, 12.20).
    EndpointUrlListDataType: ENDPOINT_URL_LIST_DATA_TYPE {
        endpoint_url_list: Vec<UaString>,
    }

    /// The networks over which one server is reached (Part 5, 12.19).
    NetworkGroupDataType: NETWORK_GROUP_DATA_TYPE {
        server_uri: UaString,
        network_paths: Vec<EndpointUrlListDataType>,
    }

    /// A node whose meaning changed (Part 5, 12.17).
    SemanticChangeStructureDataType: SEMANTIC_CHANGE_STRUCTURE_DATA_TYPE {
        affected: NodeId,
        affected_type: NodeId,
    }

    /// A node that was added, removed or changed (Part 5, 12.16).
    ModelChangeStructureDataType: MODEL_CHANGE_STRUCTURE_DATA_TYPE {
        affected: NodeId,
        affected_type: NodeId,
        verb: u8,
    }

    /// What one role may do (Part 5, 12.2.12.9).
    RolePermissionType: ROLE_PERMISSION_TYPE {
        role_id: NodeId,
        permissions: u32,
    }

    /// Who has a role (Part 18, 4.4.3).
    IdentityMappingRuleType: IDENTITY_MAPPING_RULE_TYPE {
        criteria_type: IdentityCriteriaType,
        criteria: UaString,
    }

    /// An endpoint on which a role counts (Part 18, 4.4.2).
    EndpointType: ENDPOINT_TYPE {
        endpoint_url: UaString,
        security_mode: MessageSecurityMode,
        security_policy_uri: UaString,
        transport_profile_uri: UaString,
    }

    /// A complex number of single precision (Part 8, 5.6.4).
    ComplexNumberType: COMPLEX_NUMBER_TYPE {
        real: f32,
        imaginary: f32,
    }

    /// A complex number of double precision (Part 8, 5.6.5).
    DoubleComplexNumberType: DOUBLE_COMPLEX_NUMBER_TYPE {
        real: f64,
        imaginary: f64,
    }

    /// An axis of an array (Part 8, 5.6.6).
    AxisInformation: AXIS_INFORMATION {
        engineering_units: EUInformation,
        eu_range: Range,
        title: LocalizedText,
        axis_scale_type: AxisScaleEnumeration,
        axis_steps: Vec<f64>,
    }

    /// A value at a place (Part 8, 5.6.8).
    XVType: XV_TYPE {
        x: f64,
        value: f32,
    }

    /// A code with its details (Part 5, 12.14).
    StatusResult: STATUS_RESULT {
        status_code: Status,
        diagnostic_info: DiagnosticInfo,
    }
}
