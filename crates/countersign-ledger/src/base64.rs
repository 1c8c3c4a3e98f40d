//! Strict base64 (RFC 4648 part 4): padded, and one text for one value.

use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding as _};

pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = Base64::decode_vec(text).ok()?;
    (encode(&bytes) == text).then_some(bytes)
}

pub(crate) fn decode_hash(text: &str) -> Option<[u8; 32]> {
    decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_text() {
        assert_eq!(decode("AQ=="), Some(alloc::vec![1]));
        for other in ["AR==", "AQ", "AQ=", "AQ==\n", " AQ==", "AQ==AQ==", "A-_="] {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_hash_has_32_bytes() {
        assert_eq!(decode_hash(&encode(&[7; 32])), Some([7; 32]));
        assert_eq!(decode_hash(&encode(&[7; 31])), None);
        assert_eq!(decode_hash(&encode(&[7; 33])), None);
    }
}
