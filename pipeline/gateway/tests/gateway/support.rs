//! A gateway to ask, a log in memory, and a client that says exactly what a test wants.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::evidence::PictureName;
use domain::ids::SessionId;
use domain::policy::Policy;
use domain::ports::{Acknowledged, AppendError, Entry, Full, Position, Read, RecordLog};
use gateway::auth::{Claims, Keys, Role, Secret, Trust};
use gateway::{App, GatewaySettings, Meter, Pictures, Retention, Server, Store, Unavailable, router};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;

pub const AUDIENCE: &str = "invigilator";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Longer than anything takes here.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any test goes back.
const YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A log in memory.
#[derive(Default)]
pub struct MemoryLog(Mutex<LogState>);

#[derive(Default)]
struct LogState {
    entries: Vec<Entry>,
    behaviour: Behaviour,
    held: Vec<Acknowledged>,
}

/// What the log does with the next entries.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes and acknowledges them.
    #[default]
    Acknowledges,
    /// Takes them, and acknowledges them when it is told to.
    Holds,
    /// Has no room.
    IsFull,
    /// Cannot say whether it has them.
    Fails,
}

impl MemoryLog {
    pub fn behave(&self, behaviour: Behaviour) {
        self.0.lock().unwrap().behaviour = behaviour;
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap().entries.clone()
    }

    pub fn held(&self) -> usize {
        self.0.lock().unwrap().held.len()
    }

    /// Acknowledges everything that is held.
    pub fn release(&self) {
        let held = std::mem::take(&mut self.0.lock().unwrap().held);
        held.into_iter().for_each(|acknowledged| acknowledged(Ok(())));
    }
}

impl RecordLog for MemoryLog {
    fn append(&self, entry: Entry, acknowledged: Acknowledged) -> Result<(), Full> {
        let mut state = self.0.lock().unwrap();
        match state.behaviour {
            Behaviour::IsFull => return Err(Full),
            Behaviour::Fails => {
                drop(state);
                acknowledged(Err(AppendError::Failed { reason: "unreachable" }));
                return Ok(());
            }
            Behaviour::Holds => state.held.push(acknowledged),
            Behaviour::Acknowledges => acknowledged(Ok(())),
        }
        state.entries.push(entry);
        Ok(())
    }
}

/// Counts nothing.
struct Silence;

impl Meter for Silence {
    fn answered(&self, _: &'static str, _: &'static str, _: u16, _: Duration) {}
    fn uploaded(&self, _: usize) {}
    fn connections(&self, _: usize) {}
    fn listeners(&self, _: usize) {}
    fn event(&self, _: &'static str) {}
}

/// Of every session there is one picture, in its first segment, and one that shows no incident. Those of the session
/// `t1/e1/away` cannot be had.
struct OnePicture;

/// What its only picture is called.
pub const PICTURE: &str = "0-0-500";
/// What is in it.
pub const JPEG: &[u8] = b"a picture";

impl Pictures for OnePicture {
    fn list(&self, session: &SessionId) -> Result<Vec<PictureName>, Unavailable> {
        if session.as_str() == "t1/e1/away" {
            return Err(Unavailable);
        }
        Ok([PICTURE, "0-7-14000"].iter().map(|name| name.parse().unwrap()).collect())
    }

    fn open(&self, session: &SessionId, name: &PictureName) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(self.list(session)?.contains(name).then(|| JPEG.to_vec()))
    }
}

/// A running gateway.
pub struct Gateway {
    pub address: SocketAddr,
    pub log: Arc<MemoryLog>,
    pub app: App,
    pub keys: Arc<Keys>,
    close: watch::Sender<bool>,
    runtime: Option<Runtime>,
    serving: Option<tokio::task::JoinHandle<()>>,
    _folder: Option<TempDir>,
}

pub fn policy() -> Policy {
    toml::from_str(include_str!("../../../../config/policies/standard.toml")).unwrap()
}

pub fn settings() -> GatewaySettings {
    GatewaySettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        trust: Trust { audience: AUDIENCE.to_owned(), issuer: Some("https://issuer.test".to_owned()) },
        key_source: None,
        provider: None,
        token_ttl: Duration::from_secs(900),
        max_chunk_bytes: 1 << 20,
        body_timeout: PATIENCE,
        header_timeout: PATIENCE,
        bytes_per_s: 10 << 20,
        upload_bytes: 64 << 20,
        connections: 1_000,
        connections_per_address: 0,
        listeners: 100,
        heartbeat: PATIENCE,
        requests_per_s: 100_000,
        cors_origins: vec!["https://exam.test".to_owned()],
        drain_deadline: PATIENCE,
        policies: [("standard".to_owned(), policy())].into(),
        retention: Retention { results: YEARS, observations: YEARS },
        kept: vec!["Everything: 1 day.".to_owned()],
        templates_kept: None,
        pictures_kept: None,
        default_policy: "standard".to_owned(),
        platforms: Vec::new(),
        attempts_on: [("campus".to_owned(), "t1".to_owned())].into(),
    }
}

impl Gateway {
    pub fn start() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: GatewaySettings) -> Self {
        let folder = TempDir::new().unwrap();
        let mut gateway = Self::on(settings, folder.path());
        gateway._folder = Some(folder);
        gateway
    }

    /// On a store that outlives it.
    pub fn on(settings: GatewaySettings, folder: &std::path::Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind(&settings)).unwrap();
        let address = server.address().unwrap();
        let (close, closing) = watch::channel(false);
        let log = Arc::<MemoryLog>::default();
        let keys = Arc::new(Keys::new(Secret::parse(SECRET).unwrap(), settings.trust.clone()));
        let store = Arc::new(Store::open(folder, "log", settings.retention).unwrap());
        let (meter, shared) = (Arc::new(Silence), Arc::clone(&log) as Arc<dyn RecordLog>);
        let meter: Arc<dyn Meter> = meter;
        let pictures = Some(Arc::new(OnePicture) as Arc<dyn Pictures>);
        let app = App::new(
            settings,
            Arc::clone(&keys),
            shared,
            Arc::clone(&meter),
            store,
            pictures,
            closing.clone(),
        )
        .unwrap();
        let serving = runtime.spawn(server.run(router(&app), meter, closing));
        let (runtime, serving) = (Some(runtime), Some(serving));
        Self { address, log, app, keys, close, runtime, serving, _folder: None }
    }

    /// A token of the gateway's own.
    pub fn token(&self, role: Role, tenant: &str) -> String {
        self.keys.sign(&claims(role, tenant))
    }

    pub fn candidate(&self, session: &str) -> String {
        let tenant = session.split('/').next().unwrap();
        let session = Some(session.to_owned());
        self.keys.sign(&Claims {
            session,
            renew_until: Some(in_an_hour()),
            ..claims(Role::Candidate, tenant)
        })
    }

    /// Has the gateway read something from the log.
    pub fn read(&self, entries: Vec<(Position, Read)>) {
        self.app.apply(entries).unwrap();
    }

    pub fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(&request("GET", path, token, &[], b""))
    }

    pub fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.ask(&request("POST", path, token, &["content-type: application/json"], body.as_bytes()))
    }

    pub fn put_chunk(&self, session: &str, number: &str, bytes: &[u8]) -> Answer {
        let path = format!("/v1/sessions/{}/chunks/{number}", session.replace('/', ":"));
        let headers = ["content-type: video/webm;codecs=vp8"];
        self.ask(&request("PUT", &path, &self.candidate(session), &headers, bytes))
    }

    /// Sends bytes on a connection of their own, and reads until the gateway closes it.
    pub fn ask(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        Answer::read(&mut stream)
    }

    /// The same, while the test goes on.
    pub fn ask_aside(&self, request: Vec<u8>) -> JoinHandle<Answer> {
        let mut stream = self.connect();
        std::thread::spawn(move || {
            stream.write_all(&request).unwrap();
            Answer::read(&mut stream)
        })
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Asks for an orderly end.
    pub fn close(&self) {
        self.close.send_replace(true);
    }

    /// Waits for it.
    pub fn wait_for_end(&mut self) {
        let (runtime, serving) = (self.runtime.as_ref().unwrap(), self.serving.take().unwrap());
        runtime.block_on(serving).unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // The store is free when every task has let go of it.
        self.runtime.take().unwrap().shutdown_timeout(PATIENCE);
    }
}

pub fn in_an_hour() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3_600
}

pub fn claims(role: Role, tenant: &str) -> Claims {
    Claims {
        sub: "somebody".to_owned(),
        tenant: tenant.to_owned(),
        roles: vec![role],
        exams: None,
        session: None,
        renew_until: None,
        created: None,
        exp: in_an_hour(),
        iss: String::new(),
        aud: String::new(),
    }
}

/// A request; without a token where that is empty.
pub fn request(method: &str, path: &str, token: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n");
    if !token.is_empty() {
        text.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    headers.iter().for_each(|header| text.push_str(&format!("{header}\r\n")));
    if !body.is_empty() || method != "GET" {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// What the gateway answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // It may hang up before it has read everything.
        let _ended = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_lowercase(), value.trim().to_owned())
        };
        let headers: Vec<_> = lines.map(header).collect();
        let is_chunked =
            headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = &bytes[end + 4..];
        Self { status, headers, body: if is_chunked { unchunked(body) } else { body.to_vec() } }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Checks status and form of a problem.
    pub fn assert_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.json()["status"], status);
        assert!(self.json()["type"].as_str().unwrap().starts_with("urn:invigilator:problem:"));
    }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        let start = end + 2;
        whole.extend_from_slice(&body[start..start + size]);
        body = &body[start + size + 2..];
        if size == 0 {
            break;
        }
    }
    whole
}
