//! The client: the dashboard and the commands around it.

/// Events are read on one thread and written on another. The system's allocator makes the two wait for each other, which
/// costs a third of all the time a flood takes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    scry::cli::main().into()
}
