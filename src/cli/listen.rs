//! What the commands that listen have in common: rooms found, names learnt, a stream opened, all within the time
//! allowed.

use std::time::Duration;

use scry_client::api::Api;
use scry_client::connection::{BACKOFF_STEPS, Timings, delay};
use scry_client::error::ApiError;
use scry_client::session::SessionOptions;
use scry_protocol::Room;
use scry_query::expr::{Expr, KnownNames};
use scry_scripting::rooms::{self, NamedRooms, RoomsError};
use scry_scripting::stream::SessionStream;
use tokio::time::{Instant, sleep, timeout_at};

use super::args::RoomArgs;
use super::context::CliContext;
use super::error::CliError;

/// The time that a command may take as a whole, from its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeLimit {
    pub until: Option<Instant>,
    allowed: Duration,
}

impl TimeLimit {
    /// Begins now; `None` is for ever.
    #[must_use]
    pub(super) fn new(allowed: Option<Duration>) -> Self {
        Self { until: allowed.map(|allowed| Instant::now() + allowed), allowed: allowed.unwrap_or_default() }
    }

    /// Does something within the time.
    ///
    /// # Errors
    /// [`CliError::Unanswered`] when the time is up first.
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, CliError> {
        match self.until {
            Some(until) => timeout_at(until, work).await.map_err(|_| CliError::Unanswered(self.allowed)),
            None => Ok(work.await),
        }
    }

    fn is_over_in(&self, wait: Duration) -> bool {
        self.until.is_some_and(|until| Instant::now() + wait >= until)
    }
}

/// Finds the rooms that were named and prepares a session that joins them.
///
/// # Errors
/// [`CliError`] when a name leads to no room, or the server cannot be asked in time.
pub(super) async fn options(
    context: &CliContext,
    api: Api,
    rooms: &RoomArgs,
    limit: TimeLimit,
) -> Result<(SessionOptions, Vec<Room>), CliError> {
    let named = NamedRooms {
        campaigns: rooms.campaigns.clone(),
        settlements: rooms.settlements.clone(),
        structures: rooms.structures.clone(),
    };
    by_name(context, api, &named, &rooms.rooms, limit).await
}

/// Does the same for names that come from elsewhere.
///
/// # Errors
/// As [`options`].
pub(super) async fn by_name(
    context: &CliContext,
    api: Api,
    named: &NamedRooms,
    also: &[Room],
    limit: TimeLimit,
) -> Result<(SessionOptions, Vec<Room>), CliError> {
    let mut found = asked(context, limit, async || rooms::find(&api, named).await).await?;
    found.extend(also.iter().filter(|room| !found.contains(room)).cloned().collect::<Vec<_>>());
    let options = found.iter().cloned().fold(SessionOptions::new(&context.settings, api), SessionOptions::room);
    Ok((options, found))
}

/// Learns what entities call their variables and computed values, as far as `expressions` speak of them; `None` where
/// the server tells of no entities.
///
/// # Errors
/// [`CliError`] when the server cannot be asked in time.
pub(super) async fn names<'e>(
    context: &CliContext,
    api: &Api,
    rooms: &[Room],
    expressions: impl Iterator<Item = &'e Expr> + Clone,
    limit: TimeLimit,
) -> Result<Option<KnownNames>, CliError> {
    let needed = expressions.clone().any(Expr::uses_names);
    if !needed && !expressions.clone().any(Expr::uses_entities) {
        return Ok(Some(KnownNames::default()));
    }
    match asked(context, limit, async || rooms::names(api, rooms, needed).await).await {
        Err(CliError::Api(ApiError::NotOffered { .. } | ApiError::Strange { .. })) => Ok(None),
        names => names.map(Some),
    }
}

/// Asks until there is an answer; a server that cannot be reached is tried as often, and as patiently, as a connection.
async fn asked<T>(
    context: &CliContext,
    limit: TimeLimit,
    ask: impl AsyncFn() -> Result<T, RoomsError>,
) -> Result<T, CliError> {
    let timings = Timings::from(&context.settings.config.connection);
    for (attempt, _) in (1..).zip(BACKOFF_STEPS) {
        let error = match limit.within(ask()).await? {
            Err(RoomsError::Api(error)) if error.is_passing() => error,
            answer => return Ok(answer?),
        };
        let dice = if timings.jitter { rand::random() } else { 0.0 };
        let wait = delay(attempt, timings.backoff_unit, dice);
        if limit.is_over_in(wait) {
            return Err(error.into());
        }
        let (seconds, most) = (wait.as_secs_f64(), BACKOFF_STEPS.len());
        context.say(&format!("{error}; attempt {attempt}/{most} in {seconds:.0} s"));
        sleep(wait).await;
    }
    Ok(limit.within(ask()).await??)
}

/// Opens the stream; `look_up` tells whether expressions look at entities.
///
/// # Errors
/// [`CliError::Api`] when the profile's file of authorities cannot be used, [`CliError::Unanswered`] when the time is
/// up.
pub(super) async fn open(options: SessionOptions, look_up: bool, limit: TimeLimit) -> Result<SessionStream, CliError> {
    Ok(limit.within(SessionStream::open(options, look_up)).await??)
}

/// Returns which option has an expression that does not fit the names in use.
pub(super) fn misnamed((option, error): (&str, scry_query::expr::ExprError)) -> CliError {
    CliError::Usage(format!("{option}: {error}"))
}
