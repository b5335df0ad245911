"""What a run reports and writes: events, figures, checkpoints, samples, alarms, bundles, the report."""
