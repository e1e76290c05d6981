//! A file of expectations, checked into something that can run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use scry_protocol::Room;
use scry_query::expr::{Expr, ExprError, KnownNames, Vars};
use scry_text::suggest::nearest;
use serde_json::Value;
use toml::Spanned;

use super::file::{File, Item, Never, OneOrMany, Step};
use super::secrets::SecretValues;
use super::vars::{self, VariableLookup};
use crate::rooms;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to listen on after the last step when something must never happen.
const DEFAULT_SETTLE_TIME: Duration = Duration::from_secs(1);

/// An error in a file; the message begins with the file's name and the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlanError(pub(super) String);

/// A file that is ready to run.
#[derive(Debug, Clone)]
pub struct ExpectPlan {
    pub(crate) name: String,
    /// The file's name as it is shown.
    pub path: String,
    /// The time limit of the whole run.
    pub timeout: Duration,
    /// How long to listen on after everything is met.
    pub(crate) settle: Duration,
    /// Names or ids of the campaigns to listen to.
    pub campaigns: Vec<String>,
    /// Names or ids of the settlements to listen to.
    pub settlements: Vec<String>,
    /// Names or ids of the structures to listen to.
    pub structures: Vec<String>,
    /// Other rooms to listen to.
    pub rooms: Vec<Room>,
    pub(crate) vars: Vars,
    pub(crate) secrets: SecretValues,
    /// In the order of their steps.
    pub(crate) expects: Vec<PlannedExpectation>,
    pub(crate) nevers: Vec<ForbiddenEvent>,
    pub(crate) steps: usize,
}

/// An event that must happen.
#[derive(Debug, Clone)]
pub(crate) struct PlannedExpectation {
    pub name: String,
    pub line: usize,
    pub event: Expr,
    pub count: EventCount,
    pub within: Option<Duration>,
    /// The expectation, by its place in the plan, from which `within` is measured.
    pub after: Option<usize>,
    pub captures: Vec<(String, Expr)>,
    /// Expectations with the same step may be met in any order.
    pub step: usize,
}

/// The number of times an event must come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventCount {
    AtLeast(u64),
    Exactly(u64),
}

/// An event that must not happen.
#[derive(Debug, Clone)]
pub(crate) struct ForbiddenEvent {
    pub name: String,
    pub line: usize,
    pub event: Expr,
    /// How often it may happen.
    pub allowed: u64,
    /// How long it must not happen; the whole run without it.
    pub within: Option<Duration>,
    /// The expectation from which on it must not happen; from the start without it.
    pub after: Option<usize>,
}

impl ExpectPlan {
    /// Reads and checks a file.
    ///
    /// `given` are the variables of the command line, `env` looks up those of the environment.
    ///
    /// # Errors
    /// [`PlanError`] with file and line.
    pub fn parse(
        path: &Path,
        text: &str,
        given: &BTreeMap<String, Value>,
        env: VariableLookup<'_>,
    ) -> Result<Self, PlanError> {
        let file = File::parse(path, text)?;
        let places = LineIndex { path: path.display().to_string(), text };
        let (vars, secrets) = vars::collect(&file, given, env, &places)?;
        let (rooms_at, listed) = file.rooms.map(|rooms| (rooms.span().start, rooms.into_inner())).unwrap_or_default();
        let filled = |named: OneOrMany| -> Result<Vec<String>, PlanError> {
            let texts = named.into_vec().into_iter().map(|room| vars::substitute(&room, given, env));
            texts.collect::<Result<_, _>>().map_err(|message| places.error(rooms_at, &message))
        };
        let named = filled(listed.room)?.iter().map(|name| rooms::named(name)).collect::<Result<_, _>>();
        let named = named.map_err(|error| places.error(rooms_at, &error))?;
        let mut builder = PlanBuilder { places: &places, vars: &vars, expects: Vec::new(), captured: BTreeMap::new() };
        for (step, written) in file.expect.iter().enumerate() {
            builder.step(step, written)?;
        }
        if builder.expects.is_empty() && file.never.is_empty() {
            return Err(places.error(0, "nothing is expected; write at least one “expect” or “never”"));
        }
        let nevers = file.never.iter().enumerate().map(|(index, never)| builder.never(index, never));
        let nevers = nevers.collect::<Result<Vec<_>, _>>()?;
        let open = nevers.iter().any(|never| never.within.is_none());
        Ok(Self {
            name: file.name.unwrap_or_else(|| places.path.clone()),
            timeout: file.timeout.unwrap_or(DEFAULT_TIMEOUT),
            settle: file.settle.unwrap_or(if open { DEFAULT_SETTLE_TIME } else { Duration::ZERO }),
            campaigns: filled(listed.campaign)?,
            settlements: filled(listed.settlement)?,
            structures: filled(listed.structure)?,
            rooms: named,
            expects: builder.expects,
            nevers,
            steps: file.expect.len(),
            path: places.path,
            vars,
            secrets,
        })
    }
}

impl ExpectPlan {
    /// Lists every expression.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let expects = self.expects.iter().flat_map(|expect| {
            let captures = expect.captures.iter().map(|(_, expr)| expr);
            [&expect.event].into_iter().chain(captures)
        });
        expects.chain(self.nevers.iter().map(|never| &never.event))
    }

    /// Checks every expression against the names in use, see [`Expr::bind`].
    ///
    /// # Errors
    /// [`PlanError`] with file and line.
    pub fn bind(&mut self, names: Option<&KnownNames>) -> Result<(), PlanError> {
        let path = &self.path;
        let bind = |expr: &mut Expr, line: usize| -> Result<(), PlanError> {
            *expr = expr.bind(names).map_err(|error| PlanError(format!("{path}:{line}: {error}")))?;
            Ok(())
        };
        for expect in &mut self.expects {
            bind(&mut expect.event, expect.line)?;
            expect.captures.iter_mut().try_for_each(|(_, expr)| bind(expr, expect.line))?;
        }
        self.nevers.iter_mut().try_for_each(|never| bind(&mut never.event, never.line))
    }
}

/// Turns bytes of a file into lines of it.
pub(super) struct LineIndex<'a> {
    path: String,
    text: &'a str,
}

impl LineIndex<'_> {
    fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).unwrap_or_default().matches('\n').count() + 1
    }

    pub(super) fn error(&self, offset: usize, message: &str) -> PlanError {
        PlanError(format!("{}:{}: {message}", self.path, self.line(offset)))
    }

    fn expression(&self, offset: usize, error: &ExprError) -> PlanError {
        // A text in ''' or """ begins on the line after its quotes when nothing follows these.
        let opened = self.text.get(offset..).unwrap_or_default();
        let skipped = usize::from(["'''\n", "\"\"\"\n"].iter().any(|quotes| opened.starts_with(quotes)));
        PlanError(format!("{}:{}: {error}", self.path, self.line(offset) + skipped + error.place().0))
    }
}

struct PlanBuilder<'a> {
    places: &'a LineIndex<'a>,
    vars: &'a Vars,
    expects: Vec<PlannedExpectation>,
    /// Which expectation sets a `$name`.
    captured: BTreeMap<String, usize>,
}

impl PlanBuilder<'_> {
    fn step(&mut self, step: usize, written: &Spanned<Step>) -> Result<(), PlanError> {
        let at = written.span().start;
        let body = written.get_ref();
        match (&body.event, &body.any_order) {
            (Some(event), None) => self.expect(step, at, &single(body, event)),
            (None, Some(items)) => self.group(step, at, body, items),
            (None, None) => Err(self.places.error(at, "this “expect” has neither “event” nor “any_order”; write one")),
            (Some(_), Some(_)) => {
                Err(self.places.error(at, "this “expect” has both “event” and “any_order”; keep one"))
            }
        }
    }

    fn group(&mut self, step: usize, at: usize, body: &Step, items: &[Spanned<Item>]) -> Result<(), PlanError> {
        let alone = body.exactly.is_some() || body.at_least.is_some() || body.after.is_some() || body.within.is_some();
        if alone || body.name.is_some() || !body.capture.is_empty() {
            let message = "with “any_order”, everything else belongs to its entries; move it there";
            return Err(self.places.error(at, message));
        }
        if items.is_empty() {
            return Err(self.places.error(at, "“any_order” is empty; list what must happen"));
        }
        items.iter().try_for_each(|item| self.expect(step, item.span().start, item.get_ref()))
    }

    fn expect(&mut self, step: usize, at: usize, item: &Item) -> Result<(), PlanError> {
        let index = self.expects.len();
        let name = self.name(at, item.name.as_deref(), || format!("expectation {}", index + 1))?;
        let count = match (item.exactly, item.at_least) {
            (Some(_), Some(_)) => return Err(self.places.error(at, "keep one of “exactly” and “at_least”")),
            (Some(0), None) => {
                return Err(self.places.error(at, "“exactly” of 0 is written as a “never” with “within”"));
            }
            (Some(n), None) if item.within.is_some() => EventCount::Exactly(n),
            (Some(_), None) => {
                return Err(self.places.error(at, "“exactly” needs “within”: how long until no more can come"));
            }
            (None, Some(0)) => return Err(self.places.error(at, "“at_least” of 0 is always met; write 1 or more")),
            (None, n) => EventCount::AtLeast(n.unwrap_or(1)),
        };
        if item.after.is_some() && item.within.is_none() {
            return Err(self.places.error(at, "“after” needs “within”: how long after it"));
        }
        let after = item.after.as_ref().map(|name| self.named(name)).transpose()?;
        let declared = self.declared(step, after);
        let event = self.condition(&item.event, &declared)?;
        let captures = self.captures(index, item, &declared)?;
        self.expects.push(PlannedExpectation {
            name,
            line: self.places.line(at),
            event,
            count,
            within: item.within,
            after,
            captures,
            step,
        });
        Ok(())
    }

    fn captures(&mut self, index: usize, item: &Item, declared: &[String]) -> Result<Vec<(String, Expr)>, PlanError> {
        let mut captures = Vec::new();
        for (name, source) in &item.capture {
            let at = source.span().start;
            if self.captured.contains_key(name) || self.vars.contains_key(name) {
                return Err(self.places.error(at, &format!("“{name}” is set already; capture under another name")));
            }
            let value = Expr::value(source.get_ref(), declared).map_err(|error| self.places.expression(at, &error))?;
            self.captured.insert(name.clone(), index);
            captures.push((name.clone(), value));
        }
        Ok(captures)
    }

    fn never(&self, index: usize, never: &Spanned<Never>) -> Result<ForbiddenEvent, PlanError> {
        let (at, body) = (never.span().start, never.get_ref());
        let after = body.after.as_ref().map(|name| self.named(name)).transpose()?;
        let step = after.map_or(0, |after| self.expects[after].step);
        let declared = self.declared(step, after);
        for name in scry_query::expr::variables(body.event.get_ref()) {
            if let Some(setter) = self.captured.get(name).filter(|_| !declared.iter().any(|known| known == name)) {
                let setter = &self.expects[*setter].name;
                let message = format!("${name} is captured later; name “{setter}” in “after”");
                return Err(self.places.error(body.event.span().start, &message));
            }
        }
        Ok(ForbiddenEvent {
            name: body.name.clone().unwrap_or_else(|| format!("never {}", index + 1)),
            line: self.places.line(at),
            event: self.condition(&body.event, &declared)?,
            allowed: body.more_than,
            within: body.within,
            after,
        })
    }

    fn condition(&self, source: &Spanned<String>, declared: &[String]) -> Result<Expr, PlanError> {
        Expr::parse_with(source.get_ref(), declared)
            .map_err(|error| self.places.expression(source.span().start, &error))
    }

    /// Lists the `$names` that are set by the time a step runs, after one of its own expectations if it waits for one.
    fn declared(&self, step: usize, after: Option<usize>) -> Vec<String> {
        let mut waited = Vec::new();
        let mut next = after;
        while let Some(index) = next {
            waited.push(index);
            next = self.expects[index].after;
        }
        let set = self
            .captured
            .iter()
            .filter(|(_, index)| self.expects.get(**index).is_some_and(|e| e.step < step) || waited.contains(index));
        self.vars.keys().chain(set.map(|(name, _)| name)).cloned().collect()
    }

    fn named(&self, name: &Spanned<String>) -> Result<usize, PlanError> {
        let wanted = name.get_ref();
        self.expects.iter().position(|expect| expect.name == *wanted).ok_or_else(|| {
            let known: Vec<&str> = self.expects.iter().map(|expect| expect.name.as_str()).collect();
            let remedy = nearest(wanted, known.iter().copied()).map_or_else(
                || "give the earlier one this “name”".to_owned(),
                |near| format!("did you mean “{near}”?"),
            );
            self.places.error(name.span().start, &format!("no earlier expectation is named “{wanted}”; {remedy}"))
        })
    }

    fn name(&self, at: usize, given: Option<&str>, default: impl FnOnce() -> String) -> Result<String, PlanError> {
        let name = given.map_or_else(default, str::to_owned);
        if self.expects.iter().any(|expect| expect.name == name) {
            return Err(self.places.error(at, &format!("two expectations are named “{name}”; rename one")));
        }
        Ok(name)
    }
}

fn single(step: &Step, event: &Spanned<String>) -> Item {
    Item {
        name: step.name.clone(),
        event: event.clone(),
        exactly: step.exactly,
        at_least: step.at_least,
        within: step.within,
        after: step.after.clone(),
        capture: step.capture.clone(),
    }
}
