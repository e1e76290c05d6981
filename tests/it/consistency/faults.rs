//! What is broken, and when: chosen from a seed, recorded as it happens.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::cluster::{TestCluster, millis};
use super::history::{HistoryRecord, HistoryRecorder, InjectedFault};
use scry_testkit::postgres::Postgres;
use scry_testkit::process::ServerProcess;
use scry_testkit::redis::Redis;

/// How long a node runs between two kills, on average and with all nodes together.
const UPTIME: u64 = 800;
/// One kill in so many is a polite one.
const GRACEFUL_ONE_IN: u32 = 6;
/// How long a node that ended politely may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a part may take to come back.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(60);

/// Breaks things until told to stop; leaves everything mended.
pub struct FaultSchedule {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl FaultSchedule {
    pub fn start(cluster: &TestCluster, recorder: &HistoryRecorder, rng: &mut Rng) -> Self {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let uptime = UPTIME * u64::try_from(cluster.nodes.len()).unwrap();
        for (number, node) in cluster.nodes.iter().enumerate() {
            let node = NodeKiller {
                number,
                uptime,
                node: node.clone(),
                urls: cluster.urls(),
                recorder: recorder.clone(),
                rng: rng.fork(),
            };
            tasks.spawn(node.run(stop.clone()));
        }
        if let Some(redis) = &cluster.redis {
            let (redis, recorder, rng, stop) = (redis.clone(), recorder.clone(), rng.fork(), stop.clone());
            let runtime = Handle::current();
            // What waits for Redis to listen cannot move between threads.
            tasks.spawn_blocking(move || runtime.block_on(hurt_redis(redis, recorder, rng, stop)));
        }
        if let Some(postgres) = &cluster.postgres {
            tasks.spawn(crash_postgres(postgres.clone(), recorder.clone(), rng.fork(), stop.clone()));
        }
        Self { stop, tasks }
    }

    /// Waits until everything runs again.
    pub async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

/// Kills one node again and again.
struct NodeKiller {
    number: usize,
    /// How long it runs on average, in milliseconds.
    uptime: u64,
    node: Arc<Mutex<ServerProcess>>,
    urls: watch::Sender<Vec<Option<String>>>,
    recorder: HistoryRecorder,
    rng: Rng,
}

impl NodeKiller {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let uptime = millis(&mut self.rng, self.uptime / 4..self.uptime * 7 / 4);
            if stopped(&stop, uptime).await {
                return;
            }
            self.end().await;
            sleep(millis(&mut self.rng, 0..300)).await;
            self.begin().await;
        }
    }

    async fn end(&mut self) {
        let node = self.node.clone();
        let mut node = node.lock().await;
        if self.rng.u32(..GRACEFUL_ONE_IN) == 0 {
            self.told(InjectedFault::Terminated);
            // Requests go on to it while it ends.
            timeout(SHUTDOWN_TIMEOUT, node.terminate()).await.expect("a node ends in time when it is told to");
        } else {
            self.told(InjectedFault::Killed);
            node.kill().await;
        }
        self.urls.send_modify(|urls| urls[self.number] = None);
    }

    async fn begin(&self) {
        let mut node = self.node.lock().await;
        let started = async {
            // Without its database it does not start.
            while !node.try_restart().await {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(RECOVERY_TIMEOUT, started).await.expect("a node starts again");
        self.urls.send_modify(|urls| urls[self.number] = Some(node.url.clone()));
    }

    fn told(&self, what: InjectedFault) {
        self.recorder.write(HistoryRecord::Fault { what, part: "node".to_owned() });
    }
}

async fn hurt_redis(redis: Arc<Mutex<Redis>>, recorder: HistoryRecorder, mut rng: Rng, stop: CancellationToken) {
    let told = move |what| recorder.write(HistoryRecord::Fault { what, part: "redis".to_owned() });
    while !stopped(&stop, millis(&mut rng, 8_000..16_000)).await {
        let mut redis = redis.lock().await;
        let outage = millis(&mut rng, 500..4_000);
        if rng.bool() {
            told(InjectedFault::Killed);
            redis.kill().await;
            sleep(outage).await;
            redis.restart().await;
        } else {
            told(InjectedFault::Stopped);
            redis.pause();
            sleep(outage).await;
            redis.go_on();
        }
    }
}

async fn crash_postgres(postgres: Arc<Postgres>, recorder: HistoryRecorder, mut rng: Rng, stop: CancellationToken) {
    while !stopped(&stop, millis(&mut rng, 15_000..30_000)).await {
        recorder.write(HistoryRecord::Fault { what: InjectedFault::Crashed, part: "postgres".to_owned() });
        postgres.stop().await;
        sleep(millis(&mut rng, 100..2_000)).await;
        postgres.restart().await;
    }
}

/// Waits for a while; returns whether to stop meanwhile.
async fn stopped(stop: &CancellationToken, time: Duration) -> bool {
    timeout(time, stop.cancelled()).await.is_ok()
}
