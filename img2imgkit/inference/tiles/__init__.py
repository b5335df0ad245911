"""Tiles that cover a picture.

grid        positions of tiles: the network's input, and the region of its output that is used
tiling      chooses tiles by the user's options and the available memory
padding     regions of a picture that is padded by reflection
blending    blends overlapping tiles to rows of a picture
"""
