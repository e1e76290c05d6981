//! `scry-server`: the server of scry.

use std::process::ExitCode;

use tokio::runtime::Builder;

/// Events are written down on one thread and sent from another. The system's allocator makes the two wait for each other,
/// in the very moments in which a burst goes out.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("scry-server: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(scry_server::cli::run());
    // A hash that is still at work must not hold up the end.
    runtime.shutdown_background();
    ExitCode::from(code)
}
