//! Strict JSON, its canonical form, and the arguments' way through a presentation.
#![no_main]

use countersign_flow::{escape, unescape};
use countersign_record::body::{flatten, rebuild};
use countersign_record::json::{Limits, canonical, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match read(bytes, &Limits::REQUEST) {
        Err(refused) => assert!(refused.offset <= bytes.len()),
        Ok(value) => {
            let written = canonical(&value);
            assert_eq!(read(&written, &Limits::DOCUMENT).as_ref(), Ok(&value));
            if let Ok(fields) = flatten(&value) {
                assert_eq!(rebuild(fields), Ok(value));
            }
        }
    }
    if let Ok(text) = str::from_utf8(bytes) {
        let shown = escape(text);
        assert!(!shown.contains(|c: char| c.is_control()));
        assert_eq!(unescape(&shown).as_deref(), Some(text));
        assert!(unescape(text).is_none_or(|read| escape(&read) == text));
    }
});
