//! Policies: read, checked, explained, applied, and applied the same way twice.
#![no_main]

use countersign_policy::{Facts, Policy, Population, Question, evaluate, explain, sentence};
use countersign_record::json::{Object, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(policy) = Policy::parse(text) else {
        return;
    };
    assert_eq!(policy.text(), text);
    let _any = (policy.check(&Population::Unknown), explain(&policy));
    for arguments in [
        Value::Null,
        Value::Object(Object::new().with("path", "/srv/x")),
    ] {
        let names = policy.tools().map(|(name, _)| name.as_str());
        for tool in names.chain(["no such tool"]) {
            let question = Question {
                tool,
                arguments: &arguments,
                reason: None,
            };
            let facts = Facts::default();
            let first = evaluate(&policy, &question, &facts);
            assert_eq!(first, evaluate(&policy, &question, &facts));
            let _any = sentence(&policy, tool, &arguments);
        }
    }
});
