//! What clients were told, and whether it is still so after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use countersign_ledger::chain::leaf_hash;
use countersign_ledger::merkle::Tree;
use countersign_ledger::proof::InclusionProof;
use countersign_record::entry::Entry;
use countersign_service::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::client::Caller;
use crate::ledger::Ledger;
use crate::program::Server;
use crate::setup::token;

/// Calls and redemptions that are looked at one by one after each crash; the log is read whole.
const LOOKS_MAX: usize = 12;
/// A deadline that has passed is recorded within a tick of 50 ms; a busy machine gets more.
const TICK_PATIENCE: Duration = Duration::from_secs(10);

/// Everything that was answered, kept outside of the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acks {
    entries: Vec<Ack>,
    calls: BTreeMap<String, Known>,
    redeemed: Vec<Redeemed>,
    /// Entries that a server has shown: readers were promised them too.
    seen: Vec<Vec<u8>>,
}

/// One answer: the entry that it rests on.
#[derive(Clone, Debug)]
struct Ack {
    what: &'static str,
    seq: u64,
    /// The call that the entry is about; empty when it is about none.
    call: String,
    /// For answers that leave only under a signed checkpoint.
    proof: Option<String>,
}

#[derive(Clone, Debug)]
struct Known {
    state: String,
    deadline: Option<u64>,
}

/// A redemption: the same one again must give the same answer.
#[derive(Clone, Debug)]
pub(crate) struct Redeemed {
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) executor: &'static str,
    pub(crate) seq: u64,
}

/// What can be told of all acknowledgements so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checked {
    pub(crate) acks: usize,
    pub(crate) proofs: usize,
}

impl std::ops::AddAssign for Checked {
    fn add_assign(&mut self, more: Self) {
        self.acks += more.acks;
        self.proofs += more.proofs;
    }
}

/// Writing them down.
impl Acks {
    /// An answer that carries the view of a call.
    pub(crate) fn view(&mut self, what: &'static str, view: &Value) {
        let (Some(call), Some(seq)) = (view["call"].as_str(), view["version"].as_u64()) else {
            panic!("{what}: no view: {view}");
        };
        self.entry(what, seq, call, None);
        let known = Known {
            state: view["state"].as_str().unwrap_or_default().to_owned(),
            deadline: view["deadline_ms"].as_u64(),
        };
        self.calls.insert(call.to_owned(), known);
    }

    /// An answer that names an entry.
    pub(crate) fn entry(&mut self, what: &'static str, seq: u64, call: &str, proof: Option<&str>) {
        self.entries.push(Ack {
            what,
            seq,
            call: call.to_owned(),
            proof: proof.map(str::to_owned),
        });
    }

    pub(crate) fn redeemed(&mut self, redeemed: Redeemed) {
        self.redeemed.push(redeemed);
    }

    /// The call's state is not the one that was told with its view any more.
    pub(crate) fn moved(&mut self, call: &str, state: &str) {
        let known = self.calls.get_mut(call).expect("a call that was told of");
        state.clone_into(&mut known.state);
        known.deadline = None;
    }
}

/// Asking for them again.
impl Acks {
    /// Holds everything that was answered against a server that was started after the crash.
    pub(crate) fn check(&mut self, ledger: &Ledger, server: &Server) -> Result<Checked, String> {
        let entries = entries(server)?;
        for (seq, seen) in self.seen.iter().enumerate() {
            if entries.get(seq) != Some(seen) {
                return Err(format!("entry {seq} is not what a reader has seen"));
            }
        }
        let proofs = self.check_entries(ledger, &entries)?;
        self.check_calls(server)?;
        self.check_traces(server)?;
        self.check_redemptions(server)?;
        self.seen = entries;
        Ok(Checked {
            acks: self.entries.len(),
            proofs,
        })
    }

    /// Every entry that an answer rested on, and every proof under the log as it is now.
    fn check_entries(&self, ledger: &Ledger, entries: &[Vec<u8>]) -> Result<usize, String> {
        let mut tree = Tree::default();
        for entry in entries {
            tree.append(leaf_hash(entry));
        }
        let mut proofs = 0;
        for ack in &self.entries {
            let told = format!("{} of {:?}", ack.what, ack.call);
            let bytes = usize::try_from(ack.seq).ok().and_then(|at| entries.get(at));
            let bytes = bytes.ok_or(format!("LOST: {told}: entry {} is gone", ack.seq))?;
            let entry = Entry::decode(bytes).map_err(|error| error.to_string())?;
            let about = entry.draft.refs.call.map(|id| id.to_string());
            if about.unwrap_or_default() != ack.call {
                return Err(format!("LOST: {told}: entry {} is another", ack.seq));
            }
            if let Some(proof) = &ack.proof {
                prove(ledger, &tree, entries, proof).map_err(|why| format!("{told}: {why}"))?;
                proofs += 1;
            }
        }
        Ok(proofs)
    }

    /// The newest calls are where they were, or further on the way that time alone explains.
    fn check_calls(&self, server: &Server) -> Result<(), String> {
        let agent = Caller::new(server.agent(), Some(token("agent")));
        for call in self.newest().take(LOOKS_MAX) {
            check_call(&agent, call, &self.calls[call])?;
        }
        Ok(())
    }

    /// What the index answers has all that was answered.
    fn check_traces(&self, server: &Server) -> Result<(), String> {
        let auditor = Caller::new(server.audit(), Some(token("auditor")));
        for call in self.newest().take(LOOKS_MAX / 4) {
            let trace = auditor
                .get(&format!("/v1/trace/{call}"))
                .ok_or("no answer")?;
            let trace = trace.good().ok_or("no trace")?;
            let records = trace["records"].as_array().ok_or("no records")?.iter();
            let traced: BTreeSet<u64> = records.filter_map(|it| it["seq"].as_u64()).collect();
            let mut acks = self.entries.iter().filter(|ack| ack.call == *call);
            if let Some(ack) = acks.find(|ack| !traced.contains(&ack.seq)) {
                return Err(format!("the trace of {call} is without entry {}", ack.seq));
            }
        }
        Ok(())
    }

    /// Calls by the newest entry that was answered of them, the latest first.
    fn newest(&self) -> impl Iterator<Item = &str> {
        let answered = self.entries.iter().rev().map(|ack| ack.call.as_str());
        let mut met = BTreeSet::new();
        answered.filter(move |call| self.calls.contains_key(*call) && met.insert(*call))
    }

    fn check_redemptions(&self, server: &Server) -> Result<(), String> {
        for it in self.redeemed.iter().rev().take(LOOKS_MAX / 4) {
            let executor = Caller::new(server.agent(), Some(token(it.executor)));
            let again = executor.post(&it.path, &it.body).ok_or("no answer")?;
            if again.body["seq"].as_u64() != Some(it.seq) {
                return Err(format!("{}: claimed anew: {again:?}", it.path));
            }
            let mut other = it.body.clone();
            other["nonce"] = json!("ff".repeat(32));
            let refused = executor.post(&it.path, &other).ok_or("no answer")?;
            if refused.code() != "already-redeemed" {
                return Err(format!("{}: claimed twice: {refused:?}", it.path));
            }
        }
        Ok(())
    }
}

/// The proof holds by itself, and its checkpoint is a beginning of the log as it is now.
fn prove(ledger: &Ledger, tree: &Tree, entries: &[Vec<u8>], proof: &str) -> Result<(), String> {
    let proof: InclusionProof = proof.parse().map_err(|error| format!("{error}"))?;
    let at = usize::try_from(proof.index).unwrap_or(usize::MAX);
    let entry = entries.get(at).ok_or("LOST: the proven entry is gone")?;
    let checkpoint = proof.verify(leaf_hash(entry), &ledger.vkey);
    let checkpoint = checkpoint.map_err(|error| error.to_string())?;
    match tree.root_at(checkpoint.size) {
        Ok(root) if root == checkpoint.root => Ok(()),
        _ => Err("LOST: its checkpoint is not a beginning of this log".into()),
    }
}

fn check_call(agent: &Caller, call: &str, known: &Known) -> Result<(), String> {
    let since = Instant::now();
    loop {
        let answer = agent.get(&format!("/v1/calls/{call}")).ok_or("no answer")?;
        let view = answer.good().ok_or(format!("{call} is not known"))?;
        let state = view["state"].as_str().unwrap_or_default().to_owned();
        let over = known
            .deadline
            .is_some_and(|at| at <= SystemClock::new().wall_ms());
        if state == known.state && over && !is_final(&state) {
            if since.elapsed() > TICK_PATIENCE {
                return Err(format!("{call} is still {state} behind its deadline"));
            }
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        let deadline = view["deadline_ms"].as_u64();
        if state == known.state && known.deadline.is_some() && deadline != known.deadline {
            return Err(format!(
                "{call} was {known:?} and has deadline {deadline:?}"
            ));
        }
        return follows(&known.state, &state, over)
            .then_some(())
            .ok_or(format!("{call} was {known:?} and is {state}"));
    }
}

fn is_final(state: &str) -> bool {
    !["pending", "allowed", "approved", "redeemed"].contains(&state)
}

/// Whether a call that was said to be in one state may be found in the other: a request that was
/// not answered may have been carried out, and time goes on.
fn follows(was: &str, is: &str, over: bool) -> bool {
    let claimed = [
        "redeemed",
        "succeeded",
        "failed",
        "outcome-unknown",
        "not-executed",
    ];
    match was {
        _ if was == is => true,
        "pending" if is == "expired" => over,
        "pending" => true,
        "allowed" | "approved" if is == "lapsed" => over,
        "allowed" | "approved" => claimed.contains(&is) || is == "revoked" || is == "frozen",
        "redeemed" => claimed.contains(&is),
        _ => false,
    }
}

/// The exact bytes of all entries.
fn entries(server: &Server) -> Result<Vec<Vec<u8>>, String> {
    let auditor = Caller::new(server.audit(), Some(token("auditor")));
    let mut entries = Vec::new();
    loop {
        let path = format!("/v1/entries?from={}&limit=1000", entries.len());
        let page = auditor.get(&path).ok_or("no answer")?;
        let page = page.good().ok_or("the entries are not shown")?;
        let page = page["entries"].as_array().ok_or("no entries")?;
        if page.is_empty() {
            return Ok(entries);
        }
        for line in page {
            let bytes = line["entry"].as_str().map(Base64::decode_vec);
            entries.push(
                bytes
                    .ok_or("no entry")?
                    .map_err(|error| error.to_string())?,
            );
        }
    }
}
