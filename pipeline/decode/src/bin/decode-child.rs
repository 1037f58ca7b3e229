//! The child process alone, for the tests of this crate: the product's binary has it as a subcommand.

fn main() -> std::process::ExitCode {
    decode::decode_child_main()
}
