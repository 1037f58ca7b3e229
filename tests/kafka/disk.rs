//! A small disk of a broker's own, which can be filled: a file system in memory that only processes of a
//! user namespace see, so that nobody needs rights to mount it.
//!
//! It is gone when the test process is, however that ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A small disk, and the namespaces in which it is mounted.
pub struct Disk {
    holder: Child,
    folder: PathBuf,
}

impl Disk {
    /// Mounts a disk over a folder, with what the folder holds copied to it.
    ///
    /// # Errors
    /// Why that is not possible here.
    pub fn mount(folder: &Path, mib: u32) -> Result<Self, String> {
        // Waits for the other end of a pipe to close.
        const SCRIPT: &str = r#"
            disk=$1.disk
            mkdir "$disk" && mount -t tmpfs -o "size=$2" disk "$disk" || exit
            cp "$1"/* "$disk" && mount --bind "$disk" "$1" && echo mounted && exec cat
        "#;
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"])
            .arg(folder)
            .arg(format!("{mib}m"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut said = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        if said != "mounted\n" {
            let output = holder.wait_with_output().unwrap();
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        Ok(Self { holder, folder: folder.to_owned() })
    }

    /// A command that sees the disk.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.holder.id().to_string(), "--user", "--mount", "--preserve-credentials"])
            .arg(program);
        command
    }

    /// Leaves no room on it.
    pub fn fill(&self) {
        // It fails, for want of room.
        let filled = self.command("dd").args(["if=/dev/zero", "bs=64k"]).arg(self.filler()).output().unwrap();
        let said = String::from_utf8_lossy(&filled.stderr).into_owned();
        assert!(said.contains("No space left"), "{said}");
    }

    /// Makes room again.
    pub fn make_room(&self) {
        let filler = self.folder.join(FILLER);
        assert!(self.command("rm").arg(filler).status().unwrap().success());
    }

    fn filler(&self) -> String {
        format!("of={}", self.folder.join(FILLER).display())
    }
}

/// A file that brokers take no notice of.
const FILLER: &str = "filler";

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        // Whatever it ended with: there is nothing left to do about it.
        let _status = self.holder.wait();
    }
}
