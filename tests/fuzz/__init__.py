"""What strangers may send us, and the functions that read it first."""
