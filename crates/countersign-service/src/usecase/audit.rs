//! What auditors, responders and operators may ask for: the log as it is, freezes, revocations, the
//! clock. Reading headers, tiles and proofs discloses nothing; reading bodies is recorded.

use countersign_flow::{Command, Freezing, Record as Note, RevokeKey};
use countersign_ledger::merkle::root_through;
use countersign_ledger::tiles::{TileContent, TilePath, hash_tile};
use countersign_record::entry::{Disclosed, Party, RevocationCause};
use countersign_record::id::{AgentId, CredentialId, FreezeId, KeyId, PersonId};
use countersign_record::json::{Object, Value};
use countersign_record::name::RuleName;

use crate::core::Core;
use crate::entropy::draw;
use crate::error::{CommandError, Unavailable};
use crate::reading::Page;
use crate::writer::{Level, Proven, Service};

/// Where the log stands.
#[derive(Clone, Debug)]
pub struct HeadView {
    /// The log's name.
    pub origin: String,
    /// Durable entries.
    pub size: u64,
    /// The last signed checkpoint.
    pub checkpoint: Option<String>,
    /// Changes of the control are calls.
    pub armed: bool,
    /// Time is believed.
    pub clock_trusted: bool,
    /// Why the log takes no entries, when it does not.
    pub read_only: Option<String>,
    /// The disk was full a moment ago: only what must be recorded is.
    pub disk_full: bool,
    /// Calls that have not ended.
    pub open_calls: u64,
}

/// What a freeze covers.
#[derive(Clone, Debug, Default)]
pub struct FreezeScope {
    /// Calls of this agent.
    pub agent: Option<AgentId>,
    /// Votes of this key.
    pub key: Option<KeyId>,
    /// Calls for, and votes of, this person.
    pub person: Option<PersonId>,
    /// Calls of this tool.
    pub tool: Option<String>,
    /// Calls under this rule.
    pub rule: Option<RuleName>,
    /// Calls of this target.
    pub target: Option<String>,
    /// Everything.
    pub all: bool,
    /// Why, for the record.
    pub reason: String,
}

/// A freeze that stands.
#[derive(Clone, Copy, Debug)]
pub struct Frozen {
    /// Its id.
    pub freeze: FreezeId,
    /// Unredeemed grants that it killed.
    pub killed: u64,
}

impl Service {
    /// Where the log stands.
    pub async fn head(&self) -> Result<HeadView, Unavailable> {
        self.ask(|core| core.head_view()).await
    }

    /// The newest signed checkpoint.
    pub fn checkpoint(&self) -> Option<String> {
        let snapshot = self.reading.published.now();
        snapshot.signed.as_ref().map(|(_, note)| note.to_string())
    }

    /// Entries from `from` on, headers only: exactly the bytes that are hashed.
    pub async fn entries(&self, from: u64, limit: u64) -> Result<Vec<(u64, Vec<u8>)>, Unavailable> {
        self.reading.read(move |log| log.entries(from, limit)).await
    }

    /// Entries with their bodies; that they were read is recorded first.
    pub async fn records(
        &self,
        by: CredentialId,
        from: u64,
        limit: u64,
    ) -> Result<Page, CommandError> {
        self.access(by, Disclosed::Entries).await?;
        let page = self.reading.read(move |log| log.records(from, limit));
        Ok(page.await?)
    }

    /// Entries about an id from `from` on, with bodies; that they were read is recorded first.
    pub async fn about(
        &self,
        by: CredentialId,
        id: String,
        from: u64,
        limit: u64,
    ) -> Result<Page, CommandError> {
        self.access(by, Disclosed::Trace).await?;
        let page = self.reading.read(move |log| log.about(&id, from, limit));
        Ok(page.await?)
    }

    /// That somebody reads content is durable before they do.
    async fn access(&self, by: CredentialId, what: Disclosed) -> Result<(), CommandError> {
        let noted = self.act(Level::Durable, move |core| {
            core.note_access(by, what)?;
            Ok::<_, CommandError>(((), None))
        });
        noted.await.map(|_| ())
    }

    /// The proof of an entry under the newest checkpoint.
    pub async fn proof(&self, seq: u64) -> Result<Option<String>, Unavailable> {
        self.ask(move |core| core.proof(seq)).await
    }

    /// A tile under the newest checkpoint.
    pub async fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, Unavailable> {
        match path.content() {
            TileContent::Entries => self.reading.read(move |log| log.entry_bundle(path)).await,
            // In memory, and 256 hashes at most.
            TileContent::Hashes { .. } => self.ask(move |core| core.hash_tile(path)).await,
        }
    }

    /// Stops what the scope covers; unredeemed grants under it die at once.
    pub async fn freeze(
        &self,
        by: CredentialId,
        scope: FreezeScope,
    ) -> Result<Proven<Frozen>, CommandError> {
        self.act(Level::Committed, move |core| {
            let frozen = core.freeze(by, scope)?;
            Ok((frozen.0, Some(frozen.1)))
        })
        .await
    }

    /// Revokes a key at once.
    pub async fn revoke_key(
        &self,
        by: Party,
        key: KeyId,
        cause: RevocationCause,
    ) -> Result<Proven<u64>, CommandError> {
        let command = Command::RevokeKey(RevokeKey { by, key, cause });
        self.committed(by, command).await
    }

    /// Revokes an agent, executor or credential at once.
    pub async fn revoke_credential(
        &self,
        by: Party,
        of: Party,
        cause: RevocationCause,
    ) -> Result<Proven<u64>, CommandError> {
        let command = Command::RevokeCredential { by, of, cause };
        self.committed(by, command).await
    }

    /// The operator vouches for the clock.
    pub async fn accept_clock(&self, by: CredentialId) -> Result<Proven<u64>, CommandError> {
        self.act(Level::Committed, move |core| {
            let old = core.state.last_at;
            let new = core.time.wall_ms();
            let by = Party::Credential(by);
            let accepted = Command::Record(Note::ClockAccepted { by, old, new });
            let entries = core.run_noted(by, None, &accepted)?;
            core.time.accept();
            let seq = entries.first().map(|entry| entry.seq);
            Ok((seq.unwrap_or_default(), seq))
        })
        .await
    }

    /// Notes a refusal that the HTTP edge decided.
    pub async fn note_refusal(&self, by: Party, code: &'static str) -> Result<(), Unavailable> {
        self.ask(move |core| core.note_refusal(by, code, None))
            .await
    }

    async fn committed(&self, by: Party, command: Command) -> Result<Proven<u64>, CommandError> {
        self.act(Level::Committed, move |core| {
            let entries = core.run_noted(by, None, &command)?;
            let seq = entries.first().map(|entry| entry.seq);
            Ok((seq.unwrap_or_default(), seq))
        })
        .await
    }
}

impl Core {
    fn head_view(&self) -> HeadView {
        HeadView {
            origin: self.state.origin().into(),
            size: self.durable.size,
            checkpoint: self.signed.note.clone(),
            armed: self.state.armed,
            clock_trusted: self.time.is_trusted(),
            read_only: self.broken.as_ref().map(ToString::to_string),
            disk_full: self.is_full(),
            open_calls: u64::try_from(self.state.calls.len()).unwrap_or(u64::MAX),
        }
    }

    fn hash_tile(&self, path: TilePath) -> Option<Vec<u8>> {
        let TileContent::Hashes { level } = path.content() else {
            return None;
        };
        let checkpoint = self.signed.checkpoint.as_ref()?;
        let first = path.index().checked_mul(256)?;
        let last = first.checked_add(u64::from(path.width()))?;
        let level = level.checked_mul(8)?;
        // What is not signed is not published.
        if last > checkpoint.size.checked_shr(u32::from(level))? {
            return None;
        }
        let root = root_through(&self.tree, checkpoint.size, level, first..last);
        if root != Ok(checkpoint.root) {
            self.tree.distrust();
            return None;
        }
        hash_tile(&self.tree, path)
    }

    fn freeze(
        &mut self,
        by: CredentialId,
        scope: FreezeScope,
    ) -> Result<(Frozen, u64), CommandError> {
        let freeze = FreezeId::new(draw(&mut *self.entropy)?);
        let detail = Object::new().with("reason", scope.reason.as_str());
        let by_target = scope.target.is_some();
        let detail = match &scope.target {
            Some(target) => detail.with("target", target.as_str()),
            None => detail,
        };
        let freezing = Freezing {
            freeze,
            by,
            agent: scope.agent,
            key: scope.key,
            person: scope.person,
            tool: scope.tool,
            rule: scope.rule,
            by_target,
            all: scope.all,
            detail: Some(Value::Object(detail)),
            claimed: Vec::new(),
        };
        let entries = self.run_noted(Party::Credential(by), None, &Command::Freeze(freezing))?;
        let first = entries.first().ok_or(Unavailable::Internal)?.seq;
        let killed = u64::try_from(entries.len() - 1).unwrap_or(u64::MAX);
        Ok((Frozen { freeze, killed }, first))
    }
}
