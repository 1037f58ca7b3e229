//! Arguments → command → exit code. Nothing else happens here.

use std::process::ExitCode;

use clap::Parser;
use invigilator::cli::{Cli, Command};
use invigilator::commands;
use invigilator::exit::{Exit, Failure};

fn main() -> ExitCode {
    silence_onnx_runtime();
    let outcome = match Cli::parse().command {
        // A decoder child is another program that happens to share the binary.
        Command::DecodeChild => return decode::decode_child_main(),
        Command::Analyze(args) => commands::analyze::run(&args),
        Command::Demo(args) => commands::demo::run(&args),
        Command::Publish(args) => commands::publish::run(&args),
        Command::Upload(args) => commands::upload::run(&args),
        Command::Worker(args) => commands::worker::run(&args),
        Command::Gateway(args) => commands::gateway::run(&args),
        Command::Topics(args) => commands::topics::run(&args),
        Command::Redrive(args) => commands::redrive::run(&args),
        Command::Rescore(args) => commands::rescore::run(&args),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Enroll(args) => commands::enroll::run(&args),
        Command::Erase(args) => commands::erase::run(&args),
        Command::Evidence(args) => commands::evidence::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Models(args) => commands::models::run(&args),
        Command::CheckConfig(args) => commands::check_config::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args),
    };
    outcome.unwrap_or_else(|failure| tell(&failure)).into()
}

/// ONNX Runtime's published library prepares to report on its use when it is loaded, whatever it is told
/// through its own interface later. What is looked at here is nobody else's business.
#[allow(unsafe_code, reason = "the environment can be changed in no other way")]
fn silence_onnx_runtime() {
    // SAFETY: the first thing that the program does: no other thread can be reading the environment.
    unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") };
}

/// Tells the user what went wrong.
fn tell(failure: &Failure) -> Exit {
    if failure.is_broken_pipe() {
        // `invigilator ... | head` has read what it wanted.
        return Exit::Ok;
    }
    eprintln!("error: {}", failure.message());
    failure.exit
}
