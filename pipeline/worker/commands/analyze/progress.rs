//! The progress bar: per file, how much media time is analysed and how much is left.
//!
//! On stderr, and only where a person watches: never in pipes, logs or with `--no-progress`.

use std::path::Path;
use std::time::Duration;

use domain::time::{MediaMs, Millis};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Progress through a list of files.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    files: usize,
    file: usize,
}

impl Progress {
    /// A bar for so many files; it is hidden where nobody watches.
    pub fn new(files: usize, shown: bool) -> Self {
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, files, file: 0 }
    }

    /// Goes on to the next file.
    pub fn next_file(&mut self, path: &Path) {
        self.file += 1;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let prefix = if self.files > 1 { format!("[{}/{}] ", self.file, self.files) } else { String::new() };
        self.bar.reset();
        self.bar.unset_length();
        self.bar.set_style(style("{prefix}{msg}  {spinner} {pos} s analysed"));
        self.bar.set_prefix(prefix);
        self.bar.set_message(name.into_owned());
    }

    /// The length of the file is known.
    pub fn expect(&self, length: Millis) {
        self.bar.set_length(seconds(length.0));
        self.bar.set_style(style("{prefix}{msg}  {wide_bar} {pos}/{len} s  {percent} %  ETA {eta}"));
    }

    /// The file is analysed up to here.
    pub fn reached(&self, instant: MediaMs) {
        self.bar.set_position(seconds(instant.0));
    }

    /// Prints a line above the bar, on stderr, whether or not there is a bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Gets out of the way while something is printed.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

fn seconds(millis: i64) -> u64 {
    u64::try_from(millis / 1000).unwrap_or_default()
}

fn style(template: &str) -> ProgressStyle {
    // A template of ours that is wrong costs the looks of the bar and nothing else.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid_and_a_hidden_bar_counts_on() {
        for template in ["{prefix}{msg}  {spinner} {pos} s analysed", "{wide_bar} {percent} % {eta}"] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
        let mut progress = Progress::new(2, false);
        progress.next_file(Path::new("a/b.webm"));
        progress.expect(Millis(90_000));
        progress.reached(MediaMs(30_500));
        assert_eq!((progress.bar.position(), progress.bar.length()), (30, Some(90)));
    }
}
