//! What an exchange of keys leaves behind: the nonce of a request under way, the thumbprint of the channel, and the secret
//! that a renewal builds on (Part 6, 6.7.5 and 6.8.1).

use zeroize::Zeroizing;

use super::curve::EphemeralKey;
use super::{CryptoFailed, SecurityPolicy, fill_random};
use crate::transport::{Fault, TransportError};

/// The own nonce of one OpenSecureChannel.
pub(super) enum OwnNonce {
    /// Nothing with the policy None, else random bytes.
    Random(Zeroizing<Vec<u8>>),
    /// A public key.
    Key(EphemeralKey),
}

impl OwnNonce {
    pub(super) fn new(policy: &SecurityPolicy) -> Result<Self, CryptoFailed> {
        if let Some(curve) = policy.curve() {
            return EphemeralKey::new(curve).map(Self::Key);
        }
        let mut bytes = Zeroizing::new(vec![0; policy.nonce_len]);
        fill_random(&mut bytes)?;
        Ok(Self::Random(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Random(bytes) => bytes,
            Self::Key(key) => key.public(),
        }
    }

    /// What the key and the peer's agree on; `None` where nonces are no keys.
    pub(super) fn agree(
        self,
        policy: &SecurityPolicy,
        peer: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, TransportError> {
        match (self, policy.curve()) {
            (Self::Key(key), Some(curve)) => key.agree(curve, peer).map(Some).map_err(|_| Fault::Nonce.into()),
            _ => Ok(None),
        }
    }
}

/// What a channel with a policy that binds keeps of its exchanges; empty with any other policy.
#[derive(Default)]
pub(super) struct Bound {
    thumbprint: Vec<u8>,
    secret: Zeroizing<Vec<u8>>,
}

impl Bound {
    pub(super) fn thumbprint(&self) -> &[u8] {
        &self.thumbprint
    }

    pub(super) fn set_thumbprint(&mut self, signature: Vec<u8>) {
        self.thumbprint = signature;
    }

    /// Joins what two new keys agree on with all that was agreed before on this channel, where the policy wants that.
    pub(super) fn chain(&mut self, policy: &SecurityPolicy, mut agreed: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
        if policy.is_bound {
            agreed.iter_mut().zip(self.secret.iter()).for_each(|(byte, before)| *byte ^= before);
            self.secret = agreed.clone();
        }
        agreed
    }
}
