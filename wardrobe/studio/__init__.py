"""Studio: framing, backdrop, shadows and compositing."""
