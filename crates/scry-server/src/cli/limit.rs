//! How many connections the process may hold.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Fewer open files than this stop a busy server from taking connections.
const MIN_OPEN_FILES: u64 = 4_096;

/// Raises the limit on open files as far as the system lets a process do so itself.
///
/// Shells and service managers commonly start programs with a limit of 1,024, for the sake of programs
/// that would not survive more; each connection is one file.
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "could not raise the limit on open files");
        }
    }
    if let Some(files) = getrlimit(Resource::Nofile).current.filter(|files| *files < MIN_OPEN_FILES) {
        tracing::warn!(
            files,
            "the limit on open files allows only few connections; raise it (ulimit -Hn, LimitNOFILE=)"
        );
    }
}
