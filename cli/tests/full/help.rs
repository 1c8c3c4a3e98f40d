//! Every command says what it is for.

use super::world::run;

const COMMANDS: &str = "
demo|bench|init|serve|config check|config show|fsck|person add|person leave|group add|group remove
key request|key endorse|key enroll|key revoke|key history|agent add|agent revoke|executor add|executor revoke
auditor add|auditor revoke|responder add|responder revoke|operator add|operator revoke
policy check|policy explain|policy test|policy adopt|inbox|show|approve|deny|revoke|freeze|lift|request
grant redeem|grant verify|outcome|verify|trace|export|completions";

#[test]
fn every_command_has_help_and_takes_json() {
    for command in COMMANDS
        .split(['|', '\n'])
        .filter(|command| !command.is_empty())
    {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = run(&arguments).good();
        let usage = format!("Usage: countersign {command}");
        assert!(help.out.contains(&usage), "{usage:?} not in {}", help.out);
        assert!(help.out.contains("--json"), "{}", help.out);
        assert!(
            help.out.lines().next().is_some_and(|line| line.len() > 10),
            "{}",
            help.out
        );
    }
}

#[test]
fn the_test_devices_door_is_not_advertised() {
    assert!(
        !run(&["approve", "--help"])
            .good()
            .out
            .contains("test-device")
    );
}
