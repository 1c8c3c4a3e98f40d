//! How bytes are written: base64 with padding; digests, salts and nonces in lower-case hex.

use base64ct::{Base64, Encoding as _};
use countersign_record::digest::{hex, unhex, unhex32};
use serde::{Deserialize, Serialize};

/// Standard base64 with padding.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Base64Bytes(pub(crate) Vec<u8>);

impl TryFrom<String> for Base64Bytes {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Base64::decode_vec(&text)
            .map(Self)
            .map_err(|_| "expected standard base64 with padding")
    }
}

impl From<Base64Bytes> for String {
    fn from(bytes: Base64Bytes) -> Self {
        Base64::encode_string(&bytes.0)
    }
}

/// `N` bytes in lower-case hex.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> TryFrom<String> for Hex<N> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut bytes = [0; N];
        let read = unhex(&text, &mut bytes).then_some(Self(bytes));
        read.ok_or_else(|| format!("expected {} digits of lower-case hex", 2 * N))
    }
}

impl<const N: usize> From<Hex<N>> for String {
    fn from(bytes: Hex<N>) -> Self {
        hex(&bytes.0)
    }
}

/// `sha256:` and 64 digits of lower-case hex.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Sha256(pub(crate) [u8; 32]);

impl std::str::FromStr for Sha256 {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digest = text.strip_prefix("sha256:").and_then(unhex32);
        digest
            .map(Self)
            .ok_or("expected sha256: and 64 digits of lower-case hex")
    }
}

impl TryFrom<String> for Sha256 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::fmt::Display for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha256:{}", hex(&self.0))
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}
