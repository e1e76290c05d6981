//! What happens between the socket and the screen, without either: decoding events, keeping the cache and the
//! journal, drawing each pane, counting in a world's calendar.

#![allow(unreachable_pub, reason = "nobody outside reaches a test or a benchmark")]
#![expect(clippy::unwrap_used, reason = "what is benched is made here")]

mod campaign;
mod screen;

use std::hint::black_box;
use std::time::Instant;

use campaign::{EVENTS_PER_RUN, USUAL_CAMPAIGN, decode};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use scry_calendar::{Calendar, WorldTime};
use scry_model::cache::Cache;
use scry_protocol::Event;

/// Decodes events and applies them to the cache.
fn events(criterion: &mut Criterion) {
    let journal = USUAL_CAMPAIGN.journal();
    let events: Vec<Event> = journal.iter().map(|text| decode(text)).collect();
    let snapshot = USUAL_CAMPAIGN.snapshot();
    let filled = || {
        let mut cache = Cache::default();
        cache.snapshot(snapshot.clone(), Timestamp::UNIX_EPOCH);
        cache
    };

    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(EVENTS_PER_RUN.into()));
    group.bench_function("decode and make safe", |bencher| {
        bencher.iter(|| {
            journal.iter().map(|text| decode(black_box(text))).filter(|event| event.position().is_some()).count()
        });
    });
    group.bench_function("apply to the cache", |bencher| {
        let now = Instant::now();
        bencher.iter_batched_ref(
            filled,
            |cache| events.iter().for_each(|event| cache.event(black_box(event), now, Timestamp::UNIX_EPOCH)),
            BatchSize::LargeInput,
        );
    });
    group.finish();

    let mut group = criterion.benchmark_group("snapshot");
    group.throughput(Throughput::Elements(u64::try_from(snapshot.nodes.len()).unwrap()));
    group.bench_function("take a campaign in", |bencher| {
        bencher.iter_batched(
            || (Cache::default(), snapshot.clone()),
            |(mut cache, snapshot)| {
                cache.snapshot(snapshot, Timestamp::UNIX_EPOCH);
                cache
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn calendar(criterion: &mut Criterion) {
    let calendar = Calendar::gregorian();
    criterion.bench_function("calendar date", |bencher| {
        let instant: WorldTime = "1207-09-14T18:20:00Z".parse().unwrap();
        bencher.iter(|| calendar.date_of(black_box(instant)));
    });
}

criterion_group!(benches, events, screen::intake, screen::frames, calendar);
criterion_main!(benches);
