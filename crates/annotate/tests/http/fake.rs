//! A review of two people, that counts what reaches it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use streamface_annotate::server::Review;
use streamface_annotate::server::view::*;
use streamface_types::FaceId;

/// What the tests see of it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub decided: Arc<AtomicU64>,
    pub asked: Arc<AtomicU64>,
    /// What the next answer meets.
    pub problem: Arc<Mutex<Option<Problem>>>,
}

pub struct Fake {
    pub root: PathBuf,
    pub seen: Seen,
}

/// Its only face with images.
pub const FACE: &str = "a_frame_20230525100138412614_face_0";

fn view() -> FaceView {
    FaceView { id: FACE.parse().unwrap(), when: None, source: None, loose: None }
}

fn rows<T>() -> Rows<T> {
    Rows { revision: 0, total: 0, offset: 0, rows: Vec::new() }
}

impl Review for Fake {
    fn overview(&mut self) -> Overview {
        self.seen.asked.fetch_add(1, Ordering::SeqCst);
        let title = "<script>alert(1)</script>".to_owned();
        Overview { title, revision: self.seen.decided.load(Ordering::SeqCst), ..Overview::default() }
    }

    fn questions(&mut self, _: Ask) -> Result<Vec<Question>, Problem> {
        Ok(Vec::new())
    }

    fn people(&mut self, _: &Search, _: Window) -> Result<Rows<PersonView>, Problem> {
        Ok(rows())
    }

    fn person(&mut self, _: &FaceId, _: Window) -> Result<PersonFaces, Problem> {
        Err(Problem::Unknown("no".into()))
    }

    fn compare(&mut self, _: &FaceId, _: &FaceId) -> Result<Question, Problem> {
        Err(Problem::Unknown("no".into()))
    }

    fn names(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn mixed(&mut self, _: Option<&FaceId>, _: Window) -> Result<Rows<MixedPerson>, Problem> {
        Ok(rows())
    }

    fn noise(&mut self, _: Window) -> Rows<FaceView> {
        rows()
    }

    fn undecided(&mut self, _: Window) -> Rows<Question> {
        rows()
    }

    fn face(&mut self, face: &FaceId) -> Result<FaceDetail, Problem> {
        if face.to_string() != FACE {
            return Err(Problem::Unknown("There is no such face.".into()));
        }
        Ok(FaceDetail {
            face: view(),
            person: None,
            bbox: None,
            frame_size: None,
            stream_time: None,
            score: None,
            blur: None,
            attributes: None,
            said: Default::default(),
        })
    }

    fn history(&mut self, _: bool, _: Window) -> Rows<Entry> {
        rows()
    }

    fn decide(&mut self, answer: &Answer) -> Result<Decided, Problem> {
        if let Some(problem) = self.seen.problem.lock().unwrap().take() {
            return Err(problem);
        }
        let decision = self.seen.decided.fetch_add(1, Ordering::SeqCst) + 1;
        assert_eq!(answer.revision, 0, "action was sent is action arrives");
        Ok(Decided {
            decision,
            message: "Saved.".into(),
            overview: Overview::default(),
            questions: Vec::new(),
            same_name: Vec::new(),
        })
    }

    fn finalize(&mut self) -> Result<Finalized, Problem> {
        Err(Problem::DiskFull("No room on the disk.".into()))
    }

    fn image(&self, kind: Picture, face: &FaceId) -> Result<Image, Problem> {
        self.seen.asked.fetch_add(1, Ordering::SeqCst);
        // Every name leads to a path here: what may not be served is up to the server alone.
        let (folder, name) = match kind {
            Picture::Face => ("faces", face.to_string()),
            Picture::Aligned => ("aligned_faces", face.to_string()),
            Picture::Frame => ("frames", face.frame.to_string()),
        };
        Ok(Image { root: self.root.clone(), path: self.root.join(folder).join(format!("{name}.png")) })
    }
}
