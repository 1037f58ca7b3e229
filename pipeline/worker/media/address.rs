//! Where media are: the addresses that records name, and the prefixes under which an operator allows them.
//!
//! An address comes from outside, so its grammar is narrow on purpose: what two programs could read
//! differently (escapes, dot segments, users, queries, backslashes) is no address at all. What is left
//! needs no normalising but the case of scheme and host and the usual port. Pure: nothing is looked up.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// Whom to ask for a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// This machine's files.
    Files,
    /// A web server.
    Web {
        /// Whether it is spoken to with TLS.
        tls: bool,
        /// Lower-case name or address, with brackets if it is one of IPv6.
        host: String,
        /// The port, if it is not the usual one.
        port: Option<u16>,
    },
    /// A bucket of the object store that the environment describes.
    Bucket(String),
}

/// Where one thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    origin: Origin,
    /// Segments joined by `/`, without one at either end.
    path: String,
}

/// Everything below a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    origin: Origin,
    /// Likewise; empty for everything that the origin has.
    path: String,
}

/// A text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither of the schemes.
    #[error("must begin with file:///, http://, https:// or s3://")]
    Scheme,
    /// No plain host or bucket.
    #[error("must name a plain host or bucket, without a user; file:/// has none")]
    Authority,
    /// No plain path.
    #[error("must have a path of plain names: no empty ones, no `.` or `..`, no escapes, no query")]
    Path,
}

impl Address {
    /// Whom to ask.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What to ask for: segments joined by `/`, without one at either end.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Prefix {
    /// Whom to ask.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its path, written as that of an [`Address`]; empty for everything that the origin has.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether an address lies below: of the same origin, and further down by at least one segment.
    pub fn holds(&self, address: &Address) -> bool {
        self.origin == address.origin
            && (self.path.is_empty()
                || address.path.strip_prefix(&self.path).is_some_and(|rest| rest.starts_with('/')))
    }

    /// The address of something directly below.
    ///
    /// # Errors
    /// If the name is no plain one.
    pub fn join(&self, name: &str) -> Result<Address, AddressError> {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) };
        check_path(&path)?;
        Ok(Address { origin: self.origin.clone(), path })
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (origin, path) = split(text)?;
        check_path(path)?;
        Ok(Self { origin, path: path.to_owned() })
    }
}

impl FromStr for Prefix {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (origin, path) = split(text)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        if !path.is_empty() {
            check_path(path)?;
        }
        Ok(Self { origin, path: path.to_owned() })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files => write!(out, "file://"),
            Self::Web { tls, host, port } => {
                write!(out, "{}://{host}", if *tls { "https" } else { "http" })?;
                port.map_or(Ok(()), |port| write!(out, ":{port}"))
            }
            Self::Bucket(bucket) => write!(out, "s3://{bucket}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.origin, self.path)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.origin, self.path)
    }
}

/// The origin, and what comes behind the slash after it.
fn split(text: &str) -> Result<(Origin, &str), AddressError> {
    let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let origin = match scheme.to_ascii_lowercase().as_str() {
        "file" if authority.is_empty() => Some(Origin::Files),
        "file" => None,
        "http" => web(false, authority),
        "https" => web(true, authority),
        "s3" => is_name(authority).then(|| Origin::Bucket(authority.to_owned())),
        _ => return Err(AddressError::Scheme),
    };
    Ok((origin.ok_or(AddressError::Authority)?, path))
}

fn web(tls: bool, authority: &str) -> Option<Origin> {
    let (host, port) = match authority.rsplit_once(':') {
        // Colons of an IPv6 address are followed by its bracket.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (authority, None),
    };
    let usual = if tls { 443 } else { 80 };
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => format!("[{}]", address.parse::<Ipv6Addr>().ok()?),
        None => is_name(host).then(|| host.to_ascii_lowercase())?,
    };
    Some(Origin::Web { tls, host, port: port.filter(|port| *port != usual) })
}

/// Letters and digits, with dots, hyphens and underscores between them.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().all(|byte| is_plain(byte) || b".-_".contains(&byte))
        && text.bytes().next().is_some_and(is_plain)
        && text.bytes().last().is_some_and(is_plain)
}

/// What RFC 3986 lets stand for itself in a path.
fn check_path(path: &str) -> Result<(), AddressError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
    if path.split('/').all(is_segment) { Ok(()) } else { Err(AddressError::Path) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn is_held(prefix_text: &str, uri: &str) -> bool {
        uri.parse::<Address>().is_ok_and(|address| prefix(prefix_text).holds(&address))
    }

    #[test]
    fn what_lies_below_a_prefix_is_held_however_it_is_spelled() {
        for (prefix, uri) in [
            ("file:///srv/media/", "file:///srv/media/a.webm"),
            ("file:///srv/media", "FILE:///srv/media/b/c/a.webm"),
            ("file:///", "file:///a"),
            ("https://media.example.org/exams/", "HTTPS://Media.Example.ORG:443/exams/a"),
            ("http://media.example.org:80/", "http://media.example.org/a"),
            ("http://[::1]:8080/x", "http://[0:0::1]:8080/x/y"),
            ("s3://bucket/prefix/", "s3://bucket/prefix/a=1/b@2,(3).webm"),
            ("s3://bucket", "s3://bucket/a"),
        ] {
            assert!(is_held(prefix, uri), "{uri} lies below {prefix}");
        }
    }

    #[test]
    fn what_leads_elsewhere_or_could_be_read_in_two_ways_is_not() {
        let files = "file:///srv/media/";
        for uri in [
            "",
            "/srv/media/a",
            "file:/srv/media/a",
            "file://srv/media/a",
            "file://localhost/srv/media/a",
            "file:///srv/media",
            "file:///srv/media/",
            "file:///srv/media//a",
            "file:///srv/media/.",
            "file:///srv/media/../secret",
            "file:///srv/media/x/../../secret",
            "file:///srv/media/%2e%2e/secret",
            "file:///srv/media/%2E./secret",
            "file:///srv/media/..%2fsecret",
            "file:///srv/media/..\\secret",
            "file:///srv/media/a\0b",
            "file:///srv/media/a\nb",
            "file:///srv/media/größe",
            "file:///srv/media/\u{ff0e}\u{ff0e}/secret",
            "file:///srv/media/a?b",
            "file:///srv/media/a#b",
            "file:///srv/media2/a",
            "file:///srv/mediaa",
            "file:///etc/passwd",
            " file:///srv/media/a",
        ] {
            assert!(!is_held(files, uri), "{uri:?} is not below {files}");
        }
        let web = "https://media.example.org/exams/";
        for uri in [
            "http://media.example.org/exams/a",
            "https://media.example.org/a",
            "https://media.example.org/exams",
            "https://media.example.org/exams/../a",
            "https://media.example.org:8443/exams/a",
            "https://media.example.org./exams/a",
            "https://media.example.org.evil.example/exams/a",
            "https://evil.example/media.example.org/exams/a",
            "https://media.example.org@evil.example/exams/a",
            "https://user:secret@media.example.org/exams/a",
            "https://media.example.org\\@evil.example/exams/a",
            "https://media.example.org%2eevil.example/exams/a",
            "https://media.example.org:/exams/a",
            "https://media.example.org:443:80/exams/a",
            "https:///exams/a",
            "https:media.example.org/exams/a",
            "http://169.254.169.254/latest/meta-data/",
            "http://0xa9fea9fe/latest",
            "http://[::ffff:169.254.169.254]/latest",
            "gopher://media.example.org/exams/a",
            "s3://media.example.org/exams/a",
        ] {
            assert!(!is_held(web, uri), "{uri:?} is not below {web}");
        }
        let bucket = "s3://bucket/prefix/";
        for uri in ["s3://bucket/other/a", "s3://bucket2/prefix/a", "s3:///prefix/a", "s3://../prefix/a"] {
            assert!(!is_held(bucket, uri), "{uri:?} is not below {bucket}");
        }
    }

    #[test]
    fn what_is_told_of_a_mistake_says_where_it_is() {
        let error = |text: &str| text.parse::<Prefix>().unwrap_err();
        assert_eq!(error("/srv/media"), AddressError::Scheme);
        assert_eq!(error("ftp://host/"), AddressError::Scheme);
        assert_eq!(error("https://user@host/"), AddressError::Authority);
        assert_eq!(error("file://host/"), AddressError::Authority);
        assert_eq!(error("s3://bucket/a/../b"), AddressError::Path);
        assert_eq!(prefix("s3://bucket/a").join("../b"), Err(AddressError::Path));
    }

    fn schemes() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["file://", "http://h", "https://h:1", "s3://h", "s3://", "HTTP://H"])
    }

    proptest! {
        #[test]
        fn no_address_that_is_held_leads_out_of_its_prefix(
            scheme in schemes(),
            inside in "[a-c]{1,2}(/[a-c]{1,2}){0,2}",
            hostile in "[a-c./%2eEfF\\\\?#@: ]{0,16}",
        ) {
            let Ok(below) = format!("{scheme}/{inside}").parse::<Prefix>() else { return Ok(()) };
            for uri in [format!("{scheme}/{inside}{hostile}"), format!("{scheme}/{inside}/{hostile}")] {
                let Ok(address) = uri.parse::<Address>() else { continue };
                // As a file system or a server would walk it.
                let mut walked = Vec::new();
                for segment in address.path().split('/') {
                    match segment {
                        "" | "." => {}
                        ".." => drop(walked.pop()),
                        name => walked.push(name),
                    }
                }
                let wanted: Vec<&str> = inside.split('/').collect();
                let is_inside = walked.len() > wanted.len() && walked.starts_with(&wanted);
                prop_assert_eq!(below.holds(&address), is_inside, "{}", uri);
            }
        }

        #[test]
        fn an_address_is_read_as_it_is_written(
            scheme in schemes(),
            path in "[a-zA-Z0-9._~@:=-]{1,8}(/[a-zA-Z0-9._~-]{1,8}){0,3}",
        ) {
            if let Ok(address) = format!("{scheme}/{path}").parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            }
        }
    }
}
