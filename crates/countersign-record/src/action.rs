//! The digests that people's signatures and executors' checks hang on: docs/spec/body.md, part 7.

use alloc::string::ToString as _;

use crate::digest::{
    ActionDigest, BodyRoot, FingerprintDigest, PolicyDigest, ShownDigest, TextDigest, sha256,
};
use crate::id::ExecutorId;
use crate::json::{Value, canonical};
use crate::object;

/// What will be run: `{"arguments", "audience", "tool"}`.
pub fn action(tool: &str, arguments: &Value, audience: &ExecutorId) -> Value {
    let action = object! {
        "arguments": arguments.clone(),
        "audience": audience.to_string(),
        "tool": tool,
    };
    action.into()
}

/// The action under its call's own salt: nobody can guess an erased action from it.
pub fn action_digest(action: &Value, action_salt: &[u8; 32]) -> ActionDigest {
    let context = b"countersign/action/v1\n";
    ActionDigest(sha256(&[context, action_salt, &canonical(action)]))
}

/// The action under its party's salt of one epoch: equal actions of one party are equal.
pub fn fingerprint(action: &Value, fp_salt: &[u8; 32]) -> FingerprintDigest {
    let context = b"countersign/fingerprint/v1\n";
    FingerprintDigest(sha256(&[context, fp_salt, &canonical(action)]))
}

/// What a person was shown, from the root of the presentation's body.
pub fn shown_digest(shown_root: &BodyRoot) -> ShownDigest {
    ShownDigest(sha256(&[b"countersign/shown/v1\n", shown_root.bytes()]))
}

/// A text that a person typed, under a salt of its own.
pub fn text_digest(salt: &[u8; 32], text: &str) -> TextDigest {
    TextDigest(sha256(&[b"countersign/text/v1\n", salt, text.as_bytes()]))
}

/// A policy document, by its exact bytes.
pub fn policy_digest(toml: &[u8]) -> PolicyDigest {
    PolicyDigest(sha256(&[b"countersign/policy/v1\n", toml]))
}
