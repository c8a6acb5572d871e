"""The book of custody and the rules."""
