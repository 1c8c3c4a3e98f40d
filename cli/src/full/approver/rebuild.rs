//! The presentation a second time, from the policy's text and the action alone: what was shown must
//! be what this client would have shown.

use countersign_flow::{
    Agent, CallDocument, Credential, Executor, Person, Presentation, Requester, Roster, demand,
    unescape,
};
use countersign_policy::{Policy, Question, Tool, Verdict, evaluate_given};
use countersign_record::digest::{PolicyDigest, TokenDigest};
use countersign_record::entry::Party;
use countersign_record::id::PersonId;
use countersign_record::json::Value;
use countersign_record::name::RuleName;
use countersign_record::term::{Enforcement, Role};

use super::hours::{Asked, ClockDoubt};

/// Why a presentation is not this client's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Difference {
    #[error("what is shown is not a presentation of this version")]
    Form,
    #[error("under its own policy this call asks nobody")]
    Verdict,
    #[error("the policy lets another executor run this tool")]
    Executor,
    #[error("by the hours of its own policy, other rules apply when it was asked")]
    Hours,
    #[error("sentence, parameters or rules are not those of the policy and the action")]
    Content,
}

/// Rebuilds what `shown` shows and compares every byte. Names of people and agents, what was before the
/// call, and when it was asked are the service's word; everything else follows from the policy and the
/// action. What is doubtful of that time by this machine's clock is given back.
pub(super) fn rebuild(
    shown: &Value,
    policy: &Policy,
    digest: PolicyDigest,
    now: u64,
) -> Result<Option<ClockDoubt>, Difference> {
    let parts = Parts::read(shown).ok_or(Difference::Form)?;
    let question = Question {
        tool: &parts.document.tool,
        arguments: &parts.document.arguments,
        reason: parts.document.reason.as_deref(),
    };
    let told = evaluate_given(policy, &question, None, &parts.rules);
    let Verdict::Confirm(requirement) = &told.verdict else {
        return Err(Difference::Verdict);
    };
    let demand = demand(requirement);
    let bound = policy.tool(&parts.document.tool).and_then(Tool::executor);
    if bound.is_some_and(|name| name.as_str() != parts.run_by) {
        return Err(Difference::Executor);
    }
    let rebuilt = Presentation {
        roster: &parts.roster,
        policy,
        policy_digest: digest,
        call: parts.call,
        confirmation: parts.confirmation,
        document: &parts.document,
        requester: parts.requester,
        rules: &requirement.rules,
        demand: &demand,
        decide_before: parts.decide_before,
    };
    if rebuilt.value().as_ref() != Some(shown) {
        return Err(Difference::Content);
    }
    let asked = Asked {
        policy,
        question: &question,
        rules: &parts.rules,
        at: parts.decide_before.saturating_sub(demand.decide_within),
        until: parts.decide_before,
    };
    asked.check(&told, now)
}

/// What a presentation says that does not follow from policy and action.
struct Parts {
    call: countersign_record::id::CallId,
    confirmation: countersign_record::id::ConfirmationId,
    document: CallDocument,
    roster: Roster,
    requester: Requester,
    run_by: String,
    /// Which rules the service says apply: some look at the clock and at earlier calls.
    rules: Vec<RuleName>,
    decide_before: u64,
}

impl Parts {
    fn read(shown: &Value) -> Option<Self> {
        let (action, why) = (shown.member("action")?, shown.member("why")?);
        let (asked_by, run_by) = (why.member("asked_by")?, why.member("run_by")?);
        let mut roster = Roster::default();
        let principal = match asked_by.member("on_behalf_of") {
            None => None,
            Some(id) => {
                let id: PersonId = id.as_str()?.parse().ok()?;
                let name = Some(unescape(text(asked_by, "on_behalf_of_name")?)?);
                roster.people.insert(
                    id,
                    Person {
                        name,
                        ..Person::default()
                    },
                );
                Some(id)
            }
        };
        let asker: Party = text(asked_by, "id")?.parse().ok()?;
        enter(
            &mut roster,
            asker,
            principal,
            unescape(text(asked_by, "name")?)?,
        );
        let audience = text(action, "audience")?.parse().ok()?;
        // The service itself has no name that an executor could have.
        if let Ok(name) = text(run_by, "name")?.parse() {
            roster.executors.insert(
                audience,
                Executor {
                    name,
                    token: NO_TOKEN,
                    revoked: false,
                },
            );
        }
        let session = why.member("session").map(|name| unescape(name.as_str()?));
        let document = CallDocument {
            tool: text(action, "tool")?.to_owned(),
            arguments: action.member("arguments")?.clone(),
            audience,
            action_salt: [0; 32],
            tool_call_id: String::new(),
            session: match session {
                None => None,
                Some(name) => Some(name?),
            },
            reason: Some(reason(shown.member("agent_says")?)?).filter(|words| !words.is_empty()),
            plan: None,
            trace_id: None,
            replaces: None,
        };
        Some(Self {
            call: text(shown, "call")?.parse().ok()?,
            confirmation: text(shown, "confirmation")?.parse().ok()?,
            document,
            roster,
            requester: Requester { asker, principal },
            run_by: text(run_by, "name")?.to_owned(),
            rules: rules(why)?,
            decide_before: why.member("decide_before")?.as_u64()?,
        })
    }
}

fn rules(why: &Value) -> Option<Vec<RuleName>> {
    let rules = why.member("rules")?.as_array()?.iter();
    rules.map(|rule| text(rule, "rule")?.parse().ok()).collect()
}

const NO_TOKEN: TokenDigest = TokenDigest([0; 32]);

fn enter(roster: &mut Roster, asker: Party, principal: Option<PersonId>, name: String) {
    let (name, token, revoked) = (Some(name), NO_TOKEN, false);
    match (asker, principal) {
        (Party::Agent(id), Some(principal)) => {
            let enforcement = Enforcement::Cooperative;
            roster.agents.insert(
                id,
                Agent {
                    principal,
                    token,
                    enforcement,
                    name,
                    revoked,
                },
            );
        }
        (Party::Credential(id), None) => {
            roster.credentials.insert(
                id,
                Credential {
                    role: Role::Operator,
                    token,
                    name,
                    revoked,
                },
            );
        }
        _ => {}
    }
}

/// The agent's words, empty when there are none. Where more was cut off than is shown, one further
/// character stands for it: it is cut off again.
fn reason(says: &Value) -> Option<String> {
    let mut words = unescape(text(says, "text")?)?;
    if says.member("cut")?.as_bool()? {
        words.push('.');
    }
    Some(words)
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.member(member)?.as_str()
}

#[cfg(test)]
mod tests;
