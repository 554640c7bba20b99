"""What `vidgate doctor` looks at: one function a check, one module a kind of thing."""
