//! Invigilator: exam video in, explained integrity scores out. This crate puts the parts together.
//!
//! A newcomer's map, in the order in which a run meets the files:
//!
//! | Module | Responsible for |
//! |---|---|
//! | [`cli`] | what can be asked for: commands, arguments, help |
//! | [`settings`] | `config/default.toml`, files, environment → validated [`settings::Settings`]; policies |
//! | [`commands`] | one file per command: what a person sees on the terminal |
//! | [`workshop`] | the parts that analysing needs, made once |
//! | [`analyze`] | a file from bytes to score: the wiring of all stages |
//! | [`observer`] | decoded segments → observations, by the models, across threads |
//! | [`identity`] | who is expected: templates, the comparison with one of them |
//! | [`privacy`] | payloads that only those can read who have the session's key; the keys |
//! | `jpeg` | a picture → a small JPEG file |
//! | [`media`] | media by reference: allowed addresses, stores, what is checked of every fetch |
//! | [`piece`] | a cut segment → its header and record |
//! | [`publish`] | recordings → records of live sessions |
//! | [`upload`] | recordings → a gateway, as browsers upload |
//! | [`access`] | what each process does with the brokers, and must be allowed to do |
//! | [`topology`] | the topics as a whole: created, and looked at before work begins |
//! | [`redrive`] | dead letters → segments again |
//! | [`rescore`] | another policy: orders for the score role, or what would come of them |
//! | [`recent`] | what is remembered of the sessions met last |
//! | [`evidence`] | pictures of flagged moments: chosen, made unrecognisable, sealed, kept for a while |
//! | [`compare`] | what a shadow sees and judges otherwise |
//! | [`erase`] | what is kept of a session, deleted, and a receipt |
//! | [`sending`] | records of operators' tools, sent and safe |
//! | [`service`] | a running worker process: its parts and its end |
//! | [`gateway`] | a running gateway: its parts, Kafka behind its ports |
//! | [`attend`] | what both do beside their work: telemetry, signals, deadlines |
//! | [`stages`] | the worker: records in, results out, every queue and its bound |
//! | [`telemetry`] | metrics, health, logs, traces |
//! | [`demo`] | a running system on one machine, with sample clips as candidates |
//! | [`report`] | observations, incidents, score → one self-contained HTML page |
//! | [`eval`] | labelled footage → how right the product is, with sample sizes and intervals |
//! | [`bench`] | recordings → processor time per second of video, beside its parts and an opponent |
//! | [`plan`] | figures of [`bench`] → the size of a cluster |
//! | [`failpoint`] | where a worker can be made to fail, for tests and drills |
//! | [`tls`] | which TLS the HTTP clients use |
//! | [`clock`] | the time of day, for `run` objects and delays only |
//! | [`exit`] | the exit codes and what they mean |
//!
//! The stages themselves live in crates of their own: `decode` (video → pictures), `infer` (pictures →
//! detections), and `domain` (everything that is decided: sampling, observation, score).

pub mod access;
pub mod analyze;
pub mod attend;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod compare;
pub mod demo;
pub mod erase;
pub mod eval;
pub mod evidence;
pub mod exit;
pub mod failpoint;
pub mod gateway;
pub mod identity;
mod jpeg;
pub mod media;
pub mod observer;
pub mod piece;
pub mod plan;
pub mod privacy;
pub mod publish;
pub mod recent;
pub mod redrive;
pub mod report;
pub mod rescore;
pub mod sending;
pub mod service;
pub mod settings;
pub mod stages;
pub mod telemetry;
pub mod tls;
pub mod topology;
pub mod upload;
pub mod workshop;
