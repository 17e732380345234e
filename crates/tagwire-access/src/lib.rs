//! Who may do what: users, roles, own certificate and trust, the one authorisation function, audit log.
//!
//! - [`Operation`], [`Role`], [`RoleSet`]: the words, and which role may do what unless a rule says otherwise.
//! - [`Policy`], [`Principal`], [`authorise`]: the one decision, made once per operation whichever face asked.
//! - [`RoleBook`], [`ManagedRole`]: what clients change of roles, laid over the policy of the configuration.
//! - [`Users`], [`Login`]: the users file with Argon2id hashes, and password checks that tell nothing but yes or no.
//! - [`Issuer`]: identity providers whose tokens log users in.
//! - [`Guesses`]: what wrong logins cost the one who guesses.
//! - [`OwnCertificate`], [`OwnIdentity`]: the keys and certificates of this installation; [`OwnUpdate`] replaces key and
//!   certificate.
//! - [`TrustStore`], [`Trusted`], [`Refusal`]: which peers' certificates are good, and why one is not.
//! - [`Sealed`]: files of the server's own that tell whether they are whole.
//! - [`TrustList`]: all of a store's lists at once; [`TrustRules`]: what the configuration says of trust.
//! - [`Authority`]: a certificate authority for one plant.
//! - [`audit`]: where everything that happens is reported, and the hash-chained file that keeps it.
//!
//! Nothing here opens a socket or starts an async task; files are read and written synchronously, those of the audit log
//! on a thread of its own.

pub mod audit;
mod authority;
mod certificate;
mod der_file;
mod file;
mod folder;
mod glob;
mod guesses;
mod host;
mod install;
mod issued;
mod login;
mod managed;
mod operation;
mod own;
mod own_identity;
mod own_update;
mod password;
mod path;
mod policy;
mod principal;
mod refusal;
mod rejected;
mod revocation;
mod role;
mod role_book;
mod sealed;
mod signature;
mod signing_request;
mod status;
mod trust;
mod trust_list;
mod trust_push;
mod trust_terms;
mod users;
mod users_file;
mod words;

pub use audit::{Actor, Audit, AuditEvent, AuditLog, AuditSettings, NoAudit, What};
pub use authority::{Authority, AuthorityError};
pub use certificate::{Certificate, CertificateError, Fingerprint, PublicKey};
pub use file::FileError;
pub use guesses::Guesses;
pub use host::found_names;
pub use install::{InstallId, install_id};
pub use issued::{Issued, Issuer, KeySet, KeySetError, TokenRefused};
pub use login::{Login, LoginRefused};
pub use managed::{EndpointRule, IdentityRule, ManagedRole, RoleChange};
pub use operation::{Operation, OperationSet};
pub use own::{CertificateType, KeySize, OwnCertificate, OwnError, OwnSettings};
pub use own_identity::OwnIdentity;
pub use own_update::{OwnUpdate, UpdateRefused};
pub use password::PasswordError;
pub use policy::{Anonymous, Denied, Mapping, Policy, PolicyError, Rule, Zone, authorise};
pub use principal::{ChannelSecurity, Face, Identity, Origin, Peer, Principal, Target};
pub use refusal::{Reason, Refusal};
pub use rejected::RejectedEntry;
pub use revocation::Revocation;
pub use role::{Role, RoleSet};
pub use role_book::{RoleBook, RoleError};
pub use sealed::{Sealed, SealedError};
pub use signing_request::SigningRequestError;
pub use trust::{PeerCheck, TrustEntry, TrustError, TrustSettings, TrustStore, Trusted};
pub use trust_list::{CheckedTrustList, TrustList};
pub use trust_terms::TrustRules;
pub use users::{UserEntry, Users, UsersError};
