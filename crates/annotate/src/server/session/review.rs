//! The session as a [`Review`].

use std::io::ErrorKind;

use streamface_store::ImageKind;
use streamface_types::FaceId;

use super::ReviewSession;
use crate::Error;
use crate::server::view::{
    Answer, Ask, Decided, Entry, FaceDetail, FaceView, Finalized, Image, MixedPerson, Overview, PersonFaces,
    PersonView, Picture, Problem, Question, Review, Rows, SHOWN, Search, Window,
};

impl From<Error> for Problem {
    fn from(e: Error) -> Self {
        let full = match &e {
            Error::NotSaved { source, .. } | Error::Store(streamface_store::Error::Io { source, .. }) => {
                source.kind() == ErrorKind::StorageFull
            }
            _ => false,
        };
        if full { Self::DiskFull(e.to_string()) } else { Self::NotSaved(e.to_string()) }
    }
}

impl Review for ReviewSession {
    fn overview(&mut self) -> Overview {
        let progress = self.current_progress();
        let listed = self.listed();
        let (people, noise) = (listed.people.len(), listed.noise);
        let undecided = self.undecided_pairs().len();
        Overview {
            title: self.data.root().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            faces: self.index.faces.len(),
            people,
            noise,
            revision: self.revision(),
            answers: self.answers(),
            undecided,
            who: self.settings.who.clone(),
            f: self.f_at_start.zip(progress).map(|(start, now)| [start, now.f]),
            rest: progress.map(|p| p.rest),
            stop: progress.map(|p| p.stop),
            estimated: self.progress.map_or(0, |(_, revision, _)| revision),
            conflicts: self.people.conflicts(),
        }
    }

    fn questions(&mut self, ask: Ask) -> Result<Vec<Question>, Problem> {
        Ok(self.ask(ask)?)
    }

    fn people(&mut self, search: &Search, window: Window) -> Result<Rows<PersonView>, Problem> {
        self.search(search, window)
    }

    fn person(&mut self, face: &FaceId, window: Window) -> Result<PersonFaces, Problem> {
        let number = self.face_number(face)?;
        let person = self.people.person_of(number);
        let person = person.ok_or_else(|| Problem::Unknown("This face belongs to no one now.".into()))?;
        let pool = self.read_pool(person)?;
        let mut shown = self.choose(&pool, SHOWN, &[]);
        // The face in the request identifies the person, so that the page's address is stable.
        shown.retain(|&f| f != number);
        shown.insert(0, number);
        shown.truncate(SHOWN);
        let faces = self.people.faces_of(person);
        let rows = Rows::window(self.revision(), &faces, window, |&f| self.face_view(f));
        let (timeline, sources) = self.timeline(&faces);
        let attributes = self.voted(&faces);
        Ok(PersonFaces {
            revision: self.revision(),
            person: self.person_view(person, &shown),
            faces: rows,
            timeline,
            sources,
            same_name: self.same_name(person),
            attributes,
        })
    }

    fn compare(&mut self, left: &FaceId, right: &FaceId) -> Result<Question, Problem> {
        let person = |face: &FaceId| {
            let number = self.face_number(face)?;
            let found = self.people.person_of(number);
            found.ok_or_else(|| Problem::Unknown("This face belongs to no one now.".into()))
        };
        let (left, right) = (person(left)?, person(right)?);
        if left == right {
            return Err(Problem::Stale("These two are one person already.".into()));
        }
        Ok(self.pair_question(left, right, SHOWN)?)
    }

    fn names(&mut self) -> Vec<String> {
        self.all_names()
    }

    fn mixed(&mut self, face: Option<&FaceId>, window: Window) -> Result<Rows<MixedPerson>, Problem> {
        self.mixed_people(face, window)
    }

    fn noise(&mut self, window: Window) -> Rows<FaceView> {
        Rows::window(self.revision(), &self.people.noise(), window, |&f| self.face_view(f))
    }

    fn undecided(&mut self, window: Window) -> Rows<Question> {
        self.undecided_view(window)
    }

    fn face(&mut self, id: &FaceId) -> Result<FaceDetail, Problem> {
        let number = self.face_number(id)?;
        let (attributes, said) = (self.attributes_of(id), self.voted(&[number]));
        let face = self.index.faces[number as usize];
        let frame = self.index.frame_of(number);
        Ok(FaceDetail {
            person: self.people.person_of(number).map(|p| self.person_small(p)),
            face: self.face_view(number),
            bbox: face.detection.map(|d| d.bbox),
            frame_size: frame.size,
            stream_time: frame.stream_time().map(|t| t.to_string()),
            score: face.detection.map(|d| d.score),
            blur: face.detection.map(|d| d.blur),
            attributes,
            said,
        })
    }

    fn history(&mut self, doubtful: bool, window: Window) -> Rows<Entry> {
        self.entries(doubtful, window)
    }

    fn decide(&mut self, answer: &Answer) -> Result<Decided, Problem> {
        self.take(answer)
    }

    fn finalize(&mut self) -> Result<Finalized, Problem> {
        self.write_result()
    }

    fn settle(&mut self) {
        // An error here is reported by the next question.
        let _ = self.session_queue();
    }

    fn image(&self, kind: Picture, face: &FaceId) -> Result<Image, Problem> {
        self.face_number(face)?;
        let path = match kind {
            Picture::Face => self.data.image_path(ImageKind::Face, face),
            Picture::Aligned => self.data.image_path(ImageKind::AlignedFace, face),
            Picture::Frame => {
                let format = self.frame_formats().of(&face.frame);
                self.data.frame_path(&face.frame, format).ok_or_else(|| {
                    Problem::Unknown(
                        "The frame's picture was not kept, or was removed by streamface prune.".into(),
                    )
                })?
            }
        };
        Ok(Image { root: self.data.root().to_owned(), path })
    }
}
