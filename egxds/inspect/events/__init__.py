"""What happens, as it happens: facts noted by reference, made into JSON when somebody looks."""
