use scry_protocol::Id;

use super::*;

fn login(access: &str) -> StoredLogin {
    StoredLogin {
        user: UserInfo { id: Id::parse("u1").unwrap(), username: "gm".to_owned() },
        access: Secret::new(access),
        refresh: Secret::new("refresh"),
        access_expires_at: Timestamp::UNIX_EPOCH,
    }
}

fn credentials(data: &Path, profile: &str) -> Credentials {
    Credentials::new(data, &ServerAddress::new(profile, "http://localhost:1", "--url").unwrap())
}

#[tokio::test]
async fn login_in_a_file_is_loaded_until_cleared() {
    let data = tempfile::tempdir().unwrap();
    let here = credentials(data.path(), "a");
    assert_eq!(here.load().await.unwrap(), None);
    here.save(&login("one"), Some(CredentialStore::File)).await.unwrap();
    assert_eq!(here.load().await.unwrap(), Some(login("one")));
    // A later save needs no flag: it goes where the login already is.
    assert!(matches!(here.save(&login("two"), None).await.unwrap(), StoreLocation::File(_)));
    assert_eq!(here.load().await.unwrap(), Some(login("two")));
    assert_eq!(credentials(data.path(), "b").load().await.unwrap(), None, "profiles do not share logins");
    here.clear().await.unwrap();
    assert_eq!(here.load().await.unwrap(), None);
    here.clear().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn login_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let here = credentials(data.path(), "a");
    here.save(&login("one"), Some(CredentialStore::File)).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&here.path()), 0o600);
    assert_eq!(mode(&data.path().join("logins")), 0o700);
}

#[tokio::test]
async fn a_damaged_file_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let here = credentials(data.path(), "a");
    here.save(&login("one"), Some(CredentialStore::File)).await.unwrap();
    std::fs::write(here.path(), "{\"store\":").unwrap();
    assert!(here.load().await.unwrap_err().to_string().ends_with("is damaged; run `scry login` again"));
    here.save(&login("two"), Some(CredentialStore::File)).await.unwrap();
    assert_eq!(here.load().await.unwrap(), Some(login("two")));
}

#[tokio::test]
async fn lock_is_exclusive() {
    let data = tempfile::tempdir().unwrap();
    let here = credentials(data.path(), "a");
    let first = here.lock().await.unwrap();
    let mut second = Box::pin(here.lock());
    let waited = tokio::time::timeout(Duration::from_millis(100), &mut second).await;
    assert!(waited.is_err(), "the second must wait");
    drop(first);
    second.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn hanging_keyring_times_out() {
    let (_keep, hang) = std::sync::mpsc::channel::<()>();
    let stuck = on_own_thread(KEYRING_TIMEOUT, move || hang.recv().map_err(|error| error.to_string()));
    assert_eq!(stuck.await.unwrap_err(), "no answer within 2 s");
}

#[test]
fn tokens_do_not_show_in_debug_output() {
    let shown = format!("{:?}", login("top-secret"));
    assert!(!shown.contains("top-secret") && !shown.contains("\"refresh\""), "{shown}");
}
