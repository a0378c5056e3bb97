"""Scenes: background, props, lighting, camera and final compositing."""
