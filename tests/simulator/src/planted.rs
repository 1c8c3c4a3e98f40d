//! Six bugs, put into a copy of the source one after the other: each must be found. The product
//! itself carries no switch for them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// So many histories at most until a planted bug must have been found.
const WITHIN: &str = "4000";

struct Edit {
    file: &'static str,
    sound: &'static str,
    bug: &'static str,
}

struct Bug {
    name: &'static str,
    edits: &'static [Edit],
}

const SEGMENTS: &str = "crates/countersign-store/src/segments.rs";

const BUGS: [Bug; 6] = [
    Bug {
        name: "acknowledged before it is synced",
        edits: &[Edit {
            file: SEGMENTS,
            sound: ".and_then(|()| self.last.file.sync_data());",
            bug: ";",
        }],
    },
    Bug {
        name: "no checksum is checked",
        edits: &[Edit {
            file: "crates/countersign-ledger/src/frame.rs",
            sound: "if hash_of(header_bytes, &header, records)? != hash {",
            bug: "hash_of(header_bytes, &header, records)?;\n        if false {",
        }],
    },
    Bug {
        name: "a torn tail is not cut",
        edits: &[Edit {
            file: "crates/countersign-store/src/segments/open.rs",
            sound: "space::zero(&*file, survey.offset, end)?;",
            bug: "let len = file.len()?;\n        return Ok(Writing { file, len, used: end });",
        }],
    },
    Bug {
        name: "it goes on after a failed fdatasync",
        edits: &[Edit {
            file: SEGMENTS,
            sound: ".and_then(|()| self.last.file.sync_data());",
            bug: ".and_then(|()| self.last.file.sync_data().or_else(|_| self.last.file.sync_data()));",
        }],
    },
    Bug {
        name: "the clock revives what has expired",
        edits: &[
            Edit {
                file: "crates/countersign-service/src/clock.rs",
                sound: "if self.trusted {\n            wall.max(last_at)",
                bug: "if last_at > 0 {\n            wall",
            },
            Edit {
                file: "crates/countersign-flow/src/admit.rs",
                sound: "if now < state.last_at {",
                bug: "if false {",
            },
        ],
    },
    Bug {
        name: "a grant is redeemed twice",
        edits: &[Edit {
            file: "crates/countersign-flow/src/apply.rs",
            sound: "call.stage = Stage::Redeemed(Redeemed {",
            bug: "let _unused = Stage::Redeemed(Redeemed {",
        }],
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
    fn planted(&self, text: &str) -> Option<String> {
        (text.matches(self.sound).count() == 1).then(|| text.replace(self.sound, self.bug))
    }
}

/// Plants every bug in a copy below `scratch` and looks for it; whether all were found.
pub(crate) fn all_are_found(scratch: &Path) -> io::Result<bool> {
    let copy = scratch.join("source");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    fs::create_dir_all(&copy)?;
    for name in COPIED {
        copy_into(&root().join(name), &copy.join(name))?;
    }
    let mut found = 0;
    for bug in &BUGS {
        println!("planted: {}", bug.name);
        found += usize::from(is_found(bug, &copy, &scratch.join("target"))?);
    }
    println!("{found} of {} planted bugs found", BUGS.len());
    Ok(found == BUGS.len())
}

fn is_found(bug: &Bug, copy: &Path, target: &Path) -> io::Result<bool> {
    for edit in bug.edits {
        let place = copy.join(edit.file);
        let planted = edit.planted(&fs::read_to_string(&place)?);
        let planted = planted
            .ok_or_else(|| io::Error::other(format!("{}: the code has moved", edit.file)))?;
        fs::write(&place, planted)?;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "-q",
            "--locked",
            "--profile",
            "simulator",
            "-p",
            "countersign-simulator",
        ])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTFLAGS", "-Awarnings")
        .status()?;
    if !built.success() {
        return Err(io::Error::other("the planted source does not build"));
    }
    let output = Command::new(target.join("simulator/countersign-simulator"))
        .args(["--histories", WITHIN])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let broken = said.lines().find(|line| line.starts_with("BROKEN "));
    println!("    {}", broken.unwrap_or("NOT FOUND"));
    for edit in bug.edits {
        copy_into(&root().join(edit.file), &copy.join(edit.file))?;
    }
    Ok(broken.is_some())
}

/// Copies a file, or a folder without what is hidden or built in it. The copy is new to Cargo.
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
        for bug in &BUGS {
            for edit in bug.edits {
                let text = fs::read_to_string(root().join(edit.file)).expect("a source file");
                let planted = edit.planted(&text);
                assert!(planted.is_some(), "{}: {}", bug.name, edit.file);
            }
        }
    }
}
