//! One fact of every kind, with the name of its body.

use countersign_record::digest::{
    ActionDigest, EntryHash, FingerprintDigest, PolicyDigest, TokenDigest,
};
use countersign_record::entry::*;
use countersign_record::id::{AgentId, KeyId, PersonId};
use countersign_record::term::{Client, Enforcement, Independence, KeyClass, Role, Scheme};

type Bodied = (Fact, Option<&'static str>);

pub(crate) fn all() -> Vec<Bodied> {
    [setup(), calls(), confirmations(), grants(), notes()].concat()
}

fn with(fact: impl Into<Fact>, body: &'static str) -> Bodied {
    (fact.into(), Some(body))
}

fn bare(fact: impl Into<Fact>) -> Bodied {
    (fact.into(), None)
}

fn service_key(number: u8) -> ServiceKey {
    ServiceKey {
        id: KeyId::new([number; 16]),
        key: [number; 32],
    }
}

fn key_enrolled() -> KeyEnrolled {
    KeyEnrolled {
        scheme: Scheme::SshEd25519,
        public_key: Blob(vec![0x11; 51]),
        class: KeyClass::Software,
        client: Client::Cli,
        statement: Blob(b"{}".to_vec()),
        signature: Blob(vec![0x12; 3]),
        endorsed: Some(Endorsement {
            key: KeyId::new([0x21; 16]),
            statement: Blob(b"{}".to_vec()),
            signature: Blob(vec![0x13; 3]),
        }),
        rp_id: Some("example.com".into()),
        origins: vec!["https://example.com".into()],
        credential_id: Some(Blob(vec![0x14; 3])),
        bootstrap: true,
    }
}

fn setup() -> Vec<Bodied> {
    let token = TokenDigest([0x31; 32]);
    let group = "owners".parse().unwrap();
    vec![
        bare(LedgerCreated {
            origin: "ledger.example/acme".into(),
            format: 1,
            log_key: [0x41; 32],
            grant_key: service_key(0x42),
            seal_key: service_key(0x43),
            webhook_key: service_key(0x44),
            solo: true,
        }),
        with(
            PolicyAdopted {
                digest: PolicyDigest([0x51; 32]),
                bootstrap: true,
            },
            "policy",
        ),
        with(PersonEnrolled { bootstrap: true }, "person"),
        bare(PersonLeft { bootstrap: true }),
        bare(GroupChanged {
            group,
            change: Change::Add,
            bootstrap: true,
        }),
        bare(key_enrolled()),
        bare(KeyRevoked {
            cause: RevocationCause::Lost,
        }),
        with(
            AgentEnrolled {
                token,
                enforcement: Enforcement::ToolVerified,
                bootstrap: true,
            },
            "agent",
        ),
        bare(ExecutorEnrolled {
            name: "bank".parse().unwrap(),
            token,
            bootstrap: true,
        }),
        with(
            CredentialEnrolled {
                role: Role::Responder,
                token,
                bootstrap: true,
            },
            "credential",
        ),
        bare(CredentialRevoked {
            cause: RevocationCause::Compromised,
        }),
        bare(ServiceArmed {
            policy: PolicyDigest([0x51; 32]),
            solo: true,
        }),
        bare(ServiceStarted {
            software: "countersign 0.1.0".into(),
            renderer: "countersign-plain/1".into(),
        }),
        bare(ServiceStopped {}),
    ]
}

fn fingerprint(epoch: u64) -> Fingerprint {
    Fingerprint {
        epoch,
        digest: FingerprintDigest([0x61; 32]),
    }
}

fn calls() -> Vec<Bodied> {
    vec![
        with(SessionRegistered {}, "session"),
        with(
            CallEvaluated {
                tool: "bank.wire".into(),
                action: ActionDigest([0x62; 32]),
                fp: fingerprint(1),
                same_as: Some(fingerprint(0)),
                policy: PolicyDigest([0x51; 32]),
                verdict: Verdict::Allow,
                rules: vec!["money".parse().unwrap()],
                enforcement: Enforcement::ToolVerified,
                execute_before: Some(1_700_000_300_000),
            },
            "call",
        ),
        with(CallAttached { left: true }, "call"),
    ]
}

fn demand() -> Demand {
    Demand {
        slots: vec![Slot {
            rule: "money".parse().unwrap(),
            groups: vec!["treasury".parse().unwrap()],
            need: 2,
        }],
        class: KeyClass::Device,
        client: Some(Client::Cli),
        decide_within: 3_600_000,
        execute_within: 600_000,
        outcome_within: 86_400_000,
        cool_down: 60_000,
        reason_required: true,
        self_confirm: true,
        deny_threshold: 1,
        after_denial: 86_400_000,
        independence: vec!["channel".into()],
        number: true,
        typed: true,
    }
}

fn confirmations() -> Vec<Bodied> {
    let (statement, signature) = (Blob(b"{}".to_vec()), Blob(vec![0x71; 3]));
    let raw = Some(Blob(vec![0x72; 3]));
    let opened = ConfirmationOpened {
        instance: [0x73; 16],
        policy: PolicyDigest([0x51; 32]),
        rules: vec!["money".parse().unwrap()],
        demand: demand(),
        decide_before: 1_700_003_600_000,
        requester: vec![
            Party::Agent(AgentId::new([5; 16])),
            Party::Person(PersonId::new([7; 16])),
        ],
        renderer: "countersign-plain/1".into(),
        language: "en".into(),
    };
    let served = PresentationServed {
        nonce: [0x74; 32],
        client: Client::Cli,
        independence: vec![Compared {
            fact: "channel".into(),
            found: Independence::Differs,
        }],
        head: Head {
            seq: 41,
            hash: EntryHash([0x75; 32]),
        },
    };
    let approve = VoteApprove {
        statement: statement.clone(),
        signature: signature.clone(),
        raw: raw.clone(),
    };
    let deny = VoteDeny {
        statement: statement.clone(),
        signature: signature.clone(),
        raw,
        cause: DenyCause::WrongTarget,
    };
    let filled = Filled {
        rule: "money".parse().unwrap(),
        persons: vec![PersonId::new([0x76; 16])],
    };
    vec![
        with(opened, "shown"),
        bare(served),
        with(approve, "comment"),
        with(deny, "comment"),
        bare(DenialLifted {}),
        bare(ConfirmationApproved {
            execute_before: 1_700_000_600_000,
            filled: vec![filled],
        }),
        bare(ConfirmationDenied {
            cause: EndCause::Threshold,
        }),
        bare(ConfirmationExpired {
            cause: EndCause::Silence,
            served: vec![98],
        }),
        bare(ConfirmationWithdrawn {}),
        bare(ConfirmationRevoked {
            cause: EndCause::Revocation,
            statement: Some(statement),
            signature: Some(signature),
        }),
        bare(ConfirmationSuperseded {}),
    ]
}

fn grants() -> Vec<Bodied> {
    let redeemed = GrantRedeemed {
        nonce: [0x81; 32],
        action: ActionDigest([0x62; 32]),
        outcome_before: 1_700_086_400_000,
    };
    let recorded = OutcomeRecorded {
        status: OutcomeStatus::Succeeded,
        cause: OutcomeCause::Reported,
    };
    vec![
        bare(redeemed),
        bare(GrantLapsed {}),
        bare(GrantRevoked {
            cause: EndCause::Freeze,
        }),
        bare(GrantSuperseded {}),
        bare(GrantWithdrawn {}),
        bare(GrantReplayed { count: 1 }),
        with(recorded, "outcome"),
        with(
            OutcomeDisputed {
                status: OutcomeStatus::Failed,
            },
            "outcome",
        ),
    ]
}

fn notes() -> Vec<Bodied> {
    let set = FreezeSet {
        tool: Some("bank.wire".into()),
        rule: Some("money".parse().unwrap()),
        target: true,
        all: true,
    };
    vec![
        with(set, "freeze"),
        bare(FreezeLifted {}),
        bare(RefusalRecorded {
            code: "already-redeemed".into(),
            count: 300,
        }),
        bare(AccessRecorded {
            what: Disclosed::Export,
            count: 1,
        }),
        bare(ClockAccepted {
            old: 1_700_000_000_000,
            new: 1_700_100_000_000,
        }),
        bare(LogRecovered {
            cut_bytes: 512,
            digest: [0x91; 32],
        }),
        bare(RepairRecorded {
            what: "adopt-head".into(),
        }),
    ]
}
