"""The training file and its options: task, data, training and initial weights, checked together."""
