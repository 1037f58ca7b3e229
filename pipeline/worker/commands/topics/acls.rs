//! `invigilator topics acls`: what a principal must be allowed to do, as commands for Kafka's own tool.

use std::io::{self, Write};

use super::configuration;
use crate::access::{self, Grant, Resource};
use crate::cli::AclsArgs;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;

pub(super) fn run(args: &AclsArgs, settings: &Settings) -> Result<Exit, Failure> {
    let grants = access::grants(args.role, &settings.kafka).map_err(configuration)?;
    let mut out = io::stdout();
    for grant in grants {
        writeln!(out, "{}", command(&settings.kafka.brokers, &args.principal, &grant))?;
    }
    Ok(Exit::Ok)
}

fn command(brokers: &str, principal: &str, grant: &Grant) -> String {
    let operations: Vec<String> =
        grant.operations.iter().map(|operation| format!("--operation {operation:?}")).collect();
    let resource = match &grant.resource {
        Resource::Topic(name) => format!("--topic {name}"),
        Resource::Group(name) => format!("--group {name}"),
        Resource::Groups(prefix) => format!("--group {prefix} --resource-pattern-type prefixed"),
        Resource::TransactionalIds(prefix) => {
            format!("--transactional-id {prefix} --resource-pattern-type prefixed")
        }
    };
    format!(
        "kafka-acls.sh --bootstrap-server {brokers} --add --allow-principal {principal} {} {resource}",
        operations.join(" ")
    )
}
