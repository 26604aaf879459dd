"""Answers as tables, figures and pages."""
