//! How much a run is asked for, and what it says that it did.

use std::env;

/// A number that whoever runs the tests may set: `COUNTERSIGN_TEST_<name>`.
pub(crate) fn amount(name: &str, default: u64) -> u64 {
    let name = format!("COUNTERSIGN_TEST_{name}");
    let given = env::var_os(&name);
    given.map_or(default, |text| {
        let number = text.to_str().and_then(|text| text.parse().ok());
        number.unwrap_or_else(|| panic!("{name} is not a number"))
    })
}

/// Says what was done, on a line of its own that `tests/run` looks for.
pub(crate) fn figures(told: &str) {
    println!("\nFIGURES: {told}");
}
