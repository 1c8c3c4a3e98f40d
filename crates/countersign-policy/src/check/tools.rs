//! Problems of the catalogue.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Problem;
use crate::catalogue::Tool;
use crate::control;
use crate::document::Policy;
use crate::field::ArgPath;
use crate::hint::did_you_mean;
use crate::sentence::Template;

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, tool) in policy.tools() {
        let place = format!("tool \"{name}\"");
        if control::is_reserved(name.as_str()) || tool.class == control::CLASS {
            problems.push(Problem::error(
                "tool-reserved",
                place.clone(),
                "names beginning with countersign. and the class control are the control's own",
                "give the tool another name or class",
            ));
        }
        if tool.executor.is_none() {
            problems.push(Problem::error(
                "executor-missing",
                place.clone(),
                "nobody is named who runs it, so no approval could be bound to it",
                "write executor = \"name\"",
            ));
        }
        if tool.verb.trim().is_empty() || tool.class.trim().is_empty() {
            problems.push(Problem::error(
                "tool-unnamed",
                place.clone(),
                "its verb or its class is empty",
                "say in business words what it does",
            ));
        }
        for path in places(tool).filter(|path| tool.kind(path).is_none()) {
            let known: Vec<String> = tool.args.keys().map(ToString::to_string).collect();
            let near = did_you_mean(&path.to_string(), known.iter().map(String::as_str));
            problems.push(Problem::error(
                "field-undeclared",
                place.clone(),
                format!("it mentions {path}, which its args do not declare"),
                format!("declare its kind in args{near}"),
            ));
        }
    }
}

/// Every argument that the entry mentions outside of `args`.
fn places(tool: &Tool) -> impl Iterator<Item = &ArgPath> {
    let sentence = tool.sentence.iter().flat_map(Template::places);
    let mentioned = tool.target.iter().chain(&tool.show).chain(sentence);
    mentioned.map(|path| &path.0)
}
