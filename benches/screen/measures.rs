//! One function for each thing that is measured; each opens a dashboard of its own.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use tempfile::TempDir;

use super::gateway::{BENCH_CAMPAIGN, BenchGateway};
use super::process::{resident, usage};
use super::terminal::BenchTerminal;

/// A campaign as a table has it, and one as nobody has it.
const USUAL_SETTLEMENTS: usize = 50;
const HUGE_SETTLEMENTS: usize = 10_000;
/// One of 1,000 settlements, each of which changes in a flood.
const FLOODED_SETTLEMENTS: usize = 5_000;

/// One line of the result.
pub struct MeasureRow {
    pub what: String,
    pub measured: String,
    pub goal: &'static str,
    pub met: bool,
}

fn row(what: &str, measured: String, goal: &'static str, met: bool) -> MeasureRow {
    MeasureRow { what: what.to_owned(), measured, goal, met }
}

/// A person's machine.
struct BenchMachine {
    home: TempDir,
}

impl BenchMachine {
    fn new() -> Result<Self> {
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("config.toml"), "[ui]\njournal_limit = 100000\n")?;
        Ok(Self { home })
    }

    fn open(&self, scry: &Path, url: &str) -> Result<BenchTerminal> {
        let home = self.home.path().to_string_lossy();
        let env = [
            ("HOME", &*home),
            ("SCRY_CONFIG_DIR", &*home),
            ("SCRY_DATA_DIR", &*home),
            ("SCRY_URL", url),
            ("SCRY_TOKEN", "any"),
        ];
        BenchTerminal::spawn(scry, &["--campaign", BENCH_CAMPAIGN], &env)
    }

    fn live(&self, scry: &Path, gateway: &BenchGateway) -> Result<BenchTerminal> {
        let terminal = self.open(scry, &gateway.url)?;
        terminal.wait("a live connection", |screen| screen.contains("● ") && screen.contains("Settlement s0"))?;
        // Its first seconds are busier than any later ones: the state is saved, the indicator settles.
        sleep(Duration::from_secs(5));
        Ok(terminal)
    }
}

/// From the start of the process to a screen that shows the campaign as it was kept, with no server to ask.
pub fn start(scry: &Path) -> Result<Vec<MeasureRow>> {
    let desk = BenchMachine::new()?;
    let gateway = BenchGateway::start(desk.home.path(), USUAL_SETTLEMENTS)?;
    desk.live(scry, &gateway)?.quit()?;
    let url = gateway.url.clone();
    drop(gateway);
    let mut times = Vec::new();
    for _ in 0..15 {
        let terminal = desk.open(scry, &url)?;
        let shown = terminal.wait("the kept state", |screen| screen.contains("Settlement s0"))?;
        times.push(shown.duration_since(terminal.began));
        terminal.quit()?;
    }
    let median = quantile(&mut times, 0.5);
    let said = format!("{} median, {} worst of {}", millis(median), millis(quantile(&mut times, 1.0)), times.len());
    Ok(vec![row("first frame from the kept state", said, "≤ 80 ms", median <= Duration::from_millis(80))])
}

/// From before the gateway is told to send an event to the output that shows it.
pub fn event(scry: &Path) -> Result<Vec<MeasureRow>> {
    let desk = BenchMachine::new()?;
    let mut gateway = BenchGateway::start(desk.home.path(), USUAL_SETTLEMENTS)?;
    let terminal = desk.live(scry, &gateway)?;
    let mut times = Vec::new();
    for number in 0..300 {
        let word = format!("ruler{:05}", number * 7919 % 100_000);
        let told = Instant::now();
        gateway.event(&word)?;
        let shown = terminal.wait("the event", |screen| screen.contains(&word))?;
        times.push(shown.saturating_duration_since(told));
        // Not in step with the frames.
        sleep(Duration::from_millis(20 + number * 13 % 40));
    }
    let (half, most) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    let said = format!("p50 {}, p99 {}", millis(half), millis(most));
    Ok(vec![row("event → terminal bytes", said, "p99 ≤ 20 ms", most <= Duration::from_millis(20))])
}

/// Bursts of 10,000 events, one a second, while somebody types.
pub fn flood(scry: &Path) -> Result<Vec<MeasureRow>> {
    let desk = BenchMachine::new()?;
    let mut gateway = BenchGateway::start(desk.home.path(), FLOODED_SETTLEMENTS)?;
    let mut terminal = desk.live(scry, &gateway)?;
    let (mut times, mut fastest) = (Vec::new(), 0.0_f64);
    let mut open = false;
    for _ in 0..10 {
        let (began, (_, frames)) = (Instant::now(), terminal.written());
        gateway.begin_burst(10_000)?;
        while began.elapsed() < Duration::from_millis(1_000) {
            let typed = Instant::now();
            terminal.keys("?")?;
            open = !open;
            let shown = terminal.wait("the help", |screen| screen.contains("Help: World") == open)?;
            times.push(shown.saturating_duration_since(typed));
            sleep(Duration::from_millis(7));
        }
        gateway.answered()?;
        let drawn = terminal.written().1 - frames;
        fastest = fastest.max(f64::from(u32::try_from(drawn)?) / began.elapsed().as_secs_f64());
    }
    if open {
        terminal.keys("?")?;
    }
    terminal.wait("the last event", |screen| screen.contains("#100000"))?;
    let screen = terminal.text();
    let folded = screen.split_once("follow, ").and_then(|(_, rest)| rest.split_once(" too fast to show"));
    let folded = folded.map_or("not told", |(count, _)| count);
    let (half, most) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    let said = format!(
        "p50 {}, p99 {}, worst {} of {}",
        millis(half),
        millis(most),
        millis(quantile(&mut times, 1.0)),
        times.len()
    );
    Ok(vec![
        row("key → terminal bytes, 10,000 events/s", said, "p99 ≤ 30 ms", most <= Duration::from_millis(30)),
        row("frames under that flood", format!("{fastest:.0}/s in the busiest second"), "≤ 60/s", fastest <= 60.5),
        row("rows of that flood no frame showed", folded.to_owned(), "counted", folded != "not told"),
    ])
}

/// Resident memory with 10,000 entities and 100,000 events.
pub fn memory(scry: &Path) -> Result<Vec<MeasureRow>> {
    let desk = BenchMachine::new()?;
    let mut gateway = BenchGateway::start(desk.home.path(), HUGE_SETTLEMENTS)?;
    let terminal = desk.live(scry, &gateway)?;
    let entities = resident(terminal.pid()?)?;
    for burst in 1..=20 {
        gateway.burst(5_000)?;
        let last = format!("#{}", burst * 5_000);
        terminal.wait(&last, |screen| screen.contains(&last))?;
    }
    terminal.wait("every event", |screen| screen.contains("100 000 events"))?;
    sleep(Duration::from_secs(3));
    let all = resident(terminal.pid()?)?;
    let said = format!("{:.1} MiB ({:.1} before the events)", mebibytes(all), mebibytes(entities));
    Ok(vec![row("resident, 10,000 entities, 100,000 events", said, "≤ 60 MiB", all <= 60 * 1024)])
}

/// A live dashboard on which nothing happens.
pub fn idle(scry: &Path, seconds: u64) -> Result<Vec<MeasureRow>> {
    let desk = BenchMachine::new()?;
    let gateway = BenchGateway::start(desk.home.path(), USUAL_SETTLEMENTS)?;
    let terminal = desk.live(scry, &gateway)?;
    sleep(Duration::from_secs(5));
    let pid = terminal.pid()?;
    let (before, written) = (usage(pid)?, terminal.written().0);
    let began = Instant::now();
    sleep(Duration::from_secs(seconds));
    let (after, bytes) = (usage(pid)?, terminal.written().0 - written);
    let elapsed = began.elapsed().as_secs_f64();
    let percent = f64::from(u32::try_from(after.ticks - before.ticks)?) / elapsed;
    let wakeups = f64::from(u32::try_from(after.wakeups - before.wakeups)?) / elapsed;
    Ok(vec![
        row("idle: CPU", format!("{percent:.2} %"), "≤ 0.1 %", percent <= 0.1),
        row("idle: wake-ups", format!("{wakeups:.1}/s"), "≤ 2/s", wakeups <= 2.0),
        row("idle: written", format!("{bytes} bytes in {seconds} s"), "0 bytes", bytes == 0),
    ])
}

/// Returns the value below which this part of all lies.
fn quantile(times: &mut [Duration], part: f64) -> Duration {
    times.sort();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = ((times.len() as f64 * part).ceil() as usize).saturating_sub(1);
    times.get(index).copied().unwrap_or_default()
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

fn mebibytes(kibibytes: u64) -> f64 {
    f64::from(u32::try_from(kibibytes).unwrap_or(u32::MAX)) / 1_024.0
}
