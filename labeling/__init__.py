"""Label Studio: label configs, tasks, agreement. Knows tables, not videos."""
