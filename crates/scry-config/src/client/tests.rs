use super::*;

const EXAMPLE: &str = include_str!("../../../../config.example.toml");

fn load(dir: &Path, vars: &[(&str, &str)], flags: &Overrides) -> Result<Settings, ConfigError> {
    let dir = dir.display().to_string();
    let env = |name: &str| match name {
        "SCRY_CONFIG_DIR" | "SCRY_DATA_DIR" => Some(dir.clone()),
        _ => vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
    };
    Settings::load(&env, flags)
}

fn with_file(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.toml"), text).unwrap();
    dir
}

#[test]
fn the_example_says_exactly_the_defaults() {
    let parsed: ClientConfig = file::parse(Path::new("config.example.toml"), EXAMPLE).unwrap();
    assert_eq!(parsed, ClientConfig::default());
}

#[test]
fn the_example_shows_every_key() {
    fn check(expected: &toml::Table, shown: &toml::Table, path: &str) {
        for (key, value) in expected {
            let found = shown.get(key).unwrap_or_else(|| panic!("{path}{key} is not in the example"));
            if let (Some(expected), Some(shown)) = (value.as_table(), found.as_table()) {
                check(expected, shown, &format!("{path}{key}."));
            }
        }
    }
    // Keys without a default are shown commented out: they must be right too.
    let all: String = EXAMPLE.lines().map(|line| line.strip_prefix("#:").unwrap_or(line).to_owned() + "\n").collect();
    let everything: ClientConfig = file::parse(Path::new("config.example.toml"), &all).unwrap();
    assert!(everything.profiles["local"].ca_file.is_some());
    check(&toml::Table::try_from(everything).unwrap(), &all.parse().unwrap(), "");
}

#[test]
fn flags_beat_environment_beats_file_beats_defaults() {
    let dir = with_file("[profiles.local]\nurl = \"http://file:1\"\n[profiles.work]\nurl = \"https://work\"\n");
    let url = |vars: &[(&str, &str)], flags: &Overrides| load(dir.path(), vars, flags).unwrap().server.url.to_string();
    let flag = Overrides { url: Some("http://flag:3".to_owned()), ..Overrides::default() };
    assert_eq!(url(&[], &Overrides::default()), "http://file:1/");
    assert_eq!(url(&[("SCRY_PROFILE", "work")], &Overrides::default()), "https://work/");
    assert_eq!(url(&[("SCRY_URL", "ws://env:2")], &Overrides::default()), "http://env:2/");
    assert_eq!(url(&[("SCRY_URL", "ws://env:2")], &flag), "http://flag:3/");

    let empty = tempfile::tempdir().unwrap();
    let settings = load(empty.path(), &[], &Overrides::default()).unwrap();
    assert!(!settings.file_found);
    assert_eq!(settings.server.url.as_str(), "http://127.0.0.1:4600/");
}

#[test]
fn an_authority_file_is_found_beside_the_configuration() {
    let dir = with_file("profile = \"a\"\n[profiles.a]\nurl = \"https://h/\"\nca_file = \"ca.pem\"\n");
    let settings = load(dir.path(), &[], &Overrides::default()).unwrap();
    assert_eq!(settings.server.ca_file, Some(dir.path().join("ca.pem")));
}

#[test]
fn a_misspelt_profile_is_answered_with_the_near_one() {
    let dir = with_file("[profiles.work]\nurl = \"https://work\"\n");
    let flags = Overrides { profile: Some("wrok".to_owned()), ..Overrides::default() };
    let message = load(dir.path(), &[], &flags).unwrap_err().to_string();
    assert_eq!(message, "no profile is named “wrok”; did you mean “work”?");
}

#[test]
fn an_address_that_cannot_work_names_its_setting() {
    let message = |url: &str| ServerAddress::new("p", url, "--url").unwrap_err().to_string();
    assert!(message("127.0.0.1:4600").starts_with("--url: "), "{}", message("127.0.0.1:4600"));
    assert_eq!(message("ftp://host"), "--url: cannot use “ftp:”; use http, https, ws or wss");
    let secret = message("http://me:hunter2@host");
    assert!(!secret.contains("hunter2"), "{secret}");
}

#[test]
fn a_file_named_on_the_command_line_must_exist() {
    let dir = tempfile::tempdir().unwrap();
    let flags = Overrides { config_file: Some(dir.path().join("nope.toml")), ..Overrides::default() };
    assert!(load(dir.path(), &[], &flags).unwrap_err().to_string().starts_with("--config: there is no file"));
}

#[test]
fn colour_can_be_refused_by_environment_and_flag() {
    let dir = tempfile::tempdir().unwrap();
    let quiet = Overrides { no_color: true, ..Overrides::default() };
    assert_eq!(
        load(dir.path(), &[("NO_COLOR", "1")], &Overrides::default()).unwrap().config.ui.color,
        ColorMode::Never
    );
    assert_eq!(load(dir.path(), &[], &quiet).unwrap().config.ui.color, ColorMode::Never);
}
