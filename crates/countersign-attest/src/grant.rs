//! The grant: a single-use claim ticket that names exactly one call (docs/spec/statement.md,
//! part 5). Only the reply to its redemption permits anything.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_record::digest::{ActionDigest, hex};
use countersign_record::id::{CallId, ExecutorId, GrantId, KeyId};
use countersign_record::json::{self, Limits, Object, Value};
use countersign_record::name::ToolName;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::document::{self, DocumentError, Members, origin, parsed, sha256, sha256_text, whole};
use crate::statement::Head;

/// A token fits into a header of any web server.
pub const TOKEN_BYTES_MAX: usize = 4 * 1024;
/// A grant is signed again while its call may be redeemed, so no single token lives long.
pub const LIFETIME_S_MAX: u64 = 300;

const TYPE: &str = "countersign-grant+jwt";
const DETAIL_TYPE: &str = "countersign/tool_call/v1";

/// What a grant says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    /// `iss`: the ledger's origin.
    pub log: String,
    /// `aud`: the executor that may redeem it.
    pub executor: ExecutorId,
    /// `jti`: one for each call, for ever.
    pub id: GrantId,
    /// The call.
    pub call: CallId,
    /// The tool, in `authorization_details` (RFC 9396).
    pub tool: ToolName,
    /// What may be run; the executor computes it again from what it is about to run.
    pub action_digest: ActionDigest,
    /// The salt of that digest.
    pub action_salt: [u8; 32],
    /// `iat`, seconds since 1970.
    pub issued_at_s: u64,
    /// `exp`, seconds since 1970; at most [`LIFETIME_S_MAX`] after `iat`.
    pub expires_at_s: u64,
    /// `ldg`: where the ledger ended when the token was signed.
    pub ledger: Head,
}

/// What the reader of a grant knows already, and from elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The ledger's origin.
    pub log: &'a str,
    /// The service's grant key.
    pub key: KeyId,
    /// Who reads: a grant for another executor is refused.
    pub executor: ExecutorId,
    /// Seconds since 1970.
    pub now_s: u64,
}

/// Why a token is not a grant that could be redeemed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// Longer than [`TOKEN_BYTES_MAX`].
    #[error("longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Not three parts of base64url, the middle one JSON.
    #[error("not a compact JWS")]
    Malformed,
    /// A claim is missing, unknown or malformed.
    #[error("the claims are not those of a grant")]
    Claims(#[from] DocumentError),
    /// Other bytes than the one token that these claims have under the expected key: another
    /// algorithm, key id or type, white space, another order.
    #[error("not the only form of a grant under key {key}")]
    Form {
        /// The key that was expected.
        key: KeyId,
    },
    /// The signature does not match.
    #[error("the signature does not match key {key}")]
    Mismatch {
        /// The key that was expected.
        key: KeyId,
    },
    /// `iat` and `exp` are out of order or too far apart.
    #[error("a grant lives between 1 and {LIFETIME_S_MAX} seconds")]
    Lifetime,
    /// Another ledger's grant.
    #[error("the grant is of the ledger {found}")]
    Log {
        /// The origin that it names.
        found: String,
    },
    /// Another executor's grant.
    #[error("the grant is for {found}")]
    Executor {
        /// The executor that it names.
        found: ExecutorId,
    },
    /// It is over; a redeemable call gets a new token on asking.
    #[error("the grant expired at {expired_at_s} s since 1970; ask for the call again")]
    Expired {
        /// The first second at which it does not hold.
        expired_at_s: u64,
    },
}

impl Grant {
    /// The token, signed with the service's grant key.
    pub fn sign(&self, id: KeyId, key: &SigningKey) -> Result<String, GrantError> {
        self.check_lifetime()?;
        let input = self.signing_input(id)?;
        let signature = key.sign(input.as_bytes()).to_bytes();
        let token = format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature));
        read(&token)?;
        Ok(token)
    }

    /// Checks a token by building it again from its claims and comparing; then the signature, then
    /// what the reader expects. A grant that holds may still be revoked or redeemed already.
    pub fn verify(
        token: &str,
        key: &VerifyingKey,
        expected: &Expected<'_>,
    ) -> Result<Self, GrantError> {
        let (grant, signature) = read(token)?;
        let input = grant.signing_input(expected.key)?;
        let rebuilt = format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature));
        if rebuilt != token {
            return Err(GrantError::Form { key: expected.key });
        }
        key.verify_strict(input.as_bytes(), &Signature::from_bytes(&signature))
            .map_err(|_| GrantError::Mismatch { key: expected.key })?;
        grant.check_lifetime()?;
        grant.check_expected(expected)?;
        Ok(grant)
    }

    fn check_lifetime(&self) -> Result<(), GrantError> {
        match self.expires_at_s.checked_sub(self.issued_at_s) {
            Some(1..=LIFETIME_S_MAX) => Ok(()),
            _ => Err(GrantError::Lifetime),
        }
    }

    fn check_expected(&self, expected: &Expected<'_>) -> Result<(), GrantError> {
        if self.log != expected.log {
            let found = self.log.clone();
            return Err(GrantError::Log { found });
        }
        if self.executor != expected.executor {
            let found = self.executor;
            return Err(GrantError::Executor { found });
        }
        if expected.now_s >= self.expires_at_s {
            let expired_at_s = self.expires_at_s;
            return Err(GrantError::Expired { expired_at_s });
        }
        Ok(())
    }

    fn signing_input(&self, key: KeyId) -> Result<String, GrantError> {
        let header = Object::new()
            .with("alg", "EdDSA")
            .with("kid", key.to_string())
            .with("typ", TYPE);
        let part =
            |object| Base64UrlUnpadded::encode_string(&json::canonical(&Value::Object(object)));
        Ok(format!("{}.{}", part(header), part(self.claims()?)))
    }

    fn claims(&self) -> Result<Object, DocumentError> {
        Ok(Object::new()
            .with("iss", self.log.as_str())
            .with("aud", self.executor.to_string())
            .with("jti", self.id.to_string())
            .with("call", self.call.to_string())
            .with("action_digest", sha256_text(self.action_digest.bytes()))
            .with("action_salt", hex(&self.action_salt))
            .with("iat", whole("iat", self.issued_at_s)?)
            .with("exp", whole("exp", self.expires_at_s)?)
            .with("ldg", self.ledger.object()?)
            .with("uses", 1)
            .with("authorization_details", self.details()))
    }

    fn details(&self) -> Vec<Object> {
        let detail = Object::new()
            .with("type", DETAIL_TYPE)
            .with("tool", self.tool.as_str())
            .with("action_digest", sha256_text(self.action_digest.bytes()));
        Vec::from([detail])
    }

    /// Members that say a second time what another says (`uses`, the details) are compared when
    /// the token is built again.
    fn from_claims(claims: &mut Members<'_>) -> Result<Self, DocumentError> {
        claims.required("uses", Value::as_u64)?;
        Ok(Self {
            log: claims.required("iss", origin)?,
            executor: claims.required("aud", parsed)?,
            id: claims.required("jti", parsed)?,
            call: claims.required("call", parsed)?,
            tool: claims.required("authorization_details", |value| {
                parsed(value.at("/0/tool")?)
            })?,
            action_digest: claims.required("action_digest", sha256).map(ActionDigest)?,
            action_salt: claims.required("action_salt", document::bytes)?,
            issued_at_s: claims.required("iat", Value::as_u64)?,
            expires_at_s: claims.required("exp", Value::as_u64)?,
            ledger: claims.required("ldg", Head::from_value)?,
        })
    }
}

/// Reads what a token says, without believing it.
fn read(token: &str) -> Result<(Grant, [u8; 64]), GrantError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(GrantError::TooLong);
    }
    let mut parts = token.split('.').skip(1);
    let (Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(GrantError::Malformed);
    };
    let bytes = |part| Base64UrlUnpadded::decode_vec(part).map_err(|_| GrantError::Malformed);
    let signature = bytes(signature)?
        .try_into()
        .map_err(|_| GrantError::Malformed)?;
    let limits = Limits {
        depth: 3,
        nodes: 32,
        bytes: TOKEN_BYTES_MAX,
    };
    let value = json::read(&bytes(claims)?, &limits).map_err(|_| GrantError::Malformed)?;
    let object = value.as_object().ok_or(GrantError::Malformed)?;
    let mut members = Members::new(object);
    let grant = Grant::from_claims(&mut members)?;
    members.finish()?;
    Ok((grant, signature))
}
