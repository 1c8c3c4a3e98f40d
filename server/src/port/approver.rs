//! What approvers can do: log in, look, open, decide, take back.

use std::net::IpAddr;
use std::sync::Arc;

use countersign_record::body::Disclosure;
use countersign_record::digest::PolicyDigest;
use countersign_record::entry::Head;
use countersign_record::id::{CallId, PersonId};
use countersign_record::term::Client;
use countersign_service::{
    CallState, CallView, CommandError, Decision, InboxItem, LoginError, NewDecision, Opened,
    Opening, Proven, Service, Standing, Unavailable,
};

use crate::whereabouts::Whereabouts;

/// The approvers' side of the service.
#[derive(Clone, Debug)]
pub(crate) struct ApproverPort {
    service: Service,
    whereabouts: Arc<Whereabouts>,
}

impl ApproverPort {
    pub(crate) fn new(service: Service, whereabouts: Arc<Whereabouts>) -> Self {
        Self {
            service,
            whereabouts,
        }
    }

    pub(crate) async fn login_statement(&self, public_key: Vec<u8>) -> Result<Vec<u8>, LoginError> {
        self.service.login_statement(public_key).await
    }

    pub(crate) async fn login(
        &self,
        statement: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<PersonId, LoginError> {
        self.service.login(statement, signature).await
    }

    pub(crate) fn standing(&self, person: PersonId) -> Standing {
        self.service.standing(person)
    }

    /// Where the ledger ends.
    pub(crate) async fn ledger_head(&self) -> Result<Option<Head>, Unavailable> {
        self.service.ask(|core| core.state().head.clone()).await
    }

    pub(crate) async fn inbox(&self, person: PersonId) -> Result<Vec<InboxItem>, Unavailable> {
        self.service.inbox(person).await
    }

    pub(crate) async fn presentation(
        &self,
        person: PersonId,
        call: CallId,
    ) -> Result<Option<(CallView, Arc<Disclosure>)>, Unavailable> {
        self.service.presentation(person, call).await
    }

    pub(crate) async fn policy(&self, digest: PolicyDigest) -> Result<Option<String>, Unavailable> {
        self.service.policy_text(digest).await
    }

    /// Serves the presentation with statements to sign.
    pub(crate) async fn open(
        &self,
        person: PersonId,
        from: IpAddr,
        call: CallId,
        client: Client,
    ) -> Result<Opened, CommandError> {
        let network_differs = self.whereabouts.differs(call, from);
        self.service
            .open(Opening {
                call,
                person,
                client,
                network_differs,
            })
            .await
    }

    pub(crate) async fn decide(&self, new: NewDecision) -> Result<Proven<Decision>, CommandError> {
        self.service.decide(new).await
    }

    pub(crate) async fn revoke(
        &self,
        call: CallId,
        statement: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<Proven<CallState>, CommandError> {
        self.service.revoke(call, statement, signature).await
    }
}
