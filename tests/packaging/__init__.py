"""What a user installs: the wheel, the image, the unit, the bundle, the pages."""
