"""Inputs of a translation.

channels            the picture's colour space and alpha
conditions          inputs in addition to the picture: maps, codes, values
codes               code files
translate_options   options of a translation
"""
