"""One module per DVC stage, named like the stage: the top floor, which nothing but the command line imports."""
