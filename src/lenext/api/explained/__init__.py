"""The explanation of a picture, its neighbours, and the folder of them all."""
