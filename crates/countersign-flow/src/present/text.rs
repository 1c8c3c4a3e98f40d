//! The plain-text form: the same in terminal, mail and evidence. It reads the document alone.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_record::json::Value;

use super::time::{rfc3339, span};

/// The presentation as text; `None` for a document that is not one.
pub fn presentation_text(document: &Value) -> Option<String> {
    let mut lines = Vec::new();
    lines.push(text(document, "sentence")?);
    if document.member("irreversible")?.as_bool()? {
        lines.push("This cannot be undone.".into());
    }
    let declared = document.member("parameters")?.as_array()?;
    parameters(
        &mut lines,
        &format!("Parameters ({})", declared.len()),
        declared,
    )?;
    let others = document.member("other_parameters")?.as_array()?;
    if !others.is_empty() {
        let title = format!(
            "Other parameters, not named by the policy ({})",
            others.len()
        );
        parameters(&mut lines, &title, others)?;
    }
    section(&mut lines, "What will change");
    lines.push(format!("  {}", text(document, "effect")?));
    why(&mut lines, document.member("why")?)?;
    agent_says(&mut lines, document.member("agent_says")?)?;
    lines.push(String::new());
    Some(lines.join("\n"))
}

fn section(lines: &mut Vec<String>, title: &str) {
    lines.push(String::new());
    lines.push(title.into());
}

fn parameters(lines: &mut Vec<String>, title: &str, parameters: &[Value]) -> Option<()> {
    section(lines, title);
    for parameter in parameters {
        let path = text(parameter, "path")?;
        lines.push(format!("  {path} = {}", text(parameter, "value")?));
        if let Some(normal) = parameter.member("normal").and_then(Value::as_str) {
            let doubtful = parameter.member("doubtful").and_then(Value::as_bool)?;
            let mark = if doubtful {
                "LOOK TWICE: "
            } else {
                "that is: "
            };
            lines.push(format!("      {mark}{normal}"));
        }
    }
    Some(())
}

fn why(lines: &mut Vec<String>, why: &Value) -> Option<()> {
    section(lines, "Why you");
    for rule in why.member("rules")?.as_array()? {
        lines.push(format!(
            "  Rule {}: {}",
            text(rule, "rule")?,
            text(rule, "title")?
        ));
    }
    for slot in why.member("slots")?.as_array()? {
        let groups: Vec<_> = slot
            .member("groups")?
            .as_array()?
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()?;
        let need = slot.member("need")?.as_u64()?;
        let people = if need == 1 { "person" } else { "people" };
        let (groups, rule) = (groups.join(" or "), text(slot, "rule")?);
        lines.push(format!(
            "  It needs {need} {people} of {groups} (rule {rule})"
        ));
    }
    lines.push(asked_by(why.member("asked_by")?)?);
    if let Some(session) = why.member("session").and_then(Value::as_str) {
        lines.push(format!("  In the session {session}"));
    }
    let deadline = rfc3339(why.member("decide_before")?.as_u64()?);
    lines.push(format!("  Decide before {deadline}; no answer cancels it"));
    let within = span(why.member("execute_within_ms")?.as_u64()?);
    let by = why.member("run_by")?;
    let by = format!("{} ({})", text(by, "name")?, text(by, "id")?);
    lines.push(format!(
        "  Once approved it may run once, within {within}, by {by}"
    ));
    lines.push(format!("  Policy sha256:{}", text(why, "policy")?));
    Some(())
}

fn asked_by(asked: &Value) -> Option<String> {
    let by = format!(
        "  Asked by {} ({})",
        text(asked, "name")?,
        text(asked, "id")?
    );
    let Some(principal) = asked.member("on_behalf_of").and_then(Value::as_str) else {
        return Some(by);
    };
    let name = text(asked, "on_behalf_of_name")?;
    Some(format!("{by} on behalf of {name} ({principal})"))
}

fn agent_says(lines: &mut Vec<String>, says: &Value) -> Option<()> {
    section(lines, "The agent says (unverified)");
    let words = text(says, "text")?;
    let words = if words.is_empty() {
        "(nothing)".into()
    } else {
        words
    };
    lines.push(format!("  | {words}"));
    if says.member("cut")?.as_bool()? {
        lines.push("  | (cut: the agent wrote more)".into());
    }
    for mark in says.member("not_in_parameters")?.as_array()? {
        lines.push(format!("  NOT IN THE PARAMETERS: {}", mark.as_str()?));
    }
    Some(())
}

fn text(value: &Value, member: &str) -> Option<String> {
    value.member(member)?.as_str().map(Into::into)
}
