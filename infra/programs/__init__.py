"""Programs that run on machines of a cloud and know nothing of halab."""
