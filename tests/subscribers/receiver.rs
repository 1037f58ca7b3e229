//! A server that takes requests as a test wants it to, and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::exam::PATIENCE;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What is answered: a status and a body.
pub type Answer = (u16, String);

type Behaviour = Box<dyn FnMut(&Request) -> Answer + Send>;

struct Shared {
    /// Answered with success.
    taken: Mutex<Vec<Request>>,
    changed: Condvar,
    behaviour: Mutex<Behaviour>,
}

/// A server.
pub struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    /// One that answers as `behaviour` says.
    pub fn start(behaviour: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), behaviour)
    }

    /// One that takes everything.
    pub fn glad() -> Self {
        Self::start(|_| (204, String::new()))
    }

    pub fn on(listener: TcpListener, behaviour: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            taken: Mutex::default(),
            changed: Condvar::new(),
            behaviour: Mutex::new(Box::new(behaviour)),
        });
        let address = listener.local_addr().unwrap();
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let server = Arc::clone(&server);
                std::thread::spawn(move || server.serve(stream.unwrap()));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until so many requests were answered with success; all of them.
    pub fn wait_for(&self, count: usize) -> Vec<Request> {
        self.wait_until(|taken| taken.len() >= count)
    }

    /// Waits until what was answered with success is enough.
    pub fn wait_until(&self, enough: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let begun = Instant::now();
        let mut taken = self.shared.taken.lock().unwrap();
        while !enough(&taken) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(!left.is_zero(), "only {} requests came: {taken:?}", taken.len());
            taken = self.shared.changed.wait_timeout(taken, left).unwrap().0;
        }
        taken.clone()
    }

    pub fn taken(&self) -> Vec<Request> {
        self.shared.taken.lock().unwrap().clone()
    }
}

/// A port that nobody listens on until the test says so: connections to it are refused.
pub fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Shared {
    /// Answers the requests of one connection.
    fn serve(&self, stream: TcpStream) {
        stream.set_read_timeout(Some(Duration::from_secs(600))).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(request) = read(&mut reader) {
            let (status, body) = (self.behaviour.lock().unwrap())(&request);
            if (200..300).contains(&status) {
                self.taken.lock().unwrap().push(request);
                self.changed.notify_all();
            }
            let head = format!(
                "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            if stream.write_all(head.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The next request of a connection; `None` at its end.
fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}
