"""How well a model retrieves: the published protocol, its measures, tables and plots (DESIGN, section 2)."""
