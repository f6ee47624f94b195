"""Labeled images: reading, checking, splitting, describing."""

from __future__ import annotations

from lionn_rs.data.images import ImageArrays, LabeledImage, label_images
from lionn_rs.data.reading import read_images
from lionn_rs.data.split import Split, split
from lionn_rs.data.summary import DataSummary, summary

__all__ = [
    "DataSummary",
    "ImageArrays",
    "LabeledImage",
    "Split",
    "label_images",
    "read_images",
    "split",
    "summary",
]
