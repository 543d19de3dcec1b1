"""A model of somebody else, whose package lies outside of the layer's folder."""
