//! Paths in configuration: below the installation, never out of it by `..`.

use std::path::{Component, Path, PathBuf};

use crate::domain::reference::Rule;

pub(super) const RELATIVE: &str = "must be a folder below, as a/b, without `..`";

/// Whether a path stays below where it begins.
pub(super) fn is_below(path: &Path) -> bool {
    let mut components = path.components().peekable();
    components.peek().is_some()
        && components.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// A folder or file below the place it is relative to.
pub(super) const BELOW: Rule<PathBuf> =
    Rule { says: RELATIVE, read: |value| value.as_str().map(PathBuf::from).filter(|path| is_below(path)) };

/// A folder: below the installation, or absolute for a counterparty's share mounted elsewhere.
pub(super) const FOLDER: Rule<PathBuf> = Rule {
    says: "must be a folder below the installation, as a/b, or an absolute one, without `..`",
    read: |value| {
        let path = PathBuf::from(value.as_str()?);
        let climbs = path.components().any(|part| part == Component::ParentDir);
        (is_below(&path) || (path.is_absolute() && !climbs)).then_some(path)
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below() {
        for (path, below) in [
            ("a/b", true),
            (".", true),
            ("./a", true),
            ("", false),
            ("/a", false),
            ("..", false),
            ("a/../..", false),
        ] {
            assert_eq!(is_below(Path::new(path)), below, "{path}");
        }
    }
}
