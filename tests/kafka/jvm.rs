//! A JVM that dies with the process that started it, however that ends: a shell beside it waits for the other
//! end of a pipe to close, then kills the JVM and removes its folder; told to `keep`, it leaves the folder.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::node::cache;

/// Starts `java ARGUMENTS` in a folder, with a log there.
pub fn spawn(folder: &Path, log: &str, arguments: &[&str]) -> Child {
    spawn_by(Command::new("sh"), folder, log, arguments)
}

/// The same by a shell that sees what others do not.
pub fn spawn_by(mut shell: Command, folder: &Path, log: &str, arguments: &[&str]) -> Child {
    const SCRIPT: &str = r#"
        trap '' HUP INT TERM
        exec 3<&0
        folder=$1
        shift
        cd "$folder"
        java "$@" </dev/null 3<&- &
        java=$!
        {
            read -r order <&3
            kill -KILL "$java"
            [ "$order" = keep ] || rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
        } &
        wait "$java"
    "#;
    let log = File::options().create(true).append(true).open(folder.join(log)).unwrap();
    shell
        .args(["-c", SCRIPT, "sh"])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// A command that runs a tool of Kafka's own on a broker.
pub fn tool(class: &str, bootstrap: &str) -> Command {
    let mut command = Command::new("java");
    command
        .args(["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(cache().join("lib/*"))
        .args([class, "--bootstrap-server", bootstrap])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Kills it at once, as a crash would (SIGKILL); its folder stays.
pub fn kill(process: &mut Child) {
    process.stdin.take().expect("it is a pipe").write_all(b"keep\n").unwrap();
    process.wait().unwrap();
}
