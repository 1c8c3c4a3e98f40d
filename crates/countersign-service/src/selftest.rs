//! Before serving: what must be refused is refused, and what must hold holds, on the policy and keys
//! in force.

use countersign_attest::statement::Enrolment;
use countersign_attest::{Context, PublicKey, verify};
use countersign_flow::State;
use countersign_policy::{Facts, Question, Verdict, evaluate, reserved_tools};
use countersign_record::json::{Object, Value};

/// What the self-test found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// There is no readable policy.
    #[error("there is no policy in force that can be read")]
    NoPolicy,
    /// A call that must not pass, passes.
    #[error("the policy lets a forbidden call through: {call}")]
    ForbiddenPasses {
        /// Which.
        call: String,
    },
    /// One of the owner's own examples fails.
    #[error("the policy's own test {name:?} fails: {fault}")]
    Example {
        /// Its name.
        name: String,
        /// How.
        fault: String,
    },
    /// A good signature is refused.
    #[error("the enrolment of {key} does not verify any more")]
    GoodRefused {
        /// Whose key.
        key: String,
    },
    /// A forged signature is accepted.
    #[error("a forged signature of {key} is accepted")]
    ForgeryAccepted {
        /// Whose key.
        key: String,
    },
}

/// Tests the policy and the keys in force.
pub(crate) fn self_test(state: &State) -> Result<(), SelfTestError> {
    let policy = state.document().ok_or(SelfTestError::NoPolicy)?;
    for result in policy.test() {
        if !result.passed() {
            let faults = result.shortfalls.iter().map(ToString::to_string);
            let fault = faults.collect::<Vec<_>>().join("; ");
            return Err(SelfTestError::Example {
                name: result.name,
                fault,
            });
        }
    }
    // Nobody can have declared this name: it has no valid form.
    let undeclared = "countersign self-test ";
    for tool in reserved_tools().iter().copied().chain([undeclared]) {
        let arguments = Value::Object(Object::new());
        let question = Question {
            tool,
            arguments: &arguments,
            reason: None,
        };
        if evaluate(policy, &question, &Facts::default()).verdict == Verdict::Allow {
            return Err(SelfTestError::ForbiddenPasses { call: tool.into() });
        }
    }
    state.roster.keys.iter().try_for_each(|(id, key)| {
        let (statement, signature) = (&key.enrolled.statement.0, &key.enrolled.signature.0);
        let good = |statement: &[u8]| {
            PublicKey::from_ssh_wire(&key.enrolled.public_key.0).is_ok_and(|public| {
                verify(Context::Enrolment, &public, statement, signature).is_ok()
            })
        };
        if !good(statement) || Enrolment::read(statement).is_err() {
            return Err(SelfTestError::GoodRefused {
                key: id.to_string(),
            });
        }
        let mut forged = statement.clone();
        forged.iter_mut().take(1).for_each(|byte| *byte ^= 1);
        if good(&forged) {
            return Err(SelfTestError::ForgeryAccepted {
                key: id.to_string(),
            });
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use countersign_flow::InForce;
    use countersign_policy::Policy;
    use countersign_record::id::PolicyId;

    use super::*;

    const POLICY: &str = include_str!("../../../fixtures/policies/demo.toml");

    fn in_force(toml: &str) -> State {
        let policy = Policy::parse(toml).unwrap();
        let digest = policy.digest();
        let in_force = InForce {
            id: PolicyId::new([1; 16]),
            digest,
            policy: Some(policy),
        };
        let mut state = State::default();
        state.policy = Some(in_force);
        state
    }

    #[test]
    fn a_policy_that_keeps_its_own_promises_passes() {
        assert_eq!(self_test(&in_force(POLICY)), Ok(()));
    }

    #[test]
    fn a_policy_that_lets_a_forbidden_call_through_is_refused() {
        let changed = POLICY.replace("tool    = \"format_disk\"", "tool    = \"list_files\"");
        let refused = self_test(&in_force(&changed)).unwrap_err();
        assert!(
            matches!(refused, SelfTestError::Example { .. }),
            "{refused}"
        );
    }

    #[test]
    fn a_log_without_a_policy_is_refused() {
        assert_eq!(self_test(&State::default()), Err(SelfTestError::NoPolicy));
    }
}
