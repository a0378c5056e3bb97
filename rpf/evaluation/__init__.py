"""Evaluation of retrieval: the published protocol, its metrics, reports, tables and plots."""
