"""The roof: the only place where rooms are wired together, tasks are owned and signals are heard."""
