"""The picture around a garment: where it is, the camera, the light."""
