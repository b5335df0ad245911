"""What runs tiles: the contract of every engine, that of bundles, devices and their memory."""
