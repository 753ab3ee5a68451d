"""What `onhand bench` measures, on servers and workers that it starts itself."""
