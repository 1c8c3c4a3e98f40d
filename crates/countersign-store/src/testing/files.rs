//! Files and names, each as seen now and as found after a power cut.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use countersign_record::digest::sha256;

use super::Survivors;
use super::hazard::flipped;

const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Files {
    inodes: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// What was done to names since their directories were synced.
    changes: Vec<Change>,
    directories: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) now: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that the kernel takes for clean although they never reached the disk.
    forgotten: BTreeSet<usize>,
}

/// A change of names; each survives a power cut or not.
#[derive(Clone, Debug)]
struct Change {
    number: usize,
    from: Option<String>,
    to: Option<String>,
}

impl Change {
    fn touches(&self, directory: &str) -> bool {
        let paths = self.from.iter().chain(&self.to);
        paths.into_iter().any(|path| parent(path) == directory)
    }

    fn happen(&self, names: &mut BTreeMap<String, usize>) {
        if let Some(from) = &self.from
            && names.get(from) == Some(&self.number)
        {
            names.remove(from);
        }
        if let Some(to) = &self.to {
            names.insert(to.clone(), self.number);
        }
    }
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

    /// The name of a file; empty when it has none.
    pub(super) fn path(&self, number: usize) -> String {
        let found = self.names.iter().find(|(_, other)| **other == number);
        found.map_or(String::new(), |(path, _)| path.clone())
    }

    /// Does a change of names, not yet for ever.
    fn change(&mut self, number: usize, from: Option<&str>, to: Option<&str>) {
        let change = Change {
            number,
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        change.happen(&mut self.names);
        self.changes.push(change);
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
        self.change(number, None, Some(path));
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
        self.change(number, Some(from), Some(to));
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
        let number = self.number(path)?;
        self.change(number, Some(path), None);
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
        self.changes.retain(|change| !change.touches(directory));
    }

    pub(super) fn put(&mut self, path: &str, bytes: &[u8]) {
        self.inodes.push(File {
            now: bytes.to_vec(),
            durable: bytes.to_vec(),
            forgotten: BTreeSet::new(),
        });
        let number = self.inodes.len() - 1;
        self.names.insert(path.to_owned(), number);
        self.durable_names.insert(path.to_owned(), number);
    }

    pub(super) fn lose(&mut self, path: &str) {
        self.names.remove(path);
        self.durable_names.remove(path);
        self.changes
            .retain(|change| change.to.as_deref() != Some(path));
    }

    pub(super) fn after_power_cut(&self, survivors: Survivors) -> Self {
        let mut chance = Chance::new(survivors);
        let mut names = self.durable_names.clone();
        for change in &self.changes {
            if chance.survives() {
                change.happen(&mut names);
            }
        }
        let mut found = Self {
            directories: self.directories.clone(),
            ..Self::default()
        };
        for (path, number) in names {
            let bytes = self.file(number).after_power_cut(&mut chance);
            found.put(&path, &bytes);
        }
        found
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
        let sectors = start / SECTOR..end.div_ceil(SECTOR);
        self.forgotten.retain(|sector| !sectors.contains(sector));
    }

    /// One stored bit of a stretch is another one from now on.
    pub(super) fn rot(&mut self, offset: u64, len: usize, bit: usize) {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        for bytes in [&mut self.now, &mut self.durable] {
            let end = start.saturating_add(len).min(bytes.len());
            if start < end {
                flipped(&mut bytes[start..end], bit);
            }
        }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.now
            .resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
    }

    pub(super) fn sync(&mut self) {
        if self.forgotten.is_empty() {
            self.durable.clone_from(&self.now);
            return;
        }
        self.durable.resize(self.now.len(), 0);
        let sectors = self.durable.chunks_mut(SECTOR).zip(self.now.chunks(SECTOR));
        for (sector, (durable, now)) in sectors.enumerate() {
            if !self.forgotten.contains(&sector) {
                durable.copy_from_slice(now);
            }
        }
    }

    /// A sync failed: what it should have written is taken for clean.
    pub(super) fn forget(&mut self, evicted: bool) {
        for (sector, now) in self.now.chunks_mut(SECTOR).enumerate() {
            let at = sector * SECTOR;
            let mut durable = self.durable.get(at..).unwrap_or(&[]).to_vec();
            durable.resize(now.len(), 0);
            if durable == now {
                continue;
            }
            self.forgotten.insert(sector);
            if evicted {
                now.copy_from_slice(&durable);
            }
        }
    }

    /// The durable bytes, with each sector that was changed since either as it is now or not.
    fn after_power_cut(&self, chance: &mut Chance) -> Vec<u8> {
        let mut found = self.durable.clone();
        if found.len() != self.now.len() && chance.survives() {
            found.resize(self.now.len(), 0);
        }
        let sectors = found.chunks_mut(SECTOR).zip(self.now.chunks(SECTOR));
        for (number, (sector, now)) in sectors.enumerate() {
            let common = sector.len().min(now.len());
            let is_dirty = sector[..common] != now[..common] && !self.forgotten.contains(&number);
            if is_dirty && chance.survives() {
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
