//! Where relative paths of settings lead: the current directory first, then the installation.

use std::path::{Path, PathBuf};

/// Resolves a path: as it is if it is absolute or exists from here, else within the installation.
///
/// A path that exists nowhere is returned as it is, so that the error names what the user wrote.
pub fn resolve(path: impl AsRef<Path>) -> PathBuf {
    resolve_within(path.as_ref(), installation().as_deref())
}

fn resolve_within(path: &Path, installation: Option<&Path>) -> PathBuf {
    if path.is_absolute() || path.exists() {
        return path.to_owned();
    }
    let installed = installation.map(|root| root.join(path));
    installed.filter(|installed| installed.exists()).unwrap_or_else(|| path.to_owned())
}

/// The nearest folder above the executable that holds the models' manifest: the repository for
/// `target/release/invigilator`, or the folder of an installation.
pub fn installation() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok()?.canonicalize().ok()?;
    let holds_models = |folder: &&Path| folder.join("models/manifest.toml").is_file();
    executable.ancestors().skip(1).find(holds_models).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn here_wins_over_the_installation_and_nowhere_stays_as_written() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("only-installed")).unwrap();
        let resolve = |path: &str| resolve_within(Path::new(path), Some(root.path()));
        assert_eq!(resolve("Cargo.toml"), Path::new("Cargo.toml"));
        assert_eq!(resolve("only-installed"), root.path().join("only-installed"));
        assert_eq!(resolve("no/such/thing"), Path::new("no/such/thing"));
        assert_eq!(resolve("/no/such/thing"), Path::new("/no/such/thing"));
    }
}
