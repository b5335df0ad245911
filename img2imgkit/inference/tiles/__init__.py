"""Tiles that cover a picture.

grid        where they lie: what the network sees, and what of its output is used
tiling      which ones a picture gets, by wish and by memory
padding     regions of a picture that is continued beyond its edges
blending    tiles that overlap become rows of one picture
"""
