"""The measured programs: one client, one process each, printing its figures as JSON on the last line."""
