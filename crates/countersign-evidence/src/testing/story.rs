//! What happens, command by command, as the server would have decided it.

use countersign_attest::sshsig::sign_ed25519;
use countersign_flow::{
    Bootstrap, CallDocument, Command, Commit, Decide, Open, Outcome, Redeem, Refusal, Requester,
    Stage, State, Submit, admit, apply, statement,
};
use countersign_ledger::chain::link;
use countersign_record::action::fingerprint;
use countersign_record::body::Body;
use countersign_record::digest::{BodyRoot, sha256};
use countersign_record::entry::{
    Blob, DenyCause, Draft, Entry, Fingerprint, OutcomeCause, OutcomeStatus, Party,
};
use countersign_record::id::{CallId, ConfirmationId, GrantId};
use countersign_record::json::{Limits, Value, read};
use countersign_record::term::{Client, Decision};

use super::disk::LogOnDisk;
use super::people::{AGENT, ALICE, BANK, EVA, OMAR, Somebody, beginning, enrolled, machines};

pub(super) fn tell(log: &mut LogOnDisk) {
    let mut teller = Teller::new(log, 1500);
    let wire = r#"{"account":"DE89370400440532013000","amount":"24000.00"}"#;
    teller.submit(1, "bank.wire", wire);
    teller.decide(1, ALICE, Decision::Approve);
    teller.decide(1, OMAR, Decision::Approve);
    teller.run(1);
    let other = r#"{"account":"GB29NWBK60161331926819","amount":"9.50"}"#;
    teller.submit(2, "bank.wire", other);
    teller.decide(2, OMAR, Decision::Deny);
    teller.submit(3, "bank.balance", r#"{"account":"DE89370400440532013000"}"#);
    teller.run(3);
    teller.submit(4, "bank.close", "{}");
}

/// A party's likenesses are made with the same salt this long.
const EPOCH_MS: u64 = 30 * 24 * 60 * 60 * 1000;

pub(super) struct Teller<'l> {
    pub(super) log: &'l mut LogOnDisk,
    state: State,
    now: u64,
    step_ms: u64,
}

impl<'l> Teller<'l> {
    /// Everybody is enrolled; commands follow one another in steps of that length.
    pub(super) fn new(log: &'l mut LogOnDisk, step_ms: u64) -> Self {
        let mut teller = Self {
            log,
            state: State::default(),
            now: 1_763_700_000_000,
            step_ms,
        };
        teller.set_up();
        teller
    }

    fn set_up(&mut self) {
        self.changes(beginning());
        for person in [ALICE, OMAR, EVA] {
            self.changes(enrolled(&self.state, person));
        }
        self.changes(machines());
        self.command(&Command::Arm);
    }

    fn changes(&mut self, changes: impl IntoIterator<Item = Bootstrap>) {
        for change in changes {
            self.command(&Command::Bootstrap(change));
        }
    }

    pub(super) fn submit(&mut self, number: u64, tool: &str, arguments: &str) {
        let document = CallDocument {
            tool: tool.into(),
            arguments: read(arguments.as_bytes(), &Limits::REQUEST).unwrap(),
            audience: BANK,
            action_salt: bits(number),
            tool_call_id: format!("toolu_{number}"),
            session: None,
            reason: Some("The invoice is due today.".into()),
            plan: None,
            trace_id: None,
            replaces: None,
        };
        let epoch = self.epoch();
        let likeness = |epoch| Fingerprint {
            epoch,
            digest: fingerprint(&document.action(), &bits(7 + epoch)),
        };
        self.command(&Command::Submit(Box::new(Submit {
            by: Party::Agent(AGENT),
            session: None,
            new_session: None,
            call: CallId::new(bits(number)),
            replaces: None,
            executor: BANK,
            action: document.digest(),
            fp: likeness(epoch),
            older: (epoch.saturating_sub(2)..epoch).map(likeness).collect(),
            document: Some(document),
            claimed: None,
            grant: grant(number),
            confirmation: ConfirmationId::new(bits(number)),
            instance: bits(number),
        })));
    }

    /// The agent's epoch at the time of the next command.
    fn epoch(&self) -> u64 {
        let asker = Party::Agent(AGENT);
        let principal = Some(EVA.id());
        let present = self.state.epochs.get(&Requester { asker, principal });
        present.map_or(0, |epoch| {
            let is_over = self.now + self.step_ms >= epoch.first_at + EPOCH_MS;
            epoch.number + u64::from(is_over)
        })
    }

    pub(super) fn decide(&mut self, number: u64, person: Somebody, decision: Decision) {
        let call = CallId::new(bits(number));
        let served = self.state.size;
        self.command(&Command::Open(Open {
            call,
            person: person.id(),
            nonce: bits(served),
            client: Client::Cli,
            independence: Vec::new(),
            head: self.state.head.clone().unwrap(),
        }));
        let asked = &self.state.calls[&call];
        let pending = asked.question().unwrap();
        let opening = &pending.openings[&served];
        let signed = statement(&self.state, asked, pending, opening, person.key(), decision)
            .unwrap()
            .to_bytes()
            .unwrap();
        self.command(&Command::Decide(Box::new(Decide {
            call,
            person: person.id(),
            key: person.key(),
            served,
            decision,
            signature: Blob(sign_ed25519(
                &person.device(),
                "countersign.approval.v1",
                &signed,
            )),
            statement: Blob(signed),
            raw: None,
            cause: DenyCause::NotAsked,
            comment: None,
            grant: grant(number),
            enacted: None,
            claimed: None,
        })));
    }

    pub(super) fn run(&mut self, number: u64) {
        let call = CallId::new(bits(number));
        let asked = &self.state.calls[&call];
        assert!(matches!(
            asked.stage,
            Stage::Approved(..) | Stage::Allowed(_)
        ));
        let action = asked.action;
        let redeem = Redeem {
            grant: grant(number),
            executor: BANK,
            nonce: bits(number),
            action,
        };
        self.command(&Command::Redeem(redeem));
        self.command(&Command::Outcome(Outcome {
            call,
            by: Party::Executor(BANK),
            status: OutcomeStatus::Succeeded,
            cause: OutcomeCause::Reported,
            detail: None,
            past: None,
        }));
    }

    /// Admits one command and appends what it makes as one frame.
    fn command(&mut self, command: &Command) {
        self.now += self.step_ms;
        let mut kept = Kept(Vec::new());
        let admitted = admit(&self.state, command, self.now, &mut kept);
        let admitted = admitted.unwrap_or_else(|refusal| panicked(command, refusal));
        assert_eq!(admitted.unchecked(), []);
        let drafts = admitted.into_drafts();
        let n = u64::try_from(drafts.len()).unwrap();
        let mut prev = self.log.prev();
        let mut appended = Vec::new();
        for (place, draft) in drafts.into_iter().enumerate() {
            let seq = self.log.size() + u64::try_from(place).unwrap();
            let n = (place == 0).then_some(n);
            let stored = self.stored(seq, place, &draft, &kept);
            let entry = Entry {
                seq,
                prev,
                at: self.now,
                n,
                keyring: None,
                draft,
            };
            let bytes = entry.encode();
            prev = link(&bytes);
            let value = |name: &str| kept.body(place, name).map(|body| body.value().clone());
            apply(&mut self.state, &entry, prev, &value);
            appended.push((bytes, stored));
        }
        self.log.append(&appended);
    }

    fn stored(&mut self, seq: u64, place: usize, draft: &Draft, kept: &Kept) -> Vec<Vec<u8>> {
        let sealed = |(name, _)| self.log.sealed(seq, name, kept.body(place, name).unwrap());
        draft.bodies.iter().map(sealed).collect()
    }
}

fn panicked<T>(command: &Command, refusal: Refusal) -> T {
    panic!("{command:?} was refused: {refusal:?}")
}

fn grant(number: u64) -> GrantId {
    GrantId::new(bits(number))
}

/// Bits that no other number has, spread like random ones where there are many.
fn bits<const N: usize>(number: u64) -> [u8; N] {
    u8::try_from(number).map_or_else(
        |_| {
            let spread = sha256(&[&number.to_be_bytes()]);
            std::array::from_fn(|place| spread[place])
        },
        |number| [number; N],
    )
}

/// The bodies of one command: number of the entry, name, body.
struct Kept(Vec<(usize, &'static str, Body)>);

impl Kept {
    fn body(&self, place: usize, name: &str) -> Option<&Body> {
        let mut bodies = self.0.iter();
        bodies
            .find(|(at, of, _)| (*at, *of) == (place, name))
            .map(|(_, _, body)| body)
    }
}

impl Commit for Kept {
    fn commit(&mut self, draft: usize, name: &'static str, value: Option<&Value>) -> BodyRoot {
        let mut salt = 0_u128;
        let salts = || {
            salt += 1;
            salt.to_be_bytes()
        };
        let body = Body::commit(value.unwrap(), [5; 16], salts).unwrap();
        let root = body.root();
        self.0.push((draft, name, body));
        root
    }
}
