//! The outbox on disk: one file for each edit, in a directory for each campaign.
//!
//! A file is created whole or not at all, so that a crash at any step leaves an edit stored or not
//! stored, never half of it, and programs that store edits at the same time do not get in each other's
//! way. A program that sends, or changes what is stored, holds the directory's lock.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use scry_config::client::ServerAddress;
use scry_config::files;
use scry_model::outbox::Edit;
use scry_model::outbox::OutboxEntry;
use scry_protocol::Id;
use serde::{Deserialize, Serialize};

use crate::disk::{directory, plain_name};

/// The format of a file; a file of another format is set aside.
const FILE_FORMAT: &str = "scry-edit";
const FILE_VERSION: u32 = 1;
/// Bounds how many edits may wait for one campaign.
const MAX_WAITING_EDITS: usize = 10_000;

/// The stored edits of one user of one server, for every campaign.
#[derive(Debug, Clone)]
pub struct OutboxStores {
    dir: PathBuf,
}

/// The stored edits for one campaign.
#[derive(Debug, Clone)]
pub struct OutboxStore {
    dir: PathBuf,
}

/// The content of a store.
#[derive(Debug, Default)]
pub struct StoredEdits {
    /// In the order in which they are to be sent.
    pub entries: Vec<OutboxEntry>,
    /// Files that could not be read as edits, where they are now.
    pub set_aside: Vec<PathBuf>,
}

/// Keeps other programs from sending from the same store, until dropped.
#[derive(Debug)]
pub struct OutboxLock(#[expect(dead_code, reason = "held, not read: closing the file releases the lock")] File);

#[derive(Serialize)]
struct EditFileRef<'a> {
    format: &'a str,
    version: u32,
    entry: &'a OutboxEntry,
}

#[derive(Deserialize)]
struct EditFile {
    format: String,
    version: u32,
    entry: OutboxEntry,
}

impl OutboxStores {
    /// Points at the outboxes of one user of one server; `data` is the client's data directory.
    ///
    /// Without a user they belong to the user of the token.
    #[must_use]
    pub fn of(data: &Path, server: &ServerAddress, user: Option<&Id>) -> Self {
        Self { dir: directory(data, "outbox", server, user) }
    }

    /// Returns the store of one campaign, which is created when something is stored.
    #[must_use]
    pub fn campaign(&self, campaign: &Id) -> OutboxStore {
        OutboxStore { dir: self.dir.join(plain_name(campaign)) }
    }

    /// Lists the campaigns with edits that wait.
    ///
    /// # Errors
    /// The I/O error of reading a directory or a file that exists.
    pub fn waiting(&self) -> io::Result<Vec<Id>> {
        let mut campaigns = Vec::new();
        for dir in entries_of(&self.dir)? {
            let found = OutboxStore { dir }.load()?;
            campaigns.extend(found.entries.into_iter().next().map(|entry| entry.edit.campaign));
        }
        campaigns.sort();
        Ok(campaigns)
    }
}

impl OutboxStore {
    /// Stores an edit behind the others; one whose key is there already is left as it is.
    ///
    /// # Errors
    /// The I/O error of writing the file; when it is returned, nothing is stored.
    pub fn add(&self, edit: &Edit) -> io::Result<()> {
        let known = self.load()?.entries;
        if known.iter().any(|entry| entry.edit.key == edit.key) {
            return Ok(());
        }
        if known.len() >= MAX_WAITING_EDITS {
            return Err(io::Error::other(format!(
                "{MAX_WAITING_EDITS} edits are waiting already; connect, or discard some"
            )));
        }
        let mut entry = OutboxEntry::new(known.last().map_or(1, |last| last.place + 1), edit.clone());
        // Another program may take the same place at the same time.
        while !files::create_private(&self.path(entry.place), |file| write(file, &entry))? {
            entry.place += 1;
        }
        Ok(())
    }

    /// Reads what is stored; a damaged file, or one of another version, is set aside.
    ///
    /// # Errors
    /// The I/O error of reading a directory or a file that exists, or of moving it aside.
    pub fn load(&self) -> io::Result<StoredEdits> {
        let mut found = StoredEdits::default();
        for path in entries_of(&self.dir)? {
            let Some(place) = place_of(&path) else { continue };
            match fs::read(&path).map(|bytes| parse(&bytes)) {
                Ok(Some(entry)) => found.entries.push(OutboxEntry { place, ..entry }),
                Ok(None) => {
                    let aside = path.with_extension("damaged");
                    fs::rename(&path, &aside)?;
                    found.set_aside.push(aside);
                }
                // Sent by another program since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        found.entries.sort_by_key(|entry| entry.place);
        Ok(found)
    }

    /// Takes the lock that sending and every change need; `None` while another program has it.
    ///
    /// # Errors
    /// The I/O error of opening or locking the file.
    pub fn lock(&self) -> io::Result<Option<OutboxLock>> {
        files::create_private_dir(&self.dir)?;
        let file = File::options().create(true).truncate(false).write(true).open(self.dir.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(OutboxLock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Stores what has become known about an edit.
    ///
    /// # Errors
    /// The I/O error of writing the file; what was stored before is still there then.
    pub fn update(&self, _: &OutboxLock, entry: &OutboxEntry) -> io::Result<()> {
        files::write_private(&self.path(entry.place), |file| write(file, entry))
    }

    /// Removes an edit that is applied, or given up.
    ///
    /// # Errors
    /// The I/O error of removing the file.
    pub fn remove(&self, _: &OutboxLock, entry: &OutboxEntry) -> io::Result<()> {
        files::remove(&self.path(entry.place))
    }

    fn path(&self, place: u64) -> PathBuf {
        self.dir.join(format!("{place:012}.json"))
    }
}

fn write(mut file: impl io::Write, entry: &OutboxEntry) -> io::Result<()> {
    Ok(serde_json::to_writer(&mut file, &EditFileRef { format: FILE_FORMAT, version: FILE_VERSION, entry })?)
}

fn parse(bytes: &[u8]) -> Option<OutboxEntry> {
    let file = serde_json::from_slice::<EditFile>(bytes).ok()?;
    (file.format == FILE_FORMAT && file.version == FILE_VERSION).then_some(file.entry)
}

fn place_of(path: &Path) -> Option<u64> {
    if path.extension()? != "json" { None } else { path.file_stem()?.to_str()?.parse().ok() }
}

/// Lists what is in a directory; one that is not there is empty.
fn entries_of(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
