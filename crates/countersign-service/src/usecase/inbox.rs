//! What an approver may look at. Looking is not opening: nothing can be signed over it.

use std::sync::Arc;

use countersign_flow::{Pending, Stage};
use countersign_record::body::Disclosure;
use countersign_record::digest::PolicyDigest;
use countersign_record::entry::{Entry, Fact};
use countersign_record::id::{CallId, PersonId};
use countersign_record::term::Decision;

use super::view::CallView;
use crate::core::Core;
use crate::error::Unavailable;
use crate::writer::Service;

/// A confirmation that waits for this person.
#[derive(Clone, Debug)]
pub struct InboxItem {
    /// The call.
    pub view: CallView,
    /// The presentation's first sentence, escaped.
    pub sentence: String,
    /// The person has voted.
    pub voted: Option<Decision>,
}

impl Service {
    /// What waits for this person.
    pub async fn inbox(&self, person: PersonId) -> Result<Vec<InboxItem>, Unavailable> {
        self.ask(move |core| core.inbox(person)).await
    }

    /// The policy text of a digest.
    pub async fn policy_text(&self, digest: PolicyDigest) -> Result<Option<String>, Unavailable> {
        self.ask(move |core| core.policy_text(digest)).await
    }

    /// The presentation, to look at: nothing can be signed over it.
    pub async fn presentation(
        &self,
        person: PersonId,
        call: CallId,
    ) -> Result<Option<(CallView, Arc<Disclosure>)>, Unavailable> {
        self.ask(move |core| {
            core.concerns(person, call)
                .then(|| Some((core.view(call)?, core.shown(call)?)))
                .flatten()
        })
        .await
    }
}

impl Core {
    fn concerns(&self, person: PersonId, call: CallId) -> bool {
        match self.state.calls.get(&call) {
            Some(call) => call.question().is_some_and(|it| self.is_asked(it, person)),
            None => self
                .history(call)
                .iter()
                .any(|entry| entry.draft.refs.person == Some(person)),
        }
    }

    /// Whether the person was asked, and would be asked today.
    fn is_asked(&self, question: &Pending, person: PersonId) -> bool {
        question.pinned.contains_key(&person)
            && !self
                .state
                .roster
                .eligible(person, &question.demand)
                .is_empty()
    }

    fn inbox(&mut self, person: PersonId) -> Vec<InboxItem> {
        let pending = self
            .state
            .calls
            .values()
            .filter_map(|call| match &call.stage {
                Stage::Pending(pending) if self.is_asked(pending, person) => Some((
                    call.id,
                    pending.votes.get(&person).map(|vote| vote.decision),
                )),
                _ => None,
            });
        let pending: Vec<_> = pending.collect();
        let item = |(call, voted)| {
            let sentence = self
                .shown(call)
                .and_then(|shown| sentence(&shown))
                .unwrap_or_default();
            Some(InboxItem {
                view: self.view(call)?,
                sentence,
                voted,
            })
        };
        pending.into_iter().filter_map(item).collect()
    }

    fn policy_text(&self, digest: PolicyDigest) -> Option<String> {
        let in_force = self
            .state
            .policy
            .as_ref()
            .filter(|policy| policy.digest == digest);
        if let Some(policy) = in_force.and_then(|it| it.policy.as_ref()) {
            return Some(policy.text().into());
        }
        let frames = self.reader.frames(0);
        let frames = frames.filter_map(|frame| self.readable(frame));
        frames.flat_map(|frame| frame.records).find_map(|stored| {
            match Entry::decode(&stored.entry).ok()?.draft.fact {
                Fact::PolicyAdopted(it) if it.digest == digest => {}
                _ => return None,
            }
            let record = self.opened(stored.entry, &stored.bodies)?;
            let toml = record.body("policy")?.member("toml")?;
            toml.as_str().map(Into::into)
        })
    }

    /// What is or was shown of a call.
    pub(super) fn shown(&self, call: CallId) -> Option<Arc<Disclosure>> {
        if let Some(shown) = self.presentations.of(call) {
            return Some(shown);
        }
        let opened = if let Some(call) = self.state.calls.get(&call) {
            call.question().map(|pending| pending.opened)?
        } else {
            let history = self.history(call);
            let opened = |entry: &&Entry| matches!(entry.draft.fact, Fact::ConfirmationOpened(_));
            history.iter().find(opened)?.seq
        };
        let record = self.record(opened)?;
        let shown = record.bodies.get("shown")?.disclose_all();
        Some(Arc::new(shown.clone()))
    }
}

fn sentence(shown: &Disclosure) -> Option<String> {
    let fields = shown
        .leaves
        .iter()
        .filter_map(countersign_record::body::Leaf::field);
    fields
        .into_iter()
        .find(|field| field.path == "/sentence")?
        .value
        .as_str()
        .map(Into::into)
}
