"""Tiles that cover a picture: where they lie, which ones memory allows, how they become one again."""
