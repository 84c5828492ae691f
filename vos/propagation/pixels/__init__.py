"""Between pixels and patches: a given mask as labels of patches, and labels as a mask."""
