"""Hardware, people and faults that do not exist, speaking real bytes."""
