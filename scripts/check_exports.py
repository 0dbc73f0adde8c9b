"""Loads the exports below a folder with the programs they are meant for, and compares each with the CSV."""

import collections
import glob
import os
import pickle
import sys

import numpy as np
import pandas as pd

root = sys.argv[1]


def path(*parts):
    return os.path.join(root, *parts)


table = pd.read_csv(path("csv"))
labelled = table[table.label.notna() & (table.label >= 0)]
truth = collections.Counter(labelled.label.astype(int))
pictured = collections.Counter(labelled.label[labelled.image.notna()].astype(int))
in_frames = collections.Counter(labelled.label[labelled.x.notna()].astype(int))
boxed = int(table.x.notna().sum())


def check(what, found, wanted):
    said = "as the CSV" if found == wanted else f"NOT as the CSV: {found} instead of {wanted}"
    print(f"{what:<60} {said}")
    if found != wanted:
        sys.exit(1)


def counted(labels):
    return collections.Counter(int(label) for label in labels)


print(f"pandas {pd.__version__}: {len(table)} faces of {len(truth)} people in the CSV")
parquet = pd.read_parquet(path("parquet"))
check(f"pandas: Parquet, {len(parquet)} rows", counted(parquet.label[parquet.label >= 0]), truth)
columns = ["face", "x", "h"]
check("pandas: faces, boxes", parquet[columns].equals(table[columns].astype(parquet[columns].dtypes)), True)
times = pd.to_datetime(table.captured_at, utc=True, format="ISO8601")
check(f"pandas: captured_at is {parquet.captured_at.dtype}", (times == parquet.captured_at).sum(), times.notna().sum())
vectors, rows = np.load(path("npy")), pd.read_csv(path("npy.csv"))
check(f"numpy: embeddings {vectors.shape}", list(rows["index"]), list(range(len(vectors))))
of_face = parquet.set_index("face").embedding
check("pandas: Parquet has the same embeddings", all((of_face[f] == v).all() for f, v in zip(rows.face, vectors)), True)

faces = pickle.load(open(glob.glob(path("compat/features/*.pkl"))[0], "rb"))
first = next(iter(faces.values()))[0]
check(f"NumPy {np.__version__}: pickle, {first.dtype} {first.shape}", len(faces), len(table))

import sklearn
from PIL import Image
from sklearn.datasets import load_files
from sklearn.datasets._lfw import _fetch_lfw_pairs

files = load_files(path("imagefolder"), load_content=False)
labels = [files.target_names[t] for t in files.target]
check(f"scikit-learn {sklearn.__version__}: load_files, {len(files.filenames)} files", counted(labels), pictured)
# scikit-learn looks for .jpg, and reads whatever is in it.
for png in glob.glob(path("lfw/*/*.png")):
    os.rename(png, png[:-3] + "jpg")
pairs, target, names = _fetch_lfw_pairs(path("lfw/pairs.txt"), path("lfw"), slice_=None, resize=0.25)
folds, of_each = map(int, open(path("lfw/pairs.txt")).readline().split())
check(f"scikit-learn: LFW pairs, {pairs.shape}", counted(target), {0: folds * of_each, 1: folds * of_each})

import webdataset

shards = sorted(glob.glob(path("webdataset/*.tar")))
samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("png", "cls", "json"))
check(f"webdataset {webdataset.__version__}: {len(shards)} shards", counted(cls for _, cls, _ in samples), pictured)
check("webdataset: pictures", all(isinstance(image, Image.Image) for image, _, _ in samples), True)

from pycocotools.coco import COCO

coco = COCO(path("coco/annotations.json"))
people = coco.loadAnns(coco.getAnnIds(catIds=coco.getCatIds(["person"])))
check("pycocotools: annotations", len(people), boxed)
check("pycocotools: tracks", counted(a["track_id"] for a in people if a.get("track_id", -1) >= 0), in_frames)

import fiftyone as fo


def from_dir(name, kind, **more):
    data = fo.Dataset.from_dir(dataset_dir=path(name), dataset_type=kind, progress=False, **more)
    data.compute_metadata(progress=False)
    assert all(s.metadata.width > 0 for s in data)
    return data


data = from_dir("fiftyone", fo.types.FiftyOneImageClassificationDataset)
counts = {int(k): v for k, v in data.count_values("ground_truth.label").items()}
check(f"FiftyOne {fo.__version__}: classification, {len(data)} samples", counts, dict(pictured))
if '"age"' in open(path("fiftyone/labels.json")).read():
    check("FiftyOne: attributes", sum("age" in s.ground_truth for s in data), len(data))
data = from_dir("fiftyone-detection", fo.types.FiftyOneImageDetectionDataset)
counts = {int(k): v for k, v in data.count_values("ground_truth.detections.label").items() if k not in ("face", "-1")}
check(f"FiftyOne: detection, {len(data)} frames", counts, dict(in_frames))
data = from_dir(
    "coco",
    fo.types.COCODetectionDataset,
    data_path="images",
    labels_path="annotations.json",
    label_types=["detections", "keypoints"],
)
points = data.count("keypoints.keypoints")
check(f"FiftyOne: COCO, {len(data)} frames, {points} faces with keypoints", data.count("detections.detections"), boxed)
