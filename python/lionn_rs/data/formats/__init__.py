"""Readers and writers of image files, one format per file."""

from __future__ import annotations

from lionn_rs.data.formats.image import RawImage
from lionn_rs.data.formats.opening import open_images
from lionn_rs.data.formats.source import ImageSource, ReadOptions
from lionn_rs.data.formats.table import DATA_FORMATS, DataFormat, find_data_format
from lionn_rs.data.formats.writing import ImageWriter, writing_images

__all__ = [
    "DATA_FORMATS",
    "DataFormat",
    "ImageSource",
    "ImageWriter",
    "RawImage",
    "ReadOptions",
    "find_data_format",
    "open_images",
    "writing_images",
]
