"""Looking at one picture: models, and what their outputs mean."""
