use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use domain::error::ErrorKind;
use domain::messages::canonical::sha256_hex;

use super::*;

fn library(prefixes: &[&str]) -> Library {
    let prefixes: Vec<Prefix> = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
    Library::open(&prefixes, 100).unwrap()
}

fn reference(uri: impl Into<String>, media: &[u8]) -> Reference {
    Reference { uri: uri.into(), sha256: sha256_hex(media), size: media.len() as u64 }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn read(library: &Library, reference: &Reference) -> Result<Vec<u8>, MediaError> {
    wait(library.read(reference))
}

fn reason(library: &Library, reference: &Reference) -> &'static str {
    read(library, reference).unwrap_err().reason()
}

/// A server on the loopback interface that says the same to everybody, and how many came.
struct Server {
    base: String,
    visitors: Arc<AtomicUsize>,
}

impl Server {
    fn saying(answer: String) -> Self {
        Self::doing(move |mut visitor| {
            // Who has heard enough hangs up.
            let _heard = visitor.write_all(answer.as_bytes());
        })
    }

    fn answering(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        Self::hearing(move |request, mut visitor| {
            let path = request[0].split(' ').nth(1).unwrap();
            let _heard = visitor.write_all(answer(path).as_bytes());
        })
    }

    fn doing(act: impl Fn(TcpStream) + Send + 'static) -> Self {
        Self::hearing(move |_, visitor| act(visitor))
    }

    /// Does something with each visitor, once the lines of his request are heard.
    fn hearing(act: impl Fn(&[String], TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let visitors = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&visitors);
        thread::spawn(move || {
            for visitor in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let visitor = visitor.unwrap();
                let request = BufReader::new(visitor.try_clone().unwrap());
                let request: Vec<String> =
                    request.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                if !request.is_empty() {
                    act(&request, visitor);
                }
            }
        });
        Self { base, visitors }
    }

    fn visitors(&self) -> usize {
        self.visitors.load(Ordering::SeqCst)
    }
}

fn answer(status: &str, media: &str) -> String {
    // It hangs up after each answer: nobody shall ask again by a connection that is about to end.
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Last-Modified: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\n{media}",
        media.len()
    )
}

#[test]
fn only_what_was_stated_is_read_and_only_from_allowed_folders() {
    let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let library = library(&[&format!("file://{}/", inside.path().display())]);
    let good = inside.path().join("a.webm");
    let secret = outside.path().join("secret");
    std::fs::write(&good, b"media").unwrap();
    std::fs::write(&secret, b"media").unwrap();
    std::os::unix::fs::symlink(&secret, inside.path().join("link")).unwrap();
    std::os::unix::fs::symlink(&good, inside.path().join("alias")).unwrap();
    let pipe = inside.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let file = |path: &FilePath, media: &[u8]| reference(format!("file://{}", path.display()), media);

    assert_eq!(read(&library, &file(&good, b"media")).unwrap(), b"media");
    assert_eq!(read(&library, &file(&inside.path().join("alias"), b"media")).unwrap(), b"media");
    for (path, media, why) in [
        (&secret, &b"media"[..], "media_not_allowed"),
        (&inside.path().join("link"), b"media", "media_not_allowed"),
        (&inside.path().join("none"), b"media", "media_not_found"),
        (&pipe, b"media", "media_unreadable"),
        (&good, b"medio", "media_different"),
        (&good, b"media and more", "media_different"),
        (&good, b"med", "media_different"),
        (&good, &[0; 101], "media_too_large"),
    ] {
        assert_eq!(reason(&library, &file(path, media)), why, "{}", path.display());
    }
}

#[test]
fn web_servers_are_asked_below_allowed_prefixes_alone() {
    let server = Server::saying(answer("200 OK", "media"));
    let library = library(&[&format!("{}/exams/", server.base)]);
    for path in ["/other/a.webm", "/exams/../a.webm", "/exams/%2e%2e/a.webm", "/exams/a.webm?x", "/exams"] {
        let elsewhere = reference(format!("{}{path}", server.base), b"media");
        assert_eq!(reason(&library, &elsewhere), "media_not_allowed", "{path}");
    }
    assert_eq!(server.visitors(), 0, "nobody is asked before it is known that he may be");
    let media = read(&library, &reference(format!("{}/exams/a.webm", server.base), b"media")).unwrap();
    assert_eq!((media.as_slice(), server.visitors()), (&b"media"[..], 1));
}

#[test]
fn redirects_are_not_followed() {
    let secret = Server::saying(answer("200 OK", "media"));
    let location = format!("Location: {}/exams/a\r\n", secret.base);
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        let server = Server::saying(format!("HTTP/1.1 {status}\r\n{location}Content-Length: 0\r\n\r\n"));
        // Not even to where a record itself may lead.
        let library = library(&[&server.base, &secret.base]);
        let asked = reference(format!("{}/exams/a", server.base), b"media");
        assert_eq!(reason(&library, &asked), "media_redirected", "{status}");
        assert_eq!((server.visitors(), secret.visitors()), (1, 0), "{status}");
    }
}

#[test]
fn what_a_server_answers_decides_whether_it_is_asked_again() {
    for (status, why, kind) in [
        ("404 Not Found", "media_not_found", ErrorKind::Poison),
        ("400 Bad Request", "store_unauthorized", ErrorKind::Transient),
        ("401 Unauthorized", "store_unauthorized", ErrorKind::Transient),
        ("403 Forbidden", "store_unauthorized", ErrorKind::Transient),
        ("405 Method Not Allowed", "media_refused", ErrorKind::Poison),
        ("429 Too Many Requests", "store_fails", ErrorKind::Transient),
        ("503 Service Unavailable", "store_fails", ErrorKind::Transient),
    ] {
        let server = Server::saying(answer(status, "an explanation with a secret"));
        let asked = reference(format!("{}/a", server.base), b"media");
        let error = read(&library(&[&server.base]), &asked).unwrap_err();
        assert_eq!((error.reason(), error.kind()), (why, kind), "{status}");
        assert_eq!(server.visitors(), 1, "trying again is for the caller");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn a_server_that_refuses_means_the_media_if_it_gives_others_and_us_if_it_does_not() {
    let is_closed = Arc::new(AtomicBool::new(false));
    let closed = Arc::clone(&is_closed);
    let server = Server::answering(move |path| {
        let refuses = path == "/secret" || closed.load(Ordering::SeqCst);
        answer(if refuses { "403 Forbidden" } else { "200 OK" }, "media")
    });
    let library = library(&[&server.base]);
    let [secret, open] =
        ["secret", "open"].map(|name| reference(format!("{}/{name}", server.base), b"media"));
    assert_eq!(reason(&library, &secret), "store_unauthorized", "it has given nothing yet");
    assert_eq!(read(&library, &open).unwrap(), b"media");
    let error = read(&library, &secret).unwrap_err();
    assert_eq!((error.reason(), error.kind()), ("media_forbidden", ErrorKind::Poison));
    is_closed.store(true, Ordering::SeqCst);
    assert_eq!(reason(&library, &secret), "store_unauthorized");
    assert_eq!(reason(&library, &open), "store_unauthorized");
}

#[test]
fn a_server_that_says_too_much_or_too_little_is_not_heard_out() {
    let endless = |head: &'static str| {
        Server::doing(move |mut visitor| {
            let mut heard = visitor.write_all(head.as_bytes());
            while heard.is_ok() {
                heard = visitor.write_all(&[b'x'; 1 << 16]);
            }
        })
    };
    let ask = |server: &Server| {
        let asked = reference(format!("{}/a", server.base), b"media");
        read(&library(&[&server.base]), &asked).unwrap_err().reason()
    };
    assert_eq!(ask(&endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")), "media_different");
    assert_eq!(ask(&endless("HTTP/1.1 500 Oh\r\nContent-Length: 99999999999\r\n\r\n")), "store_fails");
    assert_eq!(ask(&Server::saying(answer("200 OK", "medio"))), "media_different");
    let breaks_off = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmed";
    assert_eq!(ask(&Server::saying(breaks_off.to_owned())), "store_unreachable");
}

#[test]
fn a_server_that_is_silent_or_away_is_tried_again() {
    let (held, silent) = std::sync::mpsc::channel::<TcpStream>();
    let server = Server::doing(move |visitor| held.send(visitor).unwrap());
    let mut library = library(&[&server.base]);
    library.patience = Duration::from_millis(100);
    let asked = reference(format!("{}/a", server.base), b"media");
    let error = read(&library, &asked).unwrap_err();
    assert_eq!((error.reason(), error.kind()), ("store_timeout", ErrorKind::Transient));
    drop(silent);

    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{away}");
    let error = read(&self::library(&[&base]), &reference(format!("{base}/a"), b"media")).unwrap_err();
    assert_eq!((error.reason(), error.kind()), ("store_unreachable", ErrorKind::Transient));
}
