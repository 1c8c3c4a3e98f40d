//! Power cuts: ext4 in a file, mounted through a loop device; everything is stopped, the file is
//! copied as it is at that moment, and the copy is mounted. What was only in memory is not in it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::acks::{Acks, Checked};
use crate::control::{KINDS, Kind, Writer, writer};
use crate::figures::{amount, figures};
use crate::kill::Workers;
use crate::ledger::{Ledger, copy};
use crate::load::{Client, LAST};
use crate::program::said;
use crate::random::Random;

const IMAGE_BYTES: u64 = 128 << 20;
const CONTROL_BYTES: u64 = 64 << 20;
const SEGMENT_BYTES: u64 = 64 * 1024;
/// The latest moment of a cut.
const WORK_MS: u64 = 1500;

/// In a mount namespace of its own, so that nothing stays mounted whatever happens.
#[test]
#[ignore = "tests/run runs it, with its amount"]
fn what_was_answered_before_a_power_cut_is_there_after_it() {
    let namespace = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "power::cuts", "--ignored", "--nocapture"])
        .output();
    let output = match namespace {
        Ok(output) => output,
        Err(cause) => {
            countersign_tests::skipped(&format!("power cuts: unshare cannot be run ({cause})"));
            return;
        }
    };
    let text = said(&output);
    if let Some((_, reason)) = text.split_once("SKIPPED: ") {
        countersign_tests::skipped(reason.lines().next().unwrap_or_default());
        return;
    }
    if !text.contains("running 1 test") {
        countersign_tests::skipped(&format!("power cuts: root is needed ({text})"));
        return;
    }
    assert!(output.status.success(), "{text}");
    let told = text.lines().find_map(|line| line.strip_prefix("FIGURES: "));
    figures(told.expect("it says what it did"));
}

#[test]
#[ignore = "the test above runs it where it may mount"]
fn cuts() {
    let scratch = tempfile::tempdir().unwrap();
    let template = Image::of("template", scratch.path());
    let mounted = match template.make(IMAGE_BYTES).and_then(|()| template.mount()) {
        Ok(mounted) => mounted,
        Err(why) => {
            countersign_tests::skipped(&format!("power cuts: no loop device ({why})"));
            return;
        }
    };
    let ledger = Ledger::make(mounted.path(), SEGMENT_BYTES);
    drop(mounted);
    let (seed, rounds) = (amount("SEED", 1), amount("ROUNDS", 10));
    let mut random = Random::new(seed);
    let mut total = Checked::default();
    let mut lost = [0; KINDS.len()];
    for round in 0..rounds {
        let cut = Cut {
            template: &template,
            scratch: scratch.path(),
        };
        let (checked, losses) = cut
            .run(&ledger, &mut random)
            .unwrap_or_else(|why| panic!("seed {seed}, round {round}: {why}"));
        total += checked;
        for (lost, losses) in lost.iter_mut().zip(losses) {
            *lost += u64::from(losses > 0);
        }
    }
    let Checked { acks, proofs } = total;
    figures(&format!(
        "{rounds} power cuts, {acks} answers and {proofs} proofs checked, 0 lost; controls that \
         lost: plain file with fdatasync {}, without {}, sled's own flush {}; seed {seed}",
        lost[0], lost[1], lost[2]
    ));
    assert!(
        acks > 0 && proofs > 0,
        "a run without answers shows nothing"
    );
    assert_eq!(
        lost[0], 0,
        "the careful control lost: the copies are no power cuts"
    );
    assert!(
        lost[1] > 0,
        "the careless control lost nothing: the cuts cut nothing"
    );
}

/// One power cut. Every store has a disk of its own: one that syncs makes the others durable too.
struct Cut<'a> {
    template: &'a Image,
    scratch: &'a Path,
}

impl Cut<'_> {
    /// What was checked of the log, and how many records each control lost.
    fn run(
        &self,
        ledger: &Ledger,
        random: &mut Random,
    ) -> Result<(Checked, [u64; KINDS.len()]), String> {
        let mut controls = Vec::new();
        for kind in KINDS {
            controls.push(Control::start(kind, self.scratch)?);
        }
        let acks = Arc::new(Mutex::new(Acks::default()));
        let copied = self.work(ledger, random, &acks)?;
        let mut losses = [0; KINDS.len()];
        for (losses, control) in losses.iter_mut().zip(controls) {
            *losses = control.cut()?;
        }
        let mounted = copied.mount()?;
        let ledger = ledger.at(mounted.path());
        ledger.fsck()?;
        let server = ledger.serve();
        let checked = acks.lock().unwrap().check(&ledger, &server)?;
        let client = Client::of(&ledger, &server, LAST, Random::new(0), &acks);
        client
            .and_then(|mut client| client.ask_wire())
            .ok_or("nothing new is taken")?;
        server.stop()?;
        ledger.fsck()?;
        ledger.verify()?;
        Ok((checked, losses))
    }

    /// Works until the cut; the disk as it was then.
    fn work(
        &self,
        ledger: &Ledger,
        random: &mut Random,
        acks: &Arc<Mutex<Acks>>,
    ) -> Result<Image, String> {
        let image = Image::of("ledger", self.scratch);
        copy(&self.template.file, &image.file);
        let mounted = image.mount()?;
        let ledger = ledger.at(mounted.path());
        let server = ledger.serve();
        let workers = Workers::start(&ledger, &server, 0, random, acks);
        thread::sleep(Duration::from_millis(100 + random.below(WORK_MS)));
        server.signal(Signal::STOP);
        let copied = image.copy_at_rest();
        // From here on nothing reaches the copy.
        server.kill();
        workers.join();
        copied
    }
}

/// A control at work on a disk of its own.
struct Control {
    kind: Kind,
    image: Image,
    mounted: Mounted,
    writer: Writer,
}

impl Control {
    fn start(kind: Kind, scratch: &Path) -> Result<Self, String> {
        let image = Image::of(kind.name(), scratch);
        image.make(CONTROL_BYTES)?;
        let mounted = image.mount()?;
        let writer = Writer::start(writer(kind, mounted.path(), 0));
        Ok(Self {
            kind,
            image,
            mounted,
            writer,
        })
    }

    /// Cuts its power; how many records it lost.
    fn cut(self) -> Result<u64, String> {
        self.writer.signal(Signal::STOP);
        let copied = self.image.copy_at_rest();
        let told = self.writer.kill();
        drop(self.mounted);
        let mounted = copied?;
        let mounted = mounted.mount()?;
        Ok(told.saturating_sub(self.kind.kept(mounted.path())))
    }
}

/// A file system in a file.
struct Image {
    file: PathBuf,
}

impl Image {
    fn of(name: &str, scratch: &Path) -> Self {
        let file = scratch.join(name).with_extension("img");
        Self { file }
    }

    /// Makes it, with nothing in it.
    fn make(&self, bytes: u64) -> Result<(), String> {
        let made = fs::File::create(&self.file).and_then(|file| file.set_len(bytes));
        made.map_err(|error| error.to_string())?;
        ran(Command::new("mkfs.ext4").arg("-qF").arg(&self.file))
    }

    fn mount(&self) -> Result<Mounted, String> {
        let place = self.file.with_extension("mounted");
        fs::create_dir_all(&place).map_err(|error| error.to_string())?;
        let from_to = [&self.file, &place];
        ran(Command::new("mount").args(["-o", "loop"]).args(from_to))?;
        Ok(Mounted(place))
    }

    /// Copies it. A flush that was under way may still reach it for a moment; a disk that loses power
    /// is not written to while it is read, so the copy counts only when two are the same.
    fn copy_at_rest(&self) -> Result<Self, String> {
        let (copied, again) = (
            self.file.with_extension("cut.img"),
            self.file.with_extension("again"),
        );
        copy(&self.file, &copied);
        for _ in 0..20 {
            copy(&self.file, &again);
            let same = Command::new("cmp")
                .arg("-s")
                .args([&copied, &again])
                .status();
            if same.is_ok_and(|status| status.success()) {
                return Ok(Self { file: copied });
            }
            fs::rename(&again, &copied).map_err(|error| error.to_string())?;
        }
        Err("the image does not come to rest".into())
    }
}

/// An image that is mounted until this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // A killed process may need a moment to let go of its files.
        for _ in 0..100 {
            let unmounted = Command::new("umount").arg(&self.0).output();
            if unmounted.is_ok_and(|output| output.status.success()) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn ran(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let told = || format!("{command:?}: {}", said(&output));
    output.status.success().then_some(()).ok_or_else(told)
}
