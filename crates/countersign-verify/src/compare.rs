//! The auditor's side of body roots: what is computed is compared with what is disclosed.

use alloc::vec::Vec;

use countersign_attest::Verified;
use countersign_flow::Commit;
use countersign_record::body::{Field, flatten};
use countersign_record::digest::BodyRoot;
use countersign_record::json::Value;

use crate::prepare::Content;
use crate::read::Read;

/// Answers with the header's root where the computed value may be the one committed to, and with
/// another root where it is not.
pub(crate) struct Compare<'a> {
    group: &'a [Read],
    /// Bodies that were computed but could not be compared whole: entry of the group, name.
    pub(crate) not_compared: Vec<(usize, &'static str)>,
}

impl<'a> Compare<'a> {
    pub(crate) const fn new(group: &'a [Read]) -> Self {
        Self {
            group,
            not_compared: Vec::new(),
        }
    }
}

impl Commit for Compare<'_> {
    fn commit(&mut self, draft: usize, name: &'static str, value: Option<&Value>) -> BodyRoot {
        let Some(read) = self.group.get(draft) else {
            return BodyRoot([0; 32]);
        };
        let Some(root) = read.entry.draft.bodies.root(name) else {
            return BodyRoot([0; 32]);
        };
        let agrees = match (value, read.body(name)) {
            (Some(value), Some(Content::Whole(disclosed))) => value == disclosed,
            (Some(value), Some(Content::Part(fields))) => {
                self.not_compared.push((draft, name));
                holds(value, fields)
            }
            _ => {
                self.not_compared.push((draft, name));
                true
            }
        };
        if agrees { root } else { other_than(root) }
    }

    /// What was found out while the record was prepared.
    fn proof(&self) -> Option<&Verified> {
        self.group.first()?.proof.as_ref()
    }
}

/// Whether every disclosed field is one of the value's.
fn holds(value: &Value, fields: &[Field]) -> bool {
    flatten(value).is_ok_and(|all| fields.iter().all(|field| all.contains(field)))
}

fn other_than(root: BodyRoot) -> BodyRoot {
    BodyRoot(root.0.map(|byte| !byte))
}
