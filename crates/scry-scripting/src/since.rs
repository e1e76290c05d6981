//! Where a watch begins: at a place in the journal, or some time ago.

use std::time::Duration;

use jiff::Timestamp;
use scry_client::api::{Api, JournalEntry};
use scry_client::connection::StartPosition;
use scry_client::error::ApiError;
use scry_config::duration;
use scry_protocol::{Id, Position};

/// A place in a campaign's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// As far back as the journal reaches.
    Beginning,
    /// After this event.
    Seq(u64),
    /// This long ago.
    Ago(Duration),
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "beginning" {
            return Ok(Self::Beginning);
        }
        if let Ok(seq) = text.trim_start_matches('#').parse() {
            return Ok(Self::Seq(seq));
        }
        duration::parse(text).map(Self::Ago).map_err(|_| {
            format!("“{text}” is not a position in the past; write a seq like 1200, a duration like 5m, or beginning")
        })
    }
}

/// The reason why a place in the past cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum SinceError {
    /// The API could not be asked.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The server keeps no journal of this campaign.
    #[error("the server does not keep a journal of campaign {0}, so it cannot start in the past; leave --since out")]
    NoJournal(Id),
}

/// Finds where a campaign's room begins; `now` is the time from which “ago” is counted.
///
/// # Errors
/// [`SinceError`] when the journal cannot be asked.
pub async fn start(api: &Api, campaign: &Id, since: Since, now: Timestamp) -> Result<StartPosition, SinceError> {
    let head = api.campaigns().await?.into_iter().find(|one| one.id == *campaign).and_then(|one| one.position);
    let head = head.ok_or_else(|| SinceError::NoJournal(campaign.clone()))?;
    let seq = match since {
        Since::Seq(seq) => seq,
        Since::Beginning => first(api, campaign).await?.map_or(head.seq, |entry| entry.seq.saturating_sub(1)),
        Since::Ago(ago) => {
            let from = now.checked_sub(ago).unwrap_or(Timestamp::MIN);
            last_before(api, campaign, from, head.seq).await?
        }
    };
    Ok(StartPosition::Since(Position::new(head.epoch, seq)))
}

async fn first(api: &Api, campaign: &Id) -> Result<Option<JournalEntry>, ApiError> {
    Ok(api.events(campaign, Some(0), Some(1)).await?.into_iter().next())
}

/// Finds the last event before a time by halving, as events are numbered in the order of their times.
async fn last_before(api: &Api, campaign: &Id, from: Timestamp, head: u64) -> Result<u64, ApiError> {
    let Some(first) = first(api, campaign).await? else { return Ok(head) };
    let (mut low, mut high) = (first.seq.saturating_sub(1), head);
    while low < high {
        let middle = low + (high - low) / 2;
        let next = api.events(campaign, Some(middle), Some(1)).await?.into_iter().next();
        let time =
            next.as_ref().and_then(|entry| entry.event["metadata"]["timestamp"].as_str()?.parse::<Timestamp>().ok());
        match (next, time) {
            (Some(entry), Some(time)) if time < from => low = entry.seq,
            (Some(_), Some(_)) => high = middle,
            // What carries no time, or has just been trimmed, cannot guide the search.
            (_, _) => return Ok(low),
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_past_is_read_as_people_write_it() {
        assert_eq!("beginning".parse(), Ok(Since::Beginning));
        assert_eq!("1200".parse(), Ok(Since::Seq(1200)));
        assert_eq!("#7".parse(), Ok(Since::Seq(7)));
        assert_eq!("5m".parse(), Ok(Since::Ago(Duration::from_secs(300))));
        assert!("yesterday".parse::<Since>().is_err());
    }
}
