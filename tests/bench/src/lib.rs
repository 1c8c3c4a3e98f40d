//! The engines that `benches/append.rs` holds the segment log against. Each makes the records of one
//! batch durable together before it returns: what one frame and one fdatasync do in the log.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use countersign_ledger::frame::Record;
use countersign_record::digest::sha256;
use countersign_store::disk::FileDisk;
use countersign_store::log::{Log as _, Urgency};
use countersign_store::segments::{LogFormat, SegmentLog};
use tempfile::TempDir;

/// An entry, as long as that of a routine call; its body is as long again.
pub const ENTRY_BYTES: usize = 544;
const RECORD_BYTES: usize = 2 * ENTRY_BYTES;
/// A plain file is written over from the start when it is full: as long as a segment.
const PLAIN_BYTES: usize = 64 << 20;

/// Makes a batch of so many records durable.
pub type Commit = Box<dyn FnMut(usize)>;

/// An engine below a directory, for as long as it is needed.
pub type Engine = fn(&Path) -> Commit;

/// Those that need no server.
pub const ENGINES: [(&str, Engine); 6] = [
    ("plain file", plain_file),
    ("segment log", segment_log),
    ("fjall", fjall),
    ("SQLite, WAL, FULL", sqlite),
    ("redb", redb),
    ("sled, flushed", sled),
];

fn scratch(directory: &Path) -> TempDir {
    tempfile::tempdir_in(directory).unwrap()
}

fn fresh(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    options.open(path).unwrap()
}

/// The limit: a frame with its hash, over zeros that were written before.
fn plain_file(directory: &Path) -> Commit {
    let kept = scratch(directory);
    let file = fresh(&kept.path().join("plain"));
    for at in (0..PLAIN_BYTES).step_by(1 << 20) {
        file.write_all_at(&vec![0; 1 << 20], at as u64).unwrap();
    }
    file.sync_all().unwrap();
    let mut at = 0;
    Box::new(move |records| {
        let _kept = &kept;
        let mut frame = vec![7; records * RECORD_BYTES];
        let hash = sha256(&[&frame]);
        frame.extend_from_slice(&hash);
        if at + frame.len() > PLAIN_BYTES {
            at = 0;
        }
        file.write_all_at(&frame, at as u64).unwrap();
        file.sync_data().unwrap();
        at += frame.len();
    })
}

fn segment_log(directory: &Path) -> Commit {
    let kept = scratch(directory);
    std::fs::create_dir(kept.path().join("log")).unwrap();
    let disk = Arc::new(FileDisk::new(kept.path()));
    let mut log = SegmentLog::create(disk, &LogFormat::new("log.example/bench")).unwrap();
    let epoch = log.lease().unwrap();
    let (entry, body) = (vec![7; ENTRY_BYTES], vec![7; ENTRY_BYTES]);
    Box::new(move |records| {
        let _kept = &kept;
        let bodies = [body.as_slice()];
        let record = Record {
            entry: &entry,
            bodies: &bodies,
        };
        let head = log.head();
        log.commit(epoch, &head, &vec![record; records], Urgency::Routine)
            .unwrap();
    })
}

fn fjall(directory: &Path) -> Commit {
    let kept = scratch(directory);
    let database = fjall::Database::builder(kept.path()).open().unwrap();
    let records_of = database
        .keyspace("records", fjall::KeyspaceCreateOptions::default)
        .unwrap();
    let mut number = 0_u64;
    Box::new(move |records| {
        let _kept = &kept;
        let mut batch = database.batch();
        for _ in 0..records {
            batch.insert(&records_of, number.to_be_bytes(), [7; RECORD_BYTES]);
            number += 1;
        }
        batch.commit().unwrap();
        database.persist(fjall::PersistMode::SyncData).unwrap();
    })
}

fn sqlite(directory: &Path) -> Commit {
    let kept = scratch(directory);
    let mut database = rusqlite::Connection::open(kept.path().join("records")).unwrap();
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE record (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
        )
        .unwrap();
    let mut number = 0_i64;
    Box::new(move |records| {
        let _kept = &kept;
        let transaction = database.transaction().unwrap();
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO record VALUES (?1, ?2)")
                .unwrap();
            for _ in 0..records {
                insert
                    .execute((number, [7_u8; RECORD_BYTES].as_slice()))
                    .unwrap();
                number += 1;
            }
        }
        transaction.commit().unwrap();
    })
}

fn redb(directory: &Path) -> Commit {
    const RECORDS: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("records");
    let kept = scratch(directory);
    let database = redb::Database::create(kept.path().join("records")).unwrap();
    let mut number = 0_u64;
    Box::new(move |records| {
        let _kept = &kept;
        let transaction = database.begin_write().unwrap();
        {
            let mut table = transaction.open_table(RECORDS).unwrap();
            for _ in 0..records {
                table
                    .insert(number, [7_u8; RECORD_BYTES].as_slice())
                    .unwrap();
                number += 1;
            }
        }
        transaction.commit().unwrap();
    })
}

fn sled(directory: &Path) -> Commit {
    let kept = scratch(directory);
    let tree = sled::open(kept.path()).unwrap();
    let mut number = 0_u64;
    Box::new(move |records| {
        let _kept = &kept;
        let mut batch = sled::Batch::default();
        for _ in 0..records {
            batch.insert(&number.to_be_bytes(), [7_u8; RECORD_BYTES].as_slice());
            number += 1;
        }
        tree.apply_batch(batch).unwrap();
        tree.flush().unwrap();
    })
}

/// PostgreSQL at that address: one statement and one commit a batch, a row a record.
pub fn postgresql(address: &str) -> Commit {
    let mut client = postgres::Client::connect(address, postgres::NoTls).unwrap();
    client
        .batch_execute(
            "DROP TABLE IF EXISTS record;
             CREATE TABLE record (seq bigint PRIMARY KEY, bytes bytea NOT NULL)",
        )
        .unwrap();
    let insert = "INSERT INTO record SELECT * FROM unnest($1::bigint[], $2::bytea[])";
    let insert = client.prepare(insert).unwrap();
    let mut number = 0_i64;
    Box::new(move |records| {
        let seqs: Vec<i64> = (number..).take(records).collect();
        let bytes = vec![[7_u8; RECORD_BYTES].as_slice(); records];
        client.execute(&insert, &[&seqs, &bytes]).unwrap();
        number += i64::try_from(records).unwrap();
    })
}
