"""What is measured: each is run with a job as its argument, in a process of its own."""
