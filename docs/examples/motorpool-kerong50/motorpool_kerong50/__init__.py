"""Older Kerong CU48/CU50 lock boards for motorpool. Never tried on hardware; one public driver is all that is known."""
