//! A thin door to [`skyloom::cli`].

fn main() -> std::process::ExitCode {
    skyloom::cli::main()
}
