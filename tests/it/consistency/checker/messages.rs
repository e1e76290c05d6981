//! Notifications: acknowledged means listed, and nothing comes twice.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::index::HistoryIndex;
use super::{ConsistencyRule, Findings};
use crate::consistency::history::{HistoryRecord, HistoryRequest};

pub fn check(index: &HistoryIndex, findings: &mut Findings) {
    // Others, such as invitations, may well have one title.
    let asked: HashSet<&str> = index.ops.values().filter_map(|op| title(op.request)).collect();
    let mut arrived: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    let mut listed: HashMap<(&str, &str), usize> = HashMap::new();
    for (line, record) in index.history.iter().map(|line| &line.record).enumerate() {
        match record {
            HistoryRecord::Message { user, title } if asked.contains(title.as_str()) => {
                arrived.entry((user, title)).or_default().push(line)
            }
            HistoryRecord::Listed { user, titles } => {
                for (title, count) in counted(titles).into_iter().filter(|(title, _)| asked.contains(title)) {
                    findings.demand(count == 1, ConsistencyRule::NotificationComesOnce, &[line], || {
                        format!("{title} stands {count} times in the list of {user}")
                    });
                    listed.entry((user, title)).or_insert(line);
                }
            }
            _ => {}
        }
    }
    for ((user, title), lines) in &arrived {
        findings.demand(lines.len() == 1, ConsistencyRule::NotificationComesOnce, lines, || {
            format!("{title} came to {user} {} times", lines.len())
        });
    }
    for op in index.ops.values() {
        let HistoryRequest::Notify { user, title, .. } = op.request else { continue };
        let is_listed = listed.contains_key(&(user.as_str(), title.as_str()));
        findings.demand(
            op.first_yes().is_none() || is_listed,
            ConsistencyRule::NotificationIsListed,
            &op.lines(),
            || format!("{title} was acknowledged and is not listed for {user}"),
        );
    }
}

fn title(request: &HistoryRequest) -> Option<&str> {
    if let HistoryRequest::Notify { title, .. } = request { Some(title) } else { None }
}

fn counted(titles: &[String]) -> BTreeMap<&str, usize> {
    let mut counted = BTreeMap::new();
    for title in titles {
        *counted.entry(title.as_str()).or_insert(0) += 1;
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consistency::checker::fixture::{HistoryFixture, broken};

    fn message(title: &str) -> HistoryRecord {
        HistoryRecord::Message { user: "resident".to_owned(), title: title.to_owned() }
    }

    fn listed(titles: &[&str]) -> HistoryRecord {
        let titles = titles.iter().map(|title| (*title).to_owned()).collect();
        HistoryRecord::Listed { user: "resident".to_owned(), titles }
    }

    #[test]
    fn a_notification_that_comes_twice_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.add(message("hello"));
        assert_eq!(broken(&fixture), [ConsistencyRule::NotificationComesOnce]);
    }

    #[test]
    fn a_notification_that_is_listed_twice_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.add(listed(&["hello", "hello"]));
        assert_eq!(broken(&fixture), [ConsistencyRule::NotificationComesOnce]);
        let mut fixture = HistoryFixture::good();
        fixture.add(listed(&["hello"]));
        assert_eq!(broken(&fixture), [], "it may stand in two lists");
    }

    #[test]
    fn an_acknowledged_notification_that_is_not_listed_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_request("note", |request| {
            let HistoryRequest::Notify { title, .. } = request else { panic!() };
            *title = "lost".to_owned();
        });
        assert_eq!(broken(&fixture), [ConsistencyRule::NotificationIsListed]);
    }
}
