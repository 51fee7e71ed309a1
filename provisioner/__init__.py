"""The application: everything that meets a user, a file, the network or a clock."""
