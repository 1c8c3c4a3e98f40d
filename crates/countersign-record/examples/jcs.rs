//! One JSON text per line in; its canonical form in hex, or `refused: …`, per line out. Other
//! implementations of RFC 8785 are compared with this (tests/interop).

use std::io;
use std::io::{BufRead as _, Write as _};

use countersign_record::digest::hex;
use countersign_record::json::{Limits, canonical, read};

fn main() -> io::Result<()> {
    let mut answers = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().split(b'\n') {
        match read(&line?, &Limits::DOCUMENT) {
            Ok(value) => writeln!(answers, "{}", hex(&canonical(&value)))?,
            Err(error) => writeln!(answers, "refused: {error}")?,
        }
    }
    answers.flush()
}
