use super::*;

#[test]
fn control_and_bidirectional_characters_are_escaped() {
    let shown = harmless("a\u{1b}[2J\u{202e}b\u{9b}\n", text_escape);
    assert_eq!(shown, "a\\u{1b}[2J\\u{202e}b\\u{9b}\n");
}

#[test]
fn words_within_a_line_begin_none_of_their_own() {
    assert_eq!(within_a_line("x\nVERIFIED"), "x\\u{a}VERIFIED");
}

#[test]
fn escapes_in_a_document_keep_its_meaning() {
    let text = harmless("{\"a\":\"\u{202e}\u{e0001}\"}", json_escape);
    assert_eq!(text, "{\"a\":\"\\u202e\\udb40\\udc01\"}");
}

#[test]
fn an_error_is_told_with_its_causes() {
    let cause = io::Error::other("disk gone");
    let error = io::Error::new(io::ErrorKind::NotFound, cause);
    assert!(chain(&error).starts_with("disk gone"));
}
