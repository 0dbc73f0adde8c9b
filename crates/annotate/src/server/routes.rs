//! The addresses of the server.
//!
//! | address | what |
//! |---|---|
//! | `GET /`, `/review.css`, `/*.js` | the page |
//! | `POST /api/token` | token → cookie |
//! | `GET /api/overview` | [`Overview`](super::view::Overview) |
//! | `GET /api/questions?form=&count=&shown=` | the next questions |
//! | `GET /api/people?text=&from=&to=&order=&offset=&limit=` | people |
//! | `GET /api/person/{face}?offset=&limit=` | a person and its faces |
//! | `GET /api/compare/{face}/{face}` | the question whether two given people are one |
//! | `GET /api/names` | the names given so far |
//! | `GET /api/mixed?face=&offset=&limit=` | people that may hold two, in two halves; with `face` that one's |
//! | `GET /api/noise`, `/api/undecided`, `/api/history?doubtful=` | pages of the other lists |
//! | `GET /api/face/{face}` | details of a face |
//! | `POST /api/decide` | an answer |
//! | `POST /api/finalize` | writes the result |
//! | `GET /image/{face,aligned,frame}/{face}` | an image, by face id |

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use streamface_types::FaceId;
use streamface_web::axum::body::{Body, Bytes};
use streamface_web::axum::extract::{FromRequest, Path, Query, Request, State};
use streamface_web::axum::http::{StatusCode, header};
use streamface_web::axum::response::{IntoResponse, Response};
use streamface_web::axum::routing::{get, post};
use streamface_web::axum::{Json, Router};
use streamface_web::failure;

use super::assets::ASSETS;
use super::replies::Replies;
use super::view::{Answer, Ask, Image, Picture, Problem, Review, Search, Window};

/// State of the handlers.
#[derive(Clone)]
struct App {
    shared: Arc<Mutex<Shared>>,
}

/// The review and its recent replies.
struct Shared {
    review: Box<dyn Review>,
    replies: Replies,
}

/// All routes except that of the token.
pub(super) fn app(review: Box<dyn Review>) -> Router {
    let app = App { shared: Arc::new(Mutex::new(Shared { review, replies: Replies::default() })) };
    streamface_web::assets(&ASSETS)
        .route("/api/overview", get(overview))
        .route("/api/questions", get(questions))
        .route("/api/people", get(people))
        .route("/api/person/{face}", get(person))
        .route("/api/compare/{left}/{right}", get(compare))
        .route("/api/names", get(names))
        .route("/api/mixed", get(mixed))
        .route("/api/noise", get(noise))
        .route("/api/undecided", get(undecided))
        .route("/api/history", get(history))
        .route("/api/face/{face}", get(face))
        .route("/api/decide", post(decide))
        .route("/api/finalize", post(finalize))
        .route("/image/{kind}/{face}", get(image))
        .with_state(app)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, error) = match &self {
            Self::Unknown(_) => (StatusCode::NOT_FOUND, "unknown"),
            Self::Stale(_) => (StatusCode::CONFLICT, "stale"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Self::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            Self::DiskFull(_) => (StatusCode::INSUFFICIENT_STORAGE, "not_saved"),
            Self::NotSaved(_) => (StatusCode::INTERNAL_SERVER_ERROR, "not_saved"),
        };
        failure(status, error, &self.to_string())
    }
}

impl App {
    /// Runs `work` on a thread that may block on the disk.
    async fn with<T: IntoResponse + Send + 'static>(
        &self,
        work: impl FnOnce(&mut Shared) -> Result<T, Problem> + Send + 'static,
    ) -> Response {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || {
            // After a panic the review may be ahead or behind; its journal is what counts.
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut shared).into_response()
        });
        done.await.unwrap_or_else(|_| {
            Problem::NotSaved("The server had an internal error. Nothing was saved.".into()).into_response()
        })
    }
}

/// A JSON body; [`streamface_web`] has checked its size and that it arrived in time.
struct Sent<T>(T);

impl<T: DeserializeOwned> FromRequest<App> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        // A form on another site cannot send this content type without a preflight request.
        if kind.is_none_or(|k| k.split(';').next().map(str::trim) != Some("application/json")) {
            return Err(failure(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "refused",
                "The content type must be application/json.",
            ));
        }
        let bytes = Bytes::from_request(request, app).await.map_err(|e| {
            failure(e.status(), "refused", "The request was incomplete and was not processed.")
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|e| {
            failure(StatusCode::UNPROCESSABLE_ENTITY, "refused", &format!("Invalid request: {e}"))
        })
    }
}

async fn overview(State(app): State<App>) -> Response {
    app.with(|shared| Ok(Json(shared.review.overview()))).await
}

async fn questions(State(app): State<App>, Query(ask): Query<Ask>) -> Response {
    app.with(move |shared| shared.review.questions(ask).map(Json)).await
}

async fn people(
    State(app): State<App>,
    Query(search): Query<Search>,
    Query(window): Query<Window>,
) -> Response {
    app.with(move |shared| shared.review.people(&search, window).map(Json)).await
}

async fn person(State(app): State<App>, Path(face): Path<String>, Query(window): Query<Window>) -> Response {
    app.with(move |shared| shared.review.person(&named(&face)?, window).map(Json)).await
}

async fn compare(State(app): State<App>, Path((left, right)): Path<(String, String)>) -> Response {
    app.with(move |shared| shared.review.compare(&named(&left)?, &named(&right)?).map(Json)).await
}

async fn names(State(app): State<App>) -> Response {
    app.with(|shared| Ok(Json(shared.review.names()))).await
}

#[derive(Deserialize)]
struct OfFace {
    face: Option<String>,
}

async fn mixed(State(app): State<App>, Query(of): Query<OfFace>, Query(window): Query<Window>) -> Response {
    app.with(move |shared| {
        let face = of.face.as_deref().map(named).transpose()?;
        shared.review.mixed(face.as_ref(), window).map(Json)
    })
    .await
}

async fn noise(State(app): State<App>, Query(window): Query<Window>) -> Response {
    app.with(move |shared| Ok(Json(shared.review.noise(window)))).await
}

async fn undecided(State(app): State<App>, Query(window): Query<Window>) -> Response {
    app.with(move |shared| Ok(Json(shared.review.undecided(window)))).await
}

#[derive(Deserialize)]
struct Doubtful {
    #[serde(default)]
    doubtful: bool,
}

async fn history(
    State(app): State<App>,
    Query(order): Query<Doubtful>,
    Query(window): Query<Window>,
) -> Response {
    app.with(move |shared| Ok(Json(shared.review.history(order.doubtful, window)))).await
}

async fn face(State(app): State<App>, Path(face): Path<String>) -> Response {
    app.with(move |shared| shared.review.face(&named(&face)?).map(Json)).await
}

async fn decide(State(app): State<App>, Sent(answer): Sent<Answer>) -> Response {
    let reply = app
        .with(move |shared| {
            answer.check()?;
            let Shared { review, replies } = shared;
            replies.once(&answer, || review.decide(&answer))
        })
        .await;
    tokio::task::spawn_blocking(move || {
        app.shared.lock().unwrap_or_else(PoisonError::into_inner).review.settle();
    });
    reply
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn finalize(State(app): State<App>, Sent(Nothing {}): Sent<Nothing>) -> Response {
    app.with(|shared| shared.review.finalize().map(Json)).await
}

async fn image(State(app): State<App>, Path((kind, face)): Path<(String, String)>) -> Response {
    let picture = match kind.as_str() {
        "face" => Picture::Face,
        "aligned" => Picture::Aligned,
        "frame" => Picture::Frame,
        _ => return Problem::Unknown("There is no such kind of image.".into()).into_response(),
    };
    let shared = Arc::clone(&app.shared);
    let read = tokio::task::spawn_blocking(move || {
        // The lock is held while the face is looked up, not while the file is read.
        let found = named(&face).and_then(|face| {
            shared.lock().unwrap_or_else(PoisonError::into_inner).review.image(picture, &face)
        });
        found.and_then(|image| read_image(&image))
    });
    match read.await {
        Ok(Ok((bytes, content_type))) => {
            let headers =
                [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "private, max-age=600")];
            (headers, Body::from(bytes)).into_response()
        }
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => Problem::Unknown("The image cannot be read.".into()).into_response(),
    }
}

fn named(face: &str) -> Result<FaceId, Problem> {
    face.parse().map_err(|_| Problem::Unknown("There is no such face.".into()))
}

/// Size limit of an image in bytes.
const MAX_IMAGE: u64 = 64 << 20;

/// The bytes of a PNG, JPEG or WebP file of the dataset, which is no link, and their content type.
fn read_image(image: &Image) -> Result<(Vec<u8>, &'static str), Problem> {
    let gone = |_| Problem::Unknown("The image is not on the disk.".into());
    // Its folder too, whatever was put into its place since the review began.
    let real = |path: &std::path::Path| path.canonicalize().map_err(gone);
    let (root, folder) = (real(&image.root)?, real(image.path.parent().unwrap_or(&image.path))?);
    if !folder.starts_with(&root) {
        return Err(Problem::Unknown("The image is not in the dataset.".into()));
    }
    let bytes = streamface_store::files::read(&image.path, MAX_IMAGE).map_err(|e| match e {
        streamface_store::Error::Io { .. } => Problem::Unknown("The image is not on the disk.".into()),
        _ => Problem::Unknown("The image is not in the dataset.".into()),
    })?;
    let content_type = content_type(&bytes)
        .ok_or_else(|| Problem::Unknown("The image is no PNG, JPEG or WebP file.".into()))?;
    Ok((bytes, content_type))
}

/// What an image is, by its first bytes.
fn content_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        None
    }
}
