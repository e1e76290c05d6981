//! The rules of each campaign, read once for as long as they stay the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use scry_protocol::Id;
use scry_query::formula::{Rule, RuleSet};
use sqlx::{AnyConnection, Row};

use super::DomainError;
use super::unit_of_work::UnitOfWork;
use crate::db::DbError;

/// How many campaigns' rules are kept; one more, and all are read anew.
const MAX_CACHED_CAMPAIGNS: usize = 1_000;

/// Keeps rules that have been read; clones share them.
#[derive(Debug, Clone, Default)]
pub struct RuleCache(Arc<Mutex<HashMap<Id, CachedRules>>>);

#[derive(Debug, Clone)]
struct CachedRules {
    definitions: Vec<String>,
    rule_set: Arc<RuleSet>,
}

impl RuleCache {
    /// Returns a campaign's rules as a connection or transaction sees them.
    pub(super) async fn load(&self, db: &mut AnyConnection, campaign: &Id) -> Result<Arc<RuleSet>, DbError> {
        let definitions = load_definitions(db, campaign).await?;
        Ok(self.get_or_parse(campaign, definitions))
    }

    /// Returns the rules as they are written, parsed again only if they have changed.
    fn get_or_parse(&self, campaign: &Id, definitions: Vec<String>) -> Arc<RuleSet> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = rules.get(campaign).filter(|cached| cached.definitions == definitions) {
            return Arc::clone(&cached.rule_set);
        }
        let rule_set = Arc::new(parse_rules(campaign, &definitions));
        if rules.len() >= MAX_CACHED_CAMPAIGNS {
            rules.clear();
        }
        rules.insert(campaign.clone(), CachedRules { definitions, rule_set: Arc::clone(&rule_set) });
        rule_set
    }
}

impl UnitOfWork {
    /// Returns a campaign's rules as this transaction sees them.
    pub(super) async fn rules_of(&mut self, campaign: &Id) -> Result<Arc<RuleSet>, DomainError> {
        let rules = self.rules.clone();
        Ok(rules.load(self.db(), campaign).await?)
    }
}

async fn load_definitions(db: &mut AnyConnection, campaign: &Id) -> Result<Vec<String>, DbError> {
    let rows = sqlx::query(
        "SELECT body FROM definitions WHERE campaign_id = $1 AND kind IN ('computed', 'condition') ORDER BY rank, slug",
    )
    .bind(campaign.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Reads rules; those that cannot be used are told once and have no values.
fn parse_rules(campaign: &Id, definitions: &[String]) -> RuleSet {
    let rules: Vec<Rule> = definitions
        .iter()
        .filter_map(|body| {
            serde_json::from_str(body)
                .inspect_err(|error| tracing::warn!(%campaign, %error, "a stored rule cannot be read and is left out"))
                .ok()
        })
        .collect();
    let names: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
    let rule_set = RuleSet::new(rules);
    for fault in rule_set.errors() {
        let rule = names.get(fault.index).map_or("", String::as_str);
        tracing::warn!(%campaign, rule, fault = fault.text, "a rule cannot be used; its values are null");
    }
    rule_set
}
