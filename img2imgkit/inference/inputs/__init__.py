"""What a translation is given.

channels            the picture's colour space and alpha
conditions          what goes in besides the picture: maps, codes, values
codes               codes kept in files
translate_options   how a translation runs
"""
