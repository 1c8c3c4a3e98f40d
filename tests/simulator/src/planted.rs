//! Seven bugs, put into a copy of the source behind one switch, so that it is built once: each must be
//! found. The product itself carries no switch for them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// So many histories at most until a planted bug must have been found.
const WITHIN: &str = "4000";
/// Says which bug is at work in the copy: its place in [`BUGS`], the first is 1.
const SWITCH: &str = "SIMULATOR_PLANTED";

struct Edit {
    file: &'static str,
    sound: &'static str,
    /// `PLANTED` in it says whether this bug is at work.
    bug: &'static str,
}

struct Bug {
    name: &'static str,
    edits: &'static [Edit],
}

const SEGMENTS: &str = "crates/countersign-store/src/segments.rs";
const CALL: &str = "crates/countersign-flow/src/apply/call.rs";
const STAGE: &str = "crates/countersign-service/src/core/stage.rs";

const BUGS: [Bug; 7] = [
    Bug {
        name: "acknowledged before it is synced",
        edits: &[Edit {
            file: SEGMENTS,
            sound: ".and_then(|()| self.last.file.sync_data());",
            bug: ".and_then(|()| if PLANTED { Ok(()) } else { self.last.file.sync_data() });",
        }],
    },
    Bug {
        name: "no checksum is checked",
        edits: &[Edit {
            file: "crates/countersign-ledger/src/frame.rs",
            sound: "if hash_of(header_bytes, &header, records)? != hash {",
            bug: "if hash_of(header_bytes, &header, records)? != hash && !PLANTED {",
        }],
    },
    Bug {
        name: "a torn tail is not cut",
        edits: &[Edit {
            file: "crates/countersign-store/src/segments/open.rs",
            sound: "space::zero(&*file, survey.offset, end)?;",
            bug: "if PLANTED {
                let len = file.len()?;
                return Ok(Writing { file, len, used: end });
            }
            space::zero(&*file, survey.offset, end)?;",
        }],
    },
    Bug {
        name: "it goes on after a failed fdatasync",
        edits: &[Edit {
            file: SEGMENTS,
            sound: ".write_at(offset, &frame.bytes)",
            bug: ".write_at(offset, &frame.bytes)
                .map(|()| if PLANTED { drop(self.last.file.sync_data()); })",
        }],
    },
    Bug {
        name: "the clock revives what has expired",
        edits: &[
            Edit {
                file: "crates/countersign-service/src/clock.rs",
                sound: "if self.trusted {",
                bug: "if PLANTED { wall } else if self.trusted {",
            },
            Edit {
                file: "crates/countersign-flow/src/admit.rs",
                sound: "if now < state.last_at {",
                bug: "if now < state.last_at && !PLANTED {",
            },
        ],
    },
    Bug {
        name: "a grant is redeemed twice",
        edits: &[
            Edit {
                file: CALL,
                sound: "call.stage = Stage::Redeemed(Redeemed {",
                bug: "let before = call.stage.clone();
                    call.stage = Stage::Redeemed(Redeemed {",
            },
            Edit {
                file: CALL,
                sound: "confirmation: call.question().map(|pending| pending.confirmation),
        });",
                bug: "confirmation: call.question().map(|pending| pending.confirmation),
        });
        if PLANTED { call.stage = before; }",
            },
        ],
    },
    Bug {
        name: "a bit flips between encoding and hashing, and nobody looks",
        edits: &[
            Edit {
                file: STAGE,
                sound: "prev = link(&bytes);
            Placed {",
                bug: "let mut bytes = bytes;
            if seq % 32 == 31 && PLANTED { if let Some(last) = bytes.last_mut() { *last ^= 1; } }
            prev = link(&bytes);
            Placed {",
            },
            Edit {
                file: STAGE,
                sound: "if !placed.iter().all(Placed::is_sound) {",
                bug: "if !placed.iter().all(Placed::is_sound) && !PLANTED {",
            },
        ],
    },
];

/// The switch itself, in every copy.
const SWITCHES: [Edit; 2] = [
    Edit {
        file: "crates/countersign-record/src/lib.rs",
        sound: "extern crate alloc;",
        bug: "extern crate alloc;
            pub static PLANTED: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);
            pub fn planted(bug: usize) -> bool {
                PLANTED.load(core::sync::atomic::Ordering::Relaxed) == bug
            }",
    },
    Edit {
        file: "tests/simulator/src/main.rs",
        sound: "fn main() -> ExitCode {",
        bug: "fn main() -> ExitCode {
            let bug = std::env::var(\"SIMULATOR_PLANTED\").expect(\"a bug\").parse().expect(\"its number\");
            countersign_record::PLANTED.store(bug, Ordering::Relaxed);",
    },
];

/// What the copy needs: the whole workspace, so that its lock file fits.
const COPIED: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "clippy.toml",
    "cli",
    "crates",
    "docs",
    "fixtures",
    "server",
    "tests",
];

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Edit {
    /// The file's text with the bug; `None` where the sound text does not stand exactly once.
    fn planted(&self, text: &str, number: usize) -> Option<String> {
        let bug = self.bug.replace(
            "PLANTED {",
            &format!("countersign_record::planted({number}) {{"),
        );
        (text.matches(self.sound).count() == 1).then(|| text.replace(self.sound, &bug))
    }
}

/// The switch, and every bug behind its number.
fn edits() -> impl Iterator<Item = (usize, &'static Edit)> {
    let bugs = (1..).zip(&BUGS);
    let edits = bugs.flat_map(|(number, bug)| bug.edits.iter().map(move |edit| (number, edit)));
    SWITCHES.iter().map(|edit| (0, edit)).chain(edits)
}

/// Plants every bug in one copy below `scratch` and looks for each; whether all were found.
///
/// What is in `scratch/target` already, of the crates from elsewhere, is not built again.
pub(crate) fn all_are_found(scratch: &Path) -> io::Result<bool> {
    let copy = scratch.join("source");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    fs::create_dir_all(&copy)?;
    for name in COPIED {
        copy_into(&root().join(name), &copy.join(name))?;
    }
    for (number, edit) in edits() {
        let place = copy.join(edit.file);
        let planted = edit.planted(&fs::read_to_string(&place)?, number);
        let planted = planted
            .ok_or_else(|| io::Error::other(format!("{}: the code has moved", edit.file)))?;
        fs::write(&place, planted)?;
    }
    let target = scratch.join("target");
    build(&copy, &target)?;
    let mut found = 0;
    for (number, bug) in (1_usize..).zip(&BUGS) {
        println!("planted: {}", bug.name);
        let mut program = Command::new(target.join("debug/countersign-simulator"));
        program
            .args(["--histories", WITHIN])
            .env(SWITCH, number.to_string());
        let said = program.output()?.stdout;
        let said = String::from_utf8_lossy(&said);
        let broken = said.lines().find(|line| line.starts_with("BROKEN "));
        println!("    {}", broken.unwrap_or("NOT FOUND"));
        found += usize::from(broken.is_some());
    }
    println!("{found} of {} planted bugs found", BUGS.len());
    Ok(found == BUGS.len())
}

fn build(copy: &Path, target: &Path) -> io::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "-q", "--locked"])
        .args(["-p", "countersign-simulator"])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", target);
    let outcome = build.output()?;
    if !outcome.status.success() {
        let said = String::from_utf8_lossy(&outcome.stderr);
        return Err(io::Error::other(format!(
            "the planted source does not build:\n{said}"
        )));
    }
    Ok(())
}

/// Copies a file, or a folder without what is hidden or outcome in it. The copy is new to Cargo.
fn copy_into(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::read(from).and_then(|bytes| fs::write(to, bytes));
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if !text.starts_with('.') && text != "target" {
            copy_into(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planted_bug_still_has_its_place_in_the_source() {
        for (number, edit) in edits() {
            let text = fs::read_to_string(root().join(edit.file)).expect("a source file");
            let planted = edit.planted(&text, number);
            assert!(planted.is_some(), "{}: {:?}", edit.file, edit.sound);
        }
    }
}
