//! Bodies of POST requests: read by the server's own reader, and what reads is told to the state machine
//! that it would come to. What does not read is a 4xx; what reads is within the limits of
//! docs/spec/http.md, part 4; and the fold of the log stays the state.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "the world is the one of flow's own tests"
)]

extern crate alloc;

// The world names what it uses as a part of flow does.
use countersign_flow::*;
use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/countersign-flow/src/tests"]
mod tests {
    mod world;

    use std::sync::LazyLock;

    use countersign_record::digest::ActionDigest;
    use countersign_record::entry::{Blob, OutcomeCause, Party, RevocationCause};
    use countersign_record::id::{CallId, SessionId};
    use countersign_record::json::canonical;
    use countersign_record::term::Decision;
    use countersign_server::testing::{Body, Post, read};
    use countersign_service::{FreezeScope, NewCall};

    use crate::{CallDocument, Command, Freezing, Outcome, RevokeKey};
    use world::{World, text_body};

    /// By the first byte.
    const POSTS: [Post; 11] = [
        Post::Call,
        Post::DryRun,
        Post::Redeem,
        Post::Outcome,
        Post::Decision,
        Post::Freeze,
        Post::Revocation,
        Post::Opening,
        Post::LoginBegin,
        Post::Signed,
        Post::Nothing,
    ];

    /// A call that waits, opened by `ann`; one that may be redeemed; one that was.
    struct SetUp {
        world: World,
        waits: CallId,
        served: u64,
        approved: CallId,
        redeemed: CallId,
    }

    /// Set up once: enrolling everybody costs more than most requests.
    static SET_UP: LazyLock<SetUp> = LazyLock::new(|| {
        let mut world = World::new();
        let redeemed = world.approved("pay");
        world.redeem(redeemed).unwrap();
        let approved = world.approved("pay_twice");
        let waits = world.ask("merge");
        let served = world.open(waits, "ann");
        SetUp {
            world,
            waits,
            served,
            approved,
            redeemed,
        }
    });

    pub(crate) fn run(bytes: &[u8]) {
        let Some((post, body)) = bytes.split_first() else {
            return;
        };
        let post = POSTS[usize::from(*post) % POSTS.len()];
        let told = || read(post, SET_UP.waits, body);
        match (told(), told()) {
            (Ok(first), Ok(second)) => {
                assert_eq!(format!("{first:?}"), format!("{second:?}"));
                tell(first);
            }
            (Err(first), Err(second)) => {
                assert!(first == second && (400..500).contains(&first), "{first}");
            }
            (first, second) => panic!("read differently: {first:?}, {second:?}"),
        }
    }

    fn tell(body: Body) {
        let mut world = SET_UP.world.clone();
        let Some((command, must)) = command(&mut world, body) else {
            return;
        };
        let taken = world.run(&command).is_ok();
        assert!(must.is_none_or(|must| must == taken), "{command:?}");
        assert!(
            world.refolded() == world.state,
            "the fold of the log is another state"
        );
    }

    /// What the service would tell the state machine, and whether that must take it.
    fn command(world: &mut World, body: Body) -> Option<(Command, Option<bool>)> {
        Some(match body {
            Body::Call(new) => (submit(world, new), None),
            Body::DryRun(tool, arguments) => {
                assert!(tool.len() <= 128 && canonical(&arguments).len() <= 262_144);
                let submit = world.submission_of(&tool, arguments, "any");
                (Command::Submit(submit.into()), None)
            }
            Body::Redeem(nonce, action) => {
                let mut redeem = world.redemption(SET_UP.approved);
                let is_right = redeem.action.0 == action;
                (redeem.nonce, redeem.action) = (nonce, ActionDigest(action));
                (Command::Redeem(redeem), Some(is_right))
            }
            Body::Outcome(report) => {
                assert!(within(4096, &report.detail));
                let detail = report
                    .detail
                    .map(|text| Some(text_body(&[("detail", &text)])));
                let outcome = Outcome {
                    call: SET_UP.redeemed,
                    by: Party::Executor(world.bank),
                    status: report.status,
                    cause: OutcomeCause::Reported,
                    detail,
                    past: None,
                };
                (Command::Outcome(outcome), None)
            }
            Body::Decision(new) => {
                let comment = new.comment.map(|(_, text)| text);
                assert!(within(4096, &comment));
                let mut decide =
                    world.decision(SET_UP.waits, "ann", SET_UP.served, Decision::Approve);
                let (statement, signature) = (Blob(new.statement), Blob(new.signature));
                let is_right = decide.statement == statement && decide.signature == signature;
                (decide.statement, decide.signature) = (statement, signature);
                (Command::Decide(decide.into()), Some(is_right))
            }
            Body::Freeze(scope) => (freeze(world, scope), None),
            Body::Revocation(key) => {
                let by = Party::Credential(world.operator);
                let cause = RevocationCause::Lost;
                (
                    Command::RevokeKey(RevokeKey {
                        by,
                        key: key?,
                        cause,
                    }),
                    None,
                )
            }
            Body::Other => return None,
        })
    }

    fn submit(world: &mut World, new: NewCall) -> Command {
        let short = [&new.session, &new.plan, &new.trace_id];
        assert!(short.iter().all(|it| within(256, it)) && within(8192, &new.reason));
        assert!(new.tool.len() <= 128 && canonical(&new.arguments).len() <= 262_144);
        let mut submit = world.submission_of(&new.tool, new.arguments, &new.tool_call_id);
        submit.replaces = new.replaces;
        submit.session = new.session.as_ref().map(|_| SessionId::new([1; 16]));
        submit.new_session = new.session.clone().map(Some);
        submit.document = submit.document.map(|document| CallDocument {
            session: new.session,
            reason: new.reason,
            plan: new.plan,
            trace_id: new.trace_id,
            replaces: new.replaces,
            ..document
        });
        Command::Submit(submit.into())
    }

    fn freeze(world: &mut World, scope: FreezeScope) -> Command {
        assert!(scope.reason.len() <= 8192 && within(4096, &scope.target));
        assert!(within(128, &scope.tool));
        let mut words = vec![("reason", scope.reason.as_str())];
        words.extend(
            scope
                .target
                .iter()
                .map(|target| ("target", target.as_str())),
        );
        Command::Freeze(Freezing {
            detail: Some(text_body(&words)),
            agent: scope.agent,
            key: scope.key,
            person: scope.person,
            by_target: scope.target.is_some(),
            tool: scope.tool,
            rule: scope.rule,
            all: scope.all,
            ..world.freezing()
        })
    }

    fn within(most: usize, text: &Option<String>) -> bool {
        text.as_ref().is_none_or(|text| text.len() <= most)
    }
}

fuzz_target!(|bytes: &[u8]| tests::run(bytes));
