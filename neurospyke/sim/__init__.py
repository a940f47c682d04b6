"""Spiking networks that turn images into responses."""
