//! Where the workspace, its build directory and its programs are.

use std::path::{Path, PathBuf};

/// Returns the directory of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// Returns the directory that the programs of this build are in: that of the running test, or the one above.
fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    if folder.ends_with("deps") { folder.parent().unwrap() } else { folder }.to_owned()
}

/// Returns the path of a program of the workspace; Cargo builds it before it runs an integration test.
pub fn program(name: &str) -> String {
    let path = programs().join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} was not built: run the tests of the package `scry`", path.display());
    path.into_os_string().into_string().unwrap()
}

/// Returns a directory for what the tests of all processes share, and keep from run to run.
pub fn shared_files() -> PathBuf {
    programs().parent().unwrap().join("tmp")
}
