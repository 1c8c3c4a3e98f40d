//! What auditors, responders and operators can do: read the log, stop things, ask for changes of
//! the control. It decides nothing either: a control call waits for people like any other.

use std::time::Duration;

use countersign_ledger::tiles::TilePath;
use countersign_record::entry::{Party, RevocationCause};
use countersign_record::id::{CallId, CredentialId, KeyId};
use countersign_service::{
    CallView, CommandError, FreezeScope, Frozen, HeadView, Level, NewCall, Page, Proven, Service,
    SubmitError, Submitted, Unavailable,
};

use super::waited;
use crate::net::Stop;

/// The auditors' side of the service.
#[derive(Clone, Debug)]
pub(crate) struct AuditPort {
    service: Service,
    stop: Stop,
}

impl AuditPort {
    pub(crate) fn new(service: Service, stop: Stop) -> Self {
        Self { service, stop }
    }

    pub(crate) async fn head(&self) -> Result<HeadView, Unavailable> {
        self.service.head().await
    }

    pub(crate) fn checkpoint(&self) -> Option<String> {
        self.service.checkpoint()
    }

    pub(crate) async fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, Unavailable> {
        self.service.tile(path).await
    }

    pub(crate) async fn proof(&self, seq: u64) -> Result<Option<String>, Unavailable> {
        self.service.proof(seq).await
    }

    pub(crate) async fn entries(
        &self,
        from: u64,
        limit: u64,
    ) -> Result<Vec<(u64, Vec<u8>)>, Unavailable> {
        self.service.entries(from, limit).await
    }

    pub(crate) async fn records(
        &self,
        by: CredentialId,
        from: u64,
        limit: u64,
    ) -> Result<Page, CommandError> {
        self.service.records(by, from, limit).await
    }

    pub(crate) async fn about(
        &self,
        by: CredentialId,
        id: String,
        from: u64,
        limit: u64,
    ) -> Result<Page, CommandError> {
        self.service.about(by, id, from, limit).await
    }

    pub(crate) async fn freeze(
        &self,
        by: CredentialId,
        scope: FreezeScope,
    ) -> Result<Proven<Frozen>, CommandError> {
        self.service.freeze(by, scope).await
    }

    pub(crate) async fn revoke_key(
        &self,
        by: CredentialId,
        key: KeyId,
        cause: RevocationCause,
    ) -> Result<Proven<u64>, CommandError> {
        self.service
            .revoke_key(Party::Credential(by), key, cause)
            .await
    }

    pub(crate) async fn revoke_credential(
        &self,
        by: CredentialId,
        of: Party,
        cause: RevocationCause,
    ) -> Result<Proven<u64>, CommandError> {
        self.service
            .revoke_credential(Party::Credential(by), of, cause)
            .await
    }

    pub(crate) async fn accept_clock(&self, by: CredentialId) -> Result<Proven<u64>, CommandError> {
        self.service.accept_clock(by).await
    }

    /// Asks for a change of the control.
    pub(crate) async fn submit(
        &self,
        by: CredentialId,
        new: NewCall,
    ) -> Result<Submitted, SubmitError> {
        let submitted = self
            .service
            .submit(Party::Credential(by), new, Level::Durable)
            .await?;
        Ok(submitted.value)
    }

    /// Where a control call stands; see the agents' port.
    pub(crate) async fn look(
        &self,
        by: CredentialId,
        call: CallId,
        seen: Option<u64>,
        patience: Duration,
    ) -> Result<Option<CallView>, Unavailable> {
        waited(
            &self.service,
            Party::Credential(by),
            call,
            seen,
            patience,
            &self.stop,
        )
        .await
    }

    pub(crate) async fn withdraw(
        &self,
        by: CredentialId,
        call: CallId,
    ) -> Result<CallView, CommandError> {
        self.service.withdraw(Party::Credential(by), call).await
    }
}
