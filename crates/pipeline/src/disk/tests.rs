use super::*;
use streamface_capture::Naming;
use streamface_store::DropReason;
use streamface_types::{FrameId, Timestamp};

/// A frame of a source at a second of it.
fn frame(source: &str, second: f64) -> FrameRow {
    let micros = (second * 1e6) as i64;
    let mut row = FrameRow::new(FrameId::at(source, Timestamp::from_micros(micros)).unwrap(), source);
    row.stream_time = Some(StreamTime(micros));
    row
}

fn meter(sources: SourceLengths, free: u64) -> DiskMeter {
    let dir = tempfile::tempdir().unwrap();
    let mut meter = DiskMeter::new(dir.path(), sources, FrameFormat::Png, true, 0).unwrap();
    meter.disk = FreeSpace { free, block: 4096 };
    meter
}

fn live(limit: Option<Duration>) -> SourceLengths {
    let url = Source::Url { url: "http://tv/live.m3u8".into(), name: "tv".into() };
    let sources = SourceLengths::new(&[url], limit);
    sources.hear(&Notice::Opened { source: "tv".into(), duration: None });
    sources
}

fn video(seconds: u64, count: usize) -> SourceLengths {
    let video = |n: usize| Source::Video {
        path: format!("{n}.mp4").into(),
        name: n.to_string(),
        naming: Naming::OfFile,
    };
    let sources = SourceLengths::new(&(0..count).map(video).collect::<Vec<_>>(), None);
    sources.hear(&Notice::Opened { source: "0.mp4".into(), duration: Some(Duration::from_secs(seconds)) });
    sources
}

const GB: u64 = 1_000_000_000;

#[test]
fn ten_minutes_of_a_stream_tell_what_ten_hours_take() {
    let mut meter = meter(live(None), 20 * GB);
    assert!(!meter.now().measured && meter.now().per_hour > Some(GB));
    // A keyframe each two seconds; sizes vary, a third of the frames is dropped, each tenth frame has a face. The clock
    // of a live stream begins anywhere and leaps once.
    let mut truth = 0;
    let mut at_ten_minutes = None;
    for n in 0..18_000_u64 {
        let second = 95_000.0 + 2.0 * n as f64 + if n > 200 { 5_000.0 } else { 0.0 };
        let mut row = frame("tv", second);
        let files = if n % 3 == 0 {
            row.dropped = Some(DropReason::Duplicate);
            vec![]
        } else {
            let picture = 700_000 + 600_000 * (n * 7919 % 101) / 100;
            if n % 10 == 0 { vec![picture, 80_000, 30_000] } else { vec![picture] }
        };
        truth += files.iter().map(|bytes: &u64| bytes.div_ceil(4096) * 4096).sum::<u64>();
        meter.add(&row, &files, u64::from(files.len() > 1));
        if n == 300 {
            at_ten_minutes = Some(meter.now());
        }
    }
    let forecast = at_ten_minutes.unwrap();
    assert!(forecast.measured && forecast.needed.is_none());
    let said = 10.0 * forecast.per_hour.unwrap() as f64;
    assert!((said / truth as f64 - 1.0).abs() < 0.2, "{said} was said, {truth} came");
    let full = forecast.full_after.unwrap().as_secs_f64() / 36_000.0;
    let wanted = 20.0 * GB as f64 / truth as f64;
    assert!((full / wanted - 1.0).abs() < 0.2, "{full} of ten hours was said, it is {wanted}");
}

#[test]
fn what_a_file_takes_is_warned_of_before_and_after_measuring() {
    let mut meter = meter(video(36_000, 1), 10 * GB);
    let said = meter.warning().unwrap();
    assert!(said.contains("10 GB free") && said.contains("takes some 40 GB"), "{said}");
    assert!(said.contains("--frames jpeg"), "{said}");
    assert_eq!(meter.warning(), None, "once");
    for second in 0..100 {
        meter.add(&frame("0.mp4", second.into()), &[1_000_000], 0);
    }
    let now = meter.now();
    assert!(now.measured);
    let needed = now.needed.unwrap() as f64;
    assert!((needed / 36e9 - 1.0).abs() < 0.05, "{needed}");
    let said = meter.warning().unwrap();
    assert!(said.contains("the rest takes 36 GB") && said.contains("full after 2 h"), "{said}");
    assert_eq!(meter.warning(), None);
}

#[test]
fn files_still_to_be_opened_count_as_long_as_the_others() {
    let now = meter(video(3600, 4), 100 * GB).now();
    assert_eq!(now.needed, now.per_hour.map(|bytes| 4 * bytes));
    // A limit is one for each file.
    let sources = SourceLengths::new(
        &[Source::Video { path: "a.mp4".into(), name: "a".into(), naming: Naming::OfFile }],
        Some(SOON / 2),
    );
    sources.hear(&Notice::Opened { source: "a.mp4".into(), duration: Some(2 * SOON) });
    let now = meter(sources, 100 * GB).now();
    assert_eq!(now.needed, now.per_hour.map(|bytes| bytes / 2));
}

#[test]
fn an_endless_stream_is_warned_of_in_its_last_hour() {
    let hour = |free| {
        let mut meter = meter(live(None), free);
        for second in 0..100 {
            meter.add(&frame("tv", second.into()), &[1_000_000], 0);
        }
        meter.warning()
    };
    assert_eq!(hour(10 * GB), None);
    let said = hour(2 * GB).unwrap();
    assert!(said.contains("full after 32 min"), "{said}");
    // With an end it is known what it takes.
    let mut limited = meter(live(Some(Duration::from_secs(60))), GB);
    assert_eq!(limited.warning(), None);
}

#[test]
fn photos_are_measured_by_their_number() {
    let photos = (0..1000).map(|n| (format!("{n}.jpg").into(), n.to_string())).collect();
    let mut meter = meter(SourceLengths::new(&[Source::Images(photos)], None), GB);
    assert_eq!((meter.now().needed, meter.now().per_hour), (None, None));
    for n in 0..10 {
        let row = FrameRow::new(FrameId::new(format!("photo{n}")).unwrap(), format!("{n}.jpg"));
        meter.add(&row, &[2_000_000], 0);
    }
    let needed = meter.now().needed.unwrap();
    assert!((needed as f64 / 990.0 / 2e6 - 1.0).abs() < 0.01, "{needed}");
    assert!(meter.warning().unwrap().contains("takes 2.0 GB"));
}

#[test]
fn a_full_disk_is_refused_with_words() {
    let mut meter = meter(live(None), RESERVE - 1);
    let said = meter.full().unwrap().to_string();
    assert!(said.contains("34 MB free") && said.contains("free some space"), "{said}");
    meter.disk.free = RESERVE;
    assert!(meter.full().is_none());
    // The tables of many faces are written anew at the end.
    meter.faces = 1_000_000;
    assert!(meter.full().is_some());
}

#[test]
fn sizes_and_times_are_short() {
    let sizes = [0, 4096, 999_999, 1_500_000, 107_000_000, 3_900_000_000, 40_000_000_000, 2_000_000_000_000];
    let said = sizes.map(|bytes| Size(bytes).to_string());
    assert_eq!(said, ["0.0 kB", "4.1 kB", "1000 kB", "1.5 MB", "107 MB", "3.9 GB", "40 GB", "2.0 TB"]);
    let times = [59, 7_140, 7_200, 86_400, 400_000].map(|s| Hours(Duration::from_secs(s)).to_string());
    assert_eq!(times, ["0 min", "119 min", "2 h", "24 h", "4 days"]);
}
