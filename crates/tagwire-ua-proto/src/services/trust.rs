//! Trust lists and the transactions that change them (OPC UA Part 12, 7.8.2 and 7.10).

use tagwire_model::Status;

use crate::types::{ByteString, LocalizedText, NodeId};

structures! {
    /// A trust list, or the parts of it that `specified_lists` names (Part 12, 7.8.2.8).
    TrustListDataType: TRUST_LIST_DATA_TYPE {
        specified_lists: u32,
        trusted_certificates: Vec<ByteString>,
        trusted_crls: Vec<ByteString>,
        issuer_certificates: Vec<ByteString>,
        issuer_crls: Vec<ByteString>,
    }

    /// What went wrong with one part of a transaction (Part 12, 7.10.18).
    TransactionErrorType: TRANSACTION_ERROR_TYPE {
        target_id: NodeId,
        error: Status,
        message: LocalizedText,
    }
}
