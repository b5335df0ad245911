"""What a translation is given: the picture's colour and transparency, conditions, codes, options."""
