//! Finding servers and their endpoints (OPC UA Part 4, 5.5).

use tagwire_model::{Status, Timestamp};

use super::{ApplicationType, MessageSecurityMode, RequestHeader, ResponseHeader, UserTokenType};
use crate::types::{ByteString, DiagnosticInfo, ExtensionObject, LocalizedText, UaString};

structures! {
    /// What an application is and where to ask it for its endpoints (Part 14, 7.2.4.6.5).
    ApplicationDescription: APPLICATION_DESCRIPTION {
        application_uri: UaString,
        product_uri: UaString,
        application_name: LocalizedText,
        application_type: ApplicationType,
        gateway_server_uri: UaString,
        discovery_profile_uri: UaString,
        discovery_urls: Vec<UaString>,
    }

    /// One way for a user to prove who he is (Part 4, 7.42).
    UserTokenPolicy: USER_TOKEN_POLICY {
        policy_id: UaString,
        token_type: UserTokenType,
        issued_token_type: UaString,
        issuer_endpoint_url: UaString,
        security_policy_uri: UaString,
    }

    /// One way to connect to a server (Part 4, 7.14).
    EndpointDescription: ENDPOINT_DESCRIPTION {
        endpoint_url: UaString,
        server: ApplicationDescription,
        server_certificate: ByteString,
        security_mode: MessageSecurityMode,
        security_policy_uri: UaString,
        user_identity_tokens: Vec<UserTokenPolicy>,
        transport_profile_uri: UaString,
        security_level: u8,
    }

    /// Request of the FindServers service (Part 4, 5.5.2.2).
    FindServersRequest: FIND_SERVERS_REQUEST {
        request_header: RequestHeader,
        endpoint_url: UaString,
        locale_ids: Vec<UaString>,
        server_uris: Vec<UaString>,
    }

    /// Response of the FindServers service (Part 4, 5.5.2.2).
    FindServersResponse: FIND_SERVERS_RESPONSE {
        response_header: ResponseHeader,
        servers: Vec<ApplicationDescription>,
    }

    /// Request of the GetEndpoints service (Part 4, 5.5.4.2).
    GetEndpointsRequest: GET_ENDPOINTS_REQUEST {
        request_header: RequestHeader,
        endpoint_url: UaString,
        locale_ids: Vec<UaString>,
        profile_uris: Vec<UaString>,
    }

    /// Response of the GetEndpoints service (Part 4, 5.5.4.2).
    GetEndpointsResponse: GET_ENDPOINTS_RESPONSE {
        response_header: ResponseHeader,
        endpoints: Vec<EndpointDescription>,
    }

    /// A server that was seen on the network (Part 4, 5.5.3.2).
    ServerOnNetwork: SERVER_ON_NETWORK {
        record_id: u32,
        server_name: UaString,
        discovery_url: UaString,
        server_capabilities: Vec<UaString>,
    }

    /// Request of the FindServersOnNetwork service (Part 4, 5.5.3.2).
    FindServersOnNetworkRequest: FIND_SERVERS_ON_NETWORK_REQUEST {
        request_header: RequestHeader,
        starting_record_id: u32,
        max_records_to_return: u32,
        server_capability_filter: Vec<UaString>,
    }

    /// Response of the FindServersOnNetwork service (Part 4, 5.5.3.2).
    FindServersOnNetworkResponse: FIND_SERVERS_ON_NETWORK_RESPONSE {
        response_header: ResponseHeader,
        last_counter_reset_time: Timestamp,
        servers: Vec<ServerOnNetwork>,
    }

    /// A server as it registers itself (Part 4, 7.32).
    RegisteredServer: REGISTERED_SERVER {
        server_uri: UaString,
        product_uri: UaString,
        server_names: Vec<LocalizedText>,
        server_type: ApplicationType,
        gateway_server_uri: UaString,
        discovery_urls: Vec<UaString>,
        semaphore_file_path: UaString,
        is_online: bool,
    }

    /// Request of the RegisterServer service (Part 4, 5.5.5.2).
    RegisterServerRequest: REGISTER_SERVER_REQUEST {
        request_header: RequestHeader,
        server: RegisteredServer,
    }

    /// Response of the RegisterServer service (Part 4, 5.5.5.2).
    RegisterServerResponse: REGISTER_SERVER_RESPONSE {
        response_header: ResponseHeader,
    }

    /// How a server shows itself over mDNS (Part 4, 7.13.2).
    MdnsDiscoveryConfiguration: MDNS_DISCOVERY_CONFIGURATION {
        mdns_server_name: UaString,
        server_capabilities: Vec<UaString>,
    }

    /// Request of the RegisterServer2 service (Part 4, 5.5.6.2).
    RegisterServer2Request: REGISTER_SERVER2_REQUEST {
        request_header: RequestHeader,
        server: RegisteredServer,
        discovery_configuration: Vec<ExtensionObject>,
    }

    /// Response of the RegisterServer2 service (Part 4, 5.5.6.2).
    RegisterServer2Response: REGISTER_SERVER2_RESPONSE {
        response_header: ResponseHeader,
        configuration_results: Vec<Status>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }
}
