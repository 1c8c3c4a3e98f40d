//! `countersign approve`, `deny`, `revoke`

use base64ct::{Base64, Encoding as _};
use clap::Args;
use countersign_attest::statement::{Head, Revocation};
use countersign_attest::{Context, Statement};
use countersign_record::action::text_digest;
use countersign_record::digest::{EntryHash, hex, unhex32};
use countersign_record::entry::DenyCause;
use countersign_record::id::CallId;
use countersign_record::json::{Object, Value};
use countersign_record::term::Decision;

use super::ceremony::{Ceremony, Shown, refuse};
use super::session::{ApproverArgs, Session};
use crate::exit;
use crate::full::ask;
use crate::full::entropy::random;
use crate::output::{Failure, Output, number};

/// Approve a call, after seeing exactly what will happen
///
/// Recomputes every digest, rebuilds the sentence and the parameters from the policy's own text, and
/// refuses on any difference. Asks at the terminal; the default is No.
#[derive(Args, Debug)]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    question: QuestionArgs,
}

/// Deny a call; it is not run, and the same action is refused automatically for a while
#[derive(Args, Debug)]
pub(crate) struct DenyArgs {
    /// Why: wrong-target, not-asked, suspicious or other
    #[arg(long, default_value = "other")]
    cause: DenyCause,
    #[command(flatten)]
    question: QuestionArgs,
}

/// Take an approval back before the call was run, also somebody else's
#[derive(Args, Debug)]
pub(crate) struct RevokeArgs {
    /// The call
    call: CallId,
    #[command(flatten)]
    approver: ApproverArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Args, Debug)]
struct QuestionArgs {
    /// The call; not needed when only one waits for you
    call: Option<CallId>,
    /// Your words for the record
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    #[command(flatten)]
    approver: ApproverArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Args, Debug)]
struct DeviceArgs {
    /// Decide without asking anybody. For tests and the demo: no person saw what is signed
    #[arg(long, hide = true)]
    yes_i_am_a_test_device: bool,
}

impl ApproveArgs {
    pub(in crate::full) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        self.question.run(output, Decision::Approve, None)
    }
}

impl DenyArgs {
    pub(in crate::full) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        self.question.run(output, Decision::Deny, Some(self.cause))
    }
}

impl QuestionArgs {
    fn run(
        &self,
        output: &mut Output,
        decision: Decision,
        cause: Option<DenyCause>,
    ) -> Result<u8, Failure> {
        // The service takes no comment that says nothing.
        if self.comment.as_ref().is_some_and(|it| it.trim().is_empty()) {
            let failure = Failure::say(exit::USAGE, "the comment is empty or blank");
            return Err(failure.hint("say something in it, or leave it out"));
        }
        self.device.somebody_is_there()?;
        let session = self.approver.login()?;
        let ceremony = Ceremony::open(&session, session.which(self.call)?)?;
        ceremony.shown.tell(output);
        let statement = ceremony.statement(decision)?;
        if !self.device.agrees(decision)? {
            return Ok(cancelled(output));
        }
        let body = signed(&session, statement, self.comment.as_deref())?;
        let body = match cause {
            Some(cause) => body.with("cause", cause.as_str()),
            None => body,
        };
        let path = format!("/v1/calls/{}/decisions", statement.call);
        let answer = session.post(&path, body)?;
        let view = session.view(&path, answer.body.member("call"))?;
        let seq = answer.body.member("seq").and_then(Value::as_u64);
        let seq = seq.ok_or_else(|| session.malformed(&path, "no entry"))?;
        let done = match decision {
            Decision::Approve => "approved",
            Decision::Deny => "denied",
        };
        output.line(&format!("\n{done} {} as entry {seq}", view.call));
        output.line(&format!("now {}: {}", view.state, view.message));
        let document = Object::new()
            .with("call", view.call.to_string())
            .with("decision", decision.as_str())
            .with("seq", number(seq))
            .with("state", view.state.as_str())
            .with("have", number(view.have))
            .with("need", number(view.need));
        output.document(with_proof(document, &answer.body));
        Ok(exit::GOOD)
    }
}

/// The decision's request: the signed bytes, and the comment that they commit to.
fn signed(
    session: &Session,
    statement: &Statement,
    comment: Option<&str>,
) -> Result<Object, Failure> {
    let mut statement = statement.clone();
    let comment = match comment {
        None => None,
        Some(text) => {
            let salt = random::<32>()?;
            statement.comment_digest = Some(text_digest(&salt, text));
            Some(Object::new().with("salt", hex(&salt)).with("text", text))
        }
    };
    let bytes = statement
        .to_bytes()
        .map_err(|error| Failure::new(exit::USAGE, &error))?;
    let signature = session.device().sign(Context::Approval, &bytes)?;
    let body = envelope(&bytes, &signature);
    Ok(match comment {
        Some(comment) => body.with("comment", comment),
        None => body,
    })
}

fn envelope(statement: &[u8], signature: &[u8]) -> Object {
    Object::new()
        .with("statement", Base64::encode_string(statement))
        .with("signature", Base64::encode_string(signature))
}

impl RevokeArgs {
    pub(in crate::full) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        self.device.somebody_is_there()?;
        let session = self.approver.login()?;
        let shown = Shown::look(&session, self.call)?;
        shown.tell(output);
        if !self.device.agrees(Decision::Deny)? {
            return Ok(cancelled(output));
        }
        let revocation = Revocation {
            log: session.log().to_owned(),
            call: self.call,
            confirmation: shown.view.confirmation,
            person: session.person(),
            key: session.key(),
            head: head(&session)?,
            comment_digest: None,
        };
        let bytes = revocation
            .to_bytes()
            .map_err(|error| refuse(&error.to_string()))?;
        let signature = session.device().sign(Context::Revocation, &bytes)?;
        let path = format!("/v1/calls/{}/revocations", self.call);
        let answer = session.post(&path, envelope(&bytes, &signature))?;
        output.line(&format!("\nrevoked {}: it will not run", self.call));
        let document = Object::new()
            .with("call", self.call.to_string())
            .with("state", "revoked");
        output.document(with_proof(document, &answer.body));
        Ok(exit::GOOD)
    }
}

/// Where the ledger ends now.
fn head(session: &Session) -> Result<Head, Failure> {
    let path = "/v1/me";
    let answer = session.get(path)?;
    let seq = answer.body.at("/head/seq").and_then(Value::as_u64);
    let hash = answer.body.at("/head/hash").and_then(Value::as_str);
    let hash = hash
        .and_then(|text| unhex32(text.strip_prefix("blake3:")?))
        .map(EntryHash);
    match (seq, hash) {
        (Some(seq), Some(hash)) => Ok(Head { seq, hash }),
        _ => Err(session.malformed(path, "no head")),
    }
}

fn with_proof(document: Object, answer: &Value) -> Object {
    match answer.member("proof").and_then(Value::as_str) {
        Some(proof) => document.with("proof", proof),
        None => document,
    }
}

fn cancelled(output: &mut Output) -> u8 {
    output.hint("cancelled; nothing was signed");
    exit::USAGE
}

impl DeviceArgs {
    /// Nobody decides for somebody who is not there.
    fn somebody_is_there(&self) -> Result<(), Failure> {
        if self.yes_i_am_a_test_device || ask::is_terminal() {
            return Ok(());
        }
        Err(Failure::say(
            exit::USAGE,
            "there is no terminal to ask a person at; nothing was opened or signed",
        )
        .hint("run this in a terminal; a script cannot decide for a person"))
    }

    fn agrees(&self, decision: Decision) -> Result<bool, Failure> {
        if self.yes_i_am_a_test_device {
            return Ok(true);
        }
        Ok(match decision {
            Decision::Approve => {
                ask::line("\nType APPROVE to sign; anything else cancels: ")? == "APPROVE"
            }
            Decision::Deny => ask::line("\nRefuse this call? [y/N] ")?.eq_ignore_ascii_case("y"),
        })
    }
}
