//! What disk and processor can do at all.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use countersign_record::digest::sha256;
use ed25519_dalek::{Signer as _, SigningKey};
use tokio::sync::oneshot;

use super::table::{Measured, Processor, RUNS};

/// A record of the plain file: as long as a routine entry with its body.
pub(super) const RECORD_BYTES: usize = 1088;
/// The plain file is written in advance, as segments of the log are, and begun again at its end.
const FILE_BYTES: usize = 64 * 1024 * 1024;
/// Records in one frame of the plain file.
const BATCH_MAX: usize = 512;

/// One record at a time: written, and fdatasync.
pub(super) fn fdatasync(directory: &Path, each: Duration) -> io::Result<Measured> {
    let mut plain = Plain::create(directory, "fdatasync")?;
    let record = [7; RECORD_BYTES];
    let mut measured = Measured::default();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let mut took = Vec::new();
        while begun.elapsed() < each {
            let one = Instant::now();
            plain.write(&record)?;
            took.push(one.elapsed());
        }
        measured.run(took, begun.elapsed());
    }
    Ok(measured)
}

/// A file of pre-written zeros.
struct Plain {
    file: File,
    at: usize,
}

impl Plain {
    fn create(directory: &Path, name: &str) -> io::Result<Self> {
        let path = directory.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)?;
        let zeros = vec![0; 1 << 20];
        for at in (0..FILE_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, at as u64)?;
        }
        file.sync_all()?;
        Ok(Self { file, at: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.at + bytes.len() > FILE_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(bytes, self.at as u64)?;
        self.file.sync_data()?;
        self.at += bytes.len();
        Ok(())
    }
}

type Record = (Vec<u8>, oneshot::Sender<()>);

/// A thread that frames whatever has queued up and makes it durable at once.
#[derive(Clone)]
pub(super) struct Appender(mpsc::Sender<Record>);

impl Appender {
    pub(super) fn start(directory: &Path, name: &str) -> io::Result<Self> {
        let plain = Plain::create(directory, name)?;
        let (queue, inbox) = mpsc::channel();
        std::thread::Builder::new()
            .name("plain".into())
            .spawn(move || append(plain, &inbox))?;
        Ok(Self(queue))
    }

    /// Returns when the record is durable.
    pub(super) async fn append(&self, record: Vec<u8>) -> io::Result<()> {
        let (done, durable) = oneshot::channel();
        let sent = self.0.send((record, done));
        sent.map_err(|_| io::Error::other("the plain file takes no more"))?;
        durable.await.map_err(io::Error::other)
    }

    /// Appends until `end`; how long each record took.
    pub(super) async fn load(self, end: Instant) -> io::Result<Vec<Duration>> {
        let mut took = Vec::new();
        while Instant::now() < end {
            let begun = Instant::now();
            self.append(vec![7; RECORD_BYTES]).await?;
            took.push(begun.elapsed());
        }
        Ok(took)
    }
}

/// Ends when nobody can ask any more, or with the first error: then nobody is answered.
fn append(mut plain: Plain, inbox: &mpsc::Receiver<Record>) {
    while let Ok(first) = inbox.recv() {
        let rest = inbox.try_iter().take(BATCH_MAX - 1);
        let batch: Vec<Record> = std::iter::once(first).chain(rest).collect();
        let mut frame = Vec::new();
        for (record, _) in &batch {
            let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
            frame.extend_from_slice(&length.to_be_bytes());
            frame.extend_from_slice(record);
        }
        let hash = sha256(&[&frame]);
        frame.extend_from_slice(&hash);
        if plain.write(&frame).is_err() {
            return;
        }
        for (_, done) in batch {
            // Whoever asked may have gone.
            let _gone = done.send(());
        }
    }
}

/// Per second and core: hashes of 1 KiB, signatures made and checked.
pub(super) fn processor(each: Duration) -> Processor {
    let block = [7; 1024];
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature = key.sign(&block);
    let public = key.verifying_key();
    Processor {
        sha256: rate(each, || {
            black_box(sha256(&[black_box(&block)]));
        }),
        link: rate(each, || {
            black_box(countersign_ledger::chain::link(black_box(&block)));
        }),
        sign: rate(each, || {
            black_box(key.sign(black_box(&block)));
        }),
        verify: rate(each, || {
            // It was signed a moment ago.
            let _good = black_box(public.verify_strict(black_box(&block), &signature));
        }),
    }
}

fn rate(each: Duration, mut work: impl FnMut()) -> f64 {
    let mut rates: Vec<f64> = (0..RUNS)
        .map(|_| {
            let (begun, mut count) = (Instant::now(), 0_u32);
            while begun.elapsed() < each / 5 {
                (0..32).for_each(|_| work());
                count += 32;
            }
            f64::from(count) / begun.elapsed().as_secs_f64()
        })
        .collect();
    super::table::median(&mut rates)
}
