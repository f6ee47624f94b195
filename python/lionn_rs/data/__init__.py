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
from lionn_rs.data.inputs import DataInputs
from lionn_rs.data.labels import Keys
from lionn_rs.data.merging import check_levels, merge_images
from lionn_rs.data.reading import iter_images, read_images, read_structures
from lionn_rs.data.selection import Filters, select_images
from lionn_rs.data.split import Split, split
from lionn_rs.data.statistics import DataStatistics, StatisticsGatherer
from lionn_rs.data.summary import DataSummary, summary
from lionn_rs.data.transfer import convert_images, split_images

__all__ = [
    "DATA_FORMATS",
    "DataInputs",
    "DataStatistics",
    "DataSummary",
    "Filters",
    "ImageArrays",
    "ImageSource",
    "Keys",
    "LabeledImage",
    "RawImage",
    "ReadOptions",
    "Split",
    "StatisticsGatherer",
    "check_levels",
    "convert_images",
    "iter_images",
    "label_images",
    "merge_images",
    "open_images",
    "read_images",
    "read_structures",
    "select_images",
    "split",
    "split_images",
    "summary",
    "writing_images",
]
