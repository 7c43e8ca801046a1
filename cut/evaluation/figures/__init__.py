"""Figures of the papers: what a trained encoder takes for similar, and where translations are wrong."""
