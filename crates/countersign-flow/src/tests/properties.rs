//! Whatever is sent in whatever order: nothing runs that people did not agree to.

use alloc::vec;
use alloc::vec::Vec;

use proptest::collection;
use proptest::prelude::*;

use super::story::{PEOPLE, Step, Story, TOOLS, take};
use super::*;
use crate::state::Lookups;
use crate::{Command, snapshot};

fn step() -> impl Strategy<Value = Step> {
    let (call, person) = (0..4_usize, 0..PEOPLE.len());
    prop_oneof![
        2 => (0..TOOLS.len()).prop_map(Step::Ask),
        1 => (0..TOOLS.len(), any::<bool>()).prop_map(|(tool, truth)| Step::AskOf(tool, truth.into())),
        2 => (call.clone(), person.clone()).prop_map(|(call, person)| Step::Open(call, person)),
        8 => (call.clone(), person.clone(), any::<u8>())
            .prop_map(|(call, person, no)| Step::Vote(call, person, no % 6 != 0)),
        2 => (call.clone(), person.clone(), any::<usize>())
            .prop_map(|(call, person, at)| Step::Forge(call, person, at)),
        4 => call.clone().prop_map(Step::Redeem),
        2 => (call.clone(), any::<u8>()).prop_map(|(call, how)| Step::RedeemOther(call, how)),
        2 => call.clone().prop_map(Step::Report),
        1 => call.clone().prop_map(Step::Withdraw),
        2 => call.clone().prop_map(Step::Tick),
        1 => (0..TOOLS.len()).prop_map(Step::Freeze),
        1 => (call, person.clone()).prop_map(|(call, person)| Step::Revoke(call, person)),
        1 => person.prop_map(Step::RevokeKey),
        3 => (0..20 * MINUTE_MS).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(countersign_hostile::cases(48))]

    #[test]
    fn nothing_runs_without_its_quorum_or_twice_or_after_it_ended(
        steps in collection::vec(step(), 1..60)
    ) {
        let mut world = World::new();
        let mut story = Story::default();
        for step in steps {
            take(&mut world, &mut story, step);
            prop_assert_eq!(&Lookups::of(&world.state), &world.state.lookups);
        }
        let read = snapshot::read(&snapshot::write(&world.state));
        prop_assert_eq!(read.as_ref(), Some(&world.state));
        prop_assert_eq!(world.refolded(), world.state);
    }

    #[test]
    fn time_alone_approves_nothing(waits in collection::vec(0..2 * HOUR_MS, 1..20)) {
        let mut world = World::new();
        for tool in TOOLS {
            world.ask(tool);
        }
        for ms in waits {
            world.wait(ms);
            let calls: Vec<_> = world.state.calls.keys().copied().collect();
            for call in calls {
                let _refused = world.run(&Command::Tick { call });
                prop_assert!(world.state.calls.get(&call).is_none_or(|it| it.granted().is_none()));
            }
        }
    }
}
