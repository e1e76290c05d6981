//! The disk cache: a campaign's last known state, so that a dashboard opens at once and without a network.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scry_config::client::ServerAddress;
use scry_config::files;
use scry_model::event::{LoadedState, SavedState, Snapshot};
use scry_protocol::{Id, Position};
use scry_text::json::Json;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::api::CampaignSummary;

/// The format of the file; a file of another format is set aside.
const FILE_FORMAT: &str = "scry-state";
const FILE_VERSION: u32 = 1;

/// Keeps the last state of campaigns in files of one directory, one file for each.
///
/// Each profile, server and user has a directory of its own: nobody is shown what another may see.
#[derive(Debug, Clone)]
pub struct DiskCache {
    dir: PathBuf,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateFileRef<'a> {
    format: &'a str,
    version: u32,
    saved_at: Timestamp,
    campaign_id: &'a Id,
    position: Option<&'a Position>,
    nodes: &'a [Json],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateFile {
    format: String,
    version: u32,
    saved_at: Timestamp,
    campaign_id: Id,
    position: Option<Position>,
    /// Anyone who may write the file could have put anything into it; it is made safe as it is read.
    #[serde(deserialize_with = "nodes")]
    nodes: Vec<Json>,
}

impl DiskCache {
    /// Keeps states below `dir`, which is created when something is saved.
    #[must_use]
    pub const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Keeps states for one user of one server; `data` is the client's data directory.
    ///
    /// Without a user the states belong to the user of the token.
    #[must_use]
    pub fn of(data: &Path, server: &ServerAddress, user: Option<&Id>) -> Self {
        Self::new(directory(data, "states", server, user))
    }

    /// Lists the campaigns with a readable state, by name.
    #[must_use]
    pub fn list(&self) -> Vec<CampaignSummary> {
        // An unreadable directory or file holds nothing to open; `load` has a word for a damaged one.
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let states = files.filter_map(|file| parse(&fs::read(file.path()).ok()?));
        let summary = |file: StateFile| {
            let is_it = |node: &&Json| node.get("id").and_then(Json::as_str) == Some(file.campaign_id.as_str());
            serde_json::from_value::<CampaignSummary>(file.nodes.iter().find(is_it)?.into()).ok()
        };
        let mut found: Vec<_> = states.filter_map(summary).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
        found
    }

    /// Removes a campaign's state, if there is one.
    ///
    /// # Errors
    /// The I/O error of removing a file that exists.
    pub fn forget(&self, campaign_id: &Id) -> io::Result<()> {
        match fs::remove_file(self.path(campaign_id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes every state.
    ///
    /// # Errors
    /// The I/O error of removing a directory that exists.
    pub fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Saves a campaign's state in place of the last one.
    ///
    /// The file is written beside its place and then moved there, so a crash leaves the old state or
    /// the new one, never half of either. Nobody but the user may read it.
    ///
    /// # Errors
    /// The I/O error of creating, writing or moving the file.
    pub fn save(&self, snapshot: &Snapshot, at: Timestamp) -> io::Result<()> {
        let out = StateFileRef {
            format: FILE_FORMAT,
            version: FILE_VERSION,
            saved_at: at,
            campaign_id: &snapshot.campaign_id,
            position: snapshot.position.as_ref(),
            nodes: &snapshot.nodes,
        };
        files::write_private(&self.path(&snapshot.campaign_id), |file| Ok(serde_json::to_writer(file, &out)?))
    }

    /// Loads a campaign's last state; a damaged file, or one of another version, is set aside.
    ///
    /// # Errors
    /// The I/O error of reading a file that exists, or of moving it aside.
    pub fn load(&self, campaign_id: &Id) -> io::Result<LoadedState> {
        let path = self.path(campaign_id);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LoadedState::Nothing),
            Err(error) => return Err(error),
        };
        match parse(&bytes).filter(|file| file.campaign_id == *campaign_id) {
            Some(file) => Ok(LoadedState::State(Box::new(SavedState {
                at: file.saved_at,
                snapshot: Snapshot { campaign_id: file.campaign_id, position: file.position, nodes: file.nodes },
            }))),
            None => set_aside(&path).map(LoadedState::SetAside),
        }
    }

    fn path(&self, campaign_id: &Id) -> PathBuf {
        self.dir.join(format!("{}.json", plain_name(campaign_id)))
    }
}

/// Returns the directory for one kind of thing that is kept for one user of one server.
pub(super) fn directory(data: &Path, kind: &str, server: &ServerAddress, user: Option<&Id>) -> PathBuf {
    let user = user.map_or_else(|| "token".to_owned(), plain_name);
    data.join(kind).join(server.file_name()).join(user)
}

/// Returns a file name for an id.
pub(super) fn plain_name(id: &Id) -> String {
    // A foreign id may hold a slash or start with a dot; hexadecimal bytes cannot leave the directory.
    let plain = id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain { id.to_string() } else { id.as_str().bytes().map(|b| format!("{b:02x}")).collect() }
}

/// Reads the nodes together, so that they share what they have in common.
fn nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Json>, D::Error> {
    let nodes = Json::deserialize(deserializer)?;
    nodes.as_array().map(<[Json]>::to_vec).ok_or_else(|| D::Error::custom("the nodes are no list"))
}

/// Reads a file of this form and version.
fn parse(bytes: &[u8]) -> Option<StateFile> {
    serde_json::from_slice::<StateFile>(bytes)
        .ok()
        .filter(|file| file.format == FILE_FORMAT && file.version == FILE_VERSION)
}

fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension("damaged.json");
    fs::rename(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot(campaign: &str) -> Snapshot {
        let nodes = vec![json!({"__typename": "Campaign", "id": campaign, "name": "Emberfall"}).into()];
        Snapshot { campaign_id: Id::parse(campaign).unwrap(), position: Some(Position::new("e", 7)), nodes }
    }

    fn cache() -> (tempfile::TempDir, DiskCache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = DiskCache::new(dir.path().join("states"));
        (dir, cache)
    }

    #[test]
    fn loaded_state_equals_the_saved_one() {
        let (_dir, cache) = cache();
        let at: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        cache.save(&snapshot("c"), Timestamp::UNIX_EPOCH).unwrap();
        cache.save(&snapshot("c"), at).unwrap();
        let LoadedState::State(saved) = cache.load(&Id::parse("c").unwrap()).unwrap() else { panic!("nothing loaded") };
        assert_eq!((saved.at, &saved.snapshot.position), (at, &Some(Position::new("e", 7))));
        assert_eq!(saved.snapshot.nodes, snapshot("c").nodes);
        assert!(matches!(cache.load(&Id::parse("d").unwrap()).unwrap(), LoadedState::Nothing));
    }

    #[test]
    fn damaged_file_is_set_aside() {
        let (_dir, cache) = cache();
        let id = Id::parse("c").unwrap();
        cache.save(&snapshot("c"), Timestamp::UNIX_EPOCH).unwrap();
        let path = cache.path(&id);
        let whole = fs::read(&path).unwrap();
        let other_version = String::from_utf8(whole.clone()).unwrap().replace("\"version\":1", "\"version\":9");
        for bytes in [&whole[..whole.len() / 2], b"", other_version.as_bytes()] {
            fs::write(&path, bytes).unwrap();
            let LoadedState::SetAside(aside) = cache.load(&id).unwrap() else { panic!("believed a damaged file") };
            assert_eq!(fs::read(aside).unwrap(), bytes);
            assert!(matches!(cache.load(&id).unwrap(), LoadedState::Nothing));
        }
    }

    #[test]
    fn saved_states_are_listed_until_removed() {
        let (_dir, cache) = cache();
        for campaign in ["c", "d"] {
            cache.save(&snapshot(campaign), Timestamp::UNIX_EPOCH).unwrap();
        }
        fs::write(cache.dir.join("x.json"), "half a fi").unwrap();
        let ids = |cache: &DiskCache| cache.list().into_iter().map(|one| one.id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&cache), ["c", "d"]);
        assert_eq!(cache.list()[0].name, "Emberfall");
        cache.forget(&Id::parse("c").unwrap()).unwrap();
        cache.forget(&Id::parse("c").unwrap()).unwrap();
        assert_eq!(ids(&cache), ["d"]);
        cache.clear().unwrap();
        assert!(ids(&cache).is_empty() && !cache.dir.exists());
    }

    #[test]
    fn servers_profiles_and_users_have_separate_directories() {
        let server = |profile, url| ServerAddress::new(profile, url, "--url").unwrap();
        let (ana, tor) = (Id::parse("ana").unwrap(), Id::parse("tor").unwrap());
        let dirs: std::collections::BTreeSet<_> = [
            (server("home", "http://a"), Some(&ana)),
            (server("home", "http://a"), Some(&tor)),
            (server("home", "http://a"), None),
            (server("home", "http://b"), Some(&ana)),
            (server("club", "http://a"), Some(&ana)),
        ]
        .into_iter()
        .map(|(server, user)| DiskCache::of(Path::new("/data"), &server, user).dir)
        .collect();
        assert_eq!(dirs.len(), 5);
        assert!(dirs.iter().all(|dir| dir.starts_with("/data/states")));
    }

    #[test]
    fn id_cannot_escape_the_directory() {
        let (_dir, cache) = cache();
        let id = Id::parse("../../etc/passwd").unwrap();
        assert_eq!(cache.path(&id).parent(), Some(cache.dir.as_path()));
    }

    #[cfg(unix)]
    #[test]
    fn state_file_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, cache) = cache();
        cache.save(&snapshot("c"), Timestamp::UNIX_EPOCH).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&cache.path(&Id::parse("c").unwrap())), mode(&cache.dir)), (0o600, 0o700));
    }
}
