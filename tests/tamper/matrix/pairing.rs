//! The presentation of one action recorded with another action, as by a server that has the log's
//! key in hand, and people whose clients signed it unseen.

use countersign_attest::{Context, Statement};
use countersign_ledger::chain::link;
use countersign_record::action::shown_digest;
use countersign_record::body::Body;
use countersign_record::digest::ShownDigest;
use countersign_record::entry::{Blob, Bodies, Entry, Fact};
use countersign_record::id::PersonId;
use countersign_record::json::Value;
use countersign_tamper::DEVICES;
use countersign_verify::{BodyState, Severity};

use crate::draw::Draw;
use crate::people::Device;
use crate::shelf::{Shelf, log_key};
use crate::tally::Tally;

fn entry(shelf: &Shelf, place: usize) -> Entry {
    Entry::decode(&shelf.records[place].entry).unwrap()
}

/// The places of the questions about wiring `b`, which two people approved, and about paying `c`.
fn questions() -> [usize; 2] {
    let golden = Shelf::golden();
    let is_question =
        |at: &usize| matches!(entry(&golden, *at).draft.fact, Fact::ConfirmationOpened(_));
    let mut questions = (0..golden.records.len()).filter(is_question);
    [questions.next().unwrap(), questions.next().unwrap()]
}

fn shown(place: usize) -> Body {
    match &Shelf::golden().records[place].bodies["shown"] {
        BodyState::Opened(body) => body.clone(),
        other => panic!("{other:?}"),
    }
}

/// A presentation with these members of another.
fn with(presentation: &Value, names: &[&str], other: &Value) -> Value {
    let own = presentation.as_object().unwrap().clone();
    let made = names.iter().fold(own, |made, name| {
        made.with(*name, other.member(name).unwrap().clone())
    });
    made.into()
}

/// The log up to the end of the first question's call, made anew with this presentation; what people
/// signed is over it, or over another one's digest.
fn recorded(presentation: &Value, signed: Option<ShownDigest>) -> Shelf {
    let [opened, _] = questions();
    let mut shelf = Shelf::golden();
    let call = entry(&shelf, opened).draft.refs.call;
    let is_of_call = |at: &usize| entry(&shelf, *at).draft.refs.call == call;
    let end = (0..shelf.records.len()).rfind(is_of_call).unwrap() + 1;
    shelf.records.truncate(end);

    let mut draw = Draw::new(11);
    let body = Body::commit(presentation, draw.bytes(), || draw.bytes()).unwrap();
    let mut question = entry(&shelf, opened);
    question.draft.bodies = Bodies::one("shown", body.root());
    let signed = signed.unwrap_or_else(|| shown_digest(&body.root()));
    let record = &mut shelf.records[opened];
    record.entry = question.encode();
    record
        .bodies
        .insert("shown".into(), BodyState::Opened(body));
    for place in opened + 1..end {
        shelf.relink(place);
        sign_anew(&mut shelf, place, signed, &mut draw);
    }
    shelf.sign(log_key());
    shelf
}

/// What an entry holds of the log before it and of what was shown, as if it had been so.
fn sign_anew(shelf: &mut Shelf, place: usize, shown_digest: ShownDigest, draw: &mut Draw) {
    let hash = |seq: u64| link(&shelf.records[usize::try_from(seq).unwrap()].entry);
    let mut made = entry(shelf, place);
    match &mut made.draft.fact {
        Fact::PresentationServed(served) => served.head.hash = hash(served.head.seq),
        Fact::VoteApprove(vote) => {
            let told = Statement::read(&vote.statement.0).unwrap();
            let mut statement = Statement {
                shown_digest,
                ..told
            };
            statement.head.hash = hash(statement.head.seq);
            let bytes = statement.to_bytes().unwrap();
            let signature = device(statement.person).sign(draw, Context::Approval, &bytes);
            (vote.statement, vote.signature) = (Blob(bytes), Blob(signature));
        }
        _ => {}
    }
    shelf.records[place].entry = made.encode();
}

fn device(person: PersonId) -> Device {
    let mut devices = DEVICES.into_iter();
    let its = devices.find(|(byte, _)| PersonId::new([*byte; 16]) == person);
    Device::draw(&mut Draw::new(its.unwrap().1), person)
}

#[test]
fn the_presentation_of_one_action_recorded_with_another_is_found() {
    let places = questions();
    let [own, other] = places.map(|place| shown(place).into_value());
    let again = recorded(&own, None).report();
    assert_eq!(
        again.exit_code(),
        0,
        "made anew, and nothing else: {}",
        again.to_text()
    );

    let ids = ["call", "confirmation"];
    let mut tally =
        Tally::new("the presentation of one action with another action, with the log's key");
    let mut judge = |what: &str, shelf: Shelf, id: &str, seq: usize| {
        let report = shelf.report();
        let first = report.findings.first();
        let first = first.filter(|it| it.severity == Severity::Integrity);
        let said = first.map(|it| (it.id, it.seq));
        let found = (report.exit_code() == 1 && said == Some((id, u64::try_from(seq).ok())))
            .then_some(())
            .ok_or_else(|| format!("{said:?}"));
        tally.judge(found, || what.into());
    };
    let compositions = [
        ("the other's as it is", other.clone()),
        (
            "the other's under this call's ids",
            with(&other, &ids, &own),
        ),
        (
            "the other's words over this action",
            with(&other, &["call", "confirmation", "action"], &own),
        ),
        (
            "this one's words over the other action",
            with(&own, &["action"], &other),
        ),
    ];
    for (what, presentation) in compositions {
        judge(
            what,
            recorded(&presentation, None),
            "presentation",
            places[0],
        );
    }
    let digest = shown_digest(&shown(places[1]).root());
    let vote = places[0] + 3;
    judge(
        "the statement alone is over the other's",
        recorded(&own, Some(digest)),
        "digest-mismatch",
        vote,
    );
    tally.close();
}
