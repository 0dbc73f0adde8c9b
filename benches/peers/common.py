"""The steps that both peers share: the same models, sizes and thresholds as `streamface run`.

Boxes are x1, y1, x2, y2 in pixels of the frame. A detection is a row of 15 numbers: box, score, then
the five landmarks as x, y pairs (eyes, nose, corners of the mouth; the viewer's left first).
Thresholds and sizes come from the manifests in `models/`, so both sides always use the same ones.
"""

import argparse
import csv
import datetime
import json
import math
import os
import shutil
import sys
import threading
import time
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

IMPORT_STARTED = time.perf_counter()

import av
import cv2
import numpy as np
import onnx  # for `free_shapes`, so that it counts among the imports
import onnxruntime as ort
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from scipy.cluster.hierarchy import fcluster, linkage

from engines import free_shapes

IMPORTS_S = time.perf_counter() - IMPORT_STARTED

MANIFESTS = Path(__file__).resolve().parents[2] / "models"
STAGES = ("decode", "filters", "png", "detect", "second_look", "crops", "embed", "cluster", "write")
THUMBNAIL = (1280, 720)
# The usual template of 112 x 112: eyes, nose, corners of the mouth.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
TEMPLATE_MEAN = TEMPLATE.mean(0)
TEMPLATE_CENTRED = TEMPLATE - TEMPLATE_MEAN


# ---------------------------------------------------------------- settings and clock


def arguments(description):
    """The command line of both peers; defaults are the manifests'."""
    detector = tomllib.loads((MANIFESTS / "centerface.toml").read_text())["detector"]
    embedder = tomllib.loads((MANIFESTS / "mobilefacenet.toml").read_text())["embedder"]
    p = argparse.ArgumentParser(description=description)
    p.add_argument("file", type=Path, help="a video file")
    p.add_argument("--out", type=Path, required=True, help="output directory")
    p.add_argument("--models", type=Path, default=cache(), help="directory of the weights")
    p.add_argument("--detect-size", type=int, default=detector["size"], help="long side for the detector")
    p.add_argument("--score", type=float, default=detector["score"], help="least detection score")
    p.add_argument("--nms", type=float, default=detector["nms_iou"], help="overlap of the weaker box")
    look = detector["second_look"]
    p.add_argument("--look-context", type=float, default=look["context"], help="crop in sides of the face")
    p.add_argument("--look-size", type=int, default=look["size"], help="side of the second look")
    p.add_argument("--threshold", type=float, default=embedder["threshold"], help="cut of the dendrogram")
    p.add_argument("--empty", type=float, default=0.95, help="largest fraction without edges")
    p.add_argument("--blur", type=float, default=1e10, help="least variance of the frame's Laplacian")
    p.add_argument("--similar", type=float, default=0.9, help="largest similarity with the last kept frame")
    p.add_argument("--size-threshold", type=float, default=0.005, help="least area of a face in the frame")
    p.add_argument("--face-blur", type=float, default=5e9, help="least variance of the face's Laplacian")
    return p


def cache():
    """Where `streamface models pull` puts the weights."""
    chosen = os.environ.get("STREAMFACE_MODELS")
    base = Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "streamface"


def find_model(directory, name):
    """The file `name` anywhere below `directory`."""
    for path in sorted(directory.rglob(name)):
        return path
    sys.exit(f"{directory}: no {name}; `streamface models pull` fetches it")


class Clock:
    """Milliseconds by stage, summed over threads: by the clock, and of the calling thread's own work."""

    def __init__(self):
        self.started = time.perf_counter()
        self.ms = dict.fromkeys(STAGES, 0.0)
        self.cpu_ms = dict.fromkeys(STAGES, 0.0)
        self.lock = threading.Lock()

    @contextmanager
    def stage(self, name):
        begun, worked = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            spent, work = time.perf_counter() - begun, time.thread_time() - worked
            with self.lock:
                self.ms[name] += spent * 1e3
                self.cpu_ms[name] += work * 1e3


@dataclass
class Result:
    """What a run counts, and the faces it found, in the order of frames."""

    decoded: int = 0
    kept: int = 0
    faces: list = field(default_factory=list)


@dataclass
class Face:
    """A kept face: its row of `detections.csv`, its input to the embedder and its embedding."""

    name: str
    row: list
    template: np.ndarray
    embedding: np.ndarray | None = None


# ---------------------------------------------------------------- capture


def keyframes(path, key_packets_only, threads=None):
    """Seconds and RGB pixels of each keyframe. `key_packets_only` keeps other packets from the decoder."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONKEY"
        if threads:
            stream.codec_context.thread_count = threads
        if key_packets_only:
            frames = key_packets(container, stream)
        else:
            frames = container.decode(stream)
        for frame in frames:
            yield float(frame.pts * stream.time_base), frame.to_ndarray(format="rgb24")


def key_packets(container, stream):
    """Frames of the packets marked as keyframes."""
    for packet in container.demux(stream):
        if packet.is_keyframe or packet.size == 0:
            yield from packet.decode()


def stem(source, seconds):
    """The frame's name: source and time since 1970, as for a file without a creation time."""
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=round(seconds * 1e6))
    return f"{source}_frame_{at:%Y%m%d%H%M%S%f}"


def looks(rgb, settings):
    """The first two filters: the thumbnail in gray, or none for an empty or blurred frame."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if 1 - cv2.countNonZero(cv2.Canny(gray, 0, 25)) / gray.size > settings.empty:
        return None
    small = cv2.resize(rgb, THUMBNAIL, interpolation=cv2.INTER_NEAREST)
    h, w = small.shape[:2]
    y, x = int(0.15 * h), int(0.15 * w)
    middle = cv2.cvtColor(small[y : h - y, x : w - x], cv2.COLOR_RGB2GRAY)
    if variance_of_laplacian(middle) < settings.blur:
        return None
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)


def variance_of_laplacian(gray):
    """Sharpness; the kernel of 11 makes it large, some 1e12 for a sharp frame."""
    edges = cv2.Laplacian(cv2.GaussianBlur(gray, (3, 3), 0.5), cv2.CV_64F, ksize=11)
    return cv2.meanStdDev(edges)[1][0, 0] ** 2


def duplicate(thumbnail, last, settings):
    """The third filter: nearly the last kept frame."""
    if last is None:
        return False
    return 1 - cv2.matchTemplate(thumbnail, last, cv2.TM_SQDIFF_NORMED)[0, 0] > settings.similar


def write_png(path, rgb, options=()):
    """A PNG file; `options` as `cv2.imwrite` takes them."""
    if not cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options):
        sys.exit(f"cannot write {path}")


# ---------------------------------------------------------------- detection


class Detector:
    """CenterFace. Threads may share it."""

    def __init__(self, settings, threads=None):
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if threads:
            options.intra_op_num_threads = threads
        weights = free_shapes(find_model(settings.models, "centerface.onnx"))
        self.session = ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        self.settings = settings

    def look(self, rgb, score):
        """Detections in an image whose sides are multiples of 32, best first."""
        x = np.empty((1, 3, *rgb.shape[:2]), np.float32)
        for c in range(3):
            x[0, c] = rgb[:, :, c]
        heat, size, offset, points = (o[0] for o in self.session.run(None, {self.input: x}))
        ys, xs = np.nonzero(heat[0] > score)
        h, w = np.exp(size[:, ys, xs]) * 4
        x1 = np.clip((xs + 0.5 + offset[1, ys, xs]) * 4 - w / 2, 0, rgb.shape[1])
        y1 = np.clip((ys + 0.5 + offset[0, ys, xs]) * 4 - h / 2, 0, rgb.shape[0])
        rows = np.empty((len(xs), 15), np.float32)
        rows[:, 0], rows[:, 1], rows[:, 4] = x1, y1, heat[0, ys, xs]
        rows[:, 2] = np.minimum(x1 + w, rgb.shape[1])
        rows[:, 3] = np.minimum(y1 + h, rgb.shape[0])
        for i in range(5):
            rows[:, 5 + 2 * i] = points[2 * i + 1, ys, xs] * w + x1
            rows[:, 6 + 2 * i] = points[2 * i, ys, xs] * h + y1
        return suppress(rows[np.argsort(-rows[:, 4], kind="stable")], self.settings.nms)

    def detect(self, rgb):
        """Detections in a frame, in its pixels."""
        h, w = rgb.shape[:2]
        scale = min(self.settings.detect_size / max(h, w), 1)
        width, height = (math.ceil(round(side * scale) / 32) * 32 for side in (w, h))
        found = self.look(cv2.resize(rgb, (width, height)), self.settings.score)
        found[:, [0, 2, *range(5, 15, 2)]] *= w / width
        found[:, [1, 3, *range(6, 15, 2)]] *= h / height
        return found

    def refine(self, rgb, face):
        """The landmarks of a second look at the face's crop, or the first ones, 5 x 2."""
        first = face[5:].reshape(5, 2)
        side = max(round(self.settings.look_context * max(face[2] - face[0], face[3] - face[1])), 1)
        left, top = (round(float(face[i] + face[i + 2]) / 2 - side / 2) for i in (0, 1))
        size = self.settings.look_size
        kind = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        seen = cv2.resize(cut(rgb, left, top, side), (size, size), interpolation=kind)
        found = self.look(seen, 0.3)
        if len(found) == 0:
            return first
        middle = (found[:, 0:2] + found[:, 2:4]) / 2 - size / 2
        best = found[np.argmin((middle**2).sum(1))]
        return best[5:].reshape(5, 2) * (side / size) + (left, top)


def suppress(rows, limit):
    """Non-maximum suppression of rows sorted by score."""
    kept = []
    while len(rows):
        best, rows = rows[0], rows[1:]
        kept.append(best)
        sides = np.minimum(best[2:4], rows[:, 2:4]) - np.maximum(best[0:2], rows[:, 0:2])
        both = np.maximum(sides, 0).prod(1)
        areas = (rows[:, 2:4] - rows[:, 0:2]).prod(1) + (best[2:4] - best[0:2]).prod()
        rows = rows[both <= limit * (areas - both)]
    return np.array(kept, np.float32).reshape(-1, 15)


def cut(rgb, left, top, side):
    """A square of the frame, black outside."""
    h, w = rgb.shape[:2]
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + side, w), min(top + side, h)
    if (x2 - x1, y2 - y1) == (side, side):
        return rgb[y1:y2, x1:x2]
    out = np.zeros((side, side, 3), np.uint8)
    if x1 < x2 and y1 < y2:
        out[y1 - top : y2 - top, x1 - left : x2 - left] = rgb[y1:y2, x1:x2]
    return out


# ---------------------------------------------------------------- crops


def loose_face(image, box):
    """The square about the box, twice its longer side, shrunk to 256 pixels."""
    x, y, w, h = box
    reach = int(2.0 * max(w, h) / 2)
    cx, cy = x + w // 2, y + h // 2
    border_x, border_y = image.width // 2, image.height // 2
    face = image.crop(
        (
            max(cx - reach, -border_x),
            max(cy - reach, -border_y),
            min(cx + reach, image.width + border_x),
            min(cy + reach, image.height + border_y),
        )
    )
    # No draft of pixels first: the result is to be that of Lanczos alone.
    face.thumbnail((256, 256), Image.Resampling.LANCZOS, reducing_gap=None)
    return face


def aligned_face(image, box, landmarks):
    """The box turned so that the eyes are level, 128 x 128."""
    x, y, w, h = box
    grow_x, grow_y = int(0.3 * w), int(0.3 * h)
    face = image.crop((x - grow_x, y - grow_y, x + w + grow_x, y + h + grow_y))
    dx, dy = landmarks[1] - landmarks[0]
    if abs(dx) > abs(dy):
        face = face.rotate(math.degrees(math.atan2(dy * np.sign(dx), abs(dx))))
    face = face.crop((grow_x, grow_y, grow_x + w, grow_y + h))
    return face.resize((128, 128), Image.Resampling.LANCZOS)


def template_face(rgb, landmarks):
    """The face in the embedder's template: least-squares similarity of the five landmarks, bilinear."""
    middle = landmarks.mean(0)
    p = landmarks - middle
    norm = (p**2).sum()
    a = (p * TEMPLATE_CENTRED).sum() / norm
    b = (p[:, 0] * TEMPLATE_CENTRED[:, 1] - p[:, 1] * TEMPLATE_CENTRED[:, 0]).sum() / norm
    turn = np.array([[a, -b], [b, a]])
    shift = TEMPLATE_MEAN - turn @ middle
    return cv2.warpAffine(rgb, np.column_stack([turn, shift]), (112, 112), flags=cv2.INTER_LINEAR)


def faces_of(rgb, frame, detector, settings, clock, png=()):
    """The faces of a kept frame that pass the gates; their crops are written."""
    with clock.stage("detect"):
        found = detector.detect(rgb)
    image = Image.fromarray(rgb) if len(found) else None
    faces = []
    for d in found:
        if (d[2] - d[0]) * (d[3] - d[1]) / (rgb.shape[0] * rgb.shape[1]) <= settings.size_threshold:
            continue
        with clock.stage("second_look"):
            points = detector.refine(rgb, d)
        with clock.stage("crops"):
            x1, y1, x2, y2 = (float(v) for v in d[:4])
            box = max(round(x1), 0), max(round(y1), 0), round(x2 - x1), round(y2 - y1)
            aligned = np.asarray(aligned_face(image, box, points))
            if variance_of_laplacian(cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY)) <= settings.face_blur:
                continue
            loose = np.asarray(loose_face(image, box))
            name = f"{frame}_face_{len(faces)}.png"
            write_png(settings.out / "faces" / name, loose, png)
            write_png(settings.out / "aligned_faces" / name, aligned, png)
            spots = [f"({round(float(x))}, {round(float(y))})" for x, y in points]
            shapes = [str(i.shape) for i in (rgb, loose, aligned)]
            row = [name, f"{d[4]:.7f}", str(list(box)), *spots, *shapes]
            faces.append(Face(name, row, template_face(rgb, points)))
    return faces


# ---------------------------------------------------------------- embedding, clustering, files


class Embedder:
    """MobileFaceNet, two faces a run. One thread at a time."""

    def __init__(self, settings, threads=None):
        path = find_model(settings.models, "MobileFaceNet.tflite")
        self.net = Interpreter(str(path), num_threads=threads)
        self.net.allocate_tensors()
        self.input = self.net.get_input_details()[0]["index"]
        self.output = self.net.get_output_details()[0]["index"]

    def embed(self, faces):
        """Embeds one or two faces; one is run beside a copy of itself."""
        pair = [f.template for f in faces]
        x = (np.stack(pair if len(pair) == 2 else pair * 2).astype(np.float32) - 127.5) / 128
        self.net.set_tensor(self.input, x)
        self.net.invoke()
        for face, e in zip(faces, self.net.get_tensor(self.output)):
            face.embedding = e / np.linalg.norm(e)
            face.template = None


def cluster(faces, threshold):
    """People by complete linkage on cosine distances; the largest is 0."""
    if len(faces) < 2:
        return np.zeros(len(faces), int)
    tree = linkage(np.stack([f.embedding for f in faces]).astype(np.float64), "complete", "cosine")
    groups = fcluster(tree, threshold, "distance")
    _, first, index, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), int)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[index]


def prepare(out):
    """The directories of a dataset; anything there already is an error."""
    for name in ("frames", "faces", "aligned_faces", "metadata", "labeled_faces"):
        (out / name).mkdir(parents=True)


def finish(name, result, settings, clock, extra=None):
    """Clusters, writes tables and labelled faces, and prints the measurement."""
    with clock.stage("cluster"):
        labels = cluster(result.faces, settings.threshold).tolist()
    with clock.stage("write"):
        meta = settings.out / "metadata"
        columns = "name,confidence,box,left_eye,right_eye,nose,mouth_left,mouth_right,image,face,crop"
        with open(meta / "detections.csv", "w", newline="") as f:
            writer = csv.writer(f, lineterminator="\n")
            writer.writerow(columns.split(","))
            writer.writerows(face.row for face in result.faces)
        empty = {"mask": None, "attributes": None}
        entries = {f.name[:-4]: {"label": k, **empty} for f, k in zip(result.faces, labels)}
        (meta / "annotations.json").write_text(json.dumps({"labels": entries}, indent=4))
        for face, label in zip(result.faces, labels):
            person = settings.out / "labeled_faces" / str(label)
            person.mkdir(exist_ok=True)
            shutil.copyfile(settings.out / "faces" / face.name, person / face.name)
    wall = time.perf_counter() - clock.started
    cpu = os.times()
    report = {
        "pipeline": name,
        "file": settings.file.name,
        "frames": result.decoded,
        "kept": result.kept,
        "faces": len(result.faces),
        "people": len(set(labels)),
        "wall_s": round(wall, 3),
        "imports_s": round(IMPORTS_S, 3),
        "cpu_s": round(cpu.user + cpu.system, 3),
        "stages_ms": {k: round(v, 1) for k, v in clock.ms.items()},
        "stages_thread_cpu_ms": {k: round(v, 1) for k, v in clock.cpu_ms.items()},
        "settings": {k: str(v) if isinstance(v, Path) else v for k, v in vars(settings).items()},
        **(extra or {}),
    }
    print(json.dumps(report))
