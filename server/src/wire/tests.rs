use countersign_hostile::mutated;
use countersign_record::id::CallId;
use countersign_record::json::canonical;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::testing::{Body, Post, read};
use super::{Base64Bytes, Hex, Sha256};

/// A good body of each.
fn bodies() -> Vec<(Post, serde_json::Value)> {
    let (hex, id) = ("07".repeat(32), "aaaaaaaaaaaaaaaaaaaaaaaaaa");
    let signed = json!({ "statement": "e30=", "signature": "U1NIU0lH" });
    let mut decision = signed.clone();
    decision["comment"] = json!({ "salt": hex, "text": "as agreed" });
    decision["cause"] = "wrong-target".into();
    Vec::from([
        (
            Post::Call,
            json!({
                "tool": "pay", "arguments": { "to": "Example Ltd", "more": [1, null] }, "reason": "due",
                "plan": "p", "session": "s", "trace_id": "t", "replaces": format!("call_{id}"), "executor": "bank"
            }),
        ),
        (Post::DryRun, json!({ "tool": "pay", "arguments": {} })),
        (
            Post::Redeem,
            json!({ "nonce": hex, "action_digest": format!("sha256:{hex}") }),
        ),
        (Post::Outcome, json!({ "status": "failed", "detail": "no" })),
        (Post::Decision, decision),
        (
            Post::Freeze,
            json!({ "tool": "pay", "target": "Example Ltd", "all": false, "reason": "look" }),
        ),
        (
            Post::Revocation,
            json!({ "key": format!("key_{id}"), "cause": "lost" }),
        ),
        (Post::Opening, json!({ "client": "cli" })),
        (Post::LoginBegin, json!({ "public_key": "AAAA" })),
        (Post::Signed, signed),
        (Post::Nothing, json!({})),
    ])
}

const CALL: CallId = CallId::new([1; 16]);

fn said(post: Post, body: &[u8]) -> Result<String, u16> {
    read(post, CALL, body).map(|read| format!("{read:?}"))
}

#[test]
fn a_good_body_of_each_kind_reads() {
    for (post, body) in bodies() {
        let read = said(post, body.to_string().as_bytes());
        assert!(read.is_ok(), "{post:?}: {read:?}");
    }
}

fn changed_body() -> impl Strategy<Value = (Post, Vec<u8>)> {
    let bodies = prop::sample::select(bodies());
    bodies.prop_flat_map(|(post, body)| {
        mutated(body.to_string().into_bytes()).prop_map(move |body| (post, body))
    })
}

proptest! {
    #[test]
    fn a_changed_body_is_refused_by_a_4xx_or_read_the_same_again((post, body) in changed_body()) {
        let read = said(post, &body);
        prop_assert!(read.as_ref().err().is_none_or(|status| (400..500).contains(status)));
        prop_assert_eq!(said(post, &body), read);
    }

    #[test]
    fn a_call_that_is_written_reads_back(
        words in vec(prop::option::of("[ -~]{0,40}"), 5), arguments in vec(("[a-z]{1,8}", any::<i32>()), 0..4)
    ) {
        let arguments: serde_json::Value = arguments.into_iter().collect();
        let tool = words[0].clone().unwrap_or_default();
        let body = json!({
            "tool": tool, "arguments": arguments, "reason": words[1], "plan": words[2],
            "session": words[3], "trace_id": words[4]
        });
        let Ok(Body::Call(call)) = read(Post::Call, CALL, body.to_string().as_bytes()) else {
            return Err(TestCaseError::fail("it does not read"));
        };
        prop_assert_eq!(call.tool, tool);
        prop_assert_eq!(canonical(&call.arguments), arguments.to_string().into_bytes());
        prop_assert_eq!(&words[1..], &[call.reason, call.plan, call.session, call.trace_id]);
    }

    #[test]
    fn bytes_that_are_written_read_back(bytes in any::<[u8; 32]>(), more in vec(any::<u8>(), 0..80)) {
        prop_assert_eq!(Hex::<32>::try_from(String::from(Hex(bytes))).map(|it| it.0), Ok(bytes));
        prop_assert_eq!(Sha256::try_from(String::from(Sha256(bytes))).map(|it| it.0), Ok(bytes));
        let written = String::from(Base64Bytes(more.clone()));
        prop_assert_eq!(Base64Bytes::try_from(written).map(|it| it.0), Ok(more));
    }

    #[test]
    fn bytes_have_one_spelling(bytes in any::<[u8; 32]>(), at in any::<prop::sample::Index>(), other in any::<char>()) {
        let change = |written: String| {
            let at = at.index(written.len());
            format!("{}{other}{}", &written[..at], &written[at + 1..])
        };
        let (hex, digest) = (change(Hex(bytes).into()), change(Sha256(bytes).into()));
        let base64 = change(Base64Bytes(bytes.to_vec()).into());
        prop_assert!(Hex::<32>::try_from(hex.clone()).ok().is_none_or(|it| String::from(it) == hex));
        prop_assert!(Sha256::try_from(digest.clone()).ok().is_none_or(|it| String::from(it) == digest));
        prop_assert!(Base64Bytes::try_from(base64.clone()).ok().is_none_or(|it| String::from(it) == base64));
    }
}
