//! The `confirm` block of a rule: who must approve, how, and in which time.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use countersign_record::name::GroupName;
use countersign_record::term::{Client, KeyClass};
use serde::de::IgnoredAny;

use crate::requirement::Fact;
use crate::span::Span;

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "ConfirmText")]
#[expect(
    clippy::struct_field_names,
    reason = "`self_confirm` is the policy's word"
)]
pub(crate) struct Confirm {
    pub(crate) seats: Vec<Seats>,
    pub(crate) key_class: KeyClass,
    pub(crate) client: Option<Client>,
    pub(crate) expires: Span,
    pub(crate) execute_within: Span,
    pub(crate) outcome_within: Span,
    pub(crate) cool_down: Span,
    pub(crate) reason_required: bool,
    pub(crate) deny_threshold: u32,
    pub(crate) self_confirm: bool,
    pub(crate) after_denial: Span,
    pub(crate) independence: BTreeSet<Fact>,
    /// Words that later versions give a meaning.
    pub(crate) not_built: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seats {
    /// Sorted, not empty.
    pub(crate) groups: Vec<GroupName>,
    pub(crate) need: u32,
}

/// `[governance]`: what every change of the control itself demands; two of `owners` if it is empty.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "ConfirmText")]
pub(crate) struct Governance(pub(crate) Confirm);

/// A `confirm` block as it is written.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfirmText {
    approvals: Option<u32>,
    from: Option<Vec<GroupName>>,
    from_each: Option<Vec<GroupName>>,
    key_class: Option<KeyClass>,
    client: Option<Client>,
    expires: Option<Span>,
    execute_within: Option<Span>,
    outcome_within: Option<Span>,
    cool_down: Option<Span>,
    reason_required: bool,
    deny_threshold: Option<u32>,
    self_confirm: bool,
    after_denial: Option<Span>,
    independence: BTreeSet<Fact>,
    match_number: Option<IgnoredAny>,
    type_to_confirm: Option<IgnoredAny>,
    batch_most: Option<IgnoredAny>,
    budget: Option<IgnoredAny>,
    channel: Option<IgnoredAny>,
    plan: Option<IgnoredAny>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfirmError {
    #[error("nobody is named: write from = [\"group\"] or from_each = [\"group\", \"group\"]")]
    Nobody,
    #[error("write either from or from_each, not both")]
    Both,
    #[error("a group is named twice")]
    GroupTwice,
    #[error("approvals is a number from 1 to {SEATS_MAX}, and at least one for each of from_each")]
    Approvals,
    #[error("deny_threshold is a number from 1 to {SEATS_MAX}")]
    DenyThreshold,
    #[error("expires, execute_within and outcome_within are longer than nothing")]
    NoTime,
}

/// More people than this never decide one call, and every seat stands in an entry's header.
const SEATS_MAX: u32 = 20;

impl ConfirmText {
    fn confirm(self, approvals: u32) -> Result<Confirm, ConfirmError> {
        let seats = seats(self.from, self.from_each, self.approvals, approvals)?;
        let reserved = [
            ("match_number", self.match_number.is_some()),
            ("type_to_confirm", self.type_to_confirm.is_some()),
            ("batch_most", self.batch_most.is_some()),
            ("budget", self.budget.is_some()),
            ("channel", self.channel.is_some()),
            ("plan", self.plan.is_some()),
        ];
        let confirm = Confirm {
            seats,
            key_class: self.key_class.unwrap_or(KeyClass::Device),
            // The page is the least of clients, so demanding it demands nothing.
            client: self.client.filter(|client| *client != Client::Page),
            expires: self.expires.unwrap_or(Span::ONE_HOUR),
            execute_within: self.execute_within.unwrap_or(Span::TEN_MINUTES),
            outcome_within: self.outcome_within.unwrap_or(Span::ONE_DAY),
            cool_down: self.cool_down.unwrap_or(Span::ZERO),
            reason_required: self.reason_required,
            deny_threshold: self.deny_threshold.unwrap_or(1),
            self_confirm: self.self_confirm,
            after_denial: self.after_denial.unwrap_or(Span::ONE_DAY),
            independence: self.independence,
            not_built: reserved
                .into_iter()
                .filter_map(|(word, used)| used.then_some(word))
                .collect(),
        };
        if !(1..=SEATS_MAX).contains(&confirm.deny_threshold) {
            return Err(ConfirmError::DenyThreshold);
        }
        let deadlines = [
            confirm.expires,
            confirm.execute_within,
            confirm.outcome_within,
        ];
        if deadlines.contains(&Span::ZERO) {
            return Err(ConfirmError::NoTime);
        }
        Ok(confirm)
    }
}

/// `from`: so many of any of the groups. `from_each`: one of every group, and the rest of any.
fn seats(
    from: Option<Vec<GroupName>>,
    from_each: Option<Vec<GroupName>>,
    approvals: Option<u32>,
    default: u32,
) -> Result<Vec<Seats>, ConfirmError> {
    let (any, each) = match (from, from_each) {
        (Some(groups), None) => (sorted(groups)?, Vec::new()),
        (None, Some(groups)) => {
            let groups = sorted(groups)?;
            (groups.clone(), groups)
        }
        (None, None) => return Err(ConfirmError::Nobody),
        (Some(_), Some(_)) => return Err(ConfirmError::Both),
    };
    let named = u32::try_from(each.len()).map_err(|_| ConfirmError::Approvals)?;
    let approvals = approvals.unwrap_or(if named > 0 { named } else { default });
    let rest = approvals
        .checked_sub(named)
        .ok_or(ConfirmError::Approvals)?;
    if !(1..=SEATS_MAX).contains(&approvals) {
        return Err(ConfirmError::Approvals);
    }
    let one_of = |group| Seats {
        groups: Vec::from([group]),
        need: 1,
    };
    let mut seats: Vec<Seats> = each.into_iter().map(one_of).collect();
    if rest > 0 {
        seats.push(Seats {
            groups: any,
            need: rest,
        });
    }
    Ok(seats)
}

fn sorted(mut groups: Vec<GroupName>) -> Result<Vec<GroupName>, ConfirmError> {
    let named = groups.len();
    groups.sort();
    groups.dedup();
    match groups.len() {
        0 => Err(ConfirmError::Nobody),
        distinct if distinct < named => Err(ConfirmError::GroupTwice),
        _ => Ok(groups),
    }
}

impl TryFrom<ConfirmText> for Confirm {
    type Error = ConfirmError;

    fn try_from(text: ConfirmText) -> Result<Self, ConfirmError> {
        text.confirm(1)
    }
}

impl TryFrom<ConfirmText> for Governance {
    type Error = ConfirmError;

    fn try_from(mut text: ConfirmText) -> Result<Self, ConfirmError> {
        if text.from.is_none() && text.from_each.is_none() {
            let owners = "owners".parse().map_err(|_| ConfirmError::Nobody)?;
            text.from = Some(Vec::from([owners]));
        }
        text.confirm(2).map(Self)
    }
}
