//! The file of client properties, which may hold secrets or name files that do. Nothing of them is in an
//! error or in the log.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Reads a file of `key=value` lines, and the passwords that it names files of.
///
/// # Errors
/// If a file cannot be read, or has a line that is none: the file's name, and the line's number.
pub(super) fn read(path: &Path) -> io::Result<BTreeMap<String, String>> {
    let stated = parse(&text(path)?)
        .map_err(|line| io::Error::other(format!("{}:{line}: not `key=value`", path.display())))?;
    if stated.keys().any(|key| key.ends_with("password")) {
        warn_if_exposed(path);
    }
    if let Some(token) = stated.get("sasl.oauthbearer.token.file") {
        warn_if_exposed(Path::new(token));
    }
    stated.into_iter().map(resolve).collect()
}

/// A password from its own file (`sasl.password.file` names it), without the end of its line. A token stays
/// in its file: it is renewed there.
fn resolve((key, value): (String, String)) -> io::Result<(String, String)> {
    let Some(name) = key.strip_suffix(".file").filter(|name| name.ends_with("password")) else {
        return Ok((key, value));
    };
    let path = Path::new(&value);
    warn_if_exposed(path);
    let password = text(path)?.trim_end_matches(['\r', '\n']).to_owned();
    Ok((name.to_owned(), password))
}

fn text(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Warns of a secret that every user of the machine can read.
pub(crate) fn warn_if_exposed(path: &Path) {
    let is_exposed = path.metadata().is_ok_and(|file| file.permissions().mode() & 0o004 != 0);
    if is_exposed {
        tracing::warn!(file = %path.display(), "a secret that everybody on this machine can read: chmod o-r");
    }
}

/// Reads `key=value` lines; empty ones and those that begin with `#` say nothing. The error is the number
/// of the line, not the line: it may hold a secret.
fn parse(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let lines = text.lines().map(str::trim).enumerate();
    let stated = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    stated
        .map(|(index, line)| {
            let (key, value) = line.split_once('=').ok_or(index + 1)?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read_line_by_line_and_mistakes_quote_nothing() {
        let read = parse("# who we are\nsasl.username = worker\n\nsasl.password=a=b\n").unwrap();
        assert_eq!(read["sasl.username"], "worker");
        assert_eq!(read["sasl.password"], "a=b");
        assert_eq!(parse("a=b\nhunter2\n"), Err(2));
    }

    #[test]
    fn a_password_may_have_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (properties, password) = (folder.path().join("properties"), folder.path().join("password"));
        std::fs::write(&properties, format!("sasl.password.file={}\n", password.display())).unwrap();
        let missing = read(&properties).unwrap_err().to_string();
        assert!(missing.contains(password.to_str().unwrap()), "{missing}");
        std::fs::write(&password, "hunter2 \n").unwrap();
        let expected = [("sasl.password".to_owned(), "hunter2 ".to_owned())];
        assert_eq!(read(&properties).unwrap(), expected.into());
        std::fs::write(&properties, "sasl.oauthbearer.token.file=/nowhere\n").unwrap();
        let expected = [("sasl.oauthbearer.token.file".to_owned(), "/nowhere".to_owned())];
        assert_eq!(read(&properties).unwrap(), expected.into(), "a token is read when it is needed");
    }
}
