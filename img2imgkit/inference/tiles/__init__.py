"""Tiles that cover a picture.

grid        positions of tiles: the network's input, reflected at borders, and the region of its output that is used
tiling      chooses tiles by the user's options and the available memory
blending    blends overlapping tiles to rows of a picture
"""
