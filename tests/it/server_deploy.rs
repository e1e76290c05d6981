//! The files that operators start from: what they name exists, and they name the same.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;
use scry_server::config::SETTINGS;
use scry_server::limits::LimitKind;

const COMPOSE: &str = include_str!("../../assets/deploy/compose.yaml");
const NGINX: &str = include_str!("../../assets/deploy/nginx.conf");
const PROMETHEUS: &str = include_str!("../../assets/deploy/prometheus.yml");
const UNIT: &str = include_str!("../../assets/deploy/scry-server.service");
const DOCKERFILE: &str = include_str!("../../assets/deploy/Dockerfile");
const MANUAL: &str = include_str!("../../docs/operations.md");
const PROTOCOL: &str = include_str!("../../docs/protocol.md");

/// Collects what a pattern's first group finds.
fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    Regex::new(pattern).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_setting_they_name_exists() {
    let mut known: BTreeSet<String> = SETTINGS.iter().map(|setting| setting.variable()).collect();
    // Read before the settings, so that reading them can be logged.
    known.insert("SCRY_SERVER_LOG".to_owned());
    for text in [COMPOSE, UNIT, DOCKERFILE, NGINX, MANUAL] {
        let named = found(r"\b(SCRY_SERVER_[A-Z0-9_]+)", text);
        assert!(named.is_subset(&known), "{:?}", named.difference(&known));
    }
    assert!(found(r"\b(SCRY_SERVER_[A-Z0-9_]+)", COMPOSE).len() >= 5);
    let limits = PROTOCOL.split("\n## ").find(|section| section.starts_with("Limits")).unwrap();
    let limits: Vec<&str> = limits.lines().filter(|line| line.starts_with("| ")).collect();
    let keys: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    for line in &limits[1..] {
        let settings = found(r"`([a-z_]+)`", line.rsplit('|').nth(1).unwrap());
        assert!(!settings.is_empty() && settings.iter().all(|key| keys.contains(key.as_str())), "{line}");
    }
}

#[test]
fn the_manual_explains_every_limit_that_is_counted() {
    let explained = MANUAL.split("\n## ").find(|section| section.starts_with("Limits")).unwrap();
    let rows: String = explained.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next()).collect();
    for breach in LimitKind::ALL {
        assert!(rows.contains(&format!("{}`", breach.name())), "{} is in no row", breach.name());
    }
}

#[test]
fn the_nodes_are_the_same_everywhere_and_what_is_mounted_is_there() {
    let nodes = found(r"(?m)^  (node-\d):", COMPOSE);
    assert_eq!(nodes.len(), 3);
    assert_eq!(found(r"server (node-\d):4600", NGINX), nodes);
    assert_eq!(found(r"(node-\d):4600", PROMETHEUS), nodes);
    let (addresses, pinned) =
        (found(r"ipv4_address: (\S+)", COMPOSE), found(r"ipv4_address: (\S+\.1[1-3])\b", COMPOSE));
    assert_eq!((addresses.len(), pinned.len()), (4, 3), "nginx and each node keep one: {addresses:?}");
    let nginx = found(r"TRUSTED_PROXIES: (\S+)", COMPOSE);
    assert!(nginx.is_subset(&addresses) && nginx.is_disjoint(&pinned), "{nginx:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/deploy");
    let mounted = found(r"(?:- |\[|, )\W?\./([\w./-]+):/", COMPOSE);
    assert!(mounted.len() >= 6, "{mounted:?}");
    for file in mounted.iter().filter(|file| *file != "tls") {
        assert!(folder.join(file).exists(), "{file} is mounted and is not there");
    }
}
