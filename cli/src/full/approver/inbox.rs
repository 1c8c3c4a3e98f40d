//! `countersign inbox`, `countersign show`

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use clap::Args;
use countersign_record::id::CallId;
use countersign_record::json::{Object, Value};

use super::ceremony::Shown;
use super::session::{ApproverArgs, Session};
use crate::exit;
use crate::output::{Failure, Output};

/// How often a watched inbox is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// List what waits for you
#[derive(Args, Debug)]
pub(crate) struct InboxArgs {
    /// Go on looking, and tell what comes and changes
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    approver: ApproverArgs,
}

/// Show a call as you would be asked about it; nothing is signed or recorded as seen
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// The call; not needed when only one waits for you
    call: Option<CallId>,
    #[command(flatten)]
    approver: ApproverArgs,
}

impl InboxArgs {
    pub(in crate::full) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let session = self.approver.login()?;
        let items = items(&session)?;
        if items.is_empty() {
            output.hint("nothing waits for you");
        }
        tell(output, &items);
        if self.watch {
            watch(output, &self.approver, session, &items)
        } else {
            Ok(exit::GOOD)
        }
    }
}

/// Until the service cannot be reached any more.
fn watch(
    output: &mut Output,
    approver: &ApproverArgs,
    mut session: Session,
    items: &[Value],
) -> Result<u8, Failure> {
    let mut known = versions(items);
    loop {
        thread::sleep(EVERY);
        let now = if let Ok(items) = self::items(&session) {
            items
        } else {
            // Sessions end after some minutes.
            session = approver.login()?;
            self::items(&session)?
        };
        let news: Vec<Value> = now
            .iter()
            .filter(|item| is_news(&known, item))
            .cloned()
            .collect();
        if !news.is_empty() {
            tell(output, &news);
        }
        known = versions(&now);
    }
}

fn items(session: &Session) -> Result<Vec<Value>, Failure> {
    let path = "/v1/inbox";
    let answer = session.get(path)?;
    let items = answer.body.member("items").and_then(Value::as_array);
    items
        .map(<[Value]>::to_vec)
        .ok_or_else(|| session.malformed(path, "not an inbox"))
}

fn versions(items: &[Value]) -> BTreeMap<String, u64> {
    let version = |item: &Value| {
        Some((
            item.member("call")?.as_str()?.to_owned(),
            item.member("version")?.as_u64()?,
        ))
    };
    items.iter().filter_map(version).collect()
}

fn is_news(known: &BTreeMap<String, u64>, item: &Value) -> bool {
    let call = item
        .member("call")
        .and_then(Value::as_str)
        .unwrap_or_default();
    known.get(call).copied() != item.member("version").and_then(Value::as_u64)
}

fn tell(output: &mut Output, items: &[Value]) {
    let text = |item: &Value, name: &str| {
        item.member(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let count = |item: &Value, name: &str| {
        item.member(name)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    for item in items {
        output.line(&format!(
            "{}  {}",
            text(item, "call"),
            text(item, "sentence")
        ));
        let voted = match text(item, "voted").as_str() {
            "" => String::new(),
            vote => format!("; you voted {vote}"),
        };
        output.line(&format!(
            "    {} of {} approvals; check words: {}{voted}",
            count(item, "have"),
            count(item, "need"),
            text(item, "check_words")
        ));
    }
    output.document(Object::new().with("items", items.to_vec()));
}

impl ShowArgs {
    pub(in crate::full) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let session = self.approver.login()?;
        let shown = Shown::look(&session, session.which(self.call)?)?;
        shown.tell(output);
        if output.is_json() {
            output.document(shown.document());
        } else {
            output.hint("to decide: countersign approve or deny, with the same --url and --key");
        }
        Ok(exit::GOOD)
    }
}
