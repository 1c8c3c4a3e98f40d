//! Makes `fixtures/ledgers` and `fixtures/bundles` anew. Once version 1 is frozen they never change.

fn main() {
    countersign_tamper::golden::write_fixtures();
}
