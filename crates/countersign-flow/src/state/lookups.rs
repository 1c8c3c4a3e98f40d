//! What is looked for often, kept beside the maps that it follows from: no question that every
//! command or every tick asks is answered by a walk over all calls.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use countersign_record::entry::{Fingerprint, Party, UnixMillis};
use countersign_record::id::{AgentId, CallId, SessionId};

use super::{Denial, Request, Requester, Session, State};

/// A session that no call named for so long is forgotten: 24 hours.
const SESSION_IDLE_MS: u64 = 24 * 60 * 60 * 1000;

const FIRST_CALL: CallId = CallId::new([0; 16]);
const LAST_CALL: CallId = CallId::new([0xff; 16]);
const FIRST_SESSION: SessionId = SessionId::new([0; 16]);

/// Follows from the state's other parts; [`Lookups::of`] says how.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lookups {
    /// Open calls by their deadline.
    due: BTreeSet<(UnixMillis, CallId)>,
    /// How many calls each party has open.
    open: BTreeMap<Party, usize>,
    /// Calls with a grant that may be redeemed.
    unredeemed: BTreeSet<CallId>,
    /// Sessions whose name is disclosed.
    named: BTreeSet<(AgentId, String, SessionId)>,
    /// Sessions by their last use.
    used: BTreeSet<(UnixMillis, SessionId)>,
    /// Denials by the likeness that they stand over.
    denied: BTreeSet<(Requester, Fingerprint, CallId)>,
    /// Denials by their end.
    until: BTreeSet<(UnixMillis, CallId)>,
    /// Idempotency keys by their age.
    asked: BTreeSet<(UnixMillis, [u8; 32])>,
}

/// Under what an open call is found.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Place {
    asker: Party,
    deadline: UnixMillis,
    is_unredeemed: bool,
}

impl Lookups {
    /// The lookups of a state, from its other parts.
    pub(crate) fn of(state: &State) -> Self {
        let mut lookups = Self::default();
        for id in state.calls.keys() {
            lookups.moved(*id, None, state.place(*id));
        }
        for (id, session) in &state.sessions {
            lookups.named.extend(session.lookup(*id));
            lookups.used.insert((session.last_used, *id));
        }
        for denial in state.denials.values() {
            lookups.denied.insert(denial.lookup());
            lookups.until.insert((denial.until, denial.call));
        }
        for (key, request) in &state.requests {
            lookups.asked.insert((request.at, *key));
        }
        lookups
    }

    /// A call is found elsewhere than before.
    pub(crate) fn moved(&mut self, call: CallId, before: Option<Place>, after: Option<Place>) {
        if before == after {
            return;
        }
        if let Some(place) = before {
            self.due.remove(&(place.deadline, call));
            self.unredeemed.remove(&call);
            self.one_less(place.asker);
        }
        if let Some(place) = after {
            self.due.insert((place.deadline, call));
            if place.is_unredeemed {
                self.unredeemed.insert(call);
            }
            *self.open.entry(place.asker).or_default() += 1;
        }
    }

    fn one_less(&mut self, asker: Party) {
        match self.open.get_mut(&asker) {
            Some(open) if *open > 1 => *open -= 1,
            _ => {
                self.open.remove(&asker);
            }
        }
    }
}

impl State {
    /// Calls whose time is over: decision, execution or report deadline; the longest due first.
    pub fn due(&self, now: UnixMillis) -> impl Iterator<Item = CallId> {
        let due = self.lookups.due.range(..=(now, LAST_CALL));
        due.map(|(_, call)| *call)
    }

    /// How many calls the party has open.
    pub fn open_calls_of(&self, party: Party) -> usize {
        self.lookups.open.get(&party).copied().unwrap_or_default()
    }

    /// Calls with a grant that may be redeemed.
    pub fn unredeemed(&self) -> impl ExactSizeIterator<Item = CallId> {
        self.lookups.unredeemed.iter().copied()
    }

    /// The agent's session of that name.
    pub fn session_named(&self, agent: AgentId, name: &str) -> Option<SessionId> {
        let from = (agent, String::from(name), FIRST_SESSION);
        let (of, found, id) = self.lookups.named.range(from..).next()?;
        (*of == agent && found == name).then_some(*id)
    }

    /// The denial that still stands for this likeness.
    pub fn denied(
        &self,
        requester: Requester,
        fp: &Fingerprint,
        now: UnixMillis,
    ) -> Option<&Denial> {
        let likeness = |call| (requester, fp.clone(), call);
        let calls = likeness(FIRST_CALL)..=likeness(LAST_CALL);
        self.lookups
            .denied
            .range(calls)
            .filter_map(|(.., call)| self.denials.get(call))
            .find(|denial| now < denial.until)
    }

    /// Under what an open call is found.
    pub(crate) fn place(&self, call: CallId) -> Option<Place> {
        let call = self.calls.get(&call)?;
        Some(Place {
            asker: call.requester.asker,
            deadline: call.deadline(),
            is_unredeemed: call.granted().is_some(),
        })
    }

    /// A session that is there already, in a forged log, makes room.
    pub(crate) fn add_session(&mut self, id: SessionId, session: Session) {
        self.remove_session(id);
        self.lookups.named.extend(session.lookup(id));
        self.lookups.used.insert((session.last_used, id));
        self.sessions.insert(id, session);
    }

    pub(crate) fn use_session(&mut self, id: SessionId, now: UnixMillis) {
        if let Some(session) = self.sessions.get_mut(&id) {
            self.lookups.used.remove(&(session.last_used, id));
            session.last_used = now;
            self.lookups.used.insert((now, id));
        }
    }

    fn remove_session(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(&id) {
            self.lookups.used.remove(&(session.last_used, id));
            if let Some(named) = session.lookup(id) {
                self.lookups.named.remove(&named);
            }
        }
    }

    /// A denial of the same call, in a forged log, makes room.
    pub(crate) fn add_denial(&mut self, denial: Denial) {
        self.lift_denial(denial.call);
        self.lookups.denied.insert(denial.lookup());
        self.lookups.until.insert((denial.until, denial.call));
        self.denials.insert(denial.call, denial);
    }

    pub(crate) fn lift_denial(&mut self, call: CallId) {
        if let Some(denial) = self.denials.remove(&call) {
            self.lookups.denied.remove(&denial.lookup());
            self.lookups.until.remove(&(denial.until, call));
        }
    }

    pub(crate) fn add_request(&mut self, key: [u8; 32], request: Request) {
        if let Some(older) = self.requests.insert(key, request) {
            self.lookups.asked.remove(&(older.at, key));
        }
        self.lookups.asked.insert((request.at, key));
    }

    /// Memory stays flat. Nothing here decides: every guard compares times itself. It looks at nothing
    /// but what is over, or a forged log could let it look at everything with each entry.
    pub(crate) fn forget(&mut self, now: UnixMillis) {
        while let Some((until, call)) = self.lookups.until.first().copied()
            && until <= now
        {
            self.lift_denial(call);
        }
        while let Some((last_used, id)) = self.lookups.used.first().copied()
            && last_used.saturating_add(SESSION_IDLE_MS) <= now
        {
            self.remove_session(id);
        }
        while let Some((at, key)) = self.lookups.asked.first().copied() {
            if self
                .requests
                .get(&key)
                .is_some_and(|it| it.is_remembered(now))
            {
                break;
            }
            self.lookups.asked.remove(&(at, key));
            self.requests.remove(&key);
        }
        self.lookback.forget(now);
    }
}

impl Session {
    fn lookup(&self, id: SessionId) -> Option<(AgentId, String, SessionId)> {
        let name = self.name.clone()?;
        Some((self.agent, name, id))
    }
}

impl Denial {
    fn lookup(&self) -> (Requester, Fingerprint, CallId) {
        (self.requester, self.fp.clone(), self.call)
    }
}
