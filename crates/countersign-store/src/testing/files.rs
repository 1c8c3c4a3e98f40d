//! Files and names, each as seen now and as found after a power cut.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use countersign_record::digest::sha256;

use super::Survivors;

const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Files {
    inodes: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    directories: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) now: Vec<u8>,
    durable: Vec<u8>,
}

impl Files {
    pub(super) fn file(&self, number: usize) -> &File {
        &self.inodes[number]
    }

    pub(super) fn file_mut(&mut self, number: usize) -> &mut File {
        &mut self.inodes[number]
    }

    pub(super) fn number(&self, path: &str) -> io::Result<usize> {
        let found = self.names.get(path).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn named(&self, path: &str) -> Option<&File> {
        self.names.get(path).map(|number| self.file(*number))
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.names.contains_key(path) || self.directories.contains(path)
    }

    pub(super) fn used(&self) -> u64 {
        self.names
            .values()
            .map(|&number| self.file(number).len())
            .sum()
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }

    pub(super) fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        if !directory.is_empty() && !self.directories.contains(directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let all = self.names.keys().chain(&self.directories);
        let mut names: Vec<_> = all
            .filter(|path| parent(path) == directory)
            .map(|path| path.rsplit('/').next().unwrap_or(path).to_owned())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<usize> {
        if self.exists(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let directory = parent(path);
        if !directory.is_empty() && !self.directories.contains(directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.inodes.push(File::default());
        let number = self.inodes.len() - 1;
        self.names.insert(path.to_owned(), number);
        Ok(number)
    }

    pub(super) fn create_directory(&mut self, path: &str) -> io::Result<()> {
        if self.exists(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // Directories are made durable at once: the model is about files.
        self.directories.insert(path.to_owned());
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        if self.directories.contains(from) {
            self.rename_directory(from, to);
            return Ok(());
        }
        let number = self.number(from)?;
        self.names.remove(from);
        self.names.insert(to.to_owned(), number);
        Ok(())
    }

    fn rename_directory(&mut self, from: &str, to: &str) {
        let moved = |path: &str| match path.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{to}{rest}"),
            _ => path.to_owned(),
        };
        self.directories = self.directories.iter().map(|path| moved(path)).collect();
        for names in [&mut self.names, &mut self.durable_names] {
            *names = names
                .iter()
                .map(|(path, number)| (moved(path), *number))
                .collect();
        }
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        self.number(path)?;
        self.names.remove(path);
        Ok(())
    }

    pub(super) fn sync_directory(&mut self, directory: &str) {
        self.durable_names
            .retain(|path, _| parent(path) != directory);
        let now = self
            .names
            .iter()
            .filter(|(path, _)| parent(path) == directory);
        self.durable_names
            .extend(now.map(|(path, number)| (path.clone(), *number)));
    }

    pub(super) fn put(&mut self, path: &str, bytes: &[u8]) {
        self.inodes.push(File {
            now: bytes.to_vec(),
            durable: bytes.to_vec(),
        });
        let number = self.inodes.len() - 1;
        self.names.insert(path.to_owned(), number);
        self.durable_names.insert(path.to_owned(), number);
    }

    pub(super) fn after_power_cut(&self, survivors: Survivors) -> Self {
        let mut chance = Chance::new(survivors);
        let names = if chance.survives() {
            &self.names
        } else {
            &self.durable_names
        };
        let found = |file: &File, chance: &mut Chance| {
            let bytes = file.after_power_cut(chance);
            File {
                now: bytes.clone(),
                durable: bytes,
            }
        };
        Self {
            inodes: self
                .inodes
                .iter()
                .map(|file| found(file, &mut chance))
                .collect(),
            names: names.clone(),
            durable_names: names.clone(),
            directories: self.directories.clone(),
        }
    }
}

impl File {
    pub(super) fn len(&self) -> u64 {
        self.now.len() as u64
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> usize {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| self.now.get(at..))
            .unwrap_or(&[]);
        let read = rest.len().min(bytes.len());
        bytes[..read].copy_from_slice(&rest[..read]);
        read
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(bytes.len());
        if self.now.len() < end {
            self.now.resize(end, 0);
        }
        self.now[start..end].copy_from_slice(bytes);
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.now
            .resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.now);
    }

    /// The durable bytes, with each sector that was changed since either as it is now or not.
    fn after_power_cut(&self, chance: &mut Chance) -> Vec<u8> {
        let mut found = self.durable.clone();
        if found.len() != self.now.len() && chance.survives() {
            found.resize(self.now.len(), 0);
        }
        for (sector, now) in found.chunks_mut(SECTOR).zip(self.now.chunks(SECTOR)) {
            let common = sector.len().min(now.len());
            if sector[..common] != now[..common] && chance.survives() {
                sector[..common].copy_from_slice(&now[..common]);
            }
        }
        found
    }
}

/// Whether the next unsynced thing survives.
struct Chance {
    survivors: Survivors,
    asked: u64,
}

impl Chance {
    const fn new(survivors: Survivors) -> Self {
        Self {
            survivors,
            asked: 0,
        }
    }

    fn survives(&mut self) -> bool {
        self.asked += 1;
        match self.survivors {
            Survivors::Synced => false,
            Survivors::All => true,
            Survivors::Some(seed) => {
                sha256(&[&seed.to_be_bytes(), &self.asked.to_be_bytes()])[0] & 1 == 1
            }
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
