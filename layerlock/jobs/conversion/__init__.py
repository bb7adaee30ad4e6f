"""Parts of a conversion: reading, checking, placing and uploading."""
