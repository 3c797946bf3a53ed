//! The binary under test.

fn main() -> std::process::ExitCode {
    skyloom::cli::main()
}
