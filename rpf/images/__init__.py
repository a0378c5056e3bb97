"""Image files to pixels.

- decode: `open_image` reads every format (JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF); `thumbnail`;
- colour: conversion to sRGB by ICC profiles;
- near_duplicates: fingerprints, by which an image is known in other sizes, formats and qualities;
- salvage: image files with damaged metadata or a missing end.

The squares and crops that a model sees of an image are made in rpf.models.preprocessing.
"""
