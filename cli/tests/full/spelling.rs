//! The spelling that scripts rely on: what is refused here is refused for what it says, not for how
//! it is written.

use super::world::run;

/// From the interface's list, with places that do not exist.
const LINES: &str = "
init --data /absent/d --policy /absent/p.toml --origin o --log n --solo --head-lock /absent/h --segment-size 4096
serve --data /absent/d --agent 127.0.0.1:0 --approver localhost:0 --audit 127.0.0.1:0 --adopt-head --accept-clock
agent add NAME --data /absent/d --principal H
executor add NAME --data /absent/d
auditor add NAME --data /absent/d
responder add NAME --data /absent/d
operator add NAME --data /absent/d
agent revoke agt_77777777777777777777777774 --data /absent/d
person add H --name N --email E --group g --group h --data /absent/d
group remove g H --data /absent/d
key request H --ssh-public-key /absent/k.pub --out /absent/enrol.json --data /absent/d
key enroll --statement /absent/enrol.json --proof /absent/enrol.json.sig --data /absent/d
key revoke key_77777777777777777777777774 --cause lost --data /absent/d
policy adopt /absent/p.toml --data /absent/d
request --url http://localhost:1 --token-file /absent/t --tool x --arguments - --reason r --session s --id i --wait
inbox --watch --url http://localhost:1 --key /absent/k
show call_77777777777777777777777774 --url http://localhost:1 --key /absent/k
approve call_77777777777777777777777774 --url http://localhost:1 --key /absent/k --comment c
deny call_77777777777777777777777774 --url http://localhost:1 --key /absent/k --comment c
revoke call_77777777777777777777777774 --url http://localhost:1 --key /absent/k
freeze --all --reason r --url http://localhost:1 --token-file /absent/t
lift --denial call_77777777777777777777777774 --url http://localhost:1 --token-file /absent/t
outcome call_77777777777777777777777774 --status unknown --url http://localhost:1 --token-file /absent/t
export --data /absent/d --case c --out /absent/o
trace x --data /absent/d";

#[test]
fn the_documented_spelling_is_understood() {
    for line in LINES.lines().filter(|line| !line.is_empty()) {
        let arguments: Vec<&str> = line.split(' ').collect();
        let done = run(&arguments);
        assert_eq!(done.code, 2, "{line}: {}", done.err);
        assert!(
            done.err.starts_with("error: ") && !done.err.contains("Usage:"),
            "{line}: {}",
            done.err
        );
    }
}
