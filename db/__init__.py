"""What is stored and which states are legal; imports nothing else of the project."""
