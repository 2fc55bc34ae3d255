"""The words of the laboratory in English and Chinese."""
