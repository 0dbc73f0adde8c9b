"""From a video file to labelled people, a step after the other, every library at its own defaults."""

from common import (
    Clock,
    Detector,
    Embedder,
    Result,
    arguments,
    duplicate,
    faces_of,
    finish,
    keyframes,
    looks,
    prepare,
    stem,
    write_png,
)


def main():
    settings = arguments(__doc__).parse_args()
    clock = Clock()
    prepare(settings.out)
    detector, embedder = Detector(settings), Embedder(settings)
    result, last = Result(), None
    frames = keyframes(settings.file, key_packets_only=False)
    while True:
        with clock.stage("decode"):
            frame = next(frames, None)
        if frame is None:
            break
        result.decoded += 1
        seconds, rgb = frame
        with clock.stage("filters"):
            thumbnail = looks(rgb, settings)
            if thumbnail is None or duplicate(thumbnail, last, settings):
                continue
            last = thumbnail
        name = stem(settings.file.stem, seconds)
        with clock.stage("png"):
            write_png(settings.out / "frames" / f"{name}.png", rgb)
        result.kept += 1
        result.faces += faces_of(rgb, name, detector, settings, clock)
    with clock.stage("embed"):
        for i in range(0, len(result.faces), 2):
            embedder.embed(result.faces[i : i + 2])
    finish("plain", result, settings, clock)


if __name__ == "__main__":
    main()
