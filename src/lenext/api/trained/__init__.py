"""Trained networks in use, whatever computes them: opened, shown images, asked, doubted."""
