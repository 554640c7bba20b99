"""What crosses the parts: the register, the cameras and the hub together."""
