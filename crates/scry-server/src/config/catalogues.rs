//! The catalogues that a setting names.

use scry_catalogue::{BUNDLED, Catalogue, Catalogues};

/// Reads catalogues by the names of bundled ones and the paths of files, separated by commas.
pub(super) fn read(list: &str) -> Result<Catalogues, String> {
    let wanted = list.split(',').map(str::trim).filter(|text| !text.is_empty());
    Catalogues::new(wanted.map(one).collect::<Result<_, _>>()?)
}

fn one(wanted: &str) -> Result<Catalogue, String> {
    if let Some((name, text)) = BUNDLED.iter().find(|(name, _)| *name == wanted) {
        return Catalogue::parse(text).map_err(|error| format!("{name}: {error}"));
    }
    let text = std::fs::read_to_string(wanted).map_err(|error| {
        if wanted.contains(['/', '.']) {
            format!("cannot read {wanted}: {error}")
        } else {
            let known = BUNDLED.map(|(name, _)| name).join(" and ");
            format!("“{wanted}” is neither a bundled catalogue ({known}) nor a file")
        }
    })?;
    Catalogue::parse(&text).map_err(|error| format!("{wanted}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_ones_go_by_their_name_and_others_by_their_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.toml");
        let (_, erp) = BUNDLED[1];
        std::fs::write(&path, erp.replace("name = \"erp\"", "name = \"own\"")).unwrap();
        let names = |list: &str| read(list).unwrap().iter().map(|one| one.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names("capacity"), ["capacity"]);
        assert_eq!(names(&format!(" {} ,", path.display())), ["own"]);
        assert_eq!(names(" "), [""; 0]);
        assert!(read("epr").unwrap_err().contains("neither a bundled catalogue (capacity and erp) nor a file"));
        assert!(read("/nowhere/x.toml").unwrap_err().starts_with("cannot read /nowhere/x.toml"));
        std::fs::write(&path, "name = 3").unwrap();
        assert!(read(&path.display().to_string()).unwrap_err().contains("own.toml: line 1: catalogue: "));
    }
}
