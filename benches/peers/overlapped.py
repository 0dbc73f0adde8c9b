"""From a video file to labelled people, decoding, filters, PNG and networks overlapped in threads."""

import math
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import cv2

from common import (
    Clock,
    Detector,
    Embedder,
    Result,
    arguments,
    faces_of,
    finish,
    keyframes,
    looks,
    prepare,
    stem,
    write_png,
)

# Frames between the decoder and the last step: memory stays flat.
IN_FLIGHT = 12

# The fastest of OpenCV's settings on television frames; files are a little smaller than by default.
PNG = (
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_UP,
)


def decode(settings, clock, out, failure):
    """Fills `out` with keyframes, then None."""
    try:
        frames = keyframes(settings.file, key_packets_only=True, threads=settings.decode_threads)
        while True:
            with clock.stage("decode"):
                frame = next(frames, None)
            out.put(frame)
            if frame is None:
                return
    except Exception as e:
        failure.append(e)
        out.put(None)


def similarity(a, b):
    """1 less the normalised squared difference, as `cv2.matchTemplate` has it, a twentieth of its time."""
    sizes = cv2.norm(a, cv2.NORM_L2SQR) * cv2.norm(b, cv2.NORM_L2SQR)
    return 1 - cv2.norm(a, b, cv2.NORM_L2SQR) / math.sqrt(sizes) if sizes else 1.0


def embed(embedder, clock, faces, failure):
    """Embeds faces two by two, across frames, until None comes."""
    pair, last = [], False
    while not last:
        face = faces.get()
        last = face is None
        if not last:
            pair.append(face)
        if len(pair) == 2 or last and pair:
            try:
                with clock.stage("embed"):
                    embedder.embed(pair)
            except Exception as e:
                failure.append(e)
            pair = []


def main():
    parser = arguments(__doc__)
    parser.add_argument("--workers", type=int, default=2, help="frames worked on at once")
    parser.add_argument("--intra", type=int, default=1, help="threads within one network run")
    parser.add_argument("--cv-threads", type=int, default=1, help="threads within one OpenCV call")
    parser.add_argument("--decode-threads", type=int, default=1, help="threads of the decoder")
    settings = parser.parse_args()
    clock = Clock()
    cv2.setNumThreads(settings.cv_threads)
    prepare(settings.out)
    detector, embedder = Detector(settings, settings.intra), Embedder(settings, settings.intra)
    result, last, failure = Result(), None, []
    frames, to_embed = queue.Queue(4), queue.Queue()
    room = threading.Semaphore(IN_FLIGHT)
    helpers = [
        threading.Thread(target=decode, args=(settings, clock, frames, failure), daemon=True),
        threading.Thread(target=embed, args=(embedder, clock, to_embed, failure), daemon=True),
    ]
    for helper in helpers:
        helper.start()

    def measure(rgb):
        with clock.stage("filters"):
            return looks(rgb, settings)

    def save(name, rgb):
        with clock.stage("png"):
            write_png(settings.out / "frames" / f"{name}.png", rgb, PNG)

    def find(name, rgb):
        faces = faces_of(rgb, name, detector, settings, clock, PNG)
        for face in faces:
            to_embed.put(face)
        return faces

    with ThreadPoolExecutor(settings.workers) as pool:
        # Filters run ahead by a few frames; what is kept is decided in order.
        ahead, kept, open_end = [], [], True
        while open_end or ahead:
            while open_end and len(ahead) < settings.workers + 1:
                frame = frames.get()
                if frame is None:
                    open_end = False
                    break
                ahead.append((*frame, pool.submit(measure, frame[1])))
            if not ahead:
                break
            seconds, rgb, measured = ahead.pop(0)
            result.decoded += 1
            thumbnail = measured.result()
            if thumbnail is None:
                continue
            with clock.stage("filters"):
                same = last is not None and similarity(thumbnail, last) > settings.similar
            if same:
                continue
            last = thumbnail
            result.kept += 1
            name = stem(settings.file.stem, seconds)
            room.acquire()
            saved = pool.submit(save, name, rgb)
            found = pool.submit(find, name, rgb)
            found.add_done_callback(lambda _: room.release())
            kept.append((saved, found))
        for saved, found in kept:
            saved.result()
            result.faces += found.result()
    to_embed.put(None)
    for helper in helpers:
        helper.join()
    if failure:
        raise failure[0]
    finish("overlapped", result, settings, clock)


if __name__ == "__main__":
    main()
