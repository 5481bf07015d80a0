"""What the program's answers are worth: measures, baselines and labelled data (`evaluate`)."""
