"""The networks themselves: ViT, EfficientNet, attention on a CPU."""
