"""From a name or a path to a model that is described but not loaded."""
