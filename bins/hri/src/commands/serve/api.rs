//! The routes with their requests and replies. `openapi.json` describes the same for programs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use hri::{Error, Index, Inserted, Label, Match, PersonInfo, Store};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use streamface_web::axum::extract::rejection::JsonRejection;
use streamface_web::axum::extract::{Path, Request, State};
use streamface_web::axum::http::{HeaderValue, StatusCode, header};
use streamface_web::axum::middleware::Next;
use streamface_web::axum::response::{IntoResponse, Response};
use streamface_web::axum::routing::{MethodRouter, get, post};
use streamface_web::axum::{Json, Router, middleware};
use streamface_web::{Asset, assets, failure};
use tokio::sync::Semaphore;

use super::metrics::Metrics;
use super::rows::Rows;
use crate::commands::person_json;

static ASSETS: [Asset; 4] = [
    ("/", "text/html; charset=utf-8", include_str!("index.html")),
    ("/api.css", "text/css; charset=utf-8", include_str!("api.css")),
    ("/api.js", "text/javascript; charset=utf-8", include_str!("api.js")),
    ("/openapi.json", "application/json", include_str!("openapi.json")),
];

/// Largest number of people in one reply.
const MAX_NEAREST: usize = 1000;
/// Largest number of ids in one reply.
const MAX_MEMBERS: usize = 10_000;
/// With fewer people than this a search takes less time than a switch to another thread.
const MAX_INLINE_PEOPLE: usize = 200_000;

/// State shared by all handlers.
#[derive(Clone)]
pub(super) struct App {
    store: Arc<Store>,
    /// One permit for each concurrent request.
    permits: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    vector: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    vectors: Rows,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Near {
    vector: Vec<f32>,
    k: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    vector: Vec<f32>,
    id: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddMany {
    vectors: Rows,
    ids: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remove {
    id: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    into: Label,
    from: Label,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Split {
    label: Label,
    ids: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    label: Label,
    name: Option<String>,
}

/// Why a request failed.
enum Failed {
    Index(Error),
    Refused(String),
}

impl From<Error> for Failed {
    fn from(e: Error) -> Self {
        Self::Index(e)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(why) => failure(StatusCode::UNPROCESSABLE_ENTITY, "refused", &why),
            Self::Index(e) => {
                let (status, word) = match &e {
                    Error::UnknownLabel { .. } | Error::UnknownId { .. } => {
                        (StatusCode::NOT_FOUND, "unknown")
                    }
                    Error::DuplicateId { .. } => (StatusCode::CONFLICT, "duplicate"),
                    e if e.is_invalid_input() => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
                    Error::Io { .. } => (StatusCode::INSUFFICIENT_STORAGE, "not_saved"),
                    _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
                };
                failure(status, word, &e.to_string())
            }
        }
    }
}

/// A person, with the number and name that the index was given, if any.
fn matched(index: &Index, found: Option<Match>) -> Value {
    let Some(m) = found else { return Value::Null };
    let mut person =
        index.info(m.label).map_or_else(|| json!({"label": m.label}), |info| person_json(m.label, info));
    person["distance"] = m.distance.into();
    person
}

fn search(store: &Store, One { vector }: One) -> Result<Value, Failed> {
    let index = store.read()?;
    Ok(matched(&index, index.search(&vector)?))
}

fn inserted(of: &Inserted) -> Value {
    json!({"label": of.label, "new": of.new, "distance": of.distance})
}

/// What a request does with the index.
type Action<T> = fn(&Store, T) -> Result<Value, Failed>;
type Reply = Pin<Box<dyn Future<Output = Response> + Send>>;

impl App {
    pub(super) fn new(store: Arc<Store>, in_flight: usize) -> Self {
        Self { store, permits: Arc::new(Semaphore::new(in_flight)), metrics: Arc::new(Metrics::new()) }
    }

    pub(super) fn router(self) -> Router {
        let api = Router::new()
            .route("/api/stats", get(stats))
            .route("/api/person/{label}", get(person))
            .route("/api/match", read(search))
            .route("/api/match/batch", work(match_batch))
            .route("/api/nearest", read(nearest))
            .route("/api/insert", work(|s, Add { vector, id }| Ok(inserted(&s.insert(&vector, id)?))))
            .route("/api/insert/batch", work(insert_batch))
            .route("/api/remove", work(|s, Remove { id }| Ok(json!({"label": s.remove(id)?}))))
            .route("/api/merge", work(merge))
            .route("/api/name", work(name))
            .route("/api/split", work(|s, Split { label, ids }| Ok(json!({"label": s.split(label, &ids)?}))))
            .layer(middleware::from_fn_with_state(self.clone(), admit));
        assets(&ASSETS)
            .route("/health", get(health))
            .route("/metrics", get(metrics))
            .merge(api)
            .with_state(self)
    }
}

/// A route for a search. It takes some microseconds, so it runs on this thread unless there are very many people.
fn read<T: DeserializeOwned + Send + 'static>(act: Action<T>) -> MethodRouter<App> {
    post(move |app, body| answer(app, body, act, false))
}

/// A route for an action that takes long or waits for the disk.
fn work<T: DeserializeOwned + Send + 'static>(act: Action<T>) -> MethodRouter<App> {
    post(move |app, body| answer(app, body, act, true))
}

fn answer<T: DeserializeOwned + Send + 'static>(
    State(app): State<App>,
    body: Result<Json<T>, JsonRejection>,
    act: Action<T>,
    long: bool,
) -> Reply {
    Box::pin(async move {
        let Json(asked) = match body {
            Ok(asked) => asked,
            Err(e) => return failure(e.status(), "refused", &format!("{}.", e.body_text())),
        };
        let long = long || app.store.read().is_ok_and(|index| index.people_count() > MAX_INLINE_PEOPLE);
        let done = if long {
            let store = Arc::clone(&app.store);
            tokio::task::spawn_blocking(move || act(&store, asked)).await
        } else {
            Ok(act(&app.store, asked))
        };
        match done {
            Ok(Ok(value)) => Json(value).into_response(),
            Ok(Err(e)) => e.into_response(),
            Err(_) => {
                failure(StatusCode::INTERNAL_SERVER_ERROR, "failed", "The request failed unexpectedly.")
            }
        }
    })
}

/// Limits the number of concurrent requests before their bodies are read, and measures each.
async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let Ok(_permit) = app.permits.try_acquire() else {
        app.metrics.rejected();
        let mut reply =
            failure(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many concurrent requests; try again.");
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return reply;
    };
    const ROUTES: [&str; 10] = [
        "match",
        "match/batch",
        "nearest",
        "insert",
        "insert/batch",
        "remove",
        "merge",
        "split",
        "name",
        "stats",
    ];
    let path = request.uri().path().strip_prefix("/api/").unwrap_or_default();
    let route = ROUTES.into_iter().find(|route| *route == path).unwrap_or("person");
    let start = Instant::now();
    let reply = next.run(request).await;
    app.metrics.answered(route, reply.status().as_u16(), start.elapsed());
    reply
}

/// The numbers of all vectors; each must have the index's dimension.
fn rows(index: &Index, vectors: Rows) -> Result<Vec<f32>, Failed> {
    let dim = index.settings().dim();
    if vectors.rows > 0 && vectors.dim != dim {
        return Err(Failed::Refused(format!("vectors[0] has {} numbers, the index has {dim}.", vectors.dim)));
    }
    Ok(vectors.numbers)
}

fn match_batch(store: &Store, Many { vectors }: Many) -> Result<Value, Failed> {
    let index = store.read()?;
    let found = index.search_batch(&rows(&index, vectors)?)?;
    Ok(json!({"matches": found.into_iter().map(|m| matched(&index, m)).collect::<Vec<_>>()}))
}

fn nearest(store: &Store, Near { vector, k }: Near) -> Result<Value, Failed> {
    if !(1..=MAX_NEAREST).contains(&k) {
        return Err(Failed::Refused(format!("k must be 1 to {MAX_NEAREST}, not {k}.")));
    }
    let index = store.read()?;
    let near = index.nearest(&vector, k)?;
    Ok(json!({"people": near.into_iter().map(|m| matched(&index, Some(m))).collect::<Vec<_>>()}))
}

fn insert_batch(store: &Store, AddMany { vectors, ids }: AddMany) -> Result<Value, Failed> {
    let rows = rows(&*store.read()?, vectors)?;
    let added = store.insert_batch(&rows, &ids)?;
    Ok(json!({"inserted": added.iter().map(inserted).collect::<Vec<_>>()}))
}

fn merge(store: &Store, Merge { into, from }: Merge) -> Result<Value, Failed> {
    store.merge(into, from)?;
    Ok(json!({"label": into}))
}

fn name(store: &Store, Name { label, name }: Name) -> Result<Value, Failed> {
    let number = store.read()?.info(label).and_then(|info| info.number);
    let info = PersonInfo { number, name };
    store.describe(label, &info)?;
    Ok(person_json(label, &info))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn metrics(State(app): State<App>) -> Response {
    let text = app.store.stats().ok().and_then(|s| app.metrics.text(&s).ok());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match text {
        Some(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        None => failure(StatusCode::INTERNAL_SERVER_ERROR, "failed", "The index is closed."),
    }
}

async fn stats(State(app): State<App>) -> Result<Json<Value>, Failed> {
    let s = app.store.stats()?;
    let settings = *app.store.read()?.settings();
    Ok(Json(json!({
        "people": s.people, "members": s.members, "labels": s.labels, "dim": settings.dim(),
        "metric": settings.threshold().metric().to_string(), "threshold": settings.threshold().value(),
        "people_bytes": s.people_bytes, "member_bytes": s.member_bytes,
    })))
}

async fn person(State(app): State<App>, Path(label): Path<Label>) -> Result<Json<Value>, Failed> {
    let index = app.store.read()?;
    let members: Vec<u64> = index.members(label)?.take(MAX_MEMBERS).collect();
    let mut person = index.info(label).map_or_else(|| json!({}), |info| person_json(label, info));
    person["label"] = label.into();
    person["count"] = index.person(label)?.members.into();
    if index.keys().len() > 0 {
        person["faces"] = members.iter().map(|&id| index.key(id)).collect::<Vec<_>>().into();
    }
    person["ids"] = members.into();
    Ok(Json(person))
}
