//! What models say of people and of faces, and the faces that are shown first.

use std::collections::BTreeMap;

use streamface_annotate::server::Review as _;
use streamface_annotate::server::ReviewSession;
use streamface_annotate::server::session::SessionSettings;
use streamface_annotate::server::view::*;
use streamface_eval::person_attributes::{UNKNOWN, Voted};
use streamface_store::FeatureRow;
use streamface_types::FaceId;

use crate::sample::{self, Sample, sample};
use crate::who;

fn open(made: &Sample) -> ReviewSession {
    let mut setup = SessionSettings::default();
    setup.unknown_below = [("gender".to_owned(), 0.8)].into();
    ReviewSession::open(made.open(), setup).unwrap()
}

fn everyone(session: &mut ReviewSession) -> Vec<PersonView> {
    session.people(&Search::default(), Window { offset: 0, limit: Some(ROWS) }).unwrap().rows
}

#[test]
fn a_person_has_the_vote_of_the_faces_and_what_speaks_against_it() {
    let made = sample(false);
    let mut session = open(&made);
    for person in everyone(&mut session) {
        let page = session.person(&person.id, Window::default()).unwrap();
        let Some(Voted::Label(gender)) = page.attributes.get("gender") else {
            panic!("{:?}", page.attributes)
        };
        assert_eq!(gender.faces as usize, page.person.faces);
        assert_eq!(gender.likeliest, "Female");
        // Of one the faces agree that nothing is likely.
        let even = who(&made, &person).is_multiple_of(2);
        if !even {
            assert_eq!((gender.label.as_str(), gender.unknown > 0.5), (UNKNOWN, true), "{gender:?}");
        } else if gender.disagreement < 0.35 {
            assert_eq!(gender.label, "Female", "{gender:?}");
        }
        let Some(Voted::Number(years)) = page.attributes.get("years") else { panic!() };
        assert!(years.deviation.unwrap() > 4.0 && years.between.unwrap() > 0.5, "{years:?}");
        assert!(matches!(page.attributes.get("pose"), Some(Voted::Ranges(_))));
    }
}

#[test]
fn a_face_says_what_it_says_itself() {
    let made = sample(false);
    let mut session = open(&made);
    let (mut likely, mut unknown) = (0, 0);
    for (name, person) in &made.truth {
        let id: FaceId = name.parse().unwrap();
        let detail = session.face(&id).unwrap();
        let Some(Voted::Label(gender)) = detail.said.get("gender") else { panic!() };
        let own = detail.attributes.as_ref().unwrap().likeliest("gender").unwrap();
        assert_eq!((gender.likeliest.as_str(), gender.probability), own);
        unknown += usize::from(gender.label == UNKNOWN);
        likely += usize::from(person % 2 == 0 && gender.label == "Female");
    }
    assert!(likely > 20 && unknown > 20, "{likely} {unknown}");
}

#[test]
fn faces_of_the_best_quality_are_shown_first() {
    let made = sample(false);
    let data = made.open();
    let mut rows: Vec<FeatureRow> = data.read().unwrap();
    let quality = |i: usize| (i * 7919 % 1000) as f32 / 1000.0;
    for (i, row) in rows.iter_mut().enumerate() {
        row.quality = Some(quality(i));
    }
    let of: BTreeMap<String, f32> = rows.iter().map(|r| (r.face.to_string(), r.quality.unwrap())).collect();
    data.replace(rows).unwrap();
    drop(data);
    let mut session = open(&made);
    for person in everyone(&mut session) {
        let page = session.person(&person.id, Window { offset: 0, limit: Some(ROWS) }).unwrap();
        let best = page.faces.rows.iter().map(|f| of[&f.id.to_string()]).fold(0.0, f32::max);
        assert_eq!(of[&person.shown[0].id.to_string()], best, "{person:?}");
    }
    assert_eq!(of.len(), sample::PEOPLE * sample::CLUSTERS * sample::FACES);
}
