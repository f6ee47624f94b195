"""Labeled images: reading, checking, converting, splitting, merging, selecting."""

from __future__ import annotations

from lionn_rs.data.formats import (
    DATA_FORMATS,
    ImageSource,
    RawImage,
    ReadOptions,
    open_images,
    writing_images,
)
from lionn_rs.data.images import ImageArrays, LabeledImage, label_images
from lionn_rs.data.labels import Keys
from lionn_rs.data.reading import iter_images, read_images, read_structures
from lionn_rs.data.split import Split, split
from lionn_rs.data.summary import DataSummary, summary

__all__ = [
    "DATA_FORMATS",
    "DataSummary",
    "ImageArrays",
    "ImageSource",
    "Keys",
    "LabeledImage",
    "RawImage",
    "ReadOptions",
    "Split",
    "iter_images",
    "label_images",
    "open_images",
    "read_images",
    "read_structures",
    "split",
    "summary",
    "writing_images",
]
