"""The steps that come with img2imgkit, registered through the same hook as a stranger's."""
