//! What `invigilator upload` can be asked.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  invigilator gateway token --role service --tenant t1 > service.token
  invigilator upload exam.webm --exam e7 --token-file service.token --realtime
  invigilator upload recordings/ --exam e7 --token-file service.token --loop 100 --realtime
  gst-launch-1.0 -q videotestsrc is-live=true ! vp8enc deadline=1 keyframe-max-dist=60 \\
    ! webmmux streamable=true ! fdsink | invigilator upload - --exam e7 --token-file service.token

Creates a session for each recording and uploads it as a browser would: one byte stream, in chunks with
numbers, the next one when the gateway has acknowledged the last. `-` is standard input. Files have to be
written from their beginning to their end: WebM, Matroska, fragmented MP4. Exit code 3 if some recordings
and 4 if none could be uploaded, 7 if the gateway cannot be reached or does not accept the token.";

/// `invigilator upload`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct UploadArgs {
    /// Video files, folders or globs; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub inputs: Vec<PathBuf>,
    /// Address of the gateway
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub gateway: String,
    /// A file with a token of the role service
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// The exam that the sessions belong to
    #[arg(long, value_name = "NAME")]
    pub exam: String,
    /// Name of the session within the exam, for the only input; by default the gateway makes one
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// The policy that judges, one that the gateway knows; by default its own
    #[arg(long, value_name = "ID")]
    pub policy: Option<String>,
    /// Upload every file as so many sessions
    #[arg(long = "loop", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub copies: u32,
    /// Send a second of video when it has passed, as a browser does; else as fast as it is acknowledged
    #[arg(long)]
    pub realtime: bool,
    /// Sessions uploaded at once; by default all with --realtime, else 4
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub parallel: Option<u32>,
    /// How long a gateway that fails is asked again
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = humantime::parse_duration)]
    pub retry_for: Duration,
    /// Show no progress bar
    #[arg(long)]
    pub no_progress: bool,
}
