//! Every problem once: the good policy with one thing changed.

use countersign_record::id::PersonId;
use countersign_record::term::{Client, KeyClass};

use super::*;
use crate::{LiveKey, LivePerson, Population, Severity};

/// The one problem that the policy has, with people unknown.
fn check(policy: &Policy, expected: &str) {
    assert_eq!(lines(&policy.check(&Population::Unknown)), expected);
}

fn codes(policy: &Policy, population: &Population) -> Vec<&'static str> {
    policy
        .check(population)
        .iter()
        .map(|problem| problem.code)
        .collect()
}

/// A rule `extra` about `remove`.
fn rule(more: &str) -> Policy {
    with(&format!(
        "[[rule]]\nid = \"extra\"\ntitle = \"Extra\"\n{more}"
    ))
}

const ASK: &str = "confirm = { from = [\"ops\"] }";

#[test]
fn nothing_is_wrong_with_the_good_policy() {
    check(&good(), "");
}

#[test]
fn an_undefined_group() {
    check(
        &changed(
            "from = [\"ops\"], cool_down",
            "from = [\"opps\"], cool_down",
        ),
        "error: rule \"large\": the group \"opps\" is not declared; declare it in [groups] with its \
         purpose; did you mean \"ops\"?",
    );
}

#[test]
fn an_unused_group() {
    check(
        &changed("[groups]", "[groups]\nlegal = \"answer in court\""),
        "warning: group \"legal\": no rule asks it; take it out, or name it in a rule",
    );
}

#[test]
fn missing_governance() {
    let policy = changed("[governance]\n", "");
    let problems = policy.check(&Population::Unknown);
    assert_eq!(problems[0].code, "governance-missing");
    assert_eq!(problems[0].severity, Severity::Error);
}

#[test]
fn governance_by_one_person() {
    let policy = changed("[governance]\n", "[governance]\napprovals = 1\n");
    assert_eq!(codes(&policy, &Population::Unknown), ["governance-single"]);
}

#[test]
fn a_missing_fallback_rule() {
    check(
        &changed("fallback_rule = \"rest\"", "fallback_rule = \"rast\""),
        "error: [policy]: the fallback rule \"rast\" does not exist; write a [[rule]] of that \
         id; did you mean \"rest\"?\nerror: test \"a tool that nobody knows is asked\": decision: \
         expected confirm, the policy says deny; correct the rule or the example\nerror: rule \"rest\": it names no tool and no class, and it is \
         not the fallback rule; write tool, tools or class",
    );
    let none = changed("fallback_rule = \"rest\"\n", "");
    assert_eq!(
        codes(&none, &Population::Unknown),
        ["fallback-missing", "test-fails", "rule-about-nothing"]
    );
}

#[test]
fn a_fallback_rule_that_asks_nobody() {
    let policy = changed("confirm = { from = [\"ops\"] }", "deny = true");
    assert_eq!(
        codes(&policy, &Population::Unknown),
        ["fallback-denies", "test-fails"]
    );
}

#[test]
fn a_tool_without_an_executor() {
    check(
        &changed("executor = \"bank\"\n", ""),
        "error: tool \"pay\": nobody is named who runs it, so no approval could be bound to it; \
         write executor = \"name\"",
    );
}

#[test]
fn a_tool_that_squats_on_the_controls_names() {
    let more = "verb = \"v\"\nexecutor = \"bank\"";
    let name = with(&format!("[tools.\"countersign.x\"]\nclass = \"x\"\n{more}"));
    assert_eq!(codes(&name, &Population::Unknown), ["tool-reserved"]);
    let class = with(&format!("[tools.x]\nclass = \"control\"\n{more}"));
    assert_eq!(codes(&class, &Population::Unknown), ["tool-reserved"]);
    let unnamed = with("[tools.x]\nclass = \"x\"\nverb = \" \"\nexecutor = \"bank\"");
    assert_eq!(codes(&unnamed, &Population::Unknown), ["tool-unnamed"]);
}

#[test]
fn a_catalogue_entry_that_mentions_an_undeclared_argument() {
    check(
        &changed("target = \"args.path\"", "target = \"args.pth\""),
        "error: tool \"remove\": it mentions args.pth, which its args do not declare; declare its \
         kind in args; did you mean \"args.path\"?",
    );
}

#[test]
fn a_rule_about_a_field_that_no_tool_declares() {
    check(
        &rule(&format!(
            "tool = \"remove\"\nwhen = [{{ field = \"args.cuont\", over = 1 }}]\n{ASK}"
        )),
        "error: rule \"extra\": it looks at args.cuont, which none of its tools declares; declare it \
         in the args of the tool; did you mean \"args.count\"?",
    );
    check(
        &rule(&format!(
            "class = [\"money\", \"deletion\"]\nwhen = [{{ field = \"args.count\", over = 1 }}]\n{ASK}"
        )),
        "warning: rule \"extra\": it looks at args.count, which pay does not have; name the tools \
         instead of the class, or the rule applies to each of its calls",
    );
}

#[test]
fn a_condition_that_does_not_fit_the_declared_kind() {
    for condition in [
        "field = \"args.amount\", over = \"5.00\"",
        "field = \"args.to.name\", over = 5",
        "field = \"args.amount\", matches_prefix = \"5\"",
        "field = \"args.to.name\", is = 5",
        "field = \"args.to.name\", one_of = [\"a\", true]",
    ] {
        let policy = rule(&format!(
            "tool = \"pay\"\nwhen = [{{ {condition} }}]\n{ASK}"
        ));
        assert_eq!(
            codes(&policy, &Population::Unknown),
            ["condition-misfit"],
            "{condition}"
        );
    }
    let count = "field = \"args.count\", over = 5, currency = \"args.note\", in = \"EUR\"";
    let policy = rule(&format!("tool = \"remove\"\nwhen = [{{ {count} }}]\n{ASK}"));
    assert_eq!(codes(&policy, &Population::Unknown), ["condition-misfit"]);
}

#[test]
fn a_label_that_no_target_has() {
    check(
        &rule(&format!(
            "tool = \"remove\"\nwhen = [{{ field = \"labels.enviroment\", is = \"dev\" }}]\n{ASK}"
        )),
        "warning: rule \"extra\": no target in [inventory] has the label enviroment, so the rule \
         always applies; label the targets; did you mean \"environment\"?",
    );
}

#[test]
fn a_rule_about_an_unknown_tool_or_class_or_nothing() {
    check(
        &rule(&format!("tool = \"remov\"\n{ASK}")),
        "error: rule \"extra\": the catalogue has no tool \"remov\"; write it as [tools] does; did \
         you mean \"remove\"?",
    );
    check(
        &rule(&format!("class = \"deletions\"\n{ASK}")),
        "error: rule \"extra\": the catalogue has no class \"deletions\"; write it as [tools] does; \
         did you mean \"deletion\"?",
    );
    assert_eq!(
        codes(&rule(ASK), &Population::Unknown),
        ["rule-about-nothing"]
    );
}

#[test]
fn two_rules_of_one_id_or_the_id_of_governance() {
    let twice = with(&format!(
        "[[rule]]\nid = \"large\"\ntitle = \"T\"\ntool = \"remove\"\n{ASK}"
    ));
    assert_eq!(codes(&twice, &Population::Unknown), ["rule-repeated"]);
    let taken = with(&format!(
        "[[rule]]\nid = \"governance\"\ntitle = \"T\"\ntool = \"remove\"\n{ASK}"
    ));
    assert_eq!(codes(&taken, &Population::Unknown), ["rule-repeated"]);
}

#[test]
fn a_rule_without_effect() {
    check(
        &with(&format!(
            "[[rule]]\nid = \"all\"\ntitle = \"All\"\nclass = [\"money\", \"deletion\"]\n{ASK}\n\
             [[rule]]\nid = \"some\"\ntitle = \"Some\"\ntool = \"remove\"\n\
             confirm = {{ from = [\"ops\", \"owners\"], key_class = \"software\" }}"
        )),
        "warning: rule \"some\": the rule \"all\" always demands at least as much; take one of the \
         two out, or make this one stricter",
    );
    let equal = with(&format!(
        "[[rule]]\nid = \"one\"\ntitle = \"T\"\ntool = \"remove\"\n{ASK}\n\
         [[rule]]\nid = \"two\"\ntitle = \"T\"\ntool = \"remove\"\n{ASK}"
    ));
    let problems = equal.check(&Population::Unknown);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].place, "rule \"two\"");
}

#[test]
fn a_policy_that_could_never_be_changed_again() {
    for about in ["tool = \"countersign.policy.adopt\"", "class = \"control\""] {
        let policy = rule(&format!("{about}\ndeny = true"));
        assert_eq!(codes(&policy, &Population::Unknown), ["policy-locked"]);
    }
}

#[test]
fn keys_of_the_service_and_a_cool_down_past_the_deadline() {
    let service = changed("cool_down = \"1m\"", "key_class = \"service\"");
    assert_eq!(codes(&service, &Population::Unknown), ["key-class-service"]);
    let late = changed("cool_down = \"1m\"", "cool_down = \"1h\"");
    assert_eq!(codes(&late, &Population::Unknown), ["cool-down-too-long"]);
}

#[test]
fn words_that_are_not_built_yet() {
    for word in [
        "match_number = true",
        "type_to_confirm = \"args.path\"",
        "batch_most = 5",
        "budget = 5",
        "channel = { first = \"mail\" }",
        "plan = true",
    ] {
        let policy = changed("cool_down = \"1m\"", word);
        let expected = word.split(' ').next().unwrap();
        check(
            &policy,
            &format!(
                "error: rule \"large\": {expected} is not built yet; take it out: nothing would enforce it"
            ),
        );
        let policy = changed("[governance]\n", &format!("[governance]\n{word}\n"));
        assert_eq!(codes(&policy, &Population::Unknown), ["not-built"]);
    }
    let channel = changed(
        "title = \"Large payments\"",
        "title = \"L\"\nchannel = { first = \"mail\" }",
    );
    assert_eq!(codes(&channel, &Population::Unknown), ["not-built"]);
    for section in ["[budget]\nper_approver_per_week = 20", "[plan]"] {
        assert_eq!(codes(&with(section), &Population::Unknown), ["not-built"]);
    }
}

#[test]
fn looking_back_in_a_way_that_can_never_be_sure() {
    let codes_of = |condition: &str| {
        let policy = rule(&format!(
            "tool = \"pay\"\nwhen = [{{ {condition} }}]\n{ASK}"
        ));
        codes(&policy, &Population::Unknown)
    };
    let total = "field = \"args.amount\", total_over = \"5.00\", within = ";
    let money = "currency = \"args.currency\", in = \"EUR\"";
    let none: [&str; 0] = [];
    assert_eq!(codes_of(&format!("{total} \"24h\", {money}")), none);
    assert_eq!(codes_of(&format!("{total} \"24h\"")), ["condition-misfit"]);
    assert_eq!(
        codes_of(&format!("{total} \"0h\", {money}")),
        ["looks-at-nothing"]
    );
    assert_eq!(
        codes_of(&format!("{total} \"24h\", {money}, per = \"args.payee\"")),
        ["field-undeclared"]
    );
    assert_eq!(
        codes_of("field = \"time\", outside_hours = \"08:00-18:00\""),
        ["offset-missing"]
    );
}

#[test]
fn no_examples_and_examples_that_fail() {
    let (without, _) = GOOD.split_once("[[test]]").unwrap();
    check(
        &policy(without),
        "warning: [[test]]: the owner gives no examples; write one example for each rule, and one for a call that may run",
    );
    check(
        &changed("decision = \"confirm\"", "decision = \"deny\""),
        "error: test \"a tool that nobody knows is asked\": decision: expected deny, the policy says confirm; \
         correct the rule or the example",
    );
}

#[test]
fn addresses_of_people() {
    for line in [
        "owner = \"alice@acme.example\"",
        "owner = \"The owner\" # ask bob@acme.example",
    ] {
        check(
            &changed("owner = \"The owner\"", line),
            "error: line 5: it holds an @, which is how addresses of people look; name a role or a \
             group; who is in a group is recorded in the ledger",
        );
    }
    let in_test = |address: &str| changed("command = \"ls\"", &format!("command = \"{address}\""));
    assert_eq!(
        codes(&in_test("x@shop.example"), &Population::Unknown),
        [""; 0]
    );
    assert_eq!(
        codes(&in_test("x@example.com"), &Population::Unknown),
        [""; 0]
    );
    assert_eq!(
        codes(&in_test("x@notexample.com"), &Population::Unknown),
        ["person-named"]
    );
    assert_eq!(
        codes(&in_test("x@acme.com"), &Population::Unknown),
        ["person-named"]
    );
}

fn live(number: u8, groups: &[&str], class: KeyClass, client: Client) -> LivePerson {
    LivePerson {
        person: PersonId::new([number; 16]),
        names: Vec::new(),
        groups: groups.iter().map(|name| group(name)).collect(),
        keys: Vec::from([LiveKey { class, client }]),
    }
}

/// Two of ops, three owners, all with keys of class device.
fn enough() -> Vec<LivePerson> {
    [["ops"], ["ops"], ["owners"], ["owners"], ["owners"]]
        .iter()
        .zip(1..)
        .map(|(groups, number)| live(number, groups, KeyClass::Device, Client::Cli))
        .collect()
}

#[test]
fn names_of_enrolled_people() {
    let mut people = enough();
    people[0].names.push("Ada Lovelace".into());
    let population = Population::Known(people);
    assert_eq!(codes(&good(), &population), [""; 0]);
    for (owner, found) in [
        ("ada lovelace", true),
        ("Canada Lovelaces", false),
        ("Ada  Lovelace", false),
    ] {
        let policy = changed("The owner", owner);
        assert_eq!(
            codes(&policy, &population).contains(&"person-named"),
            found,
            "{owner}"
        );
    }
}

#[test]
fn quorums_that_the_people_there_are_cannot_meet() {
    let good = good();
    assert_eq!(codes(&good, &Population::Known(enough())), [""; 0]);
    let mut one_of_ops = enough();
    one_of_ops.remove(0);
    assert_eq!(
        lines(&good.check(&Population::Known(one_of_ops))),
        "error: rule \"large\": the people enrolled today cannot meet it; add people or keys of that class to its groups, or ask for fewer"
    );
    let mut weak_key = enough();
    weak_key[0].keys[0].class = KeyClass::Synced;
    assert_eq!(codes(&good, &Population::Known(weak_key)), ["quorum-unmet"]);
    let mut page = enough();
    page[0].keys[0].client = Client::Page;
    assert_eq!(codes(&good, &Population::Known(page.clone())), [""; 0]);
    let no_page = changed("cool_down = \"1m\"", "client = \"cli\"");
    assert_eq!(codes(&no_page, &Population::Known(page)), ["quorum-unmet"]);
    let nobody = codes(&good, &Population::Known(Vec::new()));
    assert_eq!(nobody, ["quorum-unmet", "quorum-unmet", "quorum-unmet"]);
}

#[test]
fn governance_that_does_not_survive_the_loss_of_one_person() {
    let mut two_owners = enough();
    two_owners.pop();
    assert_eq!(
        lines(&good().check(&Population::Known(two_owners))),
        "error: [governance]: if one person is lost, nobody can change the control any more; enrol \
         one person more in its groups than it needs"
    );
    let more =
        rule("tool = \"countersign.denial.lift\"\nconfirm = { from = [\"ops\"], approvals = 2 }");
    let problems = more.check(&Population::Known(enough()));
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].code, problems[0].place.as_str()),
        ("governance-fragile", "tool \"countersign.denial.lift\"")
    );
}
