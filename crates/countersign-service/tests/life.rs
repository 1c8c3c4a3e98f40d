//! A log's whole life in one process: real files, real fdatasync, software device keys.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests panic when they fail"
)]

mod world;

use std::time::Duration;

use countersign_flow::Refusal;
use countersign_ledger::frame::COUNT_MAX;
use countersign_record::digest::ActionDigest;
use countersign_record::entry::{DenyCause, Entry, Fact, OutcomeStatus, Party, RevocationCause};
use countersign_record::id::{AgentId, CallId, KeyId};
use countersign_record::json::{Object, Value};
use countersign_record::keyring::Keyring;
use countersign_record::term::{Client, Decision};
use countersign_service::{
    CallState, CommandError, FreezeScope, Level, NewCall, NewDecision, OutcomeError, RedeemError,
    Report, StartError, SubmitError, Unavailable,
};
use world::{World, wire};

#[tokio::test]
async fn a_transfer_is_asked_approved_by_two_redeemed_once_and_reported() {
    let world = World::armed();
    let service = world.serve();
    let asked = service
        .submit(world.agent, wire("c1", "24000.00"), Level::Durable)
        .await
        .unwrap();
    let view = asked.value.view;
    assert_eq!(
        (view.state, view.have, view.need),
        (CallState::Pending, 0, 2)
    );

    let first = world
        .vote(&service, view.call, "alice", Decision::Approve)
        .await
        .unwrap();
    assert!(first.proof.is_some(), "the answer is proof");
    assert_eq!(
        (first.value.view.state, first.value.view.have),
        (CallState::Pending, 1)
    );
    let second = world
        .vote(&service, view.call, "omar", Decision::Approve)
        .await
        .unwrap();
    assert_eq!(second.value.view.state, CallState::Approved);

    let grant = second.value.view.grant.unwrap();
    let redeemed = service
        .redeem(world.bank, grant, [1; 32], view.action)
        .await
        .unwrap();
    assert!(redeemed.proof.is_some());
    let again = service
        .redeem(world.bank, grant, [1; 32], view.action)
        .await
        .unwrap();
    assert_eq!(
        again.value, redeemed.value,
        "a lost reply can be asked for again"
    );
    let other = ActionDigest([9; 32]);
    let changed = service
        .redeem(world.bank, grant, [1; 32], other)
        .await
        .unwrap_err();
    let mismatch = CommandError::Refused(Refusal::DigestMismatch);
    assert_eq!(
        changed,
        RedeemError::Command(mismatch),
        "a lost reply is for what was redeemed"
    );
    let thief = service
        .redeem(world.bank, grant, [2; 32], view.action)
        .await
        .unwrap_err();
    assert_eq!(thief, RedeemError::AlreadyRedeemed { call: view.call });

    service.stop();
}

#[tokio::test]
async fn a_report_counts_once_and_a_conflicting_one_is_recorded() {
    let world = World::armed();
    let service = world.serve();
    let asked = service
        .submit(world.agent, wire("c1", "240.00"), Level::Durable)
        .await
        .unwrap();
    let view = asked.value.view;
    let done = world
        .vote(&service, view.call, "alice", Decision::Approve)
        .await
        .unwrap();
    let grant = done.value.view.grant.unwrap();
    service
        .redeem(world.bank, grant, [1; 32], view.action)
        .await
        .unwrap();
    let report = |status| Report {
        call: view.call,
        status,
        detail: Some("receipt 7".into()),
    };
    let bank = Party::Executor(world.bank);
    service
        .outcome(bank, report(OutcomeStatus::Succeeded))
        .await
        .unwrap();
    service
        .outcome(bank, report(OutcomeStatus::Succeeded))
        .await
        .unwrap();
    let ended = service.call(world.agent, view.call).await.unwrap().unwrap();
    assert_eq!(ended.state, CallState::Succeeded);
    let conflict = service
        .outcome(bank, report(OutcomeStatus::Failed))
        .await
        .unwrap_err();
    assert!(matches!(conflict, OutcomeError::Conflict { .. }));
    let late = service
        .redeem(world.bank, grant, [3; 32], view.action)
        .await
        .unwrap_err();
    assert_eq!(late, RedeemError::AlreadyRedeemed { call: view.call });
    service.stop();
}

#[tokio::test]
async fn one_refusal_ends_it_and_asking_again_is_refused_without_asking_anybody() {
    let world = World::armed();
    let service = world.serve();
    let asked = service
        .submit(world.agent, wire("c1", "24000.00"), Level::Durable)
        .await
        .unwrap();
    let call = asked.value.view.call;
    let denied = world
        .vote(&service, call, "alice", Decision::Deny)
        .await
        .unwrap();
    assert_eq!(denied.value.view.state, CallState::Denied);
    let late = world
        .vote(&service, call, "omar", Decision::Approve)
        .await
        .unwrap_err();
    assert_eq!(late, CommandError::Refused(Refusal::NotPending));
    let again = service
        .submit(world.agent, wire("c2", "24000.00"), Level::Durable)
        .await
        .unwrap();
    assert_eq!(again.value.view.state, CallState::PreviouslyDenied);
    let more = service
        .submit(world.agent, wire("c3", "24000.00"), Level::Durable)
        .await;
    assert!(matches!(more, Err(SubmitError::PreviouslyDenied(_))));
    service.stop();
}

#[tokio::test]
async fn the_same_key_and_content_is_the_same_call_and_other_content_is_refused() {
    let world = World::armed();
    let service = world.serve();
    let submit = |new: NewCall| service.submit(world.agent, new, Level::Durable);
    let first = submit(wire("c1", "24000.00")).await.unwrap().value;
    let same = submit(wire("c1", "24000.00")).await.unwrap().value;
    assert_eq!((same.view.call, same.known), (first.view.call, true));
    let twin = submit(wire("c2", "24000.00")).await.unwrap().value;
    assert_eq!(
        (twin.view.call, twin.known),
        (first.view.call, true),
        "joined, not asked twice"
    );
    let Err(SubmitError::Command(refused)) = submit(wire("c1", "5.00")).await else {
        panic!()
    };
    assert_eq!(
        refused,
        CommandError::Refused(Refusal::IdempotencyKeyReused)
    );
    service.stop();
}

#[tokio::test]
async fn a_restart_loses_nothing_and_deadlines_go_on() {
    let world = World::armed();
    let service = world.serve();
    let asked = service
        .submit(world.agent, wire("c1", "24000.00"), Level::Durable)
        .await
        .unwrap();
    let call = asked.value.view.call;
    let before = world
        .vote(&service, call, "alice", Decision::Approve)
        .await
        .unwrap();
    let head = service.head().await.unwrap();
    service.stop();

    world.delete_index();
    let service = world.serve();
    let after = service.call(world.agent, call).await.unwrap().unwrap();
    assert_eq!((after.state, after.have), (CallState::Pending, 1));
    assert_eq!(after.deadline_ms, before.value.view.deadline_ms);
    let again = service.head().await.unwrap();
    assert!(again.size > head.size && again.checkpoint.is_some());
    let done = world
        .vote(&service, call, "omar", Decision::Approve)
        .await
        .unwrap();
    assert_eq!(done.value.view.state, CallState::Approved);
    service.stop();
}

#[tokio::test]
async fn a_call_that_the_policy_allows_is_granted_and_one_that_it_denies_is_not() {
    let world = World::armed();
    let service = world.serve();
    let list = NewCall {
        tool: "list_files".into(),
        arguments: Value::Object(Object::new().with("path", "/srv/reports")),
        ..wire("c1", "1.00")
    };
    let allowed = service
        .submit(world.agent, list, Level::Durable)
        .await
        .unwrap()
        .value
        .view;
    assert_eq!(allowed.state, CallState::Allowed);
    assert!(allowed.token.is_some());
    let grant = allowed.grant.unwrap();
    let wrong = service
        .redeem(world.bank, grant, [1; 32], allowed.action)
        .await
        .unwrap_err();
    assert_eq!(
        wrong,
        RedeemError::Command(CommandError::Refused(Refusal::WrongExecutor))
    );
    service
        .redeem(world.files, grant, [1; 32], allowed.action)
        .await
        .unwrap();
    let format = NewCall {
        tool: "format_disk".into(),
        arguments: Value::Object(Object::new().with("disk", "sda")),
        ..wire("c2", "1.00")
    };
    let denied = service
        .submit(world.agent, format, Level::Durable)
        .await
        .unwrap()
        .value
        .view;
    assert_eq!(denied.state, CallState::DeniedByPolicy);
    service.stop();
}

#[tokio::test]
async fn a_comment_is_signed_over_and_a_changed_one_is_refused() {
    let world = World::armed();
    let service = world.serve();
    let asked = service
        .submit(world.agent, wire("c1", "24000.00"), Level::Durable)
        .await
        .unwrap();
    let call = asked.value.view.call;
    let opened = world
        .open(&service, call, "alice", Client::Cli)
        .await
        .unwrap();
    let comment = ([5; 32], "seen the invoice".to_owned());
    let (statement, signature) = world.sign(&opened, "alice", Decision::Approve, Some(&comment));
    let mut new = NewDecision {
        call,
        statement,
        signature,
        comment: Some(([5; 32], "seen nothing".to_owned())),
        cause: DenyCause::Other,
    };
    let forged = service.decide(new.clone()).await.unwrap_err();
    assert_eq!(forged, CommandError::Refused(Refusal::DigestMismatch));
    new.comment = Some(comment);
    let first = service.decide(new.clone()).await.unwrap();
    let again = service.decide(new).await.unwrap();
    assert_eq!(
        first.value.seq, again.value.seq,
        "an identical decision gets the same answer"
    );
    service.stop();
}

#[tokio::test]
async fn silence_is_cancel_and_a_late_vote_finds_it_expired() {
    let world = World::armed();
    let service = world.serve();
    let asked = service
        .submit(world.agent, wire("c1", "24000.00"), Level::Durable)
        .await
        .unwrap();
    let call = asked.value.view.call;
    let opened = world
        .open(&service, call, "alice", Client::Cli)
        .await
        .unwrap();
    let (statement, signature) = world.sign(&opened, "alice", Decision::Approve, None);
    world.clock.pass(10 * 60 * 1000);
    let cause = DenyCause::Other;
    let new = NewDecision {
        call,
        statement,
        signature,
        comment: None,
        cause,
    };
    let late = service.decide(new).await.unwrap_err();
    assert_eq!(late, CommandError::Refused(Refusal::Expired));
    let view = service.call(world.agent, call).await.unwrap().unwrap();
    assert_eq!(view.state, CallState::Expired);
    service.stop();
}

#[tokio::test]
async fn a_clock_that_jumps_stops_approvals_until_the_operator_accepts_it() {
    let world = World::armed();
    let service = world.serve();
    let asked = service
        .submit(world.agent, wire("c1", "24000.00"), Level::Durable)
        .await
        .unwrap();
    let call = asked.value.view.call;
    world.clock.jump(60 * 60 * 1000);
    let untrusted = CommandError::Refused(Refusal::ClockUntrusted);
    let approved = world
        .vote(&service, call, "alice", Decision::Approve)
        .await
        .unwrap_err();
    assert_eq!(approved, untrusted);
    let again = service
        .submit(world.agent, wire("c2", "5.00"), Level::Durable)
        .await;
    assert!(matches!(again, Err(SubmitError::Command(error)) if error == untrusted));
    let view = service.call(world.agent, call).await.unwrap().unwrap();
    assert_eq!(view.state, CallState::Pending, "a jump expires nothing");
    let denied = world
        .vote(&service, call, "omar", Decision::Deny)
        .await
        .unwrap();
    assert_eq!(
        denied.value.view.state,
        CallState::Denied,
        "a refusal always counts"
    );
    service.stop();
}

#[tokio::test]
async fn a_freeze_kills_an_unredeemed_grant() {
    let world = World::armed();
    let service = world.serve();
    let asked = service
        .submit(world.agent, wire("c1", "240.00"), Level::Durable)
        .await
        .unwrap();
    let view = asked.value.view;
    let done = world
        .vote(&service, view.call, "alice", Decision::Approve)
        .await
        .unwrap();
    let grant = done.value.view.grant.unwrap();
    let scope = FreezeScope {
        tool: Some("bank.wire".into()),
        ..FreezeScope::default()
    };
    let frozen = service.freeze(world.responder, scope).await.unwrap();
    assert_eq!(frozen.value.killed, 1);
    let dead = service
        .redeem(world.bank, grant, [1; 32], view.action)
        .await
        .unwrap_err();
    assert_eq!(
        dead,
        RedeemError::Command(CommandError::Refused(Refusal::Revoked))
    );
    let more = service
        .submit(world.agent, wire("c2", "7.00"), Level::Durable)
        .await
        .unwrap();
    assert_eq!(more.value.view.state, CallState::Frozen);
    service.stop();
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_refused() {
    let world = World::armed();
    let service = world.serve();
    let second = world.try_open().err().unwrap().to_string();
    assert!(
        second.starts_with("another server uses this log"),
        "{second}"
    );
    service.stop();
}

#[tokio::test]
async fn one_party_cannot_have_more_calls_open_than_a_freeze_can_end() {
    let world = World::armed();
    let service = world.serve();
    for place in 0..1_000 {
        let new = NewCall {
            tool: "list_files".into(),
            arguments: Value::Object(Object::new().with("path", format!("/srv/{place}"))),
            ..wire(&format!("c{place}"), "1.00")
        };
        service
            .submit(world.agent, new, Level::Durable)
            .await
            .unwrap();
    }
    let more = service
        .submit(world.agent, wire("one more", "1.00"), Level::Durable)
        .await;
    let Err(SubmitError::Command(CommandError::Unavailable(busy))) = more else {
        panic!()
    };
    assert!(
        matches!(busy, Unavailable::Busy { limit: 1000, .. }),
        "{busy}"
    );
    let scope = FreezeScope {
        all: true,
        ..FreezeScope::default()
    };
    let frozen = service.freeze(world.responder, scope).await.unwrap();
    assert_eq!(frozen.value.killed, 1_000);
    service.stop();
}

#[tokio::test]
async fn whoever_only_has_the_signed_bytes_learns_nothing_and_writes_nothing() {
    let world = World::armed();
    let service = world.serve();
    let new = wire("c1", "240.00");
    let asked = service.submit(world.agent, new, Level::Durable).await;
    let call = asked.unwrap().value.view.call;
    let opened = world.open(&service, call, "alice", Client::Cli).await;
    let (statement, signature) = world.sign(&opened.unwrap(), "alice", Decision::Approve, None);
    let signed = NewDecision {
        call,
        statement,
        signature,
        comment: None,
        cause: DenyCause::Other,
    };
    let approved = service.decide(signed.clone()).await.unwrap().value.view;
    assert_eq!(approved.state, CallState::Approved);
    let granted = (approved.token, approved.action_salt);
    assert_eq!(
        granted,
        (None, None),
        "what an executor claims with is not an approver's"
    );
    let before = service.head().await.unwrap().size;
    let mut forged = signed;
    forged.signature = b"nothing".to_vec();
    assert!(service.decide(forged).await.is_err());
    let after = service.head().await.unwrap().size;
    assert_eq!(after, before, "nobody writes in another's name");
    service.stop();
}

#[tokio::test]
async fn more_calls_may_be_due_at_once_than_a_frame_holds() {
    const EACH: usize = 900;
    let world = World::armed();
    let crowd = world.crowd(5);
    let due = crowd.len() * EACH;
    assert!(due > usize::try_from(COUNT_MAX).unwrap());
    let service = world.serve();
    let mut asked = tokio::task::JoinSet::new();
    for (agent, place) in crowd
        .into_iter()
        .flat_map(|agent| (0..EACH).map(move |place| (agent, place)))
    {
        let path = format!("/srv/{place}");
        let new = NewCall {
            tool: "delete_file".into(),
            arguments: Value::Object(Object::new().with("path", path)),
            ..wire(&format!("c{place}"), "1.00")
        };
        let service = service.clone();
        asked.spawn(async move { service.submit(agent, new, Level::Durable).await });
    }
    while let Some(answer) = asked.join_next().await {
        let view = answer.unwrap().unwrap().value.view;
        assert_eq!(view.state, CallState::Pending);
    }
    for _ in 0..3 {
        // Less than what the clocks may differ by, while one was moved and the other not yet.
        world.clock.pass(4 * 60 * 1000);
    }
    let mut open = u64::MAX;
    // Each question is a batch, and each batch begins with what is due.
    for _ in 0..10 {
        open = service.head().await.unwrap().open_calls;
    }
    assert_eq!(open, 0, "all of {due} have expired");
    service.stop();
}

#[tokio::test]
async fn an_executor_revoked_since_it_was_let_in_neither_claims_nor_reports() {
    let world = World::armed();
    let service = world.serve();
    let asked = service
        .submit(world.agent, wire("c1", "240.00"), Level::Durable)
        .await
        .unwrap();
    let view = asked.value.view;
    let done = world
        .vote(&service, view.call, "alice", Decision::Approve)
        .await
        .unwrap();
    let grant = done.value.view.grant.unwrap();
    let claim = || service.redeem(world.bank, grant, [1; 32], view.action);
    claim().await.unwrap();
    let (by, bank) = (
        Party::Credential(world.responder),
        Party::Executor(world.bank),
    );
    let cause = RevocationCause::Compromised;
    service.revoke_credential(by, bank, cause).await.unwrap();
    let forbidden = CommandError::Refused(Refusal::Forbidden);
    assert_eq!(
        claim().await.unwrap_err(),
        RedeemError::Command(forbidden.clone())
    );
    let report = Report {
        call: view.call,
        status: OutcomeStatus::Succeeded,
        detail: None,
    };
    let reported = service.outcome(bank, report).await.unwrap_err();
    assert_eq!(reported, OutcomeError::Command(forbidden));
    let call = service.call(world.agent, view.call).await.unwrap().unwrap();
    assert_eq!(call.state, CallState::Redeemed);
    service.stop();
}

#[tokio::test]
async fn a_refused_revocation_is_recorded() {
    let world = World::armed();
    let service = world.serve();
    let by = Party::Credential(world.responder);
    let before = service.head().await.unwrap().size;
    let cause = RevocationCause::Lost;
    let key = service.revoke_key(by, KeyId::new([99; 16]), cause).await;
    assert!(matches!(key, Err(CommandError::Refused(_))));
    let after = service.head().await.unwrap().size;
    assert_eq!(after, before + 1, "refusal.recorded");
    let nobody = Party::Agent(AgentId::new([99; 16]));
    let agent = service.revoke_credential(by, nobody, cause).await;
    assert_eq!(agent.unwrap_err(), key.unwrap_err());
    service.stop();
    let entries = service.entries(after - 1, 10).await.unwrap();
    let kinds = entries.iter().map(|(_, it)| Entry::decode(it).unwrap());
    let refusals: Vec<_> = kinds.filter_map(|entry| refusal(&entry)).collect();
    assert_eq!(refusals, [(by, 1), (by, 1)], "the second one as a count");
}

/// By whom and how often, of a recorded refusal.
fn refusal(entry: &Entry) -> Option<(Party, u64)> {
    match &entry.draft.fact {
        Fact::RefusalRecorded(it) => Some((entry.draft.by, it.count)),
        _ => None,
    }
}

#[tokio::test]
async fn an_old_copy_of_the_keyring_is_refused_at_start_and_a_newer_one_serves() {
    let world = World::armed();
    let keyring = world.path("keyring");
    let old = std::fs::read(&keyring).unwrap();
    // The first call of a party begins an epoch: a salt that the old copy lacks.
    let service = world.serve();
    service
        .submit(world.agent, wire("call-1", "10.00"), Level::Durable)
        .await
        .unwrap();
    service.stop();
    let new = std::fs::read(&keyring).unwrap();
    assert_ne!(old, new);
    std::fs::write(&keyring, &old).unwrap();
    let refused = world.try_open().map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("old copy"), "{refused}");
    std::fs::write(&keyring, &new).unwrap();
    assert!(world.try_open().is_ok());
}

#[tokio::test]
async fn a_keyring_with_a_changed_secret_is_refused_at_start_and_named() {
    let world = World::armed();
    world.serve().stop();
    let keyring = world.path("keyring");
    let good = std::fs::read(&keyring).unwrap();
    let generation = Keyring::from_bytes(&good).unwrap().generation();
    let mut secrets = 0;
    for at in 0..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 1 << (at % 8);
        let read = Keyring::from_bytes(&altered);
        if !read.is_ok_and(|it| it.generation() == generation) {
            continue;
        }
        secrets += 1;
        std::fs::write(&keyring, &altered).unwrap();
        let refused = world.try_open().map(|_| ()).unwrap_err();
        assert!(matches!(refused, StartError::Keyring(_)), "byte {at}");
        assert!(refused.to_string().starts_with("keyring is damaged"));
    }
    assert!(secrets >= 17 * 32, "16 blocks and the key of snapshots");
    std::fs::write(&keyring, &good).unwrap();
    assert!(world.try_open().is_ok());
}

/// Seqs of the entries that a trace of this text through the service finds.
async fn found(service: &countersign_service::Service, world: &World, what: &str) -> Vec<u64> {
    let page = service.about(world.responder, what.into(), 0, 100);
    let records = page.await.unwrap().records;
    records.iter().map(|record| record.entry.seq).collect()
}

#[tokio::test]
async fn a_call_is_found_by_what_its_body_says_and_the_index_does_not_say_it() {
    let world = World::armed();
    let service = world.serve();
    let mut call = wire("toolu-4711", "10.00");
    call.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".into());
    service
        .submit(world.agent, call, Level::Durable)
        .await
        .unwrap();
    let mut answers = Vec::new();
    for what in [
        "toolu-4711",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "alice",
        "ALICE",
        "nobody",
    ] {
        answers.push((what, found(&service, &world, what).await));
    }
    let lengths: Vec<usize> = answers.iter().map(|(_, seqs)| seqs.len()).collect();
    assert_eq!(lengths, [1, 1, 1, 1, 0]);
    service.stop();
    drop(service);
    for entry in std::fs::read_dir(world.path("index/terms")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        for text in [
            "toolu-4711",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "alice",
            "bank.example",
        ] {
            let holds = bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes());
            assert!(!holds, "{text} in {}", path.display());
        }
    }
    world.delete_index();
    let service = world.serve();
    for (what, seqs) in answers {
        assert_eq!(found(&service, &world, what).await, seqs, "{what}");
    }
}

#[tokio::test]
async fn what_is_about_a_value_or_an_id_is_told_page_by_page() {
    let world = World::armed();
    let service = world.serve();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for number in 0..5 {
        let mut call = wire(&format!("c{number}"), &format!("{number}0.00"));
        call.trace_id = Some(trace.into());
        let asked = service.submit(world.agent, call, Level::Durable);
        asked.await.unwrap();
    }
    for what in [trace.to_owned(), world.agent.to_string()] {
        let all = found(&service, &world, &what).await;
        assert!(all.len() >= 5);
        let (mut told, mut next) = (Vec::new(), Some(0));
        while let Some(from) = next {
            let page = service.about(world.responder, what.clone(), from, 2);
            let page = page.await.unwrap();
            let seqs = page.records.iter().map(|record| record.entry.seq);
            assert!((1..=2).contains(&page.records.len()));
            told.extend(seqs);
            next = page.next.filter(|next| *next <= all[all.len() - 1]);
        }
        assert_eq!(told, all);
    }
}

#[tokio::test]
async fn whose_an_ended_call_is_is_told_while_the_writer_does_something_else() {
    let world = World::armed();
    let other = world.crowd(1)[0];
    let service = world.serve();
    let asked = service.submit(world.agent, wire("c1", "24000.00"), Level::Durable);
    let call = asked.await.unwrap().value.view.call;
    service.withdraw(world.agent, call).await.unwrap();
    let last = service.head().await.unwrap().size - 1;
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go, told_to_go) = std::sync::mpsc::channel::<()>();
    let busy = service.clone();
    let busy = tokio::spawn(async move {
        let work = move |_: &mut countersign_service::Core| {
            begun.send(()).unwrap();
            told_to_go.recv().unwrap();
        };
        busy.ask(work).await.unwrap();
    });
    has_begun.await.unwrap();
    let parties = [
        (world.agent, true),
        (Party::Executor(world.bank), true),
        (Party::Executor(world.files), false),
        (other, false),
    ];
    for (party, is_theirs) in parties {
        let told = service.is_of(party, call, last);
        let told = tokio::time::timeout(Duration::from_secs(30), told);
        assert_eq!(told.await.unwrap(), Ok(is_theirs), "{party}");
    }
    let nothing = CallId::new([77; 16]);
    assert_eq!(service.is_of(world.agent, nothing, last).await, Ok(false));
    go.send(()).unwrap();
    busy.await.unwrap();
}

/// A log with a story in it that was stopped in good order, so that it has a snapshot.
async fn stopped() -> World {
    let world = World::armed();
    let service = world.serve();
    let asked = service.submit(world.agent, wire("c1", "24000.00"), Level::Durable);
    let call = asked.await.unwrap().value.view.call;
    for who in ["alice", "omar"] {
        let vote = world.vote(&service, call, who, Decision::Approve);
        vote.await.unwrap();
    }
    let asked = service.submit(world.agent, wire("c2", "25000.00"), Level::Durable);
    let call = asked.await.unwrap().value.view.call;
    let vote = world.vote(&service, call, "ines", Decision::Deny);
    assert!(vote.await.is_err(), "she is in no group that is asked");
    service.stop();
    world
}

fn snapshots(world: &World) -> Vec<std::path::PathBuf> {
    let found = std::fs::read_dir(world.path("index")).into_iter().flatten();
    let mut paths: Vec<_> = found
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("snapshot-"))
        .collect();
    paths.sort();
    paths
}

fn state(world: &World) -> countersign_flow::State {
    world.try_open().unwrap().state().clone()
}

#[tokio::test]
async fn a_start_from_a_snapshot_finds_the_state_that_all_entries_give() {
    let world = stopped().await;
    let service = world.serve();
    let asked = service.submit(world.agent, wire("c3", "26000.00"), Level::Durable);
    asked.await.unwrap();
    service.stop();
    let paths = snapshots(&world);
    assert_eq!(paths.len(), 2);
    let newest = state(&world);
    std::fs::remove_file(&paths[1]).unwrap();
    let older = state(&world);
    world.delete_index();
    let folded = state(&world);
    assert_eq!((&newest, &older), (&folded, &folded));
}

#[tokio::test]
async fn a_snapshot_that_is_damaged_or_of_another_log_is_passed_over() {
    let (world, other) = (stopped().await, stopped().await);
    let folded = state(&world);
    let path = snapshots(&world).remove(0);
    let bytes = std::fs::read(&path).unwrap();
    for place in (0..bytes.len())
        .step_by(97)
        .chain([7, 8, 39, 40, 63, 64, bytes.len() - 1])
    {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        std::fs::write(&path, &altered).unwrap();
        assert_eq!(state(&world), folded, "byte {place}");
        std::fs::write(&path, &bytes[..place]).unwrap();
        assert_eq!(state(&world), folded, "cut at {place}");
    }
    std::fs::copy(snapshots(&other).remove(0), &path).unwrap();
    assert_eq!(state(&world), folded);
}

#[tokio::test]
async fn a_damaged_tree_file_gives_no_wrong_proof_and_is_made_again() {
    let world = stopped().await;
    let path = world.path("index/tree");
    for sixth in 0..6 {
        if !path.exists() {
            world.serve().stop();
        }
        let mut altered = std::fs::read(&path).unwrap();
        let place = altered.len() / 6 * sixth;
        altered[place] ^= 1;
        std::fs::write(&path, &altered).unwrap();
        let service = world.serve();
        let size = service.head().await.unwrap().size;
        let mut missing = 0;
        for seq in 0..size {
            missing += u64::from(service.proof(seq).await.unwrap().is_none());
        }
        // The next checkpoint mends it.
        let scope = FreezeScope {
            tool: Some("bank.wire".into()),
            reason: "test".into(),
            ..FreezeScope::default()
        };
        let frozen = service.freeze(world.responder, scope).await.unwrap();
        for seq in 0..size {
            let proof = service.proof(seq).await.unwrap();
            assert!(
                proof.is_some(),
                "{place}: {missing} of {size}, {:?}",
                frozen.value
            );
        }
        service.stop();
    }
}
