//! A link between clients and a broker that can be cut, slowed down and stopped: a TCP proxy on the
//! loopback interface. The broker has to advertise the link's port, or clients go around it.

#![allow(dead_code, reason = "not every test crate uses all of it")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// A link; ends with the process.
pub struct Link {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    quality: Mutex<Quality>,
    changed: Condvar,
    open: Mutex<Vec<TcpStream>>,
}

#[derive(Default, Clone, Copy)]
struct Quality {
    /// Added to every piece of data, in each direction.
    latency: Duration,
    /// Nothing passes, and nobody is told.
    is_stopped: bool,
}

impl Link {
    /// A link on `listener` to the port `target`, perfect at first.
    pub fn new(listener: TcpListener, target: u16) -> Self {
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                // A broker that is down refuses: so does the link.
                let (Ok(client), Ok(broker)) = (client, TcpStream::connect(("127.0.0.1", target))) else {
                    continue;
                };
                shared.join(&client, &broker);
                shared.join(&broker, &client);
                shared.open.lock().unwrap().extend([client, broker]);
            }
        });
        Self { port, state }
    }

    /// Where clients find the broker.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections in the middle of whatever they carry; new ones are possible.
    pub fn cut(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            // The other side may have been faster.
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }

    /// Delays everything.
    pub fn slow_down(&self, latency: Duration) {
        self.state.quality.lock().unwrap().latency = latency;
    }

    /// Lets nothing pass any more, without a word, or everything again.
    pub fn stop(&self, is_stopped: bool) {
        self.state.quality.lock().unwrap().is_stopped = is_stopped;
        self.state.changed.notify_all();
    }
}

impl State {
    /// Carries data in one direction until one end closes.
    fn join(self: &Arc<Self>, from: &TcpStream, to: &TcpStream) {
        let (state, mut from, mut to) =
            (Arc::clone(self), from.try_clone().unwrap(), to.try_clone().unwrap());
        thread::spawn(move || {
            let mut piece = vec![0; 64 << 10];
            while let Ok(length @ 1..) = from.read(&mut piece) {
                let quality = state.quality.lock().unwrap();
                let quality = state.changed.wait_while(quality, |quality| quality.is_stopped).unwrap();
                let latency = quality.latency;
                drop(quality);
                // The fault itself, not a way to wait for something.
                thread::sleep(latency);
                if to.write_all(&piece[..length]).is_err() {
                    break;
                }
            }
            let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
}
