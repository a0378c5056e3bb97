"""Image files to pixels.

- decode: `open_image` reads every format (JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF); `thumbnail`;
- colour: conversion to sRGB by ICC profiles;
- salvage: image files with damaged metadata or a missing end.

The squares and crops that a model sees of an image are made in rpf.models.preprocessing.
"""
