//! Why media cannot be had, and whether they might be later.
//!
//! Messages say what a store answered and not what it wrote: error pages repeat addresses, key ids and
//! signatures, and end up in dead letters.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use domain::error::ErrorKind;
use object_store::client::HttpError;

use super::client::Refusal;

/// Media that were not fetched.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Outside what the operator allows, or no address: nobody was asked.
    #[error("the reference is no plain address below one of worker.media_prefixes")]
    NotAllowed,
    /// More than a segment may have.
    #[error("media of {size} bytes are more than {most}")]
    TooLarge {
        /// As stated.
        size: u64,
        /// As allowed.
        most: u64,
    },
    /// Not what was stated.
    #[error("the media are not what the record states: {what} differs")]
    Different {
        /// Length or hash.
        what: &'static str,
    },
    /// There is nothing at the address.
    #[error("there are no media at the address")]
    NotFound,
    /// The store gives others to us, and does not give these.
    #[error("the store lets this worker read other media, but not these")]
    Forbidden,
    /// The store gives us nothing, as far as we know: our credentials may have expired, or our clock be wrong.
    #[error("the store does not let this worker read")]
    Unauthorized,
    /// The store sends us to another address.
    #[error("the store redirects, which is not followed")]
    Redirected,
    /// The store answers with something that will not change.
    #[error("the store refuses: status {status}")]
    Refused {
        /// Of HTTP.
        status: u16,
    },
    /// What the store answers cannot be used, or what is there is no file.
    #[error("what is at the address cannot be read")]
    Unreadable,
    /// The store has trouble.
    #[error("the store fails: status {status}")]
    StoreFails {
        /// Of HTTP.
        status: u16,
    },
    /// The store did not answer, or broke off.
    #[error("the store cannot be reached")]
    Unreachable(#[source] Box<dyn StdError + Send + Sync>),
    /// It took too long.
    #[error("the media did not come within {} s", .after.as_secs())]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
}

impl MediaError {
    /// What to do with the segment.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unauthorized | Self::StoreFails { .. } | Self::Unreachable(_) | Self::TimedOut { .. } => {
                ErrorKind::Transient
            }
            _ => ErrorKind::Poison,
        }
    }

    /// A stable word for dead letters and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAllowed => "media_not_allowed",
            Self::TooLarge { .. } => "media_too_large",
            Self::Different { .. } => "media_different",
            Self::NotFound => "media_not_found",
            Self::Forbidden => "media_forbidden",
            Self::Unauthorized => "store_unauthorized",
            Self::Redirected => "media_redirected",
            Self::Refused { .. } => "media_refused",
            Self::Unreadable => "media_unreadable",
            Self::StoreFails { .. } => "store_fails",
            Self::Unreachable(_) => "store_unreachable",
            Self::TimedOut { .. } => "store_timeout",
        }
    }

    /// From the status of an answer that is no success.
    fn of_status(status: u16) -> Self {
        match status {
            300..=399 => Self::Redirected,
            404 | 410 => Self::NotFound,
            // S3 calls it a bad request when a token has expired.
            400 | 401 | 403 => Self::Unauthorized,
            408 | 425 | 429 | 500.. => Self::StoreFails { status },
            _ => Self::Refused { status },
        }
    }
}

impl From<io::Error> for MediaError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::NotFound => Self::NotFound,
            Kind::PermissionDenied => Self::Unauthorized,
            Kind::IsADirectory | Kind::NotADirectory | Kind::InvalidFilename => Self::Unreadable,
            // A network file system that is away, no more file descriptors, a disk that fails.
            _ => Self::Unreachable(Box::new(error)),
        }
    }
}

impl From<object_store::Error> for MediaError {
    fn from(error: object_store::Error) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
        // The client's own error lies below the others.
        let mut is_transport = false;
        while let Some(current) = cause {
            if let Some(Refusal(status)) = current.downcast_ref() {
                return Self::of_status(*status);
            }
            if let Some(io) = current.downcast_ref::<io::Error>().filter(|_| !is_transport) {
                return io::Error::from(io.kind()).into();
            }
            is_transport |= current.is::<HttpError>();
            cause = current.source();
        }
        match error {
            error if is_transport => Self::Unreachable(Box::new(error)),
            object_store::Error::NotFound { .. } => Self::NotFound,
            _ => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_by_itself_is_tried_again_and_nothing_else() {
        for status in [400, 401, 403, 408, 429, 500, 502, 503, 504] {
            assert_eq!(MediaError::of_status(status).kind(), ErrorKind::Transient, "{status}");
        }
        for status in [301, 302, 307, 404, 405, 410, 416] {
            assert_eq!(MediaError::of_status(status).kind(), ErrorKind::Poison, "{status}");
        }
        let io = |kind| MediaError::from(io::Error::from(kind)).kind();
        assert_eq!(io(io::ErrorKind::StaleNetworkFileHandle), ErrorKind::Transient);
        assert_eq!(io(io::ErrorKind::NotFound), ErrorKind::Poison);
    }
}
