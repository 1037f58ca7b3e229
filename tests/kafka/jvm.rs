//! A JVM that dies with the process that started it, however that ends: a shell beside it waits for the other
//! end of a pipe to close, then kills the JVM and removes its folder; told to `keep`, it leaves the folder.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Starts `java ARGUMENTS` in a folder, with a log there.
pub fn spawn(folder: &Path, log: &str, arguments: &[&str]) -> Child {
    const SCRIPT: &str = r#"
        trap '' HUP INT TERM
        exec 3<&0
        folder=$1
        shift
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
    Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .arg(folder)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Kills it at once, as a crash would (SIGKILL); its folder stays.
pub fn kill(process: &mut Child) {
    process.stdin.take().expect("it is a pipe").write_all(b"keep\n").unwrap();
    process.wait().unwrap();
}
