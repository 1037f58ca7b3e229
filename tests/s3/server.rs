//! A real S3-compatible server for tests: S3Proxy in a JVM of its own, over a folder, on the loopback
//! interface. It checks signatures.
//!
//! Like a broker of tests it dies with the process that started it, however that ends.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::broker::{Port, jvm};

/// How long it may take to start, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(60);
/// Who may use it.
const KEY_ID: &str = "test-id";
/// His secret.
const SECRET: &str = "test-secret";

/// A running server, or one that was killed and can be started again with what it stores.
pub struct ObjectStore {
    folder: TempDir,
    port: Port,
    process: Option<Child>,
}

impl ObjectStore {
    /// Starts a server with one empty bucket and waits until it answers.
    pub fn start(bucket: &str) -> Self {
        assert!(jar().is_file(), "the object store is missing; run: make setup");
        let folder = tempfile::Builder::new().prefix("invigilator-s3-").tempdir().unwrap();
        fs::create_dir_all(folder.path().join("data").join(bucket)).unwrap();
        let port = Port::claim();
        let mut store = Self { folder, port, process: None };
        store.know(SECRET);
        store.restart();
        store
    }

    /// From its next start on it takes us for strangers.
    pub fn forget_us(&self) {
        self.know("of somebody else");
    }

    /// From its next start on it knows us again.
    pub fn remember_us(&self) {
        self.know(SECRET);
    }

    /// How a process finds it and who it is.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port.number)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ]
    }

    /// Where it keeps the objects of its buckets, as files.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn know(&self, secret: &str) {
        let settings = format!(
            "s3proxy.endpoint=http://127.0.0.1:{}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={KEY_ID}
s3proxy.credential={secret}
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir={}
",
            self.port.number,
            self.folder.path().join("data").display()
        );
        fs::write(self.folder.path().join("s3proxy.conf"), settings).unwrap();
    }

    /// Kills it at once, as a crash would (SIGKILL); what it stores stays.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            jvm::kill(&mut process);
        }
    }

    /// Starts it again, with what it stored, and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        let jar = jar().display().to_string();
        let arguments = [
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-DLOG_LEVEL=warn",
            "-jar",
            &jar,
            "--properties",
            "s3proxy.conf",
        ];
        self.process = Some(jvm::spawn(self.folder.path(), "s3proxy.log", &arguments));
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port.number)).is_err() {
            let has_ended =
                self.process.as_mut().is_some_and(|process| process.try_wait().unwrap().is_some());
            if has_ended || began.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("s3proxy.log")).unwrap_or_default();
                panic!("the object store did not start:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where `make setup` puts it.
fn jar() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/s3/s3proxy.jar")
}
