//! The policy in plain English, to be read aloud by the people who answer for it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::name::GroupName;
use countersign_record::term::{Client, KeyClass};

use crate::catalogue::Tool;
use crate::condition::{Condition, Operator};
use crate::confirm::{Confirm, Seats};
use crate::document::{Fallback, Guarded, Policy};
use crate::field::{ArgPath, Field};
use crate::look::Counts;
use crate::rule::{Rule, Saying, Selector};
use crate::sentence::capitalised;
use crate::span::Span;

/// The whole policy as paragraphs: defaults, tools, groups, one per rule, and who governs it.
pub fn explain(policy: &Policy) -> String {
    let document = &policy.document;
    let mut paragraphs = Vec::from([opening(policy), defaults(policy)]);
    paragraphs.extend(
        policy
            .tools()
            .map(|(name, tool)| tool_paragraph(name.as_str(), tool)),
    );
    paragraphs.extend(
        policy
            .groups()
            .map(|(name, purpose)| format!("The group {name}: {}.", sentence_end(purpose))),
    );
    paragraphs.extend(
        document
            .rules
            .iter()
            .map(|rule| rule_paragraph(policy, rule)),
    );
    paragraphs.push(governance(policy));
    paragraphs.push(ALWAYS.to_string());
    paragraphs.join("\n\n") + "\n"
}

const ALWAYS: &str = "Always: rules only add to each other, and where several speak about one call, \
    each of them must be satisfied and the strictest of their words counts. Where it cannot be \
    told whether a condition holds, the rule applies. Silence is a cancel. An approval is good for \
    one execution of exactly what was shown.";

fn opening(policy: &Policy) -> String {
    format!(
        "Policy {}, version {}. {} answers for it.",
        policy.id(),
        policy.version(),
        sentence_end(policy.owner()),
    )
}

fn defaults(policy: &Policy) -> String {
    let head = &policy.document.policy;
    let default = match head.default {
        Fallback::Allow => "may run".to_string(),
        Fallback::Confirm => format!("needs a person, {}", fallback(policy)),
        Fallback::Deny => "is refused".to_string(),
    };
    let guarded = |guard| match guard {
        Guarded::Confirm => format!("needs a person at least, {}", fallback(policy)),
        Guarded::Deny => "is refused".to_string(),
    };
    format!(
        "A call that no rule speaks about {default}. A call of a tool that is not listed here {}. \
         A call that is not formed as listed here {}.",
        guarded(head.unknown_tool),
        guarded(head.on_error),
    )
}

fn fallback(policy: &Policy) -> String {
    policy.document.policy.fallback_rule.as_ref().map_or_else(
        || "but no rule says whom, so it is refused".to_string(),
        |rule| format!("as the rule {rule} says"),
    )
}

fn tool_paragraph(name: &str, tool: &Tool) -> String {
    let target = tool.target_path().map_or_else(String::new, |path| {
        format!(" It acts upon {}.", argument(path))
    });
    let executor = tool
        .executor()
        .map_or_else(String::new, |executor| format!(" It is run by {executor}."));
    let undo = if tool.is_irreversible() {
        " It cannot be undone."
    } else {
        ""
    };
    format!(
        "The tool {name} ({}): {}.{target}{executor}{undo}",
        tool.class(),
        sentence_end(tool.verb()),
    )
}

fn rule_paragraph(policy: &Policy, rule: &Rule) -> String {
    let calls = match &rule.about {
        Selector::Tools(tools) => format!("A call of {}", joined(tools, "or")),
        Selector::Classes(classes) => format!("A call of the class {}", joined(classes, "or")),
        Selector::Nothing => "A call that is sent to this rule by default".to_string(),
    };
    let conditions: Vec<String> = rule.when.iter().map(condition).collect();
    let when = if conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", conditions.join(" and "))
    };
    let is_fallback = policy.document.policy.fallback_rule.as_ref() == Some(&rule.id);
    let also = if is_fallback && rule.about != Selector::Nothing {
        " It is also the rule for what is not recognised."
    } else {
        ""
    };
    let says = match &rule.says {
        Saying::Deny => " is refused, and nobody is asked.".to_string(),
        Saying::Confirm(confirm) => format!(" needs {}", confirm_words(confirm)),
    };
    format!(
        "Rule {}: {}. {calls}{when}{says}{also}",
        rule.id,
        sentence_end(&rule.title)
    )
}

fn governance(policy: &Policy) -> String {
    match &policy.document.governance {
        None => {
            "Nobody governs changes of the control itself; such a policy is not adopted.".into()
        }
        Some(governance) => format!(
            "Governance: a change of the control itself (people, groups, keys, agents, executors, \
             credentials, this policy, freezes, denials, erasure) needs {}",
            confirm_words(&governance.0),
        ),
    }
}

/// From "two people from treasury" to the end of the paragraph.
fn confirm_words(confirm: &Confirm) -> String {
    let seats: Vec<String> = confirm.seats.iter().map(seats_words).collect();
    let mut sentences = Vec::from([format!(
        "{} to approve, with {}{}.",
        seats.join(" and "),
        key_words(confirm.key_class),
        client_words(confirm.client),
    )]);
    if confirm.cool_down > Span::ZERO {
        sentences.push(format!(
            "Nobody can approve in the first {}.",
            confirm.cool_down
        ));
    }
    if confirm.reason_required {
        sentences.push("Each writes down a reason.".into());
    }
    if !confirm.independence.is_empty() {
        let facts = joined(&confirm.independence, "and");
        sentences.push(format!(
            "The approver's {facts} must differ from the agent's."
        ));
    }
    let requester = if confirm.self_confirm {
        "may approve too"
    } else {
        "does not count"
    };
    sentences.push(format!("The person for whom the agent asks {requester}."));
    sentences.push(format!(
        "No answer within {} means cancel.",
        confirm.expires
    ));
    let refusals = match confirm.deny_threshold {
        1 => "One refusal ends it".to_string(),
        most => format!("{} refusals end it", capitalised(&number(most))),
    };
    sentences.push(format!(
        "{refusals}, and the same call is then turned away for {}.",
        confirm.after_denial
    ));
    sentences.push(format!(
        "Once approved it must run within {}, and report how it went within {}.",
        confirm.execute_within, confirm.outcome_within,
    ));
    sentences.join(" ")
}

fn seats_words(seats: &Seats) -> String {
    let people = if seats.need == 1 { "person" } else { "people" };
    format!(
        "{} {people} from {}",
        number(seats.need),
        joined::<GroupName>(&seats.groups, "or")
    )
}

fn key_words(class: KeyClass) -> &'static str {
    match class {
        KeyClass::Service | KeyClass::Software => "any enrolled key",
        KeyClass::Synced => "a passkey or a key bound to one device",
        KeyClass::Device => "a key bound to one device",
        KeyClass::HardwareAttested => "a key in hardware that its maker vouches for",
    }
}

fn client_words(client: Option<Client>) -> &'static str {
    match client {
        None | Some(Client::Page) => "",
        Some(Client::Cli) => ", in the command line or in an application of their own",
        Some(Client::External) => ", in an application of their own",
    }
}

fn condition(condition: &Condition) -> String {
    let field = match &condition.field {
        Field::Argument(path) => argument(path),
        Field::Label(label) => format!("the target's {}", label.replace('_', " ")),
        Field::Tool => "the tool".to_string(),
        Field::Reason => "the agent's reason".to_string(),
        Field::Time => "the time".to_string(),
    };
    if let Operator::TotalOver(threshold, look) = &condition.operator {
        let per = match &look.counts {
            Counts::Total { per: Some(per), .. } => format!(" with the same {}", bare(per)),
            _ => String::new(),
        };
        return format!(
            "{field}, together with that of earlier calls{per} within {}, is more than {}",
            look.within,
            threshold.words()
        );
    }
    format!("{field} {}", condition.operator.words())
}

/// `args.beneficiary.account_number` is "the beneficiary account number".
fn argument(path: &ArgPath) -> String {
    format!("the {}", bare(path))
}

fn bare(path: &ArgPath) -> String {
    let written = path.to_string();
    let name = written.strip_prefix("args.").unwrap_or(&written);
    name.replace(['.', '_'], " ")
}

fn joined<'a, T: ToString + 'a>(words: impl IntoIterator<Item = &'a T>, last: &str) -> String {
    let words: Vec<String> = words.into_iter().map(ToString::to_string).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, before)) => format!("{} {last} {end}", before.join(", ")),
    }
}

fn number(count: u32) -> String {
    let words = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    let word = usize::try_from(count)
        .ok()
        .and_then(|count| words.get(count.checked_sub(1)?));
    word.map_or_else(|| count.to_string(), ToString::to_string)
}

fn sentence_end(text: &str) -> &str {
    text.trim().trim_end_matches('.')
}
