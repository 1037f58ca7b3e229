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
mod tests;
