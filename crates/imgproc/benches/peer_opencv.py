"""Times OpenCV and Pillow on the operations of benches/filters.rs, one thread, same pictures.

    python peer_opencv.py [FRAME.png] [--ours target/criterion]

Without a frame it makes the same synthetic one as the Rust bench (which takes a frame's path from
STREAMFACE_BENCH_FRAME). With --ours it reads what criterion measured (after
`cargo bench -p streamface-imgproc`) and prints the ratio of each operation. Best times on both sides,
which other work on the machine disturbs least.
"""

import argparse
import json
import pathlib
import time

import cv2
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 1920, 1080
ARCFACE = np.float32(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
EYES = np.float32([[886, 386], [1025, 343], [971, 466], [940, 514], [1068, 478]])
BOX = (804, 205, 346, 388)


def synthetic():
    """The frame of the Rust bench: smooth waves, a checked area, and noise."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.uint32)
    noise = (x * np.uint32(2654435761) ^ y * np.uint32(2246822519)) >> np.uint32(13)
    noise = (noise * np.uint32(3266489917)) >> np.uint32(28)
    checks = np.where(((x // 37 + y // 23) % 2 == 1) & (x > WIDTH // 2), 60, 0).astype(np.uint32)
    base = [(x // 9 + y // 17) % 160, (x // 14 + y // 6) % 160, (x // 23 + y // 31) % 160]
    return np.stack([(b + checks + noise).astype(np.uint8) for b in base], -1)


def blur_variance(gray):
    return cv2.Laplacian(cv2.GaussianBlur(gray, (3, 3), 0.5), cv2.CV_64F, ksize=11).var()


def thumbnail(gray):
    return cv2.resize(gray, (1280, 720), interpolation=cv2.INTER_NEAREST)


def cut(thumb):
    return np.ascontiguousarray(thumb[108:612, 192:1088])


def loose(frame):
    x, y, w, h = BOX
    r = max(w, h)
    cx, cy = x + w // 2 + WIDTH // 2, y + h // 2 + HEIGHT // 2
    padded = cv2.copyMakeBorder(frame, HEIGHT // 2, HEIGHT // 2, WIDTH // 2, WIDTH // 2, cv2.BORDER_CONSTANT)
    face = Image.fromarray(padded[cy - r : cy + r, cx - r : cx + r])
    return np.asarray(face.resize((256, 256), Image.LANCZOS))


def aligned(frame):
    x, y, w, h = BOX
    gh, gw = int(0.3 * h), int(0.3 * w)
    dx, dy = EYES[1] - EYES[0]
    face = Image.fromarray(frame[y - gh : y + h + gh, x - gw : x + w + gw])
    face = face.rotate(np.degrees(np.arctan2(dy, dx))).crop((gw, gh, gw + w, gh + h))
    return np.asarray(face.resize((128, 128), Image.LANCZOS))


def best_ms(f, seconds=1.0):
    f()
    took = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(took) < 5:
        start = time.perf_counter()
        f()
        took.append(time.perf_counter() - start)
    return min(took) * 1e3


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("frame", nargs="?", help="a 1920 x 1080 picture")
    args.add_argument("--ours", type=pathlib.Path, help="criterion's folder")
    args = args.parse_args()
    cv2.setNumThreads(1)
    frame = cv2.cvtColor(cv2.imread(args.frame), cv2.COLOR_BGR2RGB) if args.frame else synthetic()
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    thumb = thumbnail(gray)
    other = np.ascontiguousarray(thumb[::-1])
    face = aligned(frame)
    matrix = cv2.estimateAffinePartial2D(EYES, ARCFACE)[0]
    png = cv2.imencode(".png", frame)[1]
    x, y, w, h = BOX
    big_face = np.ascontiguousarray(frame[y : y + h, x : x + w])
    ops = {
        "gray": lambda: cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY),
        "thumbnail": lambda: thumbnail(gray),
        "canny_empty_fraction": lambda: np.count_nonzero(cv2.Canny(gray, 0, 25)),
        "blur_variance_frame": lambda: blur_variance(cut(thumb)),
        "blur_variance_face": lambda: blur_variance(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)),
        "similarity": lambda: cv2.matchTemplate(thumb, other, cv2.TM_SQDIFF_NORMED),
        "all_frame_filters": lambda: all_filters(frame, other),
        "loose_face": lambda: loose(frame),
        "aligned_face": lambda: aligned(frame),
        "warp_112": lambda: cv2.warpAffine(frame, matrix, (112, 112)),
        "resize_area_face": lambda: cv2.resize(big_face, (128, 144), interpolation=cv2.INTER_AREA),
        "resize_bilinear_960x544": lambda: cv2.resize(frame, (960, 544)),
        "resize_bilinear_640x384": lambda: cv2.resize(frame, (640, 384)),
        "planar_960x544": lambda: cv2.dnn.blobFromImage(frame, 1.0, (960, 544)),
        "planar_640x384": lambda: cv2.dnn.blobFromImage(frame, 1.0, (640, 384)),
        "encode_png": lambda: cv2.imencode(".png", frame),
        "decode_png": lambda: cv2.imdecode(png, cv2.IMREAD_COLOR),
    }
    print(f"OpenCV {cv2.__version__}, Pillow {Image.__version__}, one thread; PNG {len(png)} bytes")
    print(f"{'operation':26} {'peer ms':>9} {'ours ms':>9} {'ratio':>6}")
    for name, f in ops.items():
        peer = best_ms(f)
        samples = args.ours and args.ours / name / "new" / "sample.json"
        if samples and samples.exists():
            sample = json.loads(samples.read_text())
            ours = min(t / n for t, n in zip(sample["times"], sample["iters"])) / 1e6
            print(f"{name:26} {peer:9.3f} {ours:9.3f} {peer / ours:5.1f}x")
        else:
            print(f"{name:26} {peer:9.3f}")


def all_filters(frame, other):
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    np.count_nonzero(cv2.Canny(gray, 0, 25))
    thumb = thumbnail(gray)
    blur_variance(cut(thumb))
    cv2.matchTemplate(thumb, other, cv2.TM_SQDIFF_NORMED)


if __name__ == "__main__":
    main()
