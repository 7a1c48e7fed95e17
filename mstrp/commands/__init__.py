"""The commands of the program, one module each: ``arguments`` declares the options, ``run`` does the work."""
