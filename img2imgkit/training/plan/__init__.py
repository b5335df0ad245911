"""The training file and its options: what to train, on what data, starting from what. Checked as a whole."""
