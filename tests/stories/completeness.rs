//! No error code is forgotten.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign_tests::root;

use crate::codes::{CODES, RESERVED};

#[test]
fn every_code_of_the_list_is_met_in_a_story() {
    let mut stories = String::new();
    read_all(&root().join("tests/stories"), &mut stories);
    let stories: String = stories.split_whitespace().collect();
    let is_met = |code: &str| stories.contains(&format!("refused(\"{code}\","));
    let forgotten: Vec<_> = CODES.iter().filter(|(code, _)| !is_met(code)).collect();
    assert!(forgotten.is_empty(), "in no story: {forgotten:?}");
}

#[test]
fn the_list_is_the_servers() {
    let source = fs::read_to_string(root().join("server/src/problem.rs")).unwrap();
    let slug = |line: &str| {
        let (_, slug) = line.split_once(" = \"")?;
        Some(slug.split_once("\", ")?.0.to_owned())
    };
    let list = source.lines().skip_while(|line| *line != "codes! {");
    let served: BTreeSet<String> = list
        .take_while(|line| *line != "}")
        .filter_map(slug)
        .collect();
    let known = CODES
        .iter()
        .map(|(code, _)| *code)
        .chain(RESERVED.iter().copied());
    let unknown: Vec<_> = served
        .iter()
        .filter(|code| !known.clone().any(|it| it == *code))
        .collect();
    assert!(unknown.is_empty(), "not in the list: {unknown:?}");
    let absent = CODES.iter().filter(|(code, _)| !served.contains(*code));
    assert_eq!(absent.count(), 0);
}

/// The text of every source file, in no order.
fn read_all(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
