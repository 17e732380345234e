//! Sessions and who stands behind them (OPC UA Part 4, 5.7).

use tagwire_model::Status;

use super::{ApplicationDescription, EndpointDescription, RequestHeader, ResponseHeader};
use crate::types::{ByteString, DiagnosticInfo, ExtensionObject, NodeId, UaString};

structures! {
    /// A signature with the URI of its algorithm (Part 4, 7.37).
    SignatureData: SIGNATURE_DATA {
        algorithm: UaString,
        signature: ByteString,
    }

    /// A certificate about software, which nobody uses (Part 5, 12.3.13).
    SignedSoftwareCertificate: SIGNED_SOFTWARE_CERTIFICATE {
        certificate_data: ByteString,
        signature: ByteString,
    }

    /// Request of the CreateSession service (Part 4, 5.7.2.2).
    CreateSessionRequest: CREATE_SESSION_REQUEST {
        request_header: RequestHeader,
        client_description: ApplicationDescription,
        server_uri: UaString,
        endpoint_url: UaString,
        session_name: UaString,
        client_nonce: ByteString,
        client_certificate: ByteString,
        requested_session_timeout: f64,
        max_response_message_size: u32,
    }

    /// Response of the CreateSession service (Part 4, 5.7.2.2).
    CreateSessionResponse: CREATE_SESSION_RESPONSE {
        response_header: ResponseHeader,
        session_id: NodeId,
        authentication_token: NodeId,
        revised_session_timeout: f64,
        server_nonce: ByteString,
        server_certificate: ByteString,
        server_endpoints: Vec<EndpointDescription>,
        server_software_certificates: Vec<SignedSoftwareCertificate>,
        server_signature: SignatureData,
        max_request_message_size: u32,
    }

    /// Request of the ActivateSession service (Part 4, 5.7.3.2).
    ActivateSessionRequest: ACTIVATE_SESSION_REQUEST {
        request_header: RequestHeader,
        client_signature: SignatureData,
        client_software_certificates: Vec<SignedSoftwareCertificate>,
        locale_ids: Vec<UaString>,
        user_identity_token: ExtensionObject,
        user_token_signature: SignatureData,
    }

    /// Response of the ActivateSession service (Part 4, 5.7.3.2).
    ActivateSessionResponse: ACTIVATE_SESSION_RESPONSE {
        response_header: ResponseHeader,
        server_nonce: ByteString,
        results: Vec<Status>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Request of the CloseSession service (Part 4, 5.7.4.2).
    CloseSessionRequest: CLOSE_SESSION_REQUEST {
        request_header: RequestHeader,
        delete_subscriptions: bool,
    }

    /// Response of the CloseSession service (Part 4, 5.7.4.2).
    CloseSessionResponse: CLOSE_SESSION_RESPONSE {
        response_header: ResponseHeader,
    }

    /// Request of the Cancel service (Part 4, 5.7.5.2).
    CancelRequest: CANCEL_REQUEST {
        request_header: RequestHeader,
        request_handle: u32,
    }

    /// Response of the Cancel service (Part 4, 5.7.5.2).
    CancelResponse: CANCEL_RESPONSE {
        response_header: ResponseHeader,
        cancel_count: u32,
    }

    /// A user who does not say who he is (Part 5, 12.3.15.1).
    AnonymousIdentityToken: ANONYMOUS_IDENTITY_TOKEN {
        policy_id: UaString,
    }

    /// A user with name and password; the password is encrypted unless the policy says otherwise (Part 5, 12.3.15.3).
    UserNameIdentityToken: USER_NAME_IDENTITY_TOKEN {
        policy_id: UaString,
        user_name: UaString,
        password: ByteString,
        encryption_algorithm: UaString,
    }

    /// A user with a certificate (Part 5, 12.3.15.4).
    X509IdentityToken: X509_IDENTITY_TOKEN {
        policy_id: UaString,
        certificate_data: ByteString,
    }

    /// A user with a token that a third party issued (Part 5, 12.3.15.2).
    IssuedIdentityToken: ISSUED_IDENTITY_TOKEN {
        policy_id: UaString,
        token_data: ByteString,
        encryption_algorithm: UaString,
    }
}
