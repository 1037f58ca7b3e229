//! What the gateway counts. The worker has the registry; names of metrics are there.

use std::time::Duration;

/// Takes counts.
pub trait Meter: Send + Sync + 'static {
    /// A request was answered. `route` is the path as the table of routes has it.
    fn answered(&self, method: &'static str, route: &'static str, status: u16, took: Duration);

    /// A chunk of so many bytes is safe.
    fn uploaded(&self, bytes: usize);

    /// Connections that are open.
    fn connections(&self, open: usize);

    /// Listeners of events.
    fn listeners(&self, open: usize);

    /// An event was told.
    fn event(&self, kind: &'static str);
}
