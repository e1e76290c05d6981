//! Runs expressions: compiled once, run against many events.

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, SourceInfo};
use cel::common::types::CelBool;
use cel::{Context, ExecutionError, Value as CelValue};
use serde_json::Value;

use super::error::{self, ExprError};
use super::functions::{ENVIRONMENT, WORLD_DATE, add_world_date};
use super::narrow::dotted;
use super::view::EventView;
use super::{Clause, MatchResult, check, path, scan};

/// Bounds an expression's text; deeper nesting than this could ever hold is refused by the parser.
const MAX_EXPRESSION_BYTES: usize = 16 * 1024;

/// A compiled expression.
pub(super) struct Program {
    source: String,
    compiled: cel::Program,
    /// The expression as it is evaluated.
    root: IdedExpr,
    roots: Vec<String>,
    world_date: bool,
    /// Every dotted name in the expression, as it was written.
    paths: Vec<String>,
}

impl Program {
    pub(super) fn compile(source: &str) -> Result<Self, ExprError> {
        if source.len() > MAX_EXPRESSION_BYTES {
            return Err(ExprError::new("the expression is too long", "", 0..0));
        }
        let plain = scan::plain_names(source);
        let compiled = ENVIRONMENT.compile(&plain).map_err(|errors| error::syntax(source, &errors))?;
        let (roots, world_date) = {
            let references = compiled.references();
            let roots = references.variables().into_iter().map(str::to_owned).collect();
            (roots, references.has_function(WORLD_DATE))
        };
        let mut paths = Vec::new();
        collect_paths(compiled.expression(), &mut paths);
        let mut root = compiled.expression().clone();
        path::prepare(&mut root, &BTreeSet::new());
        Ok(Self { source: source.to_owned(), compiled, root, roots, world_date, paths })
    }

    /// Makes an error of each of these nodes that an event has nothing for.
    pub(super) fn require(&mut self, nodes: &BTreeSet<u64>) {
        self.root = self.compiled.expression().clone();
        path::prepare(&mut self.root, nodes);
    }

    /// Returns the expression as it was written.
    pub(super) fn expression(&self) -> &IdedExpr {
        self.compiled.expression()
    }

    pub(super) fn info(&self) -> &SourceInfo {
        self.compiled.source_info()
    }

    pub(super) fn uses_root(&self, root: &str) -> bool {
        self.roots.iter().any(|name| name == root)
    }

    pub(super) fn evaluate_match(&self, event: &EventView<'_>) -> MatchResult {
        let context = self.context(event);
        match CelValue::resolve_val(&self.root, &context) {
            Ok(value) => match value.downcast_ref::<CelBool>() {
                Some(answer) if *answer.inner() => MatchResult::True,
                Some(_) => MatchResult::False,
                None => {
                    let what = error::describe(value.get_type().name());
                    MatchResult::Error(format!("the expression is {what}, not true or false"))
                }
            },
            Err(error) => failure(&error, event).map_or(MatchResult::False, MatchResult::Error),
        }
    }

    pub(super) fn value(&self, event: &EventView<'_>) -> Result<Option<Value>, String> {
        let context = self.context(event);
        match CelValue::resolve(&self.root, &context) {
            Ok(value) => Ok(Some(json(&value))),
            Err(error) => failure(&error, event).map_or(Ok(None), Err),
        }
    }

    pub(super) fn explain(&self, event: &EventView<'_>) -> Clause {
        let values = self.paths.iter().map(|path| (path.clone(), event.lookup(path))).collect();
        Clause { source: self.source.clone(), verdict: self.evaluate_match(event), values }
    }

    fn context<'v>(&self, event: &'v EventView<'_>) -> Context<'v, 'v> {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(event);
        if self.world_date {
            add_world_date(&mut context, event);
        }
        context
    }
}

/// Returns what went wrong; `None` for an error that only says that something is not there which need not be.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever the library adds is a failure too")]
fn failure(error: &ExecutionError, event: &EventView<'_>) -> Option<String> {
    match error {
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => None,
        // A step into null.
        ExecutionError::NoSuchOverload(call) if call.argument_types().iter().any(|name| name == "null_type") => None,
        ExecutionError::UndeclaredReference(name) => {
            let path = path::missing(name, event)?;
            Some(format!("{path} is missing in the event; ask first whether it is there: has({path}) && …"))
        }
        error => Some(error::evaluation(error)),
    }
}

/// Collects the longest dotted names that start at something an expression looks at.
fn collect_paths(expr: &IdedExpr, paths: &mut Vec<String>) {
    if let Some(path) = dotted(expr) {
        let root = path.split('.').next().unwrap_or_default();
        let shown = match root.strip_prefix('_') {
            Some(_) => format!("${}", &path[1..]),
            None => path.clone(),
        };
        // A bare `payload` says too much, and a name bound by `exists` says nothing.
        let telling = path != root || matches!(root, "type" | "room" | "correlated") || root.starts_with('_');
        let known = check::ROOTS.contains(&root) || root.starts_with('_');
        if known && telling && !paths.contains(&shown) {
            paths.push(shown);
        }
        return;
    }
    match &expr.expr {
        Expr::Call(call) => {
            call.target.iter().map(AsRef::as_ref).chain(&call.args).for_each(|e| collect_paths(e, paths))
        }
        Expr::Select(select) => collect_paths(&select.operand, paths),
        Expr::List(list) => list.elements.iter().for_each(|element| collect_paths(element, paths)),
        Expr::Comprehension(loops) => {
            collect_paths(&loops.iter_range, paths);
            collect_paths(&loops.loop_step, paths);
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

/// Writes a CEL value as JSON; what JSON has no form for is written as text.
fn json(value: &CelValue) -> Value {
    match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(flag) => (*flag).into(),
        CelValue::Int(int) => (*int).into(),
        CelValue::UInt(uint) => (*uint).into(),
        CelValue::Float(float) => (*float).into(),
        CelValue::String(text) => text.as_str().into(),
        CelValue::List(items) => items.iter().map(json).collect(),
        CelValue::Map(map) => map.map.iter().map(|(key, value)| (key.to_string(), json(value))).collect(),
        CelValue::Duration(duration) => format!("{}s", duration.num_seconds()).into(),
        CelValue::Timestamp(time) => time.to_rfc3339().into(),
        CelValue::Bytes(_) | CelValue::Function(..) | CelValue::Opaque(_) | CelValue::Struct(_) => {
            format!("{value:?}").into()
        }
    }
}
