//! `invigilator enroll`: photos of a person → what is wrong with each, and a sealed template for a session.

use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use domain::identity::Embedding;
use domain::messages::Enrolment;
use kafka::Outgoing;
use kafka::wire::Event;

use crate::cli::EnrollArgs;
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::identity::seal;
use crate::privacy::Protection;
use crate::sending::send_all;
use crate::settings::{Settings, Sources, policy};
use crate::telemetry::logs;
use crate::workshop::Workshop;

/// CloudEvents `source` of enrolments.
const SOURCE: &str = "/invigilator/enroll";
/// How long brokers may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Enrols a person, or says whether that could be done.
///
/// # Errors
/// If settings are invalid, the machine lacks something, the tenant has no key, or brokers fail. Photos that
/// cannot be used are no error here but part of the exit code.
pub fn run(args: &EnrollArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.common.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    let policy = policy::load(args.common.policy.as_deref().unwrap_or(&settings.policy))?;
    logs::begin_for_people();
    let configuration = |error: anyhow::Error| Failure::new(Exit::Configuration, error);
    // What cannot be sealed need not be looked at.
    let protection = Protection::open(&settings.privacy)?;
    let workshop = super::workshop(settings, policy, false)?.recognizing()?;
    let faces = faces(args, &workshop)?;
    let exit = match faces.len() {
        0 => Exit::AllInputs,
        some if some < args.photos.len() => Exit::SomeInputs,
        _ => Exit::Ok,
    };
    let (Some(face), Some(session), false) = (Embedding::mean(&faces), &args.session, args.dry_run) else {
        return Ok(exit);
    };
    let keep = args.keep.unwrap_or(workshop.settings().identity.keep);
    let until = SystemTime::now().checked_add(keep);
    let until = until.ok_or_else(|| Failure::new(Exit::Usage, anyhow!("--keep is too long")))?;
    let until = humantime::format_rfc3339_seconds(until).to_string();
    let key = protection.to_write(session).map_err(|error| Failure::new(Exit::Service, error))?;
    let keys = (protection.tenants(), key.as_ref());
    let sealed = seal::new_id().and_then(|id| seal::seal(keys, session, (&id, &face), &until));
    let enrolment = sealed.map_err(|error| configuration(error.into()))?;
    publish(workshop.settings(), &enrolment)?;
    writeln!(io::stdout(), "{session} is enrolled as {} until {until}", enrolment.template)?;
    Ok(exit)
}

/// The faces on the photos that can be used; says of each photo whether it can.
fn faces(args: &EnrollArgs, workshop: &Workshop) -> Result<Vec<Embedding>, Failure> {
    let mut faces = Vec::new();
    let Some(photographs) = workshop.photographs() else { return Ok(faces) };
    for photo in &args.photos {
        let told = match photographs.face(File::open(photo), &faces)? {
            Ok(face) => {
                faces.push(face);
                "can be used".to_owned()
            }
            Err(unusable) => format!("cannot be used ({}): {unusable}", unusable.reason()),
        };
        writeln!(io::stdout(), "{}: {told}", photo.display())?;
    }
    Ok(faces)
}

fn publish(settings: &Settings, enrolment: &Enrolment) -> Result<(), Failure> {
    let connection = settings.connection().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let service = |error| Failure::new(Exit::Service, error);
    let topics = settings.topics().map_err(service)?;
    let now = clock::now();
    let event = Event { time: Some(&now), ..Event::from_source(SOURCE) };
    send_all(&connection, [Outgoing::message(topics.enrolments(), event, enrolment)], PATIENCE)
        .map_err(service)
}
