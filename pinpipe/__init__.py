"""The roof and the ground of the pipeline: settings, AWS access, the native stack, the command line."""
