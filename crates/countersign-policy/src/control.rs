//! The reserved tools: changes of the control itself, which no policy can leave ungoverned.

use alloc::collections::BTreeMap;

use countersign_record::name::ToolName;

use crate::catalogue::Tool;

/// What every reserved tool's name begins with.
const PREFIX: &str = "countersign.";

/// The name under which `[governance]` stands among the rules.
pub(crate) const GOVERNANCE: &str = "governance";

/// The class of the reserved tools.
pub(crate) const CLASS: &str = "control";

/// Changing the policy, without which nothing else could be changed for ever.
pub(crate) const POLICY_ADOPT: &str = "countersign.policy.adopt";

const CATALOGUE: &str = include_str!("control.toml");

/// Whether the name is kept for changes of the control; such a tool is never allowed by default.
pub fn is_reserved(tool: &str) -> bool {
    tool.starts_with(PREFIX)
}

/// Every reserved tool, in order of name.
pub fn reserved_tools() -> &'static [&'static str] {
    &[
        "countersign.agent.add",
        "countersign.credential.add",
        "countersign.denial.lift",
        "countersign.executor.add",
        "countersign.freeze.lift",
        "countersign.group.change",
        "countersign.key.enroll",
        "countersign.person.add",
        "countersign.person.leave",
        "countersign.policy.adopt",
    ]
}

/// Their entries in the catalogue.
pub(crate) fn catalogue() -> Result<BTreeMap<ToolName, Tool>, toml::de::Error> {
    toml::from_str(CATALOGUE)
}
