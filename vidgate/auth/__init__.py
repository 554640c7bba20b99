"""Who may do what: pure decisions about passwords, permissions and tickets."""
