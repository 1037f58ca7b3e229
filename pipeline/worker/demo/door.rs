//! The door of a demonstration: a gateway on this machine, and links for those who look on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use ::gateway::auth::{Claims, Role, Secret};
use tokio::runtime::Builder;

use crate::exit::{Exit, Failure};
use crate::gateway::Service;
use crate::settings::Settings;
use crate::stages::Stop;
use crate::upload::{Client, NewSession};

/// Where dashboards are looked for; another port if something else is there.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// How long a link is good.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3_600);
/// How long the gateway may take to take a session.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Of all sessions of a demonstration.
const TENANT: &str = "demo";
/// Whoever sits the exam in front of this machine.
const YOU: NewSession<'static> = NewSession { exam: "exam", name: Some("you"), policy: None };

/// Where to look. The links hold tokens: they open this demonstration and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// The dashboard.
    pub dashboard: String,
    /// The page on which to sit the exam oneself.
    pub candidate: String,
}

/// A gateway that runs.
pub(super) struct Door {
    links: Links,
    stop: Stop,
    working: JoinHandle<Result<(), Failure>>,
}

/// Where the gateway is to listen: there, or at the usual place if that is free.
pub(super) fn place(wanted: Option<SocketAddr>) -> SocketAddr {
    wanted.unwrap_or_else(|| match TcpListener::bind(USUAL) {
        Ok(_) => USUAL,
        Err(_) => SocketAddr::new(USUAL.ip(), 0),
    })
}

impl Door {
    /// Opens it.
    ///
    /// # Errors
    /// If the address cannot be had, or the gateway does not take a session.
    pub(super) fn open(settings: &Settings) -> Result<Self, Failure> {
        let secret = Secret::random().map_err(|error| Failure::new(Exit::Environment, error))?;
        let exp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + GOOD_FOR;
        let token = |roles: &[Role]| {
            let claims = Claims {
                sub: "demo".to_owned(),
                tenant: TENANT.to_owned(),
                roles: roles.to_vec(),
                exams: None,
                session: None,
                renew_until: None,
                created: None,
                exp: exp.as_secs(),
                iss: String::new(),
                aud: String::new(),
            };
            secret.sign(&claims, &settings.gateway.audience)
        };
        let (looks, creates) =
            (token(&[Role::Proctor, Role::Reviewer, Role::Admin]), token(&[Role::Service]));
        let service = Service::new(settings.clone())?;
        let stop = service.stop().clone();
        let running = service.open(secret)?;
        let address = address(running.address());
        let working = thread::Builder::new().name("gateway".to_owned()).spawn(|| running.work())?;
        let links = links(&address, &looks, &creates);
        let mut door =
            Self { links: Links { dashboard: String::new(), candidate: String::new() }, stop, working };
        match links {
            Ok(links) => {
                door.links = links;
                Ok(door)
            }
            Err(failure) => door.close().and(Err(failure)),
        }
    }

    /// Where to look.
    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    /// Closes it.
    ///
    /// # Errors
    /// If it failed before.
    pub(super) fn close(self) -> Result<(), Failure> {
        self.stop.drain();
        self.working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// As a browser on this machine writes it.
fn address(listens: SocketAddr) -> String {
    let ip = if listens.ip().is_unspecified() { USUAL.ip() } else { listens.ip() };
    format!("http://{}", SocketAddr::new(ip, listens.port()))
}

fn links(address: &str, looks: &str, creates: &str) -> Result<Links, Failure> {
    let unusable = |error| Failure::new(Exit::Service, error);
    let client = Client::new(address, creates, READY_WITHIN).map_err(unusable)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let opened = runtime.block_on(client.create(&YOU)).map_err(unusable)?;
    Ok(Links { dashboard: format!("{address}/#token={looks}"), candidate: opened.page(address) })
}
