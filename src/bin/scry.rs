//! The client: the dashboard and the commands around it.

fn main() -> std::process::ExitCode {
    scry::cli::main().into()
}
