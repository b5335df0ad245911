"""Inputs of a translation.

channels            the picture's colour space and alpha
conditions          inputs in addition to the picture: maps, codes, values
codes               code files
scene               a picture as a model sees it
translate_options   options of a translation
"""
