//! Which implementation of TLS the HTTP clients of this process use. (Kafka's client has one of its own.)

/// Makes `ring` the one; it builds in seconds and needs no further tools. May be called any number of times.
pub fn prepare() {
    // Whoever was first has installed it.
    let _installed = rustls::crypto::ring::default_provider().install_default();
}
