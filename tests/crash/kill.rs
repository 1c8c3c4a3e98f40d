//! SIGKILL at a random moment, under load over HTTP, on the file system of the scratch directory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::acks::{Acks, Checked};
use crate::client::Caller;
use crate::control::{Kind, Writer, writer};
use crate::figures::{amount, figures};
use crate::ledger::Ledger;
use crate::load::{Client, LAST};
use crate::program::Server;
use crate::random::Random;
use crate::setup::token;

/// So many crashes happen to one log, one upon another, before a new one is made.
const ROUNDS_OF_A_LOG: u64 = 5;
const CLIENTS: u64 = 4;
/// Small, so that segments are begun under load too.
const SEGMENT_BYTES: u64 = 64 * 1024;
/// The latest moment of a kill, and how often it is sought while the server still starts.
const WORK_MS: u64 = 600;
const EARLY_MS: u64 = 150;
const ONE_EARLY_IN: u64 = 6;
/// Killed in the same rounds: one that must lose nothing, and one that must lose.
const CONTROLS: [Kind; 2] = [Kind::Careful, Kind::Careless];

#[test]
#[ignore = "tests/run runs it, with its amount"]
fn what_was_answered_before_a_kill_is_there_after_it() {
    let (seed, rounds) = (amount("SEED", 1), amount("ROUNDS", 20));
    let mut random = Random::new(seed);
    let (mut total, mut early, mut done) = (Checked::default(), 0, 0);
    let mut controls = [Killed::default(); CONTROLS.len()];
    while done < rounds {
        let place = tempfile::tempdir().unwrap();
        let ledger = Ledger::make(place.path(), SEGMENT_BYTES);
        let acks = Arc::new(Mutex::new(Acks::default()));
        for _ in 0..ROUNDS_OF_A_LOG.min(rounds - done) {
            let round = Round::draw(done % ROUNDS_OF_A_LOG, &mut random);
            early += u64::from(round.early);
            if let Err(why) = round.run(&ledger, &acks, &mut controls) {
                let kept = place.keep();
                panic!(
                    "seed {seed}, round {done}: {why}\nkept in {}",
                    kept.display()
                );
            }
            done += 1;
        }
        total += last(&ledger, &acks).unwrap_or_else(|why| panic!("seed {seed}, {done}: {why}"));
    }
    let Checked { acks, proofs } = total;
    let [careful, careless] = controls;
    figures(&format!(
        "{rounds} kills ({early} while starting), {acks} answers and {proofs} proofs checked, \
         0 lost; fsck and verify held after each; controls: a plain file with fdatasync lost {} of \
         {} records, one that answers before it writes {} of {}; seed {seed}",
        careful.lost, careful.told, careless.lost, careless.told
    ));
    assert!(
        acks > 0 && proofs > 0 && careful.told > 0,
        "a run without answers shows nothing"
    );
    assert_eq!(
        careful.lost, 0,
        "the careful control lost: more than its process was killed"
    );
    assert!(
        careless.lost > 0,
        "the careless control lost nothing: the kills kill nothing"
    );
}

/// One crash.
struct Round {
    number: u64,
    early: bool,
    after: Duration,
    random: Random,
}

impl Round {
    fn draw(number: u64, random: &mut Random) -> Self {
        let early = random.below(ONE_EARLY_IN) == 0;
        let most = if early { EARLY_MS } else { WORK_MS };
        Self {
            number,
            early,
            after: Duration::from_millis(random.below(most)),
            random: random.clone(),
        }
    }

    /// Starts where the crash before left it, looks, works, kills, and has the log checked.
    fn run(
        mut self,
        ledger: &Ledger,
        acks: &Arc<Mutex<Acks>>,
        killed: &mut [Killed; CONTROLS.len()],
    ) -> Result<(), String> {
        if self.early {
            let controls = Controls::start();
            kill_while_starting(ledger, self.after);
            controls.kill(killed);
        } else {
            let server = ledger.serve();
            acks.lock().unwrap().check(ledger, &server)?;
            let controls = Controls::start();
            let workers = Workers::start(ledger, &server, self.number, &mut self.random, acks);
            thread::sleep(self.after);
            server.kill();
            controls.kill(killed);
            workers.join();
        }
        ledger.fsck()?;
        ledger.verify_killed()
    }
}

/// Controls at work on the file system of the ledger.
struct Controls {
    place: TempDir,
    writers: [Writer; CONTROLS.len()],
}

/// How many records a control said it had in all rounds, and how many of them were gone.
#[derive(Clone, Copy, Debug, Default)]
struct Killed {
    told: u64,
    lost: u64,
}

impl Controls {
    fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let writers = CONTROLS.map(|kind| Writer::start(writer(kind, place.path(), 0)));
        Self { place, writers }
    }

    fn kill(self, killed: &mut [Killed; CONTROLS.len()]) {
        for ((kind, writer), killed) in CONTROLS.into_iter().zip(self.writers).zip(killed) {
            let told = writer.kill();
            killed.told += told;
            killed.lost += told.saturating_sub(kind.kept(self.place.path()));
        }
    }
}

/// The moment may be before the log is opened, during recovery, or after.
fn kill_while_starting(ledger: &Ledger, after: Duration) {
    let mut command = crate::program::command();
    let mut child = command
        .args(["serve", "--agent", "127.0.0.1:0", "--approver"])
        .args(["localhost:0", "--audit", "127.0.0.1:0", "--data"])
        .arg(&ledger.data)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// After the last crash of a log: everything ever answered, and an end in good order.
fn last(ledger: &Ledger, acks: &Arc<Mutex<Acks>>) -> Result<Checked, String> {
    let server = ledger.serve();
    let checked = acks.lock().unwrap().check(ledger, &server)?;
    let mut client = Client::of(ledger, &server, LAST, Random::new(0), acks).ok_or("no session")?;
    client.ask_wire().ok_or("nothing new is taken")?;
    server.stop()?;
    ledger.fsck()?;
    ledger.verify()?;
    Ok(checked)
}

/// Clients at work until they are told to stop, each on a thread of its own.
pub(crate) struct Workers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(crate) fn start(
        ledger: &Ledger,
        server: &Server,
        round: u64,
        random: &mut Random,
        acks: &Arc<Mutex<Acks>>,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let work = |number| {
            let random = Random::new(random.below(u64::MAX));
            // Logging in is part of setting the scene: the kill is drawn from here on.
            let number = round * CLIENTS + number;
            let mut client = Client::of(ledger, server, number, random, acks).unwrap();
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if client.work().is_none() {
                        // Refused, too fast, or the server is gone.
                        thread::sleep(Duration::from_millis(2));
                    }
                }
            })
        };
        let threads = (0..CLIENTS).map(work).collect();
        Self { stop, threads }
    }

    pub(crate) fn join(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// Whether the call ran is not known, and nobody may find out by running it again.
#[test]
fn a_kill_between_redemption_and_outcome_is_not_an_invitation_to_try_again() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::make(place.path(), SEGMENT_BYTES);
    let acks = Arc::new(Mutex::new(Acks::default()));
    let server = ledger.serve();
    let mut client = Client::of(&ledger, &server, 0, Random::new(1), &acks).unwrap();
    let asked = client.short().unwrap();
    let view = client.decide(&asked, "approve").unwrap();
    let claimed = client.redeem(&view, "files").unwrap();
    server.kill();
    let server = ledger.serve();
    acks.lock().unwrap().check(&ledger, &server).unwrap();
    let call = claimed["call"].as_str().unwrap();
    let agent = Caller::new(server.agent(), Some(token("agent")));
    let state = || {
        let view = agent.get(&format!("/v1/calls/{call}")).unwrap().body;
        view["state"].as_str().unwrap().to_owned()
    };
    let patience = Instant::now() + Duration::from_secs(20);
    while state() == "redeemed" && Instant::now() < patience {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(state(), "outcome-unknown");
    let executor = Caller::new(server.agent(), Some(token("files")));
    let path = format!(
        "/v1/grants/{}/redeem",
        view["grant"]["jti"].as_str().unwrap()
    );
    let body = serde_json::json!({
        "nonce": "02".repeat(32), "action_digest": view["action_digest"],
    });
    assert_eq!(
        executor.post(&path, &body).unwrap().code(),
        "already-redeemed"
    );
    let mut client = Client::of(&ledger, &server, 2, Random::new(2), &acks).unwrap();
    client.report(&claimed, "files", "not-executed").unwrap();
    assert_eq!(state(), "not-executed");
    server.stop().unwrap();
    ledger.fsck().unwrap();
    ledger.verify().unwrap();
}
