"""Renderers: each turns one value into what a person or a program reads. Nothing here prints."""
